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

parley_status context_set(struct parley_client *c, struct conversation *conv, struct span key, struct span json)
{
    struct context *ctx = &conv->context;
    size_t count;
    bool changed;
    struct context_key **at = find(ctx, key, &count);
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
    ctx->dirty = true;
    if (ctx->send_at == INT64_MAX)
        ctx->send_at = client_now(c) + CONTEXT_DELAY_MS;
    return PARLEY_OK;
}

void context_lost(struct context *ctx)
{
    ctx->dirty = ctx->dirty || ctx->in_flight;
    ctx->in_flight = false;
    if (ctx->dirty)
        ctx->send_at = 0;
}

static parley_status done(struct parley_client *c, const struct request *r, const struct answer *answer)
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
    if (json.status == PARLEY_OK && request_make(c, FRAME_context_put, &ask, REQUEST_DROP, done, &r) == PARLEY_OK) {
        r->subject = conv->id;
        ctx->in_flight = true;
        ctx->dirty = false;
    }
    ctx->send_at = ctx->dirty ? client_now(c) + CONTEXT_EVERY_MS : INT64_MAX;
    buf_done(&json);
}
