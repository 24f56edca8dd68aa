/* Events: written as JSON once, read by path or as they are. */
#include "sdk-c/src/event.h"

#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EVENT_MAX = 1 << 20, EVENT_ARENA_MAX = 32 << 20 };

static const char *const names[] = {
    [PARLEY_EVENT_STATE] = "state",
    [PARLEY_EVENT_WELCOME] = "welcome",
    [PARLEY_EVENT_CONVERSATION] = "conversation",
    [PARLEY_EVENT_ITEM] = "item",
    [PARLEY_EVENT_OUTBOX] = "outbox",
    [PARLEY_EVENT_MARK] = "mark",
    [PARLEY_EVENT_TYPING] = "typing",
    [PARLEY_EVENT_SERVICE] = "service",
    [PARLEY_EVENT_PERSON] = "person",
    [PARLEY_EVENT_SYNCED] = "synced",
    [PARLEY_EVENT_REPLY] = "reply",
    [PARLEY_EVENT_OFFER] = "offer",
    [PARLEY_EVENT_OFFER_ENDED] = "offer.ended",
    [PARLEY_EVENT_DESK] = "desk",
    [PARLEY_EVENT_TOKEN_EXPIRING] = "token.expiring",
    [PARLEY_EVENT_ERROR] = "error",
    [PARLEY_EVENT_CACHE] = "cache",
    [PARLEY_EVENT_PROCESS] = "process",
    [PARLEY_EVENT_ANSWER] = "answer",
    [PARLEY_EVENT_UNREAD] = "unread",
    [PARLEY_EVENT_VIEW] = "view",
    [PARLEY_EVENT_RECAP] = "recap",
    [PARLEY_EVENT_PUSH] = "push",
    [PARLEY_EVENT_CONFLICT] = "conflict",
};

int events_condition(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0)
        return -1;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return failed;
}

struct timespec events_after(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_nsec -= 1000000000L;
        t.tv_sec++;
    }
    return t;
}

parley_status events_init(struct events *q)
{
    *q = (struct events){.ended = true};
    if (pipe(q->fd) != 0)
        return PARLEY_LIMIT;
    for (int i = 0; i < 2; i++) {
        fcntl(q->fd[i], F_SETFL, O_NONBLOCK);
        fcntl(q->fd[i], F_SETFD, FD_CLOEXEC);
    }
    if (events_condition(&q->some) != 0) {
        close(q->fd[0]);
        close(q->fd[1]);
        return PARLEY_NOMEM;
    }
    return PARLEY_OK;
}

void events_done(struct events *q)
{
    struct parley_event *e;
    while ((e = events_take(q)))
        parley_event_free(e);
    pthread_cond_destroy(&q->some);
    close(q->fd[0]);
    close(q->fd[1]);
}

bool events_full(const struct events *q)
{
    return q->count >= EVENTS_MAX || q->bytes >= EVENTS_BYTES_MAX;
}

struct parley_event *event_new(int32_t type, struct uuid conversation)
{
    struct parley_event *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->type = type;
    buf_init(&e->json, EVENT_MAX);
    buf_add_str(&e->json, "{\"event\":");
    wire_json_put_text(&e->json, span_str(names[type]));
    if (!uuid_is_nil(conversation))
        event_put_id(e, "conversation", conversation);
    return e;
}

static struct buf *put_name(struct parley_event *e, const char *name)
{
    buf_add_char(&e->json, ',');
    wire_json_put_text(&e->json, span_str(name));
    buf_add_char(&e->json, ':');
    return &e->json;
}

void event_put_text(struct parley_event *e, const char *name, struct span text)
{
    if (e)
        wire_json_put_text(put_name(e, name), text);
}

void event_put_word(struct parley_event *e, const char *name, const char *text)
{
    if (text)
        event_put_text(e, name, span_str(text));
}

void event_put_int(struct parley_event *e, const char *name, int64_t v)
{
    if (e)
        wire_json_put_int(put_name(e, name), v);
}

void event_put_bool(struct parley_event *e, const char *name, bool v)
{
    if (e)
        buf_add_str(put_name(e, name), v ? "true" : "false");
}

void event_put_id(struct parley_event *e, const char *name, struct uuid id)
{
    if (e)
        wire_json_put_id(put_name(e, name), id);
}

void event_put_json(struct parley_event *e, const char *name, struct span json)
{
    if (e)
        buf_add_span(put_name(e, name), json);
}

void event_put_list(struct parley_event *e, const char *name, struct buf *list)
{
    if (e && list->status != PARLEY_OK)
        e->json.status = list->status;
    event_put_json(e, name, buf_span(list));
    buf_done(list);
}

struct parley_event *event_item(const struct parley_client *c, struct uuid conversation, struct span item,
                                struct uuid author, bool fresh)
{
    struct parley_event *e = event_new(PARLEY_EVENT_ITEM, conversation);
    event_put_json(e, "item", item);
    event_put_bool(e, "new", fresh);
    event_put_bool(e, "mine", !uuid_is_nil(author) && uuid_equal(author, c->me));
    return e;
}

/* Found without reading the rest: it stands before any text of a person's. */
bool event_item_id(struct span item, struct uuid *out)
{
    static const char key[] = ",\"id\":\"";
    const char *at = item.len ? memmem(item.ptr, item.len, key, sizeof key - 1) : NULL;
    if (!at || (size_t)(item.ptr + item.len - at) < sizeof key - 1 + UUID_TEXT)
        return false;
    return uuid_parse(span_of(at + sizeof key - 1, UUID_TEXT), out) == PARLEY_OK;
}

void event_record(struct buf *out, enum frame_type type, const void *content, const char *before)
{
    size_t from = out->len, cut = strlen(before), tail = 2;
    frame_put_type(out, ENCODING_JSON, type, 1, content);
    if (out->status != PARLEY_OK)
        return;
    size_t left = out->len - from - cut - tail;
    memmove(out->ptr + from, out->ptr + from + cut, left);
    out->len = from + left;
}

/* Written whole and cut out of its envelope: {"type":"item","data":{...}} or {"re":1,"data":{...}}. */
void event_put_frame(struct parley_event *e, enum frame_type type, const void *content)
{
    if (!e)
        return;
    buf_add_char(&e->json, ',');
    size_t from = e->json.len;
    frame_put_type(&e->json, ENCODING_JSON, type, 1, content);
    if (e->json.status != PARLEY_OK)
        return;
    size_t envelope = strlen("{\"re\":1,"), tail = 1;
    if (frame_is_push(type)) {
        envelope = strlen("{\"type\":\"\",\"data\":{") + strlen(frame_type_name(type));
        tail = 2;
    }
    size_t left = e->json.len - from - envelope - tail;
    memmove(e->json.ptr + from, e->json.ptr + from + envelope, left);
    e->json.len = left ? from + left : from - 1;
}

parley_status event_finish(struct parley_event *e)
{
    if (!e)
        return PARLEY_NOMEM;
    if (!e->finished)
        buf_add(&e->json, "}", 2);
    e->finished = true;
    return e->json.status;
}

struct parley_event *event_checked(struct parley_event *e)
{
    if (event_finish(e) == PARLEY_OK)
        return e;
    parley_event_free(e);
    return NULL;
}

parley_status events_push(struct events *q, struct parley_event *e)
{
    parley_status st = event_finish(e);
    if (st != PARLEY_OK) {
        parley_event_free(e);
        return st;
    }
    if (q->last)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
    q->bytes += e->json.len;
    if (q->count++ == 0) {
        q->wake_due = true;
        if (write(q->fd[1], "", 1) < 0) {
            /* a full pipe is readable too */
        }
        pthread_cond_broadcast(&q->some);
    }
    return PARLEY_OK;
}

struct parley_event *events_take(struct events *q)
{
    struct parley_event *e = q->first;
    if (!e)
        return NULL;
    q->first = e->next;
    e->next = NULL;
    q->bytes -= e->json.len;
    if (--q->count == 0) {
        char drained[8];
        q->last = NULL;
        while (read(q->fd[0], drained, sizeof drained) > 0)
            ;
    }
    return e;
}

void parley_event_free(parley_event *e)
{
    if (!e)
        return;
    buf_done(&e->json);
    arena_done(&e->arena);
    free(e);
}

int32_t parley_event_type(const parley_event *e)
{
    return e->type;
}

uint64_t parley_event_call(const parley_event *e)
{
    return e->call;
}

parley_status parley_event_status(const parley_event *e)
{
    return e->status;
}

int32_t parley_event_state(const parley_event *e)
{
    return e->state;
}

int64_t parley_event_seq(const parley_event *e)
{
    return e->seq;
}

const char *parley_event_json(const parley_event *e)
{
    return e->json.ptr;
}

static bool parse(struct parley_event *e)
{
    if (e->parsed)
        return e->root.type == VALUE_MAP;
    static const struct wire_limits limits = {.depth = WIRE_DEPTH_MAX, .nodes = EVENT_MAX};
    struct wire_error error;
    arena_init(&e->arena, EVENT_ARENA_MAX);
    struct span text = span_of(e->json.ptr, e->json.len - 1);
    e->parsed = true;
    return wire_json_read(&e->arena, text, &limits, &e->root, &error) == PARLEY_OK;
}

static const struct value *step_into(const struct value *v, struct span name)
{
    if (v->type == VALUE_MAP)
        return value_get(v, name);
    if (v->type != VALUE_ARRAY || name.len == 0 || name.len > 6)
        return NULL;
    size_t index = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(name.ptr[i] - '0');
    }
    return index < v->count ? &v->items[index] : NULL;
}

/* NULL when there is nothing at the path; the empty path is the event itself. */
static const struct value *look(struct parley_event *e, const char *path)
{
    const struct value *v = parse(e) ? &e->root : NULL;
    while (v && path && *path) {
        size_t length = strcspn(path, ".");
        v = step_into(v, span_of(path, length));
        path += length + (path[length] == '.');
    }
    return v;
}

static const char *terminated(struct parley_event *e, struct span text)
{
    char *copy = arena_alloc(&e->arena, text.len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

const char *parley_event_text(parley_event *e, const char *path)
{
    const struct value *v = look(e, path);
    return v && v->type == VALUE_TEXT ? terminated(e, v->text) : NULL;
}

int64_t parley_event_int(parley_event *e, const char *path, int64_t otherwise)
{
    const struct value *v = look(e, path);
    if (v && v->type == VALUE_INT)
        return v->integer;
    if (v && v->type == VALUE_BOOL)
        return v->boolean;
    if (v && v->type == VALUE_REAL && v->real > -9e18 && v->real < 9e18)
        return (int64_t)v->real;
    return otherwise;
}

double parley_event_real(parley_event *e, const char *path, double otherwise)
{
    const struct value *v = look(e, path);
    if (v && v->type == VALUE_REAL)
        return v->real;
    return v && v->type == VALUE_INT ? (double)v->integer : otherwise;
}

uint32_t parley_event_count(parley_event *e, const char *path)
{
    const struct value *v = look(e, path);
    return v && (v->type == VALUE_ARRAY || v->type == VALUE_MAP) ? v->count : 0;
}

const char *parley_event_key(parley_event *e, const char *path, uint32_t index)
{
    const struct value *v = look(e, path);
    return v && v->type == VALUE_MAP && index < v->count ? terminated(e, v->members[index].key) : NULL;
}
