/* The app's context: kept by key, sent as one map when the keys have been quiet for a moment. */
#include "sdk-c/src/context.h"

#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"

#include <stdlib.h>

static void key_free(struct context_key *k)
{
    free(k->name);
    free(k->json);
    free(k);
}

void context_done(struct context *ctx)
{
    while (ctx->keys) {
        struct context_key *next = ctx->keys->next;
        key_free(ctx->keys);
        ctx->keys = next;
    }
}

static struct context_key **find(struct context *ctx, struct span name, size_t *out_count)
{
    struct context_key **at = &ctx->keys;
    for (*out_count = 0; *at && !span_is(name, (*at)->name); at = &(*at)->next)
        ++*out_count;
    return at;
}

static parley_status put(struct context_key **at, size_t count, struct span name, struct span json, bool *out_changed)
{
    *out_changed = !*at || !span_is(json, (*at)->json);
    if (!*out_changed)
        return PARLEY_OK;
    if (!*at && count >= CONTEXT_KEYS_MAX)
        return PARLEY_LIMIT;
    char *copy = strndup(json.ptr, json.len);
    if (copy && *at) {
        free((*at)->json);
        (*at)->json = copy;
        return PARLEY_OK;
    }
    struct context_key *k = calloc(1, sizeof *k);
    char *key = strndup(name.ptr, name.len);
    if (!copy || !k || !key) {
        free(copy);
        free(k);
        free(key);
        return PARLEY_NOMEM;
    }
    *k = (struct context_key){.name = key, .json = copy};
    *at = k;
    return PARLEY_OK;
}

static size_t size_of(const struct context *ctx)
{
    size_t size = 2;
    for (const struct context_key *k = ctx->keys; k; k = k->next)
        size += strlen(k->name) + strlen(k->json) + 4;
    return size;
}

static void dirty(struct parley_client *c, struct conversation *conv)
{
    struct context *ctx = &conv->context;
    if (!ctx->dirty)
        keep_context_sent(c, conv->id, false);
    ctx->dirty = true;
    if (ctx->send_at == INT64_MAX)
        ctx->send_at = client_now(c) + CONTEXT_DELAY_MS;
}

static parley_status set(struct parley_client *c, struct conversation *conv, struct span key, struct span json)
{
    struct context *ctx = &conv->context;
    size_t count;
    bool changed;
    struct context_key **at = find(ctx, key, &count);
    size_t there = *at ? strlen((*at)->json) : 0;
    if (json.ptr && size_of(ctx) - there + key.len + json.len + 4 > LIMIT_DATA)
        return PARLEY_TOO_BIG;
    parley_status st = PARLEY_OK;
    if (json.ptr) {
        st = put(at, count, key, json, &changed);
    } else {
        struct context_key *gone = *at;
        changed = gone != NULL;
        if (gone) {
            *at = gone->next;
            key_free(gone);
        }
    }
    if (st != PARLEY_OK || !changed)
        return st;
    keep_context(c, conv->id, key, json);
    dirty(c, conv);
    return PARLEY_OK;
}

/* The screen that is left, with the time. The oldest give way. */
static parley_status leave_screen(struct parley_client *c, struct conversation *conv, const char *screen)
{
    size_t count;
    struct buf json;
    struct value old = {.type = VALUE_ARRAY};
    struct wire_error error;
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_DATA, .nodes = LIMIT_NODES};
    const struct context_key *trail = *find(&conv->context, span_str("trail"), &count);
    if (trail && wire_json_read(&c->arena, span_str(trail->json), &limits, &old, &error) != PARLEY_OK)
        old = (struct value){.type = VALUE_ARRAY};
    buf_init(&json, LIMIT_DATA);
    uint32_t from = old.type == VALUE_ARRAY && old.count >= CONTEXT_TRAIL_MAX ? old.count - CONTEXT_TRAIL_MAX + 1 : 0;
    buf_add_char(&json, '[');
    for (uint32_t i = from; old.type == VALUE_ARRAY && i < old.count; i++) {
        wire_json_put_value(&json, &old.items[i]);
        buf_add_char(&json, ',');
    }
    buf_printf(&json, "{\"at\":%lld,\"screen\":%s}]", (long long)client_unix(c), screen);
    parley_status st = json.status == PARLEY_OK ? set(c, conv, span_str("trail"), buf_span(&json)) : json.status;
    buf_done(&json);
    return st;
}

parley_status context_set(struct parley_client *c, struct conversation *conv, struct span key, struct span json)
{
    size_t count;
    const struct context_key *now = *find(&conv->context, key, &count);
    bool leaves = now && span_is(key, "screen") && !span_is(json, now->json);
    if (span_is(key, "trail"))
        return PARLEY_INVALID; /* ours */
    char *screen = leaves ? strdup(now->json) : NULL;
    parley_status st = leaves && !screen ? PARLEY_NOMEM : set(c, conv, key, json);
    if (st == PARLEY_OK && screen)
        leave_screen(c, conv, screen); /* without: the trail lacks one */
    free(screen);
    return st;
}

parley_status context_restore(struct parley_client *c, struct conversation *conv, struct span key, struct span json)
{
    size_t count;
    bool changed;
    struct context_key **at = find(&conv->context, key, &count);
    return put(at, count, key, json, &changed);
}

void context_restored(struct parley_client *c, struct conversation *conv, bool sent)
{
    conv->context.dirty = !sent;
    conv->context.send_at = sent ? INT64_MAX : 0;
    conv->followed |= !sent;
}

void context_lost(struct context *ctx)
{
    ctx->dirty = ctx->dirty || ctx->in_flight;
    ctx->in_flight = false;
    if (ctx->dirty)
        ctx->send_at = 0;
}

static parley_status answered(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    struct conversation *conv = inbox_find(&c->inbox, r->subject);
    if (!conv)
        return PARLEY_OK;
    struct context *ctx = &conv->context;
    ctx->in_flight = false;
    if (answer->status != PARLEY_OK && status_again(answer->status))
        ctx->dirty = true;
    else if (answer->status != PARLEY_OK)
        return request_reply(c, r, answer); /* nobody asked, but somebody should know */
    if (!ctx->dirty)
        keep_context_sent(c, conv->id, true);
    ctx->send_at = ctx->dirty ? client_now(c) + CONTEXT_EVERY_MS : INT64_MAX;
    return PARLEY_OK;
}

bool context_waits(const struct context *ctx)
{
    return ctx->dirty || ctx->in_flight;
}

void context_tick(struct parley_client *c, struct conversation *conv, int64_t now)
{
    if (now >= conv->context.send_at || c->sync.active)
        context_flush(c, conv);
}

void context_flush(struct parley_client *c, struct conversation *conv)
{
    struct context *ctx = &conv->context;
    if (!ctx->dirty || ctx->in_flight || !conv->following || !link_online(c))
        return;
    struct buf json;
    buf_init(&json, LIMIT_DATA);
    for (const struct context_key *k = ctx->keys; k; k = k->next) {
        buf_add_char(&json, k == ctx->keys ? '{' : ',');
        wire_json_put_text(&json, span_str(k->name));
        buf_add_char(&json, ':');
        buf_add_str(&json, k->json);
    }
    buf_add_str(&json, ctx->keys ? "}" : "{}");
    struct frame_context_put ask = {.conversation = conv->id, .context.json = buf_span(&json)};
    struct request *r;
    if (json.status == PARLEY_OK && request_make(c, FRAME_context_put, &ask, REQUEST_DROP, answered, &r) == PARLEY_OK) {
        r->subject = conv->id;
        ctx->in_flight = true;
        ctx->dirty = false;
    }
    ctx->send_at = ctx->dirty ? client_now(c) + CONTEXT_EVERY_MS : INT64_MAX;
    buf_done(&json);
}
