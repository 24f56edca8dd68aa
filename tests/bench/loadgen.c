/* Drives a server as many clients would, and prints what it saw as one JSON object.
 *
 *   loadgen PORT TOKENS pairs  [--window N | --rate N] [--seconds N] [--server PID] [--postgres PID]
 *   loadgen PORT TOKENS resume [--at-once N] [--items N] [--have FILE] [--recap] [--seconds N] [--server PID]
 *                              [--postgres PID]
 *   loadgen PORT TOKENS storm  [--at-once N] [--have FILE]
 *   loadgen PORT TOKENS hold   [--tls]
 *
 * TOKENS is a file with one customer's token a line.
 * pairs: each customer on two devices; one posts 200-byte items, the other must get all of them, in order and once.
 *        --window keeps so many outstanding, --rate offers so many a second at random moments, timed from when each
 *        was due. The device that posts follows nothing, as in the peers that this is compared with.
 * resume: connects, says hello, gets `items` items, leaves; again and again, so many at once. Without --seconds once
 *        for each token, and prints the conversations, a line each, as --have reads them.
 * storm: everybody once, staying; the time until the last has its welcome.
 * hold:  everybody, one after the other; says so and stays until its input ends. */
#include "protocol/wire_msgpack.h"
#include "tests/bench/peer.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BODY = 200, WARM_US = 1000000, RING = 8192, FIRST_REQUEST = 1 << 16, PEERS_PER_PAIR = 2, SETTLE_US = 20000000 };

struct options {
    int port, window, rate, seconds, at_once, items, server, postgres;
    bool tls;
    bool recap;
    const char *have;
    char **tokens;
    int n;
};

static struct options opt = {.seconds = 0, .at_once = 16, .items = -1};

/* ---- what it costs ---- */

static double ticks_of(int pid)
{
    char path[64];
    unsigned long user, kernel;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    int n = fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    fclose(f);
    return n == 2 ? (double)(user + kernel) : 0;
}

static double ticks_of_children(int pid)
{
    char path[64];
    int child;
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *f = pid ? fopen(path, "re") : NULL;
    while (f && fscanf(f, "%d", &child) == 1)
        sum += ticks_of(child);
    if (f)
        fclose(f);
    return sum;
}

struct cost {
    double server, postgres, own;
};

static struct cost cost_now(void)
{
    double us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    return (struct cost){
        .server = opt.server ? ticks_of(opt.server) * us : 0,
        .postgres = ticks_of_children(opt.postgres) * us,
        .own = ticks_of(getpid()) * us,
    };
}

static void print_cost(struct cost before, struct cost after, double n)
{
    printf("\"server_us\":%.2f,\"postgres_us\":%.2f,\"own_us\":%.2f", (after.server - before.server) / n,
           (after.postgres - before.postgres) / n, (after.own - before.own) / n);
}

/* ---- times ---- */

struct times {
    float *ms;
    int n, cap;
};

static void times_add(struct times *t, int64_t us)
{
    if (t->n == t->cap)
        t->ms = realloc(t->ms, (size_t)(t->cap = t->cap ? t->cap * 2 : 4096) * sizeof *t->ms);
    t->ms[t->n++] = (float)us / 1000;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print_times(struct times *t)
{
    qsort(t->ms, (size_t)t->n, sizeof *t->ms, compare);
    printf(",\"p50\":%.3f,\"p99\":%.3f", t->n ? t->ms[t->n / 2] : 0, t->n ? t->ms[(int64_t)t->n * 99 / 100] : 0);
}

/* ---- pairs ---- */

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

/* What follows the key of a small map; ptr NULL when it has none. */
static struct span at_key(struct span map, const char *key)
{
    size_t len = strlen(key), step;
    if (!map.len || (map.ptr[0] & 0xf0) != 0x80)
        return (struct span){0};
    int left = map.ptr[0] & 15;
    for (struct span s = span_of(map.ptr + 1, map.len - 1); left; left--) {
        bool found = s.len > len && (unsigned char)s.ptr[0] == (0xa0 | len) && memcmp(s.ptr + 1, key, len) == 0;
        step = wire_msgpack_skip(s);
        s = span_of(s.ptr + step, s.len - step);
        if (found)
            return s;
        step = wire_msgpack_skip(s);
        s = span_of(s.ptr + step, s.len - step);
    }
    return (struct span){0};
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

static void measure_pairs(void)
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

/* ---- coming and going ---- */

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

static void measure_resumes(void)
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

static void measure_storm(void)
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

static void hold(void)
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

/* ---- the command line ---- */

static void read_tokens(const char *path)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *f = fopen(path, "re");
    if (!f)
        die("%s cannot be read", path);
    while ((len = getline(&line, &room, f)) > 1) {
        line[len - 1] = '\0';
        opt.tokens = realloc(opt.tokens, (size_t)(opt.n + 1) * sizeof *opt.tokens);
        opt.tokens[opt.n++] = strdup(line);
    }
    free(line);
    fclose(f);
}

static void read_option(char **at)
{
    const struct {
        const char *name;
        int *value;
    } numbers[] = {{"--window", &opt.window},    {"--rate", &opt.rate},   {"--seconds", &opt.seconds},
                   {"--at-once", &opt.at_once},  {"--items", &opt.items}, {"--server", &opt.server},
                   {"--postgres", &opt.postgres}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(at[0], numbers[i].name) && at[1]) {
            *numbers[i].value = atoi(at[1]);
            return;
        }
    if (strcmp(at[0], "--have") != 0 || !at[1])
        die("what is %s?", at[0]);
    opt.have = at[1];
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"pairs", measure_pairs}, {"resume", measure_resumes}, {"storm", measure_storm}, {"hold", hold}};
    if (argc < 4)
        die("usage: loadgen PORT TOKENS pairs|resume|storm|hold [OPTIONS]");
    opt.port = atoi(argv[1]);
    read_tokens(argv[2]);
    for (int i = 4; i < argc; i++) {
        if (!strcmp(argv[i], "--tls"))
            opt.tls = true;
        else if (!strcmp(argv[i], "--recap"))
            opt.recap = true;
        else
            read_option(&argv[i++]);
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[3], modes[i].name)) {
            modes[i].run();
            return 0;
        }
    die("there is no %s", argv[3]);
}
