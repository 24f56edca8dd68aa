/* What the app wants of what it said: again, not at all, or otherwise. */
#include "sdk-c/src/outbox.h"

#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"
#include "sdk-c/src/edit_value.h"

#include <stdlib.h>

/* --- the app's wishes --- */

parley_status outbox_retry(struct parley_client *c, struct uuid id)
{
    struct entry **at = outbox_find(&c->outbox, id);
    if (!at)
        return PARLEY_NOT_FOUND;
    if ((*at)->state != PARLEY_OUTBOX_FAILED_RETRY)
        return PARLEY_WRONG_STATE;
    (*at)->tries = 0;
    outbox_move(c, *at, PARLEY_OUTBOX_QUEUED, PARLEY_OK, (struct span){0});
    outbox_pump(c);
    return PARLEY_OK;
}

parley_status outbox_discard(struct parley_client *c, struct uuid id)
{
    struct entry **at = outbox_find(&c->outbox, id);
    if (!at)
        return PARLEY_NOT_FOUND;
    if ((*at)->in_flight || outbox_is_stored(*at))
        return PARLEY_WRONG_STATE;
    parley_status st = keep_entry_dropped(c, id);
    if (st != PARLEY_OK)
        return st;
    outbox_move(c, *at, PARLEY_OUTBOX_DISCARDED, PARLEY_OK, (struct span){0});
    outbox_forget(c, at);
    return PARLEY_OK;
}

/* --- edits --- */

static parley_status rewrite(struct parley_client *c, struct entry *e, struct span json)
{
    char *body = malloc(json.len);
    if (!body)
        return PARLEY_NOMEM;
    memcpy(body, json.ptr, json.len);
    parley_status st = keep_entry_body(c, e, json);
    if (st != PARLEY_OK) {
        free(body);
        return st;
    }
    free(e->rewritten);
    e->rewritten = body;
    e->body_len = json.len;
    return PARLEY_OK;
}

parley_status outbox_rewrite(struct parley_client *c, struct uuid id, struct value *body, const struct value *process)
{
    struct arena arena;
    struct buf json;
    struct entry **at = outbox_find(&c->outbox, id);
    if (!at)
        return PARLEY_NOT_FOUND;
    arena_init(&arena, EDIT_ARENA_MAX);
    buf_init(&json, LIMIT_MESSAGE * 2);
    parley_status st = edit_rebase(&arena, body, process);
    if (st == PARLEY_OK) {
        wire_json_put_value(&json, body);
        st = json.status;
    }
    if (st == PARLEY_OK)
        st = rewrite(c, *at, buf_span(&json));
    buf_done(&json);
    arena_done(&arena);
    return st;
}

void outbox_ask(struct parley_client *c, struct uuid id)
{
    struct entry **at = outbox_find(&c->outbox, id);
    if (at)
        outbox_move(c, *at, PARLEY_OUTBOX_FAILED_RETRY, PARLEY_STALE,
                    span_str("somebody else has changed the same: parley_process_merge decides"));
}

const struct entry *outbox_conflict(struct parley_client *c, struct uuid id)
{
    struct entry **at = outbox_find(&c->outbox, id);
    bool asks = at && (*at)->is_edit && (*at)->state == PARLEY_OUTBOX_FAILED_RETRY && (*at)->reason == PARLEY_STALE;
    return asks ? *at : NULL;
}

bool outbox_has(struct parley_client *c, struct uuid id)
{
    return outbox_find(&c->outbox, id) != NULL;
}
