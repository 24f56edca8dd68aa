/* Disks that fill up or fail at every single write, files and folders that cannot be written: a clear status, never a
 * crash, and what was said is neither lost nor sent twice. */
#include "tests/unit/sdk-c/folder.h"
#include "tests/unit/sdk-c/honest.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID = 4, HEARD = 3, NOBODY = 65534 };

struct run {
    struct honest server;
    parley_client *client;
    char folder[64];
    bool kept[SAID]; /* the call that said it returned PARLEY_OK */
};

static parley_status start(struct run *r)
{
    struct hooks hooks = honest_hooks(&r->server);
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.flags = PARLEY_HOST_DRIVEN;
    config.url = "ws://127.0.0.1:1/v1/ws";
    config.token = "t";
    config.transport = &r->server.transport;
    config.folder = r->folder;
    config.user = "ana";
    return client_new(&config, &hooks, &r->client);
}

static void go_on(struct run *r, int64_t ms)
{
    parley_event *e;
    r->server.now += ms;
    parley_step(r->client, 0);
    while ((e = parley_next_event(r->client, 0)))
        parley_event_free(e);
}

/* The process ends without a word, and another one begins on what it left. */
static void kill_and_start(struct run *r)
{
    char next[64];
    strcpy(next, folder_make());
    folder_copy(r->folder, next);
    honest_cut(&r->server);
    parley_client_free(r->client);
    folder_remove(r->folder);
    strcpy(r->folder, next);
    assert_int_equal(start(r), PARLEY_OK);
    parley_connect(r->client);
}

/* What the header promises of a disk that is full, or fails. */
static void check_status(parley_status st, int code)
{
    parley_status wanted = code == SQLITE_FULL       ? PARLEY_LIMIT
                           : code == SQLITE_READONLY ? PARLEY_DENIED
                                                     : PARLEY_INTERNAL;
    if (st != PARLEY_OK)
        assert_int_equal(st, wanted);
}

static void say_all(struct run *r, int code)
{
    char text[HONEST_TEXT];
    for (int i = 0; i < SAID; i++) {
        snprintf(text, sizeof text, "%d", i);
        parley_status st = parley_send_text(r->client, NULL, text, NULL);
        check_status(st, code);
        r->kept[i] = st == PARLEY_OK;
        check_status(parley_draft_set(r->client, NULL, 0, "\"half\""), code);
        if (i < HEARD)
            honest_say(&r->server, "x");
        go_on(r, 400);
        if (i == 1)
            honest_cut(&r->server); /* one is on its way when the disk may be full */
    }
}

/* Each that was kept is there once, in order; none that was refused is. */
static void check_log(const struct run *r)
{
    int next = 0;
    for (int64_t seq = 1; seq <= r->server.head; seq++) {
        if (!uuid_equal(r->server.log[seq - 1].author, honest_me))
            continue;
        while (next < SAID && !r->kept[next])
            next++;
        assert_int_equal(atoi(r->server.log[seq - 1].text), next++);
    }
    while (next < SAID && !r->kept[next])
        next++;
    assert_int_equal(next, SAID);
}

/* One run on a disk whose n-th write and all later ones fail, until the app has started again. */
static bool fails_at(int n, int code)
{
    static struct run run;
    run = (struct run){0};
    honest_init(&run.server, ENCODING_MSGPACK);
    strcpy(run.folder, folder_make());
    disk_fails_at(n, code);
    parley_status st = start(&run);
    check_status(st, code);
    bool failed = st != PARLEY_OK;
    if (failed) {
        disk_fails_at(-1, 0);
        assert_int_equal(start(&run), PARLEY_OK); /* there is room again, and nothing half made is in the way */
    }
    parley_connect(run.client);
    say_all(&run, code);
    failed = disk_fails_at(-1, 0) || failed;
    kill_and_start(&run);
    for (int i = 0; i < 60 && parley_outbox_count(run.client); i++)
        go_on(&run, 1000);
    check_log(&run);
    parley_client_free(run.client);
    folder_remove(run.folder);
    return failed;
}

static void fails_everywhere(int code)
{
    int n = 0;
    disk_fails_at(-1, 0);
    while (fails_at(n, code))
        n++;
    assert_true(n > 30); /* there are so many writes */
}

static void a_disk_that_fills_up_at_any_write(void **state)
{
    fails_everywhere(SQLITE_FULL);
}

static void a_disk_that_fails_at_any_write(void **state)
{
    fails_everywhere(SQLITE_IOERR_WRITE);
}

static void a_disk_that_becomes_read_only_at_any_write(void **state)
{
    fails_everywhere(SQLITE_READONLY);
}

/* --- what may not be written --- */

struct seen {
    parley_status started, said;
    int queued;     /* entries of the outbox that were told */
    char cache[16]; /* what was told of the cache */
};

/* As a user who is not root, for whom modes count. */
static struct seen look(struct run *r)
{
    struct seen seen = {0};
    int ends[2];
    r->server.now += 1000; /* ids of one process are not those of another */
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(1);
        seen.started = start(r);
        for (parley_event *e; seen.started == PARLEY_OK && (e = parley_next_event(r->client, 0));
             parley_event_free(e)) {
            seen.queued += parley_event_type(e) == PARLEY_EVENT_OUTBOX;
            if (parley_event_type(e) == PARLEY_EVENT_CACHE)
                snprintf(seen.cache, sizeof seen.cache, "%s", parley_event_text(e, "state"));
        }
        if (seen.started == PARLEY_OK)
            seen.said = parley_send_text(r->client, NULL, "more", NULL);
        _exit(write(ends[1], &seen, sizeof seen) != sizeof seen);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(read(ends[0], &seen, sizeof seen), sizeof seen);
    close(ends[0]);
    close(ends[1]);
    return seen;
}

/* A folder with one text in the outbox and some items in the cache, of that user. */
static void prepare(struct run *r)
{
    *r = (struct run){0};
    disk_fails_at(-1, 0);
    honest_init(&r->server, ENCODING_MSGPACK);
    strcpy(r->folder, folder_make());
    for (int i = 0; i < 3; i++)
        honest_say(&r->server, "x");
    assert_int_equal(start(r), PARLEY_OK);
    parley_connect(r->client);
    go_on(r, 0);
    honest_cut(&r->server);
    assert_int_equal(parley_send_text(r->client, NULL, "0", NULL), PARLEY_OK);
    parley_client_free(r->client);
}

/* Every file whose name ends so, and the folder itself. */
static void set_modes(const struct run *r, const char *ending, mode_t files, mode_t folder)
{
    folder_chmod(r->folder, "", 0600, NOBODY);
    folder_chmod(r->folder, ending, files, NOBODY);
    assert_int_equal(chmod(r->folder, folder), 0);
    if (getuid() == 0)
        assert_int_equal(chown(r->folder, NOBODY, NOBODY), 0);
}

static void finish(struct run *r)
{
    set_modes(r, "", 0600, 0700);
    struct seen after = look(r);
    assert_int_equal(after.started, PARLEY_OK);
    assert_int_equal(after.said, PARLEY_OK);
    assert_true(after.queued >= 1); /* what was in the outbox is there still */
    folder_remove(r->folder);
}

static void a_folder_that_cannot_be_written_is_refused(void **state)
{
    static struct run r;
    prepare(&r);
    set_modes(&r, "", 0400, 0500);
    assert_int_equal(look(&r).started, PARLEY_DENIED);
    set_modes(&r, "", 0600, 0500); /* files that could be written, and no room for what SQLite puts beside them */
    assert_int_equal(look(&r).started, PARLEY_DENIED);
    finish(&r);
}

static void an_outbox_that_cannot_be_written_is_refused(void **state)
{
    static struct run r;
    prepare(&r);
    set_modes(&r, ".keep", 0400, 0700);
    assert_int_equal(look(&r).started, PARLEY_DENIED);
    finish(&r);
}

static void a_cache_that_cannot_be_written_is_kept_in_memory(void **state)
{
    static struct run r;
    prepare(&r);
    set_modes(&r, ".cache", 0400, 0700);
    struct seen seen = look(&r);
    assert_int_equal(seen.started, PARLEY_OK);
    assert_int_equal(seen.said, PARLEY_OK);
    assert_int_equal(seen.queued, 1);
    assert_string_equal(seen.cache, "memory");
    finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_that_fills_up_at_any_write),
        cmocka_unit_test(a_disk_that_fails_at_any_write),
        cmocka_unit_test(a_disk_that_becomes_read_only_at_any_write),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_refused),
        cmocka_unit_test(an_outbox_that_cannot_be_written_is_refused),
        cmocka_unit_test(a_cache_that_cannot_be_written_is_kept_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
