/* Processes as objects: begun, edited and merged here, whether there is a server or not. */
#include "sdk-c/src/api.h"

#include "protocol/text.h"

static parley_status name(const char *text, bool required, struct span *out)
{
    bool has;
    parley_status st = api_optional(text, out, &has);
    if (st == PARLEY_OK && !has)
        *out = (struct span){0};
    if (st != PARLEY_OK || (!has && !required))
        return st;
    if (out->len > LIMIT_NAME)
        return PARLEY_TOO_BIG;
    return text_is_name(*out) ? PARLEY_OK : PARLEY_INVALID;
}

static parley_status state_name(const char *text, struct span *out)
{
    parley_status st = name(text, false, out);
    return st == PARLEY_OK && out->len && process_state_of(*out) < 0 ? PARLEY_INVALID : st;
}

static parley_status data(struct parley_client *c, const char *json, struct value *room, struct edit *edit)
{
    edit->data = json ? room : NULL;
    return json ? api_map(c, span_str(json), room) : PARLEY_OK;
}

static void give(char *out_id, struct uuid id)
{
    if (out_id)
        uuid_format(id, out_id);
}

parley_status parley_process_begin(parley_client *c, const char *conversation, const char *type, const char *title,
                                   const char *step, const char *data_json, char *out_id)
{
    struct edit edit = {.data = NULL};
    struct value room;
    struct uuid id;
    bool has_title;
    api_enter(c);
    parley_status st = api_conversation_or_nil(c, conversation, &edit.conversation);
    if (st == PARLEY_OK)
        st = name(type, true, &edit.type);
    if (st == PARLEY_OK)
        st = api_optional(title, &edit.title, &has_title);
    if (st == PARLEY_OK && edit.title.len > LIMIT_TITLE)
        st = PARLEY_TOO_BIG;
    if (st == PARLEY_OK)
        st = name(step, false, &edit.step);
    if (st == PARLEY_OK)
        st = data(c, data_json, &room, &edit);
    if (st == PARLEY_OK)
        st = edit_begin(c, &edit, &id);
    if (st == PARLEY_OK)
        give(out_id, id);
    return api_leave(c, st);
}

static parley_status changes(struct parley_client *c, const char *step, const char *state, const char *data_json,
                             struct value *room, struct edit *edit)
{
    parley_status st = name(step, false, &edit->step);
    if (st == PARLEY_OK)
        st = state_name(state, &edit->state);
    return st == PARLEY_OK ? data(c, data_json, room, edit) : st;
}

parley_status parley_process_edit(parley_client *c, const char *conversation, const char *process, const char *step,
                                  const char *state, const char *data_json, char *out_id)
{
    struct edit edit = {.data = NULL};
    struct value room;
    struct uuid id;
    if (!step && !state && !data_json)
        return PARLEY_INVALID;
    api_enter(c);
    parley_status st = api_conversation_or_nil(c, conversation, &edit.conversation);
    if (st == PARLEY_OK)
        st = api_id(process, &edit.process);
    if (st == PARLEY_OK)
        st = changes(c, step, state, data_json, &room, &edit);
    if (st == PARLEY_OK)
        st = edit_change(c, &edit, &id);
    if (st == PARLEY_OK)
        give(out_id, id);
    return api_leave(c, st);
}

parley_status parley_process_merge(parley_client *c, const char *text, const char *step, const char *state,
                                   const char *data_json)
{
    struct edit edit = {.data = NULL};
    struct value room;
    struct uuid id;
    parley_status st = api_id(text, &id);
    if (st != PARLEY_OK)
        return st;
    api_enter(c);
    st = changes(c, step, state, data_json, &room, &edit);
    return api_leave(c, st == PARLEY_OK ? edit_merge(c, id, &edit) : st);
}
