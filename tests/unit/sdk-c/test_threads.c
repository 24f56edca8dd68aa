/* The client's own thread, several of the app's, and a wake-up from nowhere. */
#include "tests/unit/sdk-c/folder.h"
#include "tests/unit/sdk-c/honest.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 4, EACH = 50 };

static parley_client *start(struct honest *server, const char *folder)
{
    parley_client *client;
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = "ws://127.0.0.1:1/v1/ws";
    config.token = "t";
    config.transport = &server->transport;
    config.folder = folder;
    config.user = "ana";
    config.flags = server->encoding == ENCODING_JSON ? PARLEY_WIRE_JSON : 0;
    assert_int_equal(parley_client_new(&config, &client), PARLEY_OK);
    return client;
}

static void *talk(void *arg)
{
    uint64_t view;
    assert_int_equal(parley_view_thread(arg, NULL, 20, &view), PARLEY_OK);
    for (int i = 0; i < EACH; i++) {
        assert_int_equal(parley_draft_set(arg, NULL, 0, "\"hel\""), PARLEY_OK);
        assert_int_equal(parley_send_text(arg, NULL, "hello", NULL), PARLEY_OK);
        parley_event_free(parley_outbox_list(arg));
        parley_event_free(parley_recap(arg, NULL));
    }
    parley_view_close(arg, view);
    return NULL;
}

static void takes_calls_of_many_threads(void **state)
{
    static struct honest server;
    const char *folder = folder_make();
    honest_init(&server, ENCODING_MSGPACK);
    parley_client *client = start(&server, folder);
    pthread_t threads[THREADS];
    parley_connect(client);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, client), 0);
    int sent = 0;
    while (sent < THREADS * EACH) {
        parley_event *e = parley_next_event(client, 20000);
        assert_non_null(e);
        sent += parley_event_type(e) == PARLEY_EVENT_OUTBOX && parley_event_state(e) == PARLEY_OUTBOX_SENT;
        parley_event_free(e);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    parley_client_free(client);
    folder_remove(folder);
    assert_int_equal(server.head, THREADS * EACH);
}

static atomic_int wakes;

static void wake(void *user)
{
    atomic_fetch_add(&wakes, 1);
    assert_int_equal(write(*(int *)user, "", 1), 1);
}

static void wakes_the_apps_own_loop(void **state)
{
    static struct honest server;
    int loop[2];
    char c;
    assert_int_equal(pipe(loop), 0);
    honest_init(&server, ENCODING_JSON);
    parley_client *client = start(&server, NULL);
    parley_set_wakeup(client, wake, &loop[1]);
    parley_connect(client);
    for (int32_t state_now = 0; state_now != PARLEY_STATE_ONLINE;) {
        parley_event *e;
        assert_int_equal(read(loop[0], &c, 1), 1);
        while ((e = parley_next_event(client, 0))) {
            if (parley_event_type(e) == PARLEY_EVENT_STATE)
                state_now = parley_event_state(e);
            parley_event_free(e);
        }
    }
    assert_true(atomic_load(&wakes) > 0);
    parley_client_free(client);
    close(loop[0]);
    close(loop[1]);
}

static void shows_a_waiting_event_on_its_descriptor(void **state)
{
    static struct honest server;
    honest_init(&server, ENCODING_JSON);
    parley_client *client = start(&server, NULL);
    struct pollfd on = {.fd = parley_event_fd(client), .events = POLLIN};
    assert_int_equal(poll(&on, 1, 0), 0);
    parley_connect(client);
    assert_int_equal(poll(&on, 1, 20000), 1);
    parley_close(client);
    parley_event *e;
    while ((e = parley_next_event(client, -1))) /* ends: after closed nothing comes */
        parley_event_free(e);
    assert_int_equal(poll(&on, 1, 0), 0);
    parley_client_free(client);
}

/* --- the end --- */

static atomic_bool freed;
static atomic_int called; /* since it was freed */

static void count_call(void)
{
    if (atomic_load(&freed))
        atomic_fetch_add(&called, 1);
}

static parley_status watched_open(void *user, parley_client *client, uint64_t socket, const char *url,
                                  const char *subprotocol)
{
    struct honest *server = user;
    count_call();
    return server->transport.open(server, client, socket, url, subprotocol);
}

static parley_status watched_send(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary)
{
    struct honest *server = user;
    count_call();
    return server->transport.send(server, socket, bytes, length, binary);
}

static void watched_close(void *user, uint64_t socket, int32_t code)
{
    struct honest *server = user;
    count_call();
    server->transport.close(server, socket, code);
}

static void watched_wake(void *user)
{
    count_call();
}

static int tasks(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/task");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* Wherever its thread is just then: before its first step, at work, on the way out of a wake-up. */
static void nothing_runs_or_is_called_after_free(void **state)
{
    static struct honest server;
    const parley_transport watched = {
        .size = sizeof watched, .user = &server, .open = watched_open, .send = watched_send, .close = watched_close};
    int before = tasks();
    for (int round = 0; round < 300; round++) {
        parley_client *client;
        parley_config config;
        honest_init(&server, ENCODING_MSGPACK);
        honest_say(&server, "one");
        parley_config_init(&config, sizeof config);
        config.url = "ws://127.0.0.1:1/v1/ws";
        config.token = "t";
        config.transport = &watched;
        atomic_store(&freed, false);
        assert_int_equal(parley_client_new(&config, &client), PARLEY_OK);
        parley_set_wakeup(client, watched_wake, NULL);
        parley_connect(client);
        assert_int_equal(parley_send_text(client, NULL, "mine", NULL), PARLEY_OK);
        for (int i = 0; i < round % 10; i++)
            parley_event_free(parley_next_event(client, 20000));
        parley_client_free(client);
        atomic_store(&freed, true);
        while (tasks() != before) /* the kernel counts one that was joined a moment longer; else: for ever */
            sched_yield();
    }
    assert_int_equal(atomic_load(&called), 0);
}

/* In both ways to run: the call waits, and is back with what there is. */
static void a_background_sync_waits_for_its_end(void **state)
{
    static struct honest server;
    for (int32_t driven = 0; driven <= PARLEY_HOST_DRIVEN; driven += PARLEY_HOST_DRIVEN) {
        parley_client *client;
        parley_event *result;
        parley_config config;
        honest_init(&server, ENCODING_MSGPACK);
        honest_say(&server, "one");
        honest_say(&server, "two");
        parley_config_init(&config, sizeof config);
        config.url = "ws://127.0.0.1:1/v1/ws";
        config.token = "t";
        config.transport = &server.transport;
        config.flags = (uint32_t)driven;
        assert_int_equal(parley_client_new(&config, &client), PARLEY_OK);
        assert_int_equal(parley_send_text(client, NULL, "mine", NULL), PARLEY_OK);
        assert_int_equal(parley_sync_background(client, 20000, &result), PARLEY_OK);
        assert_int_equal(parley_event_int(result, "items", 0), 3);
        assert_int_equal(parley_event_int(result, "sent", 0), 1);
        assert_int_equal(parley_event_int(result, "unsent", -1), 0);
        assert_int_equal(parley_event_int(result, "unread", 0), 2);
        assert_int_equal(parley_state(client), PARLEY_STATE_CLOSED);
        parley_event_free(result);
        parley_client_free(client);
        assert_int_equal(server.head, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_calls_of_many_threads),
        cmocka_unit_test(wakes_the_apps_own_loop),
        cmocka_unit_test(nothing_runs_or_is_called_after_free),
        cmocka_unit_test(shows_a_waiting_event_on_its_descriptor),
        cmocka_unit_test(a_background_sync_waits_for_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
