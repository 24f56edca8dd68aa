/* The app is killed -9 at every single point of what becomes of what was said: before each write of SQLite's, before a
 * message leaves, once the server has answered and before the answer is read, before each event is shown, before and
 * after each call. The next process finds what is on disk, and often it is killed too; in the end what was said is in
 * the log once and in its order, what was discarded is not, and nothing is left to send. The server outlives them all.
 */
#include "tests/unit/sdk-c/folder.h"
#include "tests/unit/sdk-c/honest.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS_MAX = 32, FAILED = 3, ROUNDS = 200, AGAIN = 7 };

enum fate { NOT_YET, MAYBE, DONE };

/* What the processes share. */
struct world {
    struct honest server;
    int64_t now;
    int die_at, points; /* at the so manieth of this process; 0: never */
    char point[32];     /* where it did */
    enum fate fate[STEPS_MAX];
    bool told[HONEST_MAX + 1]; /* to the process that lives */
    int limits, busies;
    char folder[64];
};

static struct world *w;
static parley_client *client;

/* --- points --- */

static void point(const char *name)
{
    if (++w->points != w->die_at)
        return;
    snprintf(w->point, sizeof w->point, "%s", name);
    kill(getpid(), SIGKILL);
}

static ssize_t (*real_write)(int fd, const void *bytes, size_t size, off_t at);
static int (*real_unlink)(const char *path);

static ssize_t on_write(int fd, const void *bytes, size_t size, off_t at)
{
    point("write");
    return real_write(fd, bytes, size, at);
}

static int on_unlink(const char *path)
{
    point("unlink");
    return real_unlink(path);
}

static void watch_disk(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const char *name = vfs->xGetSystemCall(vfs, "pwrite64") ? "pwrite64" : "pwrite";
    real_write = (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, name);
    real_unlink = (int (*)(const char *))vfs->xGetSystemCall(vfs, "unlink");
    vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)on_write);
    vfs->xSetSystemCall(vfs, "unlink", (sqlite3_syscall_ptr)on_unlink);
}

static parley_status on_send(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary)
{
    point("before it leaves");
    parley_status st = w->server.transport.send(user, socket, bytes, length, binary);
    point("before its answer is read");
    return st;
}

/* --- the app --- */

static void demand(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s (killed at point %d, %s)\n", what, w->die_at, w->point);
    _exit(FAILED);
}

static int64_t now_ms(void *arg)
{
    return w->now;
}

static int64_t unix_ms(void *arg)
{
    return 1700000000000 + w->now;
}

static void give_random(void *arg, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)honest_chance(&w->server);
}

static void open_app(void)
{
    struct hooks hooks = {.now_ms = now_ms, .unix_ms = unix_ms, .random = give_random};
    parley_transport transport = w->server.transport;
    parley_config config;
    transport.send = on_send;
    parley_config_init(&config, sizeof config);
    config.flags = PARLEY_HOST_DRIVEN;
    config.url = "ws://127.0.0.1:1/v1/ws";
    config.token = "t";
    config.transport = &transport;
    config.folder = w->folder;
    config.user = "ana";
    memset(w->told, 0, sizeof w->told);
    demand(client_new(&config, &hooks, &client) == PARLEY_OK, "the app does not start");
    parley_connect(client);
}

/* What failed is tried again where that may help, and given up where not, as a user would. */
static void show(parley_event *e)
{
    int64_t seq = parley_event_seq(e);
    int32_t state = parley_event_state(e);
    if (parley_event_type(e) == PARLEY_EVENT_ITEM) {
        demand(!w->told[seq], "an item is told twice");
        w->told[seq] = true;
    } else if (parley_event_type(e) == PARLEY_EVENT_OUTBOX && state == PARLEY_OUTBOX_FAILED_RETRY) {
        point("before retry");
        parley_outbox_retry(client, parley_event_text(e, "id"));
        point("after retry");
    } else if (parley_event_type(e) == PARLEY_EVENT_OUTBOX && state == PARLEY_OUTBOX_FAILED_FINAL) {
        point("before it is given up");
        parley_outbox_discard(client, parley_event_text(e, "id"));
        point("after it is given up");
    }
}

static void go_on(int64_t ms)
{
    parley_event *e;
    w->now += ms;
    parley_step(client, 0);
    point("before it is shown");
    while ((e = parley_next_event(client, 0))) {
        show(e);
        parley_event_free(e);
    }
}

/* --- what is said: each step once, by whichever process comes to it --- */

static parley_status refuse(const char *text)
{
    if (strcmp(text, "limit") == 0 && w->limits++ == 0)
        return PARLEY_LIMIT;
    if (strcmp(text, "busy") == 0 && w->busies++ == 0)
        return PARLEY_UNAVAILABLE;
    return strcmp(text, "bad") == 0 ? PARLEY_INVALID : PARLEY_OK;
}

static const struct step {
    const char *text;
    bool offline, cut, lose, discard;
} steps[] = {
    {.text = "one"},
    {.text = "two"},
    {.text = "limit"},
    {.text = "three", .offline = true},
    {.text = "gone", .offline = true, .discard = true},
    {.text = "four", .offline = true},
    {.text = "five", .lose = true},
    {.text = "six", .cut = true},
    {.text = "busy"},
    {.text = "bad"},
    {.text = "seven"},
};
enum { STEPS = sizeof steps / sizeof *steps };

static void say(const struct step *s, enum fate *fate)
{
    char id[37];
    *fate = MAYBE; /* from here on the user may have said it */
    point("before the call");
    demand(parley_send_text(client, NULL, s->text, id) == PARLEY_OK, "nothing can be said");
    if (s->discard)
        demand(parley_outbox_discard(client, id) == PARLEY_OK, "it cannot be discarded");
    *fate = DONE;
    point("after the call");
}

static void take_step(int i)
{
    const struct step *s = &steps[i];
    if (s->offline)
        parley_network_changed(client, 0);
    w->server.lose_each = s->lose ? 1 : 0;
    w->server.cut_each = s->cut ? 2 : 0;
    if (w->fate[i] == NOT_YET)
        say(s, &w->fate[i]);
    go_on(100);
    w->server.lose_each = w->server.cut_each = 0;
    if (s->lose)
        honest_cut(&w->server);
    if (s->offline && !steps[i + 1].offline)
        parley_network_changed(client, 1);
    for (int n = 0; n < 3; n++)
        go_on(1000);
}

static int count(const char *text)
{
    int found = 0;
    for (int64_t i = 0; i < w->server.head; i++)
        found += strcmp(w->server.log[i].text, text) == 0;
    return found;
}

static int64_t place(const char *text)
{
    for (int64_t i = 0; i < w->server.head; i++)
        if (strcmp(w->server.log[i].text, text) == 0)
            return i;
    return -1;
}

static void judge(void)
{
    int64_t last = -1;
    for (int i = 0; i < STEPS; i++) {
        bool never = strcmp(steps[i].text, "bad") == 0, off = steps[i].discard && w->fate[i] == DONE;
        int found = count(steps[i].text);
        demand(found <= 1, "something was stored twice");
        demand(found == 0 || !(never || off), "what was discarded was stored");
        demand(found == 1 || never || steps[i].discard || w->fate[i] == MAYBE, "something was lost");
        if (found == 0 || strcmp(steps[i].text, "limit") == 0)
            continue; /* one that is tried again comes when it comes */
        demand(place(steps[i].text) > last, "the order is not that of typing");
        last = place(steps[i].text);
    }
    for (int64_t seq = 1; seq <= w->server.head; seq++)
        demand(w->told[seq], "an item was not told");
}

static void live(void)
{
    open_app();
    go_on(0);
    for (int i = 0; i < STEPS; i++)
        if (w->fate[i] == NOT_YET)
            take_step(i);
    parley_network_changed(client, 1);
    for (int n = 0; n < ROUNDS && parley_outbox_count(client); n++)
        go_on(1000);
    go_on(1000);
    demand(parley_outbox_count(client) == 0, "something is never sent");
    judge();
}

/* --- one life after another --- */

/* Whether it was killed. A process that stumbles over what it finds says so and ends. */
static bool one_life(int die_at, void (*life)(void))
{
    int status;
    w->die_at = die_at;
    w->points = 0;
    honest_cut(&w->server);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        watch_disk();
        life();
        parley_client_free(client);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    w->server.client = NULL;
    w->server.socket = 0;
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        fail_msg("at point %d, %s: status %d", die_at, w->point, status);
    return killed;
}

static void begin(void)
{
    memset(w, 0, sizeof *w);
    honest_init(&w->server, ENCODING_MSGPACK);
    w->server.refuse = refuse;
    w->now = 1000;
    strcpy(w->folder, folder_make());
}

static void nothing_is_lost_or_sent_twice_wherever_the_app_is_killed(void **state)
{
    bool killed = true;
    int n = 0;
    while (killed) {
        begin();
        killed = one_life(++n, live);
        if (killed && n % 3 == 0 && one_life(n * AGAIN % 60 + 1, live)) /* and again, on the way back */
            one_life(0, live);
        else if (killed)
            one_life(0, live);
        folder_remove(w->folder);
    }
    print_message("%d points\n", n - 1);
    assert_true(n > 100);
}

/* --- signing out --- */

static void sign_out(void)
{
    open_app();
    go_on(0);
    parley_network_changed(client, 0);
    if (w->fate[0] == NOT_YET)
        say(&steps[0], &w->fate[0]);
    if (w->fate[1] != DONE) {
        w->fate[1] = MAYBE;
        demand(parley_sign_out(client) == PARLEY_OK, "nobody can sign out");
        w->fate[1] = DONE;
        point("after signing out");
        demand(folder_count(w->folder, "") == 0, "something is left on disk");
    }
}

/* A new process of the same user: sends what was not signed away, and nothing that was. */
static void come_back(void)
{
    open_app();
    for (int n = 0; n < 10; n++)
        go_on(1000);
    demand(w->fate[1] != DONE || w->server.head == 0, "it was sent after signing out");
    demand(parley_outbox_count(client) == 0 && count(steps[0].text) <= 1, "something is never sent, or twice");
    demand(w->fate[0] != DONE || w->fate[1] != NOT_YET || w->server.head == 1, "what was not signed away is lost");
}

static void who_signs_out_leaves_nothing_wherever_the_app_is_killed(void **state)
{
    bool killed = true;
    int n = 0;
    while (killed) {
        begin();
        killed = one_life(++n, sign_out);
        one_life(0, come_back);
        folder_remove(w->folder);
    }
    print_message("%d points\n", n - 1);
    assert_true(n > 10);
}

static int share(void **state)
{
    w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return w == MAP_FAILED ? errno : 0;
}

static int unshare_world(void **state)
{
    return munmap(w, sizeof *w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_or_sent_twice_wherever_the_app_is_killed),
        cmocka_unit_test(who_signs_out_leaves_nothing_wherever_the_app_is_killed),
    };
    return cmocka_run_group_tests(tests, share, unshare_world);
}
