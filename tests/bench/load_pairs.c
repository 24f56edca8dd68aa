/* Pairs: one device of a customer posts, the other must get it all. */
#include "protocol/wire_msgpack.h"
#include "tests/bench/load.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_US = 1000000, RING = 8192, FIRST_REQUEST = 1 << 16, PEERS_PER_PAIR = 2, SETTLE_US = 20000000 };

struct pair {
    struct peer *writer, *reader;
    struct buf post; /* the frame, whose ids are changed for each */
    size_t request_at, id_at;
    int64_t request;
    int64_t first; /* the head before it began */
    int64_t sent, acked, received;
    int64_t due[RING]; /* of what is outstanding, by number */
};

static struct pairs {
    struct pair *all;
    int ready;
    bool running;
    int64_t received;
    struct times times;
} pairs;

static struct pair *pair_of(const struct peer *peer)
{
    return &pairs.all[peer->at / PEERS_PER_PAIR];
}

/* One frame in which the two ids can be changed in place; both have a fixed length. */
static void make_post(struct pair *pair)
{
    static const char head[] = "{\"text\": \"", tail[] = "\"}";
    char body[BODY];
    struct uuid id = new_id();
    memset(body, 'x', sizeof body);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + BODY - (sizeof tail - 1), tail, sizeof tail - 1);
    buf_init(&pair->post, 4096);
    frame_put(&pair->post, ENCODING_MSGPACK, post, FIRST_REQUEST,
              &(struct frame_post){.conversation = pair->writer->conversation,
                                   .id = id,
                                   .kind = span_str("text"),
                                   .body.json = span_of(body, sizeof body)});
    pair->id_at = (size_t)((char *)memmem(pair->post.ptr, pair->post.len, id.b, 16) - pair->post.ptr);
    pair->request_at = (size_t)((char *)memmem(pair->post.ptr, pair->post.len, "\xce\0\1\0\0", 5) + 1 - pair->post.ptr);
    pair->request = FIRST_REQUEST;
}

static void add_post(struct pair *pair, int64_t due_us)
{
    struct uuid id = new_id();
    uint32_t request = htobe32((uint32_t)++pair->request);
    memcpy(pair->post.ptr + pair->id_at, id.b, sizeof id.b);
    memcpy(pair->post.ptr + pair->request_at, &request, sizeof request);
    pair->due[pair->sent++ % RING] = due_us;
    peer_add(pair->writer, buf_span(&pair->post));
}

static int64_t settled(const struct pair *pair)
{
    return pair->acked < pair->received ? pair->acked : pair->received;
}

static void top_up(struct pair *pair)
{
    if (!pairs.running || !opt.window)
        return;
    while (pair->sent - settled(pair) < opt.window)
        add_post(pair, now_us());
    peer_flush(pair->writer);
}

static void on_item(struct pair *pair, struct span data)
{
    int64_t seq = 0, prev = 0, due = pair->due[pair->received % RING];
    struct span item = at_key(data, "item");
    if (!wire_msgpack_peek_int(item, span_str("seq"), &seq) || !wire_msgpack_peek_int(item, span_str("prev"), &prev))
        return;
    pair->received++;
    pairs.received++;
    if (seq != pair->first + pair->received || prev != seq - 1)
        die("out of order: %lld after %lld, prev %lld", (long long)seq, (long long)(pair->first + pair->received - 1),
            (long long)prev);
    if (opt.rate)
        times_add(&pairs.times, now_us() - due);
}

static void on_answer(struct crowd *crowd, struct pair *pair, struct span message, struct span data)
{
    int64_t seq = 0;
    if (!wire_msgpack_peek_int(data, span_str("seq"), &seq)) {
        if (peer_decode(crowd, message, FRAME_unsubscribe)->type == FRAME_done)
            pairs.ready++;
        return;
    }
    pair->acked++;
    if (seq != pair->first + pair->acked)
        die("acknowledged out of order: %lld after %lld", (long long)seq, (long long)(pair->first + pair->acked - 1));
}

static void pair_message(struct crowd *crowd, struct peer *peer, struct span message)
{
    struct pair *pair = pair_of(peer);
    struct span data = at_key(message, "data");
    if (peer == pair->reader)
        on_item(pair, data);
    else if (at_key(message, "re").ptr)
        on_answer(crowd, pair, message, data);
}

static void pair_welcome(struct crowd *crowd, struct peer *peer, const struct frame_welcome *welcome)
{
    struct pair *pair = pair_of(peer);
    pair->first = welcome->threads[0].head;
    if (peer == pair->reader) {
        pairs.ready++;
        return;
    }
    make_post(pair);
    buf_clear(&crowd->frame);
    frame_put(&crowd->frame, ENCODING_MSGPACK, unsubscribe, 2,
              &(struct frame_unsubscribe){.conversation = peer->conversation});
    peer_add(peer, buf_span(&crowd->frame));
}

static void pair_quiet(struct crowd *crowd, struct peer *peer)
{
    top_up(pair_of(peer));
}

static const struct peer_calls pair_calls = {pair_welcome, pair_message, pair_quiet, NULL};

static void connect_pairs(struct crowd *crowd, struct peer *peers)
{
    pairs.all = calloc((size_t)opt.n, sizeof *pairs.all);
    for (int i = 0; i < opt.n * PEERS_PER_PAIR; i++) {
        struct pair *pair = &pairs.all[i / PEERS_PER_PAIR];
        peers[i] = (struct peer){.token = span_str(opt.tokens[i / PEERS_PER_PAIR]), .at = i, .have = -1};
        peers[i].device = new_id();
        *(i % PEERS_PER_PAIR ? &pair->reader : &pair->writer) = &peers[i];
        peer_connect(crowd, &peers[i]);
        for (int open = i + 1; pairs.ready < open - opt.at_once;)
            crowd_turn(crowd, 100000);
    }
    while (pairs.ready < opt.n * PEERS_PER_PAIR)
        crowd_turn(crowd, 100000);
}

static void offer(double *next_us)
{
    while (*next_us <= (double)now_us()) {
        struct pair *pair = &pairs.all[next_random() % (unsigned)opt.n];
        add_post(pair, (int64_t)*next_us);
        peer_flush(pair->writer);
        *next_us += -log(1 - (double)(next_random() >> 11) / 9007199254740992.0) * 1e6 / opt.rate;
    }
}

static void run_pairs(struct crowd *crowd, int64_t us)
{
    int64_t end = now_us() + us, left;
    static double next;
    if (!next)
        next = (double)now_us();
    while ((left = end - now_us()) > 0) {
        if (opt.rate) {
            offer(&next);
            int64_t wait = (int64_t)next - now_us();
            left = wait < 0 ? 0 : wait < left ? wait : left;
        }
        crowd_turn(crowd, left);
    }
}

static bool all_settled(void)
{
    for (int i = 0; i < opt.n; i++)
        if (settled(&pairs.all[i]) < pairs.all[i].sent)
            return false;
    return true;
}

void measure_pairs(void)
{
    struct crowd crowd;
    struct peer *peers = calloc((size_t)opt.n * PEERS_PER_PAIR, sizeof *peers);
    crowd_init(&crowd, opt.port, &pair_calls, NULL);
    connect_pairs(&crowd, peers);
    pairs.running = true;
    for (int i = 0; i < opt.n; i++)
        top_up(&pairs.all[i]);
    run_pairs(&crowd, WARM_US);
    pairs.times.n = 0;

    struct cost before = cost_now();
    int64_t received = pairs.received, began = now_us();
    run_pairs(&crowd, opt.seconds * 1000000ll);
    double took = (double)(now_us() - began) / 1e6, n = (double)(pairs.received - received);
    struct cost after = cost_now();
    struct times times = pairs.times;

    pairs.running = false;
    pairs.times = (struct times){0};
    for (int64_t end = now_us() + SETTLE_US; !all_settled();) {
        if (now_us() > end)
            die("not everything was delivered");
        crowd_turn(&crowd, 100000);
    }
    int64_t acked = 0;
    for (int i = 0; i < opt.n; i++)
        acked += pairs.all[i].acked;
    printf("{\"rate\":%.0f,\"acked\":%lld,", n / took, (long long)acked);
    print_cost(before, after, n > 0 ? n : 1);
    print_times(&times);
    printf("}\n");
}
