/* The in-memory server of the SDK's tests. */
#include "tests/unit/sdk-c/honest.h"

#include <stdio.h>

const struct uuid honest_main = {.b = {1, 1, 1, 1, 1, 1, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, 1}};
const struct uuid honest_me = {.b = {2, 2, 2, 2, 2, 2, 0x70, 2, 0x80, 2, 2, 2, 2, 2, 2, 2}};
const struct uuid honest_other = {.b = {3, 3, 3, 3, 3, 3, 0x70, 3, 0x80, 3, 3, 3, 3, 3, 3, 3}};

uint32_t honest_chance(struct honest *h)
{
    h->seed = h->seed * 1664525 + 1013904223;
    return h->seed >> 8;
}

static bool happens(struct honest *h, uint32_t one_of)
{
    return one_of && honest_chance(h) % one_of == 0;
}

static void send_frame(struct honest *h, enum frame_type type, int64_t id, const void *content)
{
    struct buf bytes;
    if (!h->socket)
        return;
    buf_init(&bytes, 4 << 20);
    frame_put_type(&bytes, h->encoding, type, id, content);
    parley_transport_received(h->client, h->socket, (const uint8_t *)bytes.ptr, bytes.len);
    if (happens(h, h->twice_each))
        parley_transport_received(h->client, h->socket, (const uint8_t *)bytes.ptr, bytes.len);
    buf_done(&bytes);
}

void honest_cut(struct honest *h)
{
    uint64_t socket = h->socket;
    if (!socket)
        return;
    h->socket = 0;
    h->welcomed = false;
    h->cuts++;
    parley_transport_closed(h->client, socket, 0, "cut");
}

/* --- the log --- */

static struct frame_item item_of(struct honest *h, int64_t seq, struct buf *room)
{
    const struct honest_item *it = &h->log[seq - 1];
    size_t from = room->len;
    buf_printf(room, "{\"text\":\"%s\"}", it->text);
    struct frame_item item = {.seq = seq, .prev = seq - 1, .id = it->id, .author = it->author};
    item.has_id = item.has_kind = item.has_author = item.has_body = item.has_role = true;
    item.kind = span_str("text");
    item.role = uuid_equal(it->author, honest_me) ? role_customer : role_agent;
    item.body.json = span_of(room->ptr + from, room->len - from);
    return item;
}

static int64_t store(struct honest *h, struct uuid id, struct uuid author, struct span text, bool *out_repeat)
{
    for (int64_t seq = 1; seq <= h->head; seq++) {
        if (uuid_equal(h->log[seq - 1].id, id)) {
            *out_repeat = true;
            return seq;
        }
    }
    *out_repeat = false;
    assert_true(h->head < HONEST_MAX);
    struct honest_item *it = &h->log[h->head++];
    it->id = id;
    it->author = author;
    snprintf(it->text, sizeof it->text, "%.*s", SPAN_ARG(text));
    return h->head;
}

static void push(struct honest *h, int64_t seq)
{
    struct buf room;
    if (!h->welcomed || happens(h, h->skip_each))
        return;
    buf_init(&room, 4096);
    buf_reserve(&room, 256);
    buf_clear(&room);
    struct frame_push_item f = {.conversation = honest_main, .item = item_of(h, seq, &room)};
    send_frame(h, FRAME_push_item, 0, &f);
    buf_done(&room);
}

void honest_say(struct honest *h, const char *text)
{
    bool repeat;
    struct uuid id = {.b = {0, 0, 0, 0, 0, 0, 0x70, 0, 0x80}};
    uint32_t n = (uint32_t)h->head + 1;
    memcpy(id.b + 10, &n, sizeof n);
    push(h, store(h, id, honest_other, span_str(text), &repeat));
}

void honest_beacon(struct honest *h)
{
    struct frame_cursor head = {.conversation = honest_main, .seq = h->head};
    if (h->welcomed)
        send_frame(h, FRAME_push_head, 0, &(struct frame_push_head){.heads = &head, .heads_count = 1});
}

/* Items from..to; the room keeps their text. */
static struct frame_thread thread(struct honest *h, int64_t from, int64_t to, struct frame_item *items,
                                  struct buf *room)
{
    struct frame_thread t = {.conversation = honest_main, .topic = span_str("main"), .head = h->head, .items = items};
    buf_init(room, 1 << 20);
    buf_reserve(room, LIMIT_PAGE_ITEMS * 64); /* so that it does not move */
    room->len = 0;
    for (int64_t seq = from < 1 ? 1 : from; seq <= to; seq++)
        items[t.items_count++] = item_of(h, seq, room);
    return t;
}

/* --- requests --- */

static void on_hello(struct honest *h, const struct frame *f)
{
    struct frame_item items[LIMIT_PAGE_ITEMS];
    struct buf room;
    int64_t have = f->hello.have_count ? f->hello.have[0].seq : 0;
    int64_t page = have ? LIMIT_PAGE_ITEMS : f->hello.page;
    int64_t from = h->head - page > have ? h->head - page : have;
    struct frame_thread t = thread(h, from + 1, h->head, items, &room);
    h->welcomed = true;
    struct frame_welcome w = {.me = honest_me, .role = role_customer, .ping_ms = 25000, .server = span_str("honest")};
    w.threads = &t;
    w.threads_count = 1;
    send_frame(h, FRAME_welcome, f->id, &w);
    buf_done(&room);
}

static parley_status verdict(struct honest *h, struct span text)
{
    char words[HONEST_TEXT];
    snprintf(words, sizeof words, "%.*s", SPAN_ARG(text));
    return h->refuse ? h->refuse(words) : PARLEY_OK;
}

static void on_post(struct honest *h, const struct frame *f)
{
    bool repeat;
    const struct value *text = value_find(f->post.body.value, "text");
    parley_status refused = verdict(h, text->text);
    if (refused != PARLEY_OK) {
        struct frame_error error = frame_error_status(refused);
        send_frame(h, FRAME_error, f->id, &error);
        return;
    }
    int64_t seq = store(h, f->post.id, honest_me, text->text, &repeat);
    if (!repeat)
        push(h, seq);
    if (happens(h, h->lose_each))
        return;
    send_frame(h, FRAME_posted, f->id,
               &(struct frame_posted){.seq = seq, .has_duplicate = repeat, .duplicate = repeat});
}

static void on_range(struct honest *h, const struct frame *f)
{
    struct frame_item items[LIMIT_PAGE_ITEMS];
    struct buf room;
    const struct frame_range *r = &f->range;
    int64_t limit = r->has_limit ? r->limit : 50, to = h->head, from;
    if (r->has_before && r->before - 1 < to)
        to = r->before - 1;
    from = to - limit + 1;
    if (r->has_after) {
        from = r->after + 1;
        to = from + limit - 1 < h->head ? from + limit - 1 : h->head;
    }
    struct frame_thread t = thread(h, from, to, items, &room);
    send_frame(h, FRAME_ranged, f->id, &(struct frame_ranged){.thread = t});
    buf_done(&room);
}

static struct frame_process process(const struct honest *h)
{
    struct frame_process p = {.process = h->process, .conversation = honest_main, .type = span_str("order")};
    p.revision = h->revision;
    p.state = process_state_open;
    p.data.json = span_str("{\"a\":1}");
    return p;
}

static void on_process_get(struct honest *h, const struct frame *f)
{
    struct frame_process p = process(h);
    send_frame(h, FRAME_process_list, f->id,
               &(struct frame_process_list){.processes = &p, .processes_count = h->revision > 0});
}

static void on_process(struct honest *h, const struct frame *f)
{
    struct uuid change = f->type == FRAME_process_start ? f->process_start.process : f->process_step.id;
    if (f->type == FRAME_process_start)
        h->process = change;
    else
        assert_int_equal(f->process_step.revision, h->revision - uuid_equal(h->step, change));
    if (!uuid_equal(h->step, change))
        h->revision++;
    h->step = change;
    send_frame(h, FRAME_process_is, f->id, &(struct frame_process_is){.process = process(h)});
}

static void answer(struct honest *h, const struct frame *f)
{
    if (f->type == FRAME_hello)
        on_hello(h, f);
    else if (f->type == FRAME_post)
        on_post(h, f);
    else if (f->type == FRAME_range)
        on_range(h, f);
    else if (f->type == FRAME_process_get)
        on_process_get(h, f);
    else if (f->type == FRAME_process_start || f->type == FRAME_process_step)
        on_process(h, f);
    else if (frame_reply_type(f->type) == FRAME_done)
        send_frame(h, FRAME_done, f->id, &(struct frame_done){});
}

static parley_status on_open(void *user, parley_client *client, uint64_t socket, const char *url, const char *protocol)
{
    struct honest *h = user;
    h->client = client;
    h->socket = socket;
    h->welcomed = false;
    parley_transport_opened(client, socket);
    return PARLEY_OK;
}

static parley_status on_send(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary)
{
    struct honest *h = user;
    struct frame_reader reader;
    struct wire_error error;
    struct frame frame;
    struct arena arena;
    if (socket != h->socket)
        return PARLEY_OK;
    if (h->quiet)
        ++*h->quiet;
    arena_init(&arena, 1 << 20);
    assert_int_equal(frame_reader_init(&reader, h->encoding, span_of(bytes, length), &error), PARLEY_OK);
    assert_true(frame_next_request(&reader, &arena, &frame, &error));
    assert_int_equal(error.status, PARLEY_OK);
    if (happens(h, h->cut_each))
        honest_cut(h); /* it never arrived */
    else
        answer(h, &frame);
    if (happens(h, h->cut_each))
        honest_cut(h);
    arena_done(&arena);
    if (h->quiet)
        --*h->quiet;
    return PARLEY_OK;
}

static void on_close(void *user, uint64_t socket, int32_t code)
{
    struct honest *h = user;
    if (socket == h->socket) {
        h->socket = 0;
        h->welcomed = false;
    }
}

static int64_t now_ms(void *arg)
{
    return ((struct honest *)arg)->now;
}

static int64_t unix_ms(void *arg)
{
    return 1700000000000 + ((struct honest *)arg)->now;
}

static void give_random(void *arg, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)honest_chance(arg);
}

struct hooks honest_hooks(struct honest *h)
{
    return (struct hooks){.now_ms = now_ms, .unix_ms = unix_ms, .random = give_random, .arg = h};
}

void honest_init(struct honest *h, enum encoding encoding)
{
    *h = (struct honest){.encoding = encoding, .seed = 1, .now = 1000};
    h->transport =
        (parley_transport){.size = sizeof h->transport, .user = h, .open = on_open, .send = on_send, .close = on_close};
}
