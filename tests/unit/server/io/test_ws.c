/* Links over real sockets: what goes in comes out whole and in order, and every end is told once. */
#include "tests/unit/server/io/peer.h"
#include "tests/unit/server/io/rig.h"

#include "protocol/limits.h"
#include "server/base/mem.h"
#include "server/io/sock.h"
#include "server/io/ws.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char *filled(size_t len)
{
    char *bytes = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + i % 26);
    return bytes;
}

static void say(int fd, const char *text)
{
    peer_frame(fd, OP_FIN | OP_TEXT, span_str(text));
}

/* Says goodbye as a peer does and checks that the worker hears it. */
static void leave(struct rig *rig, int fd)
{
    peer_frame(fd, OP_FIN | OP_CLOSE, span_of("\x03\xe8", 2));
    struct peer_message m = peer_receive(fd);
    assert_int_equal(m.opcode, OP_CLOSE);
    peer_message_done(&m);
    close(fd);
    assert_int_equal(rig_closed(rig), 1000);
}

static void a_message_comes_back_in_either_encoding(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "hello");
    peer_expect(fd, OP_TEXT, "hello");
    leave(rig, fd);
    fd = peer_link(rig, "parley.v1.msgpack");
    peer_frame(fd, OP_FIN | OP_BINARY, span_str("hello"));
    peer_expect(fd, OP_BINARY, "hello");
    leave(rig, fd);
}

static void messages_of_every_length_come_back_whole(void **state)
{
    static const size_t lengths[] = {0, 1, 125, 126, 1023, 1024, 1025, 4096, 65535, 65536, 131072};
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "limit 131072");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *bytes = filled(lengths[i]);
        peer_frame(fd, OP_FIN | OP_TEXT, span_of(bytes, lengths[i]));
        peer_expect(fd, OP_TEXT, bytes);
        mem_free(bytes);
    }
    leave(rig, fd);
}

static void fragments_are_joined_with_pings_between_them(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    peer_frame(fd, OP_TEXT, span_str("one "));
    peer_frame(fd, OP_FIN | OP_PING, span_str("p"));
    peer_expect(fd, OP_PONG, "p");
    peer_frame(fd, OP_CONTINUATION, span_str(""));
    peer_frame(fd, OP_CONTINUATION, span_str("two "));
    peer_frame(fd, OP_FIN | OP_CONTINUATION, span_str("three"));
    peer_expect(fd, OP_TEXT, "one two three");
    leave(rig, fd);
}

/* The loop has been round since: what was sent before has been read. */
static void a_turn(struct ws *ws)
{
}

static void a_frame_may_arrive_byte_by_byte(void **state)
{
    static const char frame[] = "\x81\x85\x00\x00\x00\x00hello";
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    for (size_t i = 0; i < sizeof frame - 1; i++) {
        peer_send(fd, span_of(frame + i, 1));
        rig_run(rig, a_turn);
    }
    peer_expect(fd, OP_TEXT, "hello");
    leave(rig, fd);
}

static void sixty_four_fragments_are_enough(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    for (int i = 0; i < 64; i++)
        peer_frame(fd, (i ? OP_CONTINUATION : OP_TEXT) | (i == 63 ? OP_FIN : 0), span_str("x"));
    peer_expect(fd, OP_TEXT, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    for (int i = 0; i < 65; i++)
        peer_frame(fd, i ? OP_CONTINUATION : OP_TEXT, span_str(""));
    peer_expect_close(fd, 1009);
    assert_int_equal(rig_closed(rig), 1009);
}

static void a_long_message_is_refused_when_it_is_announced(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    char *bytes = filled(LIMIT_MESSAGE_BEFORE_WELCOME + 1);
    peer_frame(fd, OP_FIN | OP_TEXT, span_of(bytes, LIMIT_MESSAGE_BEFORE_WELCOME));
    bytes[LIMIT_MESSAGE_BEFORE_WELCOME] = 0;
    peer_expect(fd, OP_TEXT, bytes);
    peer_send(fd, span_of("\x81\xff\x20\0\0\0\0\0\0\0\0\0\0\0x", 15)); /* 2^61 bytes, of which one is here */
    peer_expect_close(fd, 1009);
    assert_int_equal(rig_closed(rig), 1009);
    mem_free(bytes);
}

static void fragments_together_keep_the_limit(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    char *bytes = filled(3000);
    say(fd, "before");
    peer_frame(fd, OP_TEXT, span_of(bytes, 3000));
    peer_frame(fd, OP_FIN | OP_CONTINUATION, span_of(bytes, 3000));
    peer_expect(fd, OP_TEXT, "before"); /* what was asked before is answered before the end */
    peer_expect_close(fd, 1009);
    assert_int_equal(rig_closed(rig), 1009);
    mem_free(bytes);
}

static void the_wrong_kind_of_frame_ends_the_link(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    peer_frame(fd, OP_FIN | OP_BINARY, span_str("x"));
    peer_expect_close(fd, 1003);
    assert_int_equal(rig_closed(rig), 1003);
    fd = peer_link(rig, "parley.v1.msgpack");
    peer_frame(fd, OP_FIN | OP_TEXT, span_str("x"));
    peer_expect_close(fd, 1003);
    assert_int_equal(rig_closed(rig), 1003);
}

static void bytes_that_are_not_utf8_end_the_link(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"\xff", 1}, {"a\xc0\xaf", 3}, {"\xed\xa0\x80", 3}, {"\xf4\x90\x80\x80", 4}, {"half \xe2\x82", 7}};
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = peer_link(rig, "parley.v1.json");
        peer_frame(fd, OP_FIN | OP_TEXT, span_of(bad[i].bytes, bad[i].len));
        peer_expect_close(fd, 1007);
        rig_closed(rig);
    }
}

static void frames_that_break_the_protocol_end_the_link(void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
    } bad[] = {
        {"reserved bit", "\xc1\x80\0\0\0\0", 6},
        {"reserved opcode 3", "\x83\x80\0\0\0\0", 6},
        {"reserved opcode 11", "\x8b\x80\0\0\0\0", 6},
        {"fragmented ping", "\x09\x80\0\0\0\0", 6},
        {"ping of 126 bytes", "\x89\xfe\0\x7e\0\0\0\0", 8},
        {"continuation of nothing", "\x80\x80\0\0\0\0", 6},
        {"length with the top bit", "\x81\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14},
    };
    struct rig *rig = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = peer_link(rig, "parley.v1.json");
        peer_send(fd, span_of(bad[i].bytes, bad[i].len));
        struct peer_message m = peer_receive(fd);
        if (m.opcode != -1 && m.opcode != OP_CLOSE)
            fail_msg("%s: answered with opcode %d", bad[i].what, m.opcode);
        peer_message_done(&m);
        close(fd);
        rig_closed(rig);
    }
}

static void a_close_comes_after_everything_queued(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "one");
    say(fd, "send 3 5");
    say(fd, "close 4503 replaced");
    say(fd, "after");
    peer_expect(fd, OP_TEXT, "one");
    for (int i = 0; i < 3; i++)
        peer_expect(fd, OP_TEXT, "xxxxx");
    peer_expect_close(fd, 4503);
    assert_int_equal(rig_closed(rig), 4503);
}

static void a_peer_that_does_not_answer_a_close_is_left_after_5_s(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "close 4012 bye");
    assert_int_equal(rig_closed(rig), 4012);
    close(fd);
}

static void an_abort_ends_the_link_without_a_word(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "abort 4009");
    struct peer_message m = peer_receive(fd);
    assert_int_equal(m.opcode, -1);
    assert_int_equal(rig_closed(rig), 4009);
    close(fd);
}

static void a_lost_connection_is_1006(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    close(fd);
    assert_int_equal(rig_closed(rig), 1006);
}

static void a_reader_that_catches_up_gets_everything(void **state)
{
    enum { COUNT = 500, LEN = 8000 };
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "send 500 8000");
    say(fd, "mark");
    for (int i = 0; i < COUNT; i++) {
        struct peer_message m = peer_receive(fd);
        assert_int_equal(m.opcode, OP_TEXT);
        assert_int_equal(m.len, LEN);
        peer_message_done(&m);
        if (i == 0)
            rig_run(rig, a_turn); /* every buffer on the way is full */
    }
    peer_expect(fd, OP_TEXT, "mark");
    say(fd, "drained");
    peer_expect(fd, OP_TEXT, "1");
    leave(rig, fd);
}

static void count_links(struct ws *ws)
{
    struct ws_count count = ws_count(ws);
    assert_int_equal(count.links, 20);
    assert_int_equal(count.sockets, 21);
    assert_int_equal(count.accepted, 21);
}

static void a_drain_that_is_awaited_comes_when_no_socket_was_full(void **state)
{
    struct rig *rig = *state;
    int fd = peer_link(rig, "parley.v1.json");
    say(fd, "await");
    peer_expect(fd, OP_TEXT, "awaited");
    say(fd, "drained");
    peer_expect(fd, OP_TEXT, "1");
    leave(rig, fd);
}

static void links_that_are_open_at_the_end_are_closed_with_1001(void **state)
{
    struct rig *rig = rig_start(NULL);
    int fds[21];
    for (int i = 0; i < 20; i++)
        fds[i] = peer_link(rig, "parley.v1.json");
    fds[20] = peer_connect(rig); /* one that never says a word */
    peer_send_text(fds[20], "GET");
    say(fds[0], "send 100 100000"); /* and one that has not read */
    struct peer_message m = peer_receive(fds[0]);
    peer_message_done(&m);
    rig_run(rig, count_links);
    rig_stop(&rig);
    for (int i = 0; i < 21; i++)
        close(fds[i]);
}

static void sockets_beyond_the_maximum_are_refused(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.connections_max = 2});
    int a = peer_link(rig, "parley.v1.json"), b = peer_link(rig, "parley.v1.json"), c = peer_connect(rig);
    char *nothing = peer_read_all(c, NULL);
    assert_string_equal(nothing, "");
    mem_free(nothing);
    close(c);
    leave(rig, a);
    c = peer_connect(rig);
    close(c);
    leave(rig, b);
    rig_stop(&rig);
}

static void accepting_waits_while_handshakes_are_full(void **state)
{
    struct rig *rig = rig_start(&(struct rig_options){.handshakes_max = 1});
    int idle = peer_connect(rig), second = peer_connect(rig);
    peer_send_text(second, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    struct timeval soon = {.tv_usec = 100000}, late = {.tv_sec = 10};
    char byte;
    setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    assert_int_equal(recv(second, &byte, 1, 0), -1);
    close(idle);
    setsockopt(second, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof late);
    char *answer = peer_read_all(second, NULL);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK"));
    mem_free(answer);
    close(second);
    rig_stop(&rig);
}

static void a_port_is_shared_in_this_process_and_with_no_other(void **state)
{
    int ours, again, status;
    assert_int_equal(sock_listen("127.0.0.1", 0, &ours), PARLEY_OK);
    uint16_t port = sock_port(ours);
    assert_int_equal(sock_listen("127.0.0.1", port, &again), PARLEY_OK);
    close(again);

    /* a port that the other process has before it is asked for here */
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t other = fork();
    if (other == 0) {
        int theirs;
        uint16_t their_port = sock_listen("127.0.0.1", 0, &theirs) == PARLEY_OK ? sock_port(theirs) : 0;
        if (write(tell[1], &their_port, sizeof their_port) != sizeof their_port)
            _exit(1);
        pause();
    }
    assert_int_equal(read(tell[0], &port, sizeof port), sizeof port);
    assert_int_equal(sock_listen("127.0.0.1", port, &again), PARLEY_TAKEN);
    kill(other, SIGKILL);
    waitpid(other, &status, 0);
    assert_int_equal(sock_listen("127.0.0.1", port, &again), PARLEY_OK);
    close(again);
    close(ours);
    close(tell[0]);
    close(tell[1]);
}

static void what_is_no_address_is_not_listened_at(void **state)
{
    int fd;
    assert_int_equal(sock_listen("localhost", 0, &fd), PARLEY_INVALID);
    assert_int_equal(sock_listen("", 0, &fd), PARLEY_INVALID);
    assert_int_equal(sock_listen("192.0.2.1", 0, &fd), PARLEY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_RIG(a_message_comes_back_in_either_encoding),
        ON_RIG(messages_of_every_length_come_back_whole),
        ON_RIG(fragments_are_joined_with_pings_between_them),
        ON_RIG(a_frame_may_arrive_byte_by_byte),
        ON_RIG(sixty_four_fragments_are_enough),
        ON_RIG(a_long_message_is_refused_when_it_is_announced),
        ON_RIG(fragments_together_keep_the_limit),
        ON_RIG(the_wrong_kind_of_frame_ends_the_link),
        ON_RIG(bytes_that_are_not_utf8_end_the_link),
        ON_RIG(frames_that_break_the_protocol_end_the_link),
        ON_RIG(a_close_comes_after_everything_queued),
        ON_RIG(a_peer_that_does_not_answer_a_close_is_left_after_5_s),
        ON_RIG(an_abort_ends_the_link_without_a_word),
        ON_RIG(a_lost_connection_is_1006),
        ON_RIG(a_reader_that_catches_up_gets_everything),
        ON_RIG(a_drain_that_is_awaited_comes_when_no_socket_was_full),
        cmocka_unit_test(links_that_are_open_at_the_end_are_closed_with_1001),
        cmocka_unit_test(sockets_beyond_the_maximum_are_refused),
        cmocka_unit_test(a_port_is_shared_in_this_process_and_with_no_other),
        cmocka_unit_test(what_is_no_address_is_not_listened_at),
        cmocka_unit_test(accepting_waits_while_handshakes_are_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
