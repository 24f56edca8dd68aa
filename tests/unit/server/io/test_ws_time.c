/* Links that are silent, slow or too many, with the times made short. */
#include "tests/unit/server/io/peer.h"
#include "tests/unit/server/io/rig.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/ws.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(int fd, const char *text)
{
    peer_frame(fd, OP_FIN | OP_TEXT, span_str(text));
}

static void a_link_is_pinged_in_its_interval(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.ping_ms = 200, .silence_ms = 10000});
    int fd = peer_link(rig, "parley.v1.json");
    int64_t start = clock_mono_ms();
    for (int i = 0; i < 3; i++) {
        char ping[3];
        assert_int_equal(recv(fd, ping, 3, MSG_WAITALL), 3);
        assert_memory_equal(ping, "\x89\x01p", 3);
    }
    assert_true(clock_mono_ms() - start >= 300);
    close(fd);
    rig_closed(rig);
    rig_stop(&rig);
}

static uint64_t writes;

static void count_writes(struct ws *ws)
{
    writes = ws_count(ws).writes;
}

static void a_ping_of_the_callers_goes_out_with_what_it_says(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.ping_ms = 60000, .silence_ms = 10000});
    int fd = peer_link(rig, "parley.v1.json");
    char ping[3];
    rig_run(rig, count_writes);
    uint64_t before = writes;
    say(fd, "ping");
    assert_int_equal(recv(fd, ping, 3, MSG_WAITALL), 3);
    assert_memory_equal(ping, "\x89\x01p", 3);
    peer_expect(fd, OP_TEXT, "pinged");
    rig_run(rig, count_writes);
    assert_int_equal(writes - before, 1);
    close(fd);
    rig_closed(rig);
    rig_stop(&rig);
}

static void a_peer_that_answers_pings_stays_and_a_silent_one_goes(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.ping_ms = 100, .silence_ms = 3000});
    int answers = peer_link(rig, "parley.v1.json"), silent = peer_link(rig, "parley.v1.json");
    int64_t start = clock_mono_ms();
    while (clock_mono_ms() - start < 5000) {
        char ping[3];
        assert_int_equal(recv(answers, ping, 3, MSG_WAITALL), 3);
        peer_frame(answers, OP_FIN | OP_PONG, span_of(ping + 2, 1));
    }
    assert_int_equal(rig_closed(rig), 4002);
    say(answers, "still here");
    peer_expect(answers, OP_TEXT, "still here");
    close(silent);
    close(answers);
    rig_closed(rig);
    rig_stop(&rig);
}

static int small_link(struct rig *rig)
{
    int fd = peer_link(rig, "parley.v1.json"), small = 8192;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    return fd;
}

static void a_peer_that_never_reads_is_closed_with_4001(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.stall_ms = 400, .silence_ms = 60000});
    int fd = small_link(rig);
    int64_t start = clock_mono_ms();
    say(fd, "send 100 100000");
    assert_int_equal(rig_closed(rig), 4001);
    assert_true(clock_mono_ms() - start >= 300);
    close(fd);
    rig_stop(&rig);
}

/* It takes longer than a stall may last, but never stops. */
static void a_peer_that_reads_slowly_is_not_stalled(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.stall_ms = 2000, .silence_ms = 60000});
    int fd = small_link(rig);
    say(fd, "send 10 60000");
    for (int i = 0; i < 10; i++) {
        struct peer_message m = peer_receive(fd);
        assert_int_equal(m.len, 60000);
        peer_message_done(&m);
        rig_turns(rig, 400);
    }
    close(fd);
    assert_int_equal(rig_closed(rig), 1006);
    rig_stop(&rig);
}

static unsigned sockets;

static void count_sockets(struct ws *ws)
{
    sockets = ws_count(ws).sockets;
}

static void a_peer_that_never_reads_its_answer_is_dropped(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.stall_ms = 400});
    int fd = peer_connect(rig), small = 8192;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    peer_send_text(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    char first;
    assert_int_equal(recv(fd, &first, 1, MSG_PEEK), 1);
    do {
        rig_turns(rig, 50);
        rig_run(rig, count_sockets);
    } while (sockets);
    size_t len;
    char *answer = peer_read_all(fd, &len);
    assert_true(len > 0 && len < 1 << 20);
    mem_free(answer);
    close(fd);
    rig_stop(&rig);
}

/* Each request is dropped without an answer, not at once, and not by the other limit, which would take a day. */
static void expect_dropped(const struct rig_options *options, const char *const *requests, int n)
{
    struct rig *rig = rig_start(options);
    int fds[8];
    int64_t start = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        fds[i] = peer_connect(rig);
        peer_send_text(fds[i], requests[i]);
    }
    for (int i = 0; i < n; i++) {
        char *answer = peer_read_all(fds[i], NULL);
        assert_string_equal(answer, "");
        assert_true(clock_mono_ms() - start >= 250);
        mem_free(answer);
        close(fds[i]);
    }
    assert_int_equal(rig_requests(rig), 0);
    rig_stop(&rig);
}

static void requests_that_stall_are_dropped_in_time(void **state)
{
    static const char *const heads[] = {"", "G", "GET /echo HTTP/1.1\r\nHost: x\r\n",
                                        "GET /echo HTTP/1.1\r\nHost: x\r\nA: swallowed\r\n"};
    static const char *const bodies[] = {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhalf"};
    enum { SOON = 300, LATE = 24 * 3600 * 1000 };
    expect_dropped(&(struct rig_options){.head_ms = SOON, .body_ms = LATE}, heads, sizeof heads / sizeof *heads);
    expect_dropped(&(struct rig_options){.head_ms = LATE, .body_ms = SOON}, bodies, 1);
}

static void a_queue_beyond_its_maximum_ends_the_link(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.out_max = 1 << 20});
    int fd = small_link(rig);
    say(fd, "send 30 100000");
    assert_int_equal(rig_closed(rig), 4001);
    close(fd);
    rig_stop(&rig);
}

static void out_of_descriptors_the_worker_waits_and_goes_on(void **state)
{
    struct rig *rig = rig_start(NULL);
    int link = peer_link(rig, "parley.v1.json"), late = peer_connect(rig), next = dup(0);
    struct rlimit before, none;
    char *answer;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = (rlim_t)next;
    close(next);
    int other = peer_connect(rig); /* takes the last number */
    setrlimit(RLIMIT_NOFILE, &none);
    peer_send_text(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_in_range(rig_turns(rig, 300), 1, RIG_IDLE_TURNS);
    say(link, "still served");
    peer_expect(link, OP_TEXT, "still served");
    setrlimit(RLIMIT_NOFILE, &before);
    answer = peer_read_all(other, NULL);
    assert_non_null(strstr(answer, "200 OK"));
    mem_free(answer);
    close(other);
    close(late);
    close(link);
    rig_closed(rig);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_pinged_in_its_interval),
        cmocka_unit_test(a_ping_of_the_callers_goes_out_with_what_it_says),
        cmocka_unit_test(a_peer_that_answers_pings_stays_and_a_silent_one_goes),
        cmocka_unit_test(a_peer_that_never_reads_is_closed_with_4001),
        cmocka_unit_test(a_peer_that_reads_slowly_is_not_stalled),
        cmocka_unit_test(a_peer_that_never_reads_its_answer_is_dropped),
        cmocka_unit_test(requests_that_stall_are_dropped_in_time),
        cmocka_unit_test(a_queue_beyond_its_maximum_ends_the_link),
        cmocka_unit_test(out_of_descriptors_the_worker_waits_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
