/* Bad weather: cuts, lost and repeated answers, lost pushes, a process that is killed, and memory that runs out at
 * every single place. In the end the log holds what was said once and in order, and the app was told every item once.
 */
#include "tests/support/failing_memory.h"
#include "tests/unit/sdk-c/folder.h"
#include "tests/unit/sdk-c/honest.h"
#include "tests/unit/sdk-c/mirror.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAID = 60, HEARD = 40, STORMS = 300, KILLS = 60 };

/* --- memory: SQLite's own goes the way of the SDK's --- */

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int n)
{
    return memory_runs_out() ? NULL : sqlite_memory.xMalloc(n);
}

static void *sqlite_realloc(void *ptr, int n)
{
    return memory_runs_out() ? NULL : sqlite_memory.xRealloc(ptr, n);
}

static int wrap_sqlite(void **state)
{
    sqlite3_mem_methods wrapped;
    sqlite3_shutdown();
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
    wrapped = sqlite_memory;
    wrapped.xMalloc = sqlite_malloc;
    wrapped.xRealloc = sqlite_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &wrapped), SQLITE_OK);
    return sqlite3_initialize();
}

/* --- one run --- */

struct run {
    struct honest server;
    parley_client *client;
    bool told[HONEST_MAX + 1];
    int64_t told_count;
    char folder[64]; /* empty: none */
    struct mirror screen;
};

static parley_status start(struct run *r, enum encoding encoding)
{
    struct hooks hooks = honest_hooks(&r->server);
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.flags = PARLEY_HOST_DRIVEN | (encoding == ENCODING_JSON ? PARLEY_WIRE_JSON : 0);
    config.url = "ws://127.0.0.1:1/v1/ws";
    config.token = "t";
    config.page = 10;
    config.transport = &r->server.transport;
    config.folder = *r->folder ? r->folder : NULL;
    config.user = "ana";
    return client_new(&config, &hooks, &r->client);
}

static void open_screen(struct run *r)
{
    r->screen.len = 0;
    while (parley_view_thread(r->client, NULL, 10, &r->screen.view) != PARLEY_OK)
        assert_true(memory_failed());
}

static void pull(struct run *r)
{
    parley_event *e;
    while ((e = parley_next_event(r->client, 0))) {
        memory_is_safe++; /* the app's memory is another matter */
        mirror_take(&r->screen, e);
        memory_is_safe--;
        if (parley_event_type(e) == PARLEY_EVENT_ITEM) {
            int64_t seq = parley_event_seq(e);
            assert_false(r->told[seq]);
            r->told[seq] = true;
            r->told_count++;
        }
        parley_event_free(e);
    }
}

/* The process ends without a word between two steps: what it wrote is all that the next one finds. */
static void kill_and_start(struct run *r)
{
    char next[64];
    strcpy(next, folder_make());
    folder_copy(r->folder, next);
    honest_cut(&r->server);
    parley_client_free(r->client);
    folder_remove(r->folder);
    strcpy(r->folder, next);
    memset(r->told, 0, sizeof r->told);
    r->told_count = 0;
    assert_int_equal(start(r, r->server.encoding), PARLEY_OK);
    open_screen(r);
    parley_connect(r->client);
}

static void go_on(struct run *r, int64_t ms)
{
    r->server.now += ms;
    parley_step(r->client, 0);
    pull(r);
}

static void say_and_hear(struct run *r, int said, int heard)
{
    char text[HONEST_TEXT];
    for (int i = 0, s = 0, h = 0; s < said || h < heard; i++) {
        snprintf(text, sizeof text, "%d", s);
        if (s < said && parley_send_text(r->client, NULL, text, NULL) == PARLEY_OK)
            s++;
        if (h < heard && i % 2) {
            h++;
            memory_is_safe++;
            honest_say(&r->server, "x");
            memory_is_safe--;
        }
        go_on(r, i % 7 ? 0 : 400);
        if (*r->folder && honest_chance(&r->server) % 30 == 0)
            kill_and_start(r);
    }
}

/* Until nothing more is missing; the storm is over, but the client does not know. */
static void calm_down(struct run *r)
{
    struct honest *h = &r->server;
    h->cut_each = h->lose_each = h->twice_each = h->skip_each = 0;
    for (int i = 0; i < 400 && (parley_outbox_count(r->client) || r->told_count < h->head); i++) {
        if (i % 8 == 7)
            parley_load_older(r->client, NULL, 50, NULL); /* what was there before the first page */
        go_on(r, 1000);
        honest_beacon(h);
    }
}

static void check(struct run *r, int said, int heard)
{
    struct honest *h = &r->server;
    int next = 0;
    for (int64_t seq = 1; seq <= h->head; seq++)
        if (uuid_equal(h->log[seq - 1].author, honest_me))
            assert_int_equal(atoi(h->log[seq - 1].text), next++);
    assert_int_equal(next, said);
    assert_int_equal(h->head, said + heard);
    assert_int_equal(r->told_count, h->head);
    for (int64_t i = 1; i <= r->screen.len; i++) { /* all up to the newest, each in its place */
        char id[37];
        int64_t seq = h->head - r->screen.len + i;
        uuid_format(h->log[seq - 1].id, id);
        assert_int_equal(r->screen.rows[i - 1].seq, seq);
        assert_string_equal(r->screen.rows[i - 1].id, id);
    }
    assert_true(r->screen.len >= (h->head < 10 ? h->head : 10));
}

static void storm(bool kill)
{
    for (uint32_t seed = 1; seed <= (kill ? KILLS : STORMS); seed++) {
        static struct run run;
        run = (struct run){0};
        if (kill)
            strcpy(run.folder, folder_make());
        enum encoding encoding = seed % 2 ? ENCODING_JSON : ENCODING_MSGPACK;
        honest_init(&run.server, encoding);
        run.server.seed = seed;
        run.server.cut_each = 5 + seed % 40;
        run.server.lose_each = seed % 3 ? 0 : 30;
        run.server.twice_each = seed % 5 ? 0 : 4;
        run.server.skip_each = 3 + seed % 11;
        assert_int_equal(start(&run, encoding), PARLEY_OK);
        open_screen(&run);
        parley_connect(run.client);
        say_and_hear(&run, SAID, HEARD);
        calm_down(&run);
        check(&run, SAID, HEARD);
        parley_client_free(run.client);
        if (kill)
            folder_remove(run.folder);
    }
}

static void nothing_is_lost_in_a_storm(void **state)
{
    storm(false);
}

static void nothing_is_lost_when_the_process_is_killed(void **state)
{
    storm(true);
}

/* How many changes were taken. */
static int64_t change_process(parley_client *client)
{
    char id[37];
    if (parley_process_begin(client, NULL, "order", NULL, NULL, NULL, id) != PARLEY_OK)
        return 0;
    return 1 + (parley_process_edit(client, NULL, id, "pay", NULL, "{\"a\":1}", NULL) == PARLEY_OK);
}

/* A few things of each kind, with the n-th allocation refused. */
static void try_without_memory(int n)
{
    static struct run run;
    run = (struct run){0};
    honest_init(&run.server, n % 2 ? ENCODING_JSON : ENCODING_MSGPACK);
    run.server.quiet = &memory_is_safe;
    memory_fails_after(n);
    while (start(&run, run.server.encoding) != PARLEY_OK)
        assert_true(memory_failed());
    open_screen(&run);
    parley_connect(run.client);
    parley_context_set(run.client, NULL, "form", "{\"mail\":\"a@b.de\",\"pin\":1}");
    parley_push_register(run.client, "apns", "t");
    int64_t changes = change_process(run.client);
    say_and_hear(&run, 5, 3);
    parley_mark_read(run.client, NULL, 2);
    parley_typing(run.client, NULL, 1);
    parley_call_json(run.client, "{\"type\":\"process.get\"}", NULL);
    honest_cut(&run.server);
    say_and_hear(&run, 0, 3);
    parley_load_older(run.client, NULL, 5, NULL);
    memory_is_back();
    calm_down(&run);
    check(&run, 5, 6);
    assert_int_equal(run.server.revision, changes);
    parley_client_free(run.client);
}

static void survives_without_memory_at_every_place(void **state)
{
    int n = 0;
    do
        try_without_memory(n++);
    while (memory_failed());
    assert_true(n > 100); /* it did fail at many places */
}

/* Half of a line would be something else: a draft whose value was lost is one that is taken away. */
static void a_line_is_carried_out_whole_or_not_at_all(void **state)
{
    static struct run run;
    static char line[40000];
    bool failed;
    int n = 0;
    run = (struct run){0};
    honest_init(&run.server, ENCODING_JSON);
    memory_is_back();
    assert_int_equal(start(&run, ENCODING_JSON), PARLEY_OK);
    parley_draft_set(run.client, NULL, 0, "\"half a sen\"");
    n = snprintf(line, sizeof line, "{\"type\":\"draft\",\"data\":{\"value\":\"half a sen%*s\"}}", 30000, "tence");
    assert_true(n < (int)sizeof line);
    n = 0;
    do {
        memory_fails_after(n++);
        parley_status st = parley_call_json(run.client, line, NULL);
        failed = memory_failed();
        memory_is_back();
        assert_true(st == PARLEY_OK || (failed && st == PARLEY_NOMEM));
        parley_event *e = parley_recap(run.client, NULL);
        const char *draft = parley_event_text(e, "drafts.0.value");
        assert_non_null(draft);
        assert_int_equal(strlen(draft) > 1000, st == PARLEY_OK);
        parley_event_free(e);
    } while (failed);
    assert_true(n > 3);
    parley_client_free(run.client);
}

/* Of these there are thousands, most of them alike. */
static void survives_when_sqlite_finds_no_memory(void **state)
{
    int n = 3;
    do
        try_without_memory(n += 11);
    while (memory_failed());
    assert_true(n > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_in_a_storm),
        cmocka_unit_test(nothing_is_lost_when_the_process_is_killed),
        cmocka_unit_test(survives_without_memory_at_every_place),
        cmocka_unit_test(a_line_is_carried_out_whole_or_not_at_all),
        cmocka_unit_test_setup(survives_when_sqlite_finds_no_memory, wrap_sqlite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
