/* Coming and going: everybody again and again, everybody at once, everybody to stay. */
#include "protocol/wire_msgpack.h"
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct visits {
    int done;
    int next; /* token */
    struct times times;
    struct uuid *conversations;
    int64_t *have;
} visits;

static void visit_welcome(struct crowd *crowd, struct peer *peer, const struct frame_welcome *welcome)
{
    if (!welcome->threads_count)
        die("a welcome without a conversation");
    const struct frame_thread *thread = &welcome->threads[0];
    int who = peer->at;
    visits.done++;
    if (!opt.have) {
        visits.conversations[who] = thread->conversation;
        visits.have[who] = thread->head;
    }
    times_add(&visits.times, now_us() - peer->began_us);
}

static struct span first_of(struct span array, size_t *out_count)
{
    size_t head;
    if (!array.ptr || !wire_msgpack_array(array, out_count, &head) || !*out_count)
        return (struct span){0};
    return span_of(array.ptr + head, array.len - head);
}

/* Whole, in order, without a hole, up to the last one. */
static void check_items(const struct peer *peer, struct span items, size_t bytes)
{
    size_t count = 0;
    int64_t seq = 0, prev = 0, last = peer->have;
    struct span item = first_of(items, &count);
    if (count != (size_t)opt.items || bytes < count * BODY)
        die("%zu items in %zu bytes came instead of %d", count, bytes, opt.items);
    for (size_t step, i = 0; i < count; i++, last = seq) {
        if (!wire_msgpack_peek_int(item, span_str("seq"), &seq) ||
            !wire_msgpack_peek_int(item, span_str("prev"), &prev) || prev != seq - 1 || (last >= 0 && prev != last))
            die("item %lld follows %lld", (long long)seq, (long long)last);
        step = wire_msgpack_skip(item);
        item = span_of(item.ptr + step, item.len - step);
    }
}

static void visit_greeted(struct crowd *crowd, struct peer *peer, struct span message)
{
    size_t threads = 0;
    struct span thread = first_of(at_key(at_key(message, "data"), "threads"), &threads);
    if (!thread.ptr) {
        peer_decode(crowd, message, FRAME_hello); /* which says why, if the server refused */
        die("a welcome without a conversation");
    }
    check_items(peer, at_key(thread, "items"), message.len);
    visits.done++;
    times_add(&visits.times, now_us() - peer->began_us);
}

static void visit_message(struct crowd *crowd, struct peer *peer, struct span message)
{
}

/* The same one whenever they come back. */
static struct uuid device_of(int who)
{
    uint8_t place[10] = {[7] = (uint8_t)(who >> 16), (uint8_t)(who >> 8), (uint8_t)who};
    return uuid_v7(1, place);
}

static void visit_begin(struct crowd *crowd, struct peer *peer, int who)
{
    *peer = (struct peer){.token = span_str(opt.tokens[who]),
                          .at = who,
                          .have = opt.have ? visits.have[who] : -1,
                          .device = device_of(who),
                          .conversation = visits.conversations[who]};
    peer_connect(crowd, peer);
}

/* The next one comes when one has left. */
static void visit_quiet(struct crowd *crowd, struct peer *peer)
{
    peer_close(peer);
    if (opt.seconds || visits.next < opt.n)
        visit_begin(crowd, peer, visits.next++ % opt.n);
}

static const struct peer_calls visit_calls = {visit_welcome, visit_message, visit_quiet, NULL};
static const struct peer_calls reading_calls = {NULL, visit_message, visit_quiet, visit_greeted};
static const struct peer_calls stay_calls = {visit_welcome, visit_message, NULL, NULL};

static void read_have(void)
{
    char id[UUID_TEXT + 1];
    long long seq;
    visits.conversations = calloc((size_t)opt.n, sizeof *visits.conversations);
    visits.have = calloc((size_t)opt.n, sizeof *visits.have);
    FILE *f = opt.have ? fopen(opt.have, "re") : NULL;
    for (int i = 0; f && i < opt.n; i++) {
        if (fscanf(f, "%36s %lld", id, &seq) != 2 || uuid_parse(span_str(id), &visits.conversations[i]) != PARLEY_OK)
            die("%s: line %d", opt.have, i + 1);
        visits.have[i] = seq;
    }
    if (f)
        fclose(f);
}

static void print_conversations(void)
{
    char id[UUID_TEXT + 1];
    for (int i = 0; i < opt.n; i++) {
        uuid_format(visits.conversations[i], id);
        printf("%s %lld\n", id, (long long)visits.have[i]);
    }
}

void measure_resumes(void)
{
    struct crowd crowd;
    struct peer *peers = calloc((size_t)opt.at_once, sizeof *peers);
    crowd_init(&crowd, opt.port, opt.items >= 0 ? &reading_calls : &visit_calls, NULL);
    crowd.recap = opt.recap;
    read_have();
    struct cost before = cost_now();
    int64_t began = now_us(), end = began + opt.seconds * 1000000ll;
    for (int i = 0; i < opt.at_once && i < opt.n; i++)
        visit_begin(&crowd, &peers[i], visits.next++);
    while (opt.seconds ? now_us() < end : visits.done < opt.n)
        crowd_turn(&crowd, 100000);
    double took = (double)(now_us() - began) / 1e6;
    struct cost after = cost_now();
    if (!opt.seconds) {
        print_conversations();
        return;
    }
    printf("{\"rate\":%.0f,", visits.done / took);
    print_cost(before, after, visits.done);
    print_times(&visits.times);
    printf("}\n");
}

void measure_storm(void)
{
    struct crowd crowd;
    struct peer *peers = calloc((size_t)opt.n, sizeof *peers);
    crowd_init(&crowd, opt.port, &stay_calls, NULL);
    read_have();
    struct cost before = cost_now();
    int64_t began = now_us();
    while (visits.done < opt.n) {
        while (visits.next < opt.n && visits.next - visits.done < opt.at_once)
            visit_begin(&crowd, &peers[visits.next], visits.next), visits.next++;
        crowd_turn(&crowd, 100000);
    }
    printf("{\"seconds\":%.3f,", (double)(now_us() - began) / 1e6);
    print_cost(before, cost_now(), opt.n);
    print_times(&visits.times);
    printf("}\n");
}

void hold(void)
{
    struct crowd crowd;
    struct peer *peers = calloc((size_t)opt.n, sizeof *peers);
    char c;
    crowd_init(&crowd, opt.port, &stay_calls, NULL);
    read_have();
    for (int i = 0; i < opt.n; i++) {
        peers[i] = (struct peer){.token = span_str(opt.tokens[i]), .at = i, .have = -1};
        peer_connect_now(&crowd, &peers[i], opt.tls);
    }
    printf("{\"held\":%d}\n", opt.n);
    fflush(stdout);
    while (read(0, &c, 1) > 0)
        ;
}
