/* The calls that need no server: what is kept here, drafts, and signing out. */
#include "sdk-c/src/api.h"

#include "protocol/text.h"
#include "sdk-c/src/store.h"

#include <stdlib.h>

/* --- drafts --- */

parley_status parley_draft_set(parley_client *c, const char *conversation, int64_t number, const char *value_json)
{
    struct buf json;
    struct uuid id;
    if (number < 0)
        return PARLEY_INVALID;
    buf_init(&json, LIMIT_DATA);
    api_enter(c);
    parley_status st = value_json ? api_value(c, span_str(value_json), &json) : PARLEY_OK;
    if (st == PARLEY_OK)
        st = api_conversation_or_nil(c, conversation, &id);
    if (st == PARLEY_OK)
        st = keep_draft(c, id, number, buf_span(&json));
    buf_done(&json);
    return api_leave(c, st);
}

/* --- what is here --- */

struct parley_event *api_outbox(struct parley_client *c)
{
    struct parley_event *e = event_new(PARLEY_EVENT_ANSWER, (struct uuid){0});
    outbox_put(c, e);
    return event_checked(e);
}

struct parley_event *api_recap(struct parley_client *c, struct uuid id)
{
    return event_checked(recap_event(c, PARLEY_EVENT_ANSWER, id));
}

parley_event *parley_outbox_list(parley_client *c)
{
    api_enter(c);
    struct parley_event *e = api_outbox(c);
    api_leave(c, PARLEY_OK);
    return e;
}

parley_event *parley_recap(parley_client *c, const char *conversation)
{
    struct uuid id;
    api_enter(c);
    parley_status st = api_conversation_or_nil(c, conversation, &id);
    struct parley_event *e = st == PARLEY_OK ? api_recap(c, id) : NULL;
    api_leave(c, st);
    return e;
}

/* --- views --- */

parley_status parley_view_thread(parley_client *c, const char *conversation, uint32_t count, uint64_t *out_view)
{
    struct uuid id;
    if (count < 1 || count > LIMIT_PAGE_ITEMS)
        return PARLEY_INVALID;
    api_enter(c);
    parley_status st = api_conversation_or_nil(c, conversation, &id);
    if (st == PARLEY_OK)
        st = view_open_thread(c, conversation ? id : (struct uuid){0}, count, out_view);
    return api_leave(c, st);
}

parley_status parley_view_list(parley_client *c, uint64_t *out_view)
{
    api_enter(c);
    return api_leave(c, view_open_list(c, out_view));
}

parley_status parley_view_more(parley_client *c, uint64_t view, uint32_t count)
{
    if (count < 1 || count > LIMIT_PAGE_ITEMS)
        return PARLEY_INVALID;
    api_enter(c);
    return api_leave(c, view_more(c, view, count));
}

void parley_view_close(parley_client *c, uint64_t view)
{
    api_enter(c);
    view_close(c, view);
    api_leave(c, PARLEY_OK);
}

uint32_t parley_unread_total(parley_client *c)
{
    int64_t total = 0;
    client_lock(c);
    for (const struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        total += conv->unread;
    client_unlock(c);
    return (uint32_t)total;
}

/* --- being woken --- */

parley_status parley_push_register(parley_client *c, const char *platform, const char *token)
{
    struct span kind, text;
    bool has_kind, has_text;
    if (api_optional(platform, &kind, &has_kind) != PARLEY_OK || api_optional(token, &text, &has_text) != PARLEY_OK)
        return PARLEY_INVALID;
    if (has_text && (!text.len || !has_kind || !text_is_name(kind)))
        return PARLEY_INVALID;
    if (has_text && (text.len > LIMIT_PUSH_TOKEN || kind.len > LIMIT_NAME))
        return PARLEY_TOO_BIG;
    api_enter(c);
    parley_status st = push_register(c, has_text ? kind : span_str(""), has_text ? text : span_str(""));
    return api_leave(c, st);
}

/* --- signing out --- */

static void drop_events(struct parley_client *c)
{
    struct parley_event *e;
    while ((e = events_take(&c->events)))
        parley_event_free(e);
}

static void name_no_files(struct settings *s)
{
    free(s->keep_path);
    free(s->cache_path);
    free(s->left_path);
    s->keep_path = s->cache_path = s->left_path = NULL;
}

parley_status parley_sign_out(parley_client *c)
{
    api_enter(c);
    requests_cancel(c, PARLEY_CANCELED);
    drop_events(c);
    push_leave(c);
    parley_status left = push_left_kept(c);
    link_stop(c, PARLEY_SIGNED_OUT);
    free(c->settings.token);
    c->settings.token = NULL;
    parley_status st = client_forget(c);
    if (left != PARLEY_OK)
        left = push_left_kept(c); /* now that there is room on the disk */
    st = st == PARLEY_OK ? left : st;
    name_no_files(&c->settings);
    if (keep_open(c) != PARLEY_OK || cache_open(c) != PARLEY_OK)
        st = PARLEY_NOMEM;
    return api_leave(c, st);
}
