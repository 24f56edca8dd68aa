/* Requests over real sockets: whole, once, answered now or later, and never left hanging. */
#include "tests/unit/server/io/peer.h"
#include "tests/unit/server/io/rig.h"

#include "server/base/mem.h"
#include "server/io/ws.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *body_of(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

static void assert_has(const char *answer, const char *line)
{
    if (!strstr(answer, line))
        fail_msg("no \"%s\" in:\n%s", line, answer);
}

static void a_request_is_handed_up_as_it_was_sent(void **state)
{
    char *answer =
        peer_talk(*state, "POST /seen?after=12&x=a%2db HTTP/1.1\r\nHost: localhost:80\r\nContent-Length: 4\r\n"
                          "Authorization: Bearer abc\r\nContent-Type: text/plain\r\n\r\nbody");
    assert_string_equal(body_of(answer), "POST /seen x=a-b after=12 auth=Bearer abc body=4");
    mem_free(answer);
}

static void every_answer_ends_the_connection_and_is_guarded(void **state)
{
    char *answer = peer_talk(*state, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n");
    assert_has(answer, "\r\nCache-Control: no-store\r\n");
    assert_has(answer, "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
    assert_has(answer, "\r\nReferrer-Policy: no-referrer\r\n");
    assert_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_null(strstr(answer, "Server:"));
    assert_null(strstr(answer, "Strict-Transport-Security"));
    mem_free(answer);
}

static void a_header_of_the_answer_replaces_the_default_and_cannot_split(void **state)
{
    char *answer = peer_talk(*state, "GET /seen HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer, "\r\nCache-Control: max-age=60\r\n");
    assert_null(strstr(answer, "no-store"));
    assert_null(strstr(answer, "X-Bad"));
    mem_free(answer);
}

static void an_answer_may_come_later(void **state)
{
    char *answer = peer_talk(*state, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(body_of(answer), "later");
    mem_free(answer);
}

static void a_turn(struct ws *ws)
{
}

static void an_answer_to_a_peer_that_has_gone_goes_nowhere(void **state)
{
    struct rig *rig = *state;
    int fd = peer_connect(rig);
    peer_send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\nmore than was asked for");
    shutdown(fd, SHUT_WR);
    char *answer = peer_read_all(fd, NULL);
    assert_string_equal(body_of(answer), "later");
    mem_free(answer);
    close(fd);
    fd = peer_connect(rig);
    peer_send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd); /* a reset while the answer is being made */

    answer = peer_talk(rig, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"); /* which comes after that answer */
    assert_string_equal(body_of(answer), "later");
    mem_free(answer);

    int before = rig_requests(rig);
    fd = peer_connect(rig);
    peer_send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (rig_requests(rig) == before)
        rig_run(rig, a_turn);
    close(fd); /* and this one is answered only after the worker has stopped */
}

static void a_head_request_gets_the_length_and_no_body(void **state)
{
    char *answer = peer_talk(*state, "HEAD /seen HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer, "HTTP/1.1 200 OK");
    assert_null(strstr(answer, "Content-Length: 0\r\n"));
    assert_string_equal(body_of(answer), "");
    mem_free(answer);
}

static void a_large_body_arrives_and_goes_back_whole(void **state)
{
    enum { LEN = 3 << 20 };
    char head[256], *body = mem_alloc(LEN + 1);
    for (int i = 0; i < LEN; i++)
        body[i] = (char)('a' + i % 25);
    int fd = peer_connect(*state);
    snprintf(head, sizeof head, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", LEN);
    peer_send_text(fd, head);
    peer_send(fd, span_of(body, LEN));
    char *answer = peer_read_all(fd, NULL);
    assert_true(span_equal(span_str(body_of(answer)), span_of(body, LEN)));
    mem_free(answer);
    mem_free(body);
    close(fd);
}

static void start_upload(int fd, int len)
{
    char head[128];
    snprintf(head, sizeof head, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len);
    peer_send_text(fd, head);
}

static void large_bodies_have_room_together_and_small_ones_always(void **state)
{
    enum { LEN = 3 << 20 };
    struct rig *rig = rig_start(&(struct rig_options){.held_max = 2 * LEN - 1});
    char *body = mem_alloc(LEN);
    memset(body, 'x', LEN);
    int first = peer_connect(rig), second = peer_connect(rig);
    start_upload(first, LEN);
    peer_send(first, span_of(body, LEN - 1));
    char *answer = peer_talk(rig, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    assert_has(answer, "HTTP/1.1 200 ");
    mem_free(answer);
    start_upload(second, LEN);
    answer = peer_read_all(second, NULL);
    assert_has(answer, "HTTP/1.1 503 ");
    mem_free(answer);
    peer_send(first, span_of("y", 1));
    mem_free(peer_read_all(first, NULL));
    close(first);
    close(second);

    second = peer_connect(rig); /* what the first one held is free again */
    start_upload(second, LEN);
    peer_send(second, span_of(body, LEN));
    answer = peer_read_all(second, NULL);
    assert_has(answer, "HTTP/1.1 200 ");
    mem_free(answer);
    mem_free(body);
    close(second);
    rig_stop(&rig);
}

static void a_body_beyond_its_limit_is_refused_while_the_peer_still_sends(void **state)
{
    enum { LEN = 256 << 10 };
    struct rig *rig = *state;
    char *body = mem_alloc(LEN);
    int fd = peer_connect(rig);
    peer_send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n");
    peer_send(fd, span_of(body, LEN));
    char *answer = peer_read_all(fd, NULL);
    assert_has(answer, "HTTP/1.1 413 ");
    assert_int_equal(rig_requests(rig), 0);
    mem_free(answer);
    mem_free(body);
    close(fd);
}

static void a_peer_that_asks_first_is_told_to_continue(void **state)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char got[sizeof go_on] = {0};
    int fd = peer_connect(*state);
    peer_send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(recv(fd, got, sizeof go_on - 1, MSG_WAITALL), sizeof go_on - 1);
    assert_string_equal(got, go_on);
    peer_send_text(fd, "hi");
    char *answer = peer_read_all(fd, NULL);
    assert_string_equal(body_of(answer), "hi");
    mem_free(answer);
    close(fd);
}

static void a_slow_reader_that_sent_too_much_costs_nothing_and_gets_all(void **state)
{
    int fd = peer_connect(*state), small = 32768;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    peer_send_text(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\nGET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    char first;
    assert_int_equal(recv(fd, &first, 1, 0), 1);
    assert_in_range(rig_turns(*state, 300), 1, RIG_IDLE_TURNS);
    size_t len;
    char *answer = peer_read_all(fd, &len);
    assert_true(strspn(body_of(answer), "b") == 1 << 20);
    mem_free(answer);
    close(fd);
}

static void a_parameter_is_found_by_its_whole_name(void **state)
{
    char *answer = peer_talk(*state, "GET /seen?before=1&thereafter=2&after=3 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(answer, " after=3 auth= body=0");
    mem_free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_RIG(a_request_is_handed_up_as_it_was_sent),
        ON_RIG(every_answer_ends_the_connection_and_is_guarded),
        ON_RIG(a_header_of_the_answer_replaces_the_default_and_cannot_split),
        ON_RIG(an_answer_may_come_later),
        ON_RIG(an_answer_to_a_peer_that_has_gone_goes_nowhere),
        ON_RIG(a_head_request_gets_the_length_and_no_body),
        ON_RIG(a_large_body_arrives_and_goes_back_whole),
        cmocka_unit_test(large_bodies_have_room_together_and_small_ones_always),
        ON_RIG(a_body_beyond_its_limit_is_refused_while_the_peer_still_sends),
        ON_RIG(a_peer_that_asks_first_is_told_to_continue),
        ON_RIG(a_slow_reader_that_sent_too_much_costs_nothing_and_gets_all),
        ON_RIG(a_parameter_is_found_by_its_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
