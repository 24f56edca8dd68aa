/* The scripted server of the SDK's tests. */
#include "tests/unit/sdk-c/fake.h"

#include "tests/unit/sdk-c/folder.h"

#include <stdio.h>
#include <stdlib.h>

const struct uuid fake_main = {.b = {1, 1, 1, 1, 1, 1, 0x70, 1, 0x80, 1, 1, 1, 1, 1, 1, 1}};
const struct uuid fake_me = {.b = {2, 2, 2, 2, 2, 2, 0x70, 2, 0x80, 2, 2, 2, 2, 2, 2, 2}};
const struct uuid fake_agent = {.b = {3, 3, 3, 3, 3, 3, 0x70, 3, 0x80, 3, 3, 3, 3, 3, 3, 3}};

/* --- the transport --- */

static void forget_messages(struct fake *f)
{
    for (; f->count; f->count--, f->first = (f->first + 1) % FAKE_MESSAGES)
        free((void *)f->messages[f->first].ptr);
}

static parley_status on_open(void *user, parley_client *client, uint64_t socket, const char *url, const char *protocol)
{
    struct fake *f = user;
    assert_false(f->asked || f->is_open); /* one attempt at a time */
    f->opens++;
    f->socket = socket;
    f->close_code = 0;
    if (f->refuse_open)
        return PARLEY_UNAVAILABLE;
    f->asked = true;
    forget_messages(f);
    return PARLEY_OK;
}

static parley_status on_send(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary)
{
    struct fake *f = user;
    assert_int_equal(binary != 0, f->encoding == ENCODING_MSGPACK);
    if (socket != f->socket || !f->is_open)
        return PARLEY_OK;
    assert_true(f->count < FAKE_MESSAGES);
    char *copy = malloc(length);
    memcpy(copy, bytes, length);
    f->messages[(f->first + f->count++) % FAKE_MESSAGES] = span_of(copy, length);
    return PARLEY_OK;
}

static void on_close(void *user, uint64_t socket, int32_t code)
{
    struct fake *f = user;
    if (socket != f->socket)
        return;
    f->close_code = code;
    f->asked = f->is_open = false; /* what was said before the close has arrived, and can be read until the next open */
}

/* --- time and chance --- */

static int64_t now_ms(void *arg)
{
    return ((struct fake *)arg)->now;
}

static int64_t unix_ms(void *arg)
{
    return 1700000000000 + ((struct fake *)arg)->now;
}

static void give_random(void *arg, uint8_t *out, size_t size)
{
    struct fake *f = arg;
    for (size_t i = 0; i < size; i++) {
        f->seed = f->seed * 1664525 + 1013904223;
        out[i] = (uint8_t)(f->seed >> 24);
    }
}

void fake_start(struct fake *f, uint32_t flags)
{
    assert_int_equal(fake_start_in(f, flags, NULL, NULL), PARLEY_OK);
}

parley_status fake_start_in(struct fake *f, uint32_t flags, const char *folder, const char *user)
{
    static uint32_t starts; /* ids of one start are not those of the next */
    *f = (struct fake){.now = 1000, .seed = 7 + (folder ? ++starts : 0)};
    f->encoding = flags & PARLEY_WIRE_JSON ? ENCODING_JSON : ENCODING_MSGPACK;
    arena_init(&f->arena, 8 << 20);
    parley_transport transport = {
        .size = sizeof transport, .user = f, .open = on_open, .send = on_send, .close = on_close};
    struct hooks hooks = {.now_ms = now_ms, .unix_ms = unix_ms, .random = give_random, .arg = f};
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.flags = PARLEY_HOST_DRIVEN | flags;
    config.url = "ws://127.0.0.1:1/v1/ws";
    config.token = "a-token";
    config.transport = &transport;
    config.folder = folder;
    config.user = user;
    parley_status st = client_new(&config, &hooks, &f->client);
    if (st != PARLEY_OK)
        arena_done(&f->arena);
    return st;
}

void fake_stop(struct fake *f)
{
    parley_client_free(f->client);
    parley_event_free(f->event);
    forget_messages(f);
    arena_done(&f->arena);
}

int fake_setup(void **state)
{
    static struct fake fake;
    fake_start(&fake, 0);
    *state = &fake;
    return 0;
}

int fake_setup_json(void **state)
{
    static struct fake fake;
    fake_start(&fake, PARLEY_WIRE_JSON);
    *state = &fake;
    return 0;
}

int fake_teardown(void **state)
{
    fake_stop(*state);
    return 0;
}

const char *fake_folder;

int fake_setup_kept(void **state)
{
    static struct fake fake;
    fake_folder = folder_make();
    assert_int_equal(fake_start_in(&fake, 0, fake_folder, "ana"), PARLEY_OK);
    *state = &fake;
    return 0;
}

int fake_teardown_kept(void **state)
{
    fake_stop(*state);
    folder_remove(fake_folder);
    return 0;
}

void fake_restart(struct fake *f)
{
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, fake_folder, "ana"), PARLEY_OK);
}

void fake_step(struct fake *f)
{
    assert_int_equal(parley_step(f->client, 0), PARLEY_OK);
}

void fake_advance(struct fake *f, int64_t ms)
{
    f->now += ms;
    fake_step(f);
}

void fake_open(struct fake *f)
{
    fake_step(f);
    assert_true(f->asked);
    f->asked = false;
    f->is_open = true;
    parley_transport_opened(f->client, f->socket);
    fake_step(f);
}

void fake_close(struct fake *f, int code)
{
    f->asked = f->is_open = false;
    forget_messages(f);
    parley_transport_closed(f->client, f->socket, code, "");
    fake_step(f);
}

/* --- requests --- */

bool fake_next(struct fake *f)
{
    fake_step(f);
    if (f->count == 0)
        return false;
    struct frame_reader reader;
    struct wire_error error;
    struct span message = f->messages[f->first];
    f->first = (f->first + 1) % FAKE_MESSAGES;
    f->count--;
    arena_reset(&f->arena);
    struct span kept = arena_span(&f->arena, message);
    free((void *)message.ptr);
    assert_int_equal(frame_reader_init(&reader, f->encoding, kept, &error), PARLEY_OK);
    assert_true(frame_next_request(&reader, &f->arena, &f->request, &error));
    if (error.status != PARLEY_OK)
        fail_msg("the client's request is refused: %s %s", error.path, error.text);
    return true;
}

const struct frame *fake_expect(struct fake *f, enum frame_type type)
{
    bool some = fake_next(f);
    if (type == FRAME_none && some)
        fail_msg("an unexpected request: %s", frame_type_name(f->request.type));
    if (type == FRAME_none)
        return NULL;
    if (!some)
        fail_msg("no request; %s was expected", frame_type_name(type));
    if (f->request.type != type)
        fail_msg("request %s instead of %s", frame_type_name(f->request.type), frame_type_name(type));
    return &f->request;
}

const struct frame *fake_find(struct fake *f, enum frame_type type)
{
    while (fake_next(f))
        if (f->request.type == type)
            return &f->request;
    fail_msg("no request %s", frame_type_name(type));
    return NULL;
}

const struct frame *fake_again(struct fake *f, int code)
{
    fake_close(f, code);
    fake_advance(f, BACKOFF_MAX_MS);
    fake_open(f);
    return fake_expect(f, FRAME_hello);
}

void fake_send(struct fake *f, enum frame_type type, int64_t id, const void *content)
{
    struct buf bytes;
    buf_init(&bytes, 4 << 20);
    frame_put_type(&bytes, f->encoding, type, id, content);
    assert_int_equal(bytes.status, PARLEY_OK);
    parley_transport_received(f->client, f->socket, (const uint8_t *)bytes.ptr, bytes.len);
    buf_done(&bytes);
    fake_step(f);
}

void fake_refuse(struct fake *f, parley_status st, int64_t retry_after_ms)
{
    struct frame_error error = frame_error_status(st);
    error.has_retry_after_ms = retry_after_ms > 0;
    error.retry_after_ms = retry_after_ms;
    fake_send(f, FRAME_error, f->request.id, &error);
}

/* --- a conversation of texts --- */

struct frame_item fake_item(int64_t seq)
{
    static char texts[1024][32];
    char *text = texts[seq % 1024];
    snprintf(text, 32, "{\"text\":\"%lld\"}", (long long)seq);
    struct frame_item item = {.seq = seq, .prev = seq - 1};
    item.has_id = item.has_kind = item.has_role = item.has_author = item.has_at = item.has_body = true;
    item.id = (struct uuid){.b = {9, 9, 9, 9, 9, 9, 0x70, 9, 0x80, 0, 0, 0, 0, 0, (uint8_t)(seq >> 8), (uint8_t)seq}};
    item.kind = span_str("text");
    item.role = role_agent;
    item.author = fake_agent;
    item.at = 1700000000000 + seq;
    item.body.json = span_str(text);
    return item;
}

void fake_push_item(struct fake *f, int64_t seq)
{
    fake_push(f, item, .conversation = fake_main, .item = fake_item(seq));
}

void fake_push_head(struct fake *f, int64_t seq)
{
    struct frame_cursor heads[] = {{.conversation = fake_main, .seq = seq}};
    fake_push(f, head, .heads = heads, .heads_count = 1);
}

static size_t fill(struct frame_item *out, int64_t from, int64_t to)
{
    size_t n = 0;
    for (int64_t seq = from; seq > 0 && seq <= to; seq++)
        out[n++] = fake_item(seq);
    return n;
}

static struct frame_thread thread(int64_t head, const struct frame_item *items, size_t count)
{
    return (struct frame_thread){
        .conversation = fake_main, .topic = span_str("main"), .head = head, .items = items, .items_count = count};
}

void fake_answer_range(struct fake *f, int64_t head)
{
    struct frame_item items[LIMIT_PAGE_ITEMS];
    const struct frame_range *r = &f->request.range;
    int64_t limit = r->has_limit ? r->limit : 50;
    int64_t to = r->has_before && r->before - 1 < head ? r->before - 1 : head;
    int64_t from = to - limit + 1 > 0 ? to - limit + 1 : 1;
    if (r->has_after) {
        from = r->after + 1;
        to = from + limit - 1 < head ? from + limit - 1 : head;
    }
    size_t n = fill(items, from, to);
    fake_reply(f, ranged, .thread = thread(head, items, n));
}

void fake_welcome(struct fake *f, int64_t head, int64_t from)
{
    struct frame_item items[LIMIT_PAGE_ITEMS];
    struct frame_thread threads[1] = {thread(head, items, fill(items, from, head))};
    fake_reply(f, welcome, .me = fake_me, .role = role_customer, .time = 1700000000000, .ping_ms = 25000,
               .server = span_str("fake"), .threads = threads, .threads_count = 1);
}

void fake_online(struct fake *f, int64_t head, int64_t from)
{
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, head, from);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_ONLINE);
}

/* --- events --- */

parley_event *fake_event(struct fake *f, int32_t type)
{
    do {
        parley_event_free(f->event);
        f->event = parley_next_event(f->client, 0);
    } while (f->event && parley_event_type(f->event) != type);
    return f->event;
}

void fake_expect_item(struct fake *f, int64_t seq, bool fresh)
{
    parley_event *e = fake_event(f, PARLEY_EVENT_ITEM);
    if (!e)
        fail_msg("no item; %lld was expected", (long long)seq);
    assert_int_equal(parley_event_seq(e), seq);
    assert_int_equal(parley_event_int(e, "item.seq", 0), seq);
    assert_int_equal(parley_event_int(e, "new", -1), fresh);
}

void fake_expect_items(struct fake *f, int64_t first, int64_t last, bool fresh)
{
    for (int64_t n = first; n <= last; n++)
        fake_expect_item(f, n, fresh);
}

void fake_expect_no(struct fake *f, int32_t type)
{
    parley_event *e = fake_event(f, type);
    if (e)
        fail_msg("an event too many: %s", parley_event_json(e));
}

void fake_expect_state(struct fake *f, int32_t state, parley_status reason)
{
    parley_event *e = fake_event(f, PARLEY_EVENT_STATE);
    if (!e)
        fail_msg("no event; state %d was expected", state);
    if (parley_event_state(e) != state || parley_event_status(e) != reason)
        fail_msg("state %d reason %d was expected: %s", state, reason, parley_event_json(e));
}
