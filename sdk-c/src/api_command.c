/* The API's own calls as lines of JSON: each takes its arguments out of the line and makes the typed call. */
#include "sdk-c/src/api_line.h"

#include <string.h>

enum { SYNC_LIMIT_MS = 25000 };

static parley_status do_connect(struct line *l, uint64_t *out_call)
{
    return parley_connect(l->c);
}

static parley_status do_close(struct line *l, uint64_t *out_call)
{
    parley_close(l->c);
    return PARLEY_OK;
}

static parley_status do_token(struct line *l, uint64_t *out_call)
{
    return parley_set_token(l->c, line_text(l, "token"));
}

static parley_status do_foreground(struct line *l, uint64_t *out_call)
{
    parley_set_foreground(l->c, line_int(l, "on", 1) != 0);
    return PARLEY_OK;
}

static parley_status do_network(struct line *l, uint64_t *out_call)
{
    parley_network_changed(l->c, line_int(l, "reachable", 1) != 0);
    return PARLEY_OK;
}

static parley_status do_send(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    return line_said(l, "send", parley_send_text(l->c, l->conversation, line_text(l, "text"), id), id, out_call);
}

static parley_status do_tap(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st =
        parley_tap(l->c, l->conversation, line_int(l, "seq", 0), line_text(l, "value"), line_text(l, "label"), id);
    return line_said(l, "tap", st, id, out_call);
}

static parley_status do_submit(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st = parley_submit_form(l->c, l->conversation, line_int(l, "seq", 0), line_json(l, "values"), id);
    return line_said(l, "submit", st, id, out_call);
}

static parley_status do_context(struct line *l, uint64_t *out_call)
{
    return parley_context_set(l->c, l->conversation, line_text(l, "key"), line_json(l, "value"));
}

static parley_status do_read(struct line *l, uint64_t *out_call)
{
    return parley_mark_read(l->c, l->conversation, line_int(l, "seq", 0));
}

static parley_status do_older(struct line *l, uint64_t *out_call)
{
    int64_t count = line_int(l, "count", 50);
    return parley_load_older(l->c, l->conversation, count > 0 && count <= LIMIT_PAGE_ITEMS ? (uint32_t)count : 0,
                             out_call);
}

static parley_status do_retry(struct line *l, uint64_t *out_call)
{
    return parley_outbox_retry(l->c, line_text(l, "id"));
}

static parley_status do_discard(struct line *l, uint64_t *out_call)
{
    return parley_outbox_discard(l->c, line_text(l, "id"));
}

static parley_status do_draft(struct line *l, uint64_t *out_call)
{
    return parley_draft_set(l->c, l->conversation, line_int(l, "number", 0), line_json(l, "value"));
}

static parley_status do_view(struct line *l, uint64_t *out_call)
{
    int64_t count = line_int(l, "count", 50);
    return parley_view_thread(l->c, l->conversation, count > 0 && count <= LIMIT_PAGE_ITEMS ? (uint32_t)count : 0,
                              out_call);
}

static parley_status do_list(struct line *l, uint64_t *out_call)
{
    return parley_view_list(l->c, out_call);
}

static parley_status do_more(struct line *l, uint64_t *out_call)
{
    int64_t count = line_int(l, "count", 50);
    return parley_view_more(l->c, (uint64_t)line_int(l, "view", 0),
                            count > 0 && count <= LIMIT_PAGE_ITEMS ? (uint32_t)count : 0);
}

static parley_status do_close_view(struct line *l, uint64_t *out_call)
{
    parley_view_close(l->c, (uint64_t)line_int(l, "view", 0));
    return PARLEY_OK;
}

static parley_status do_sign_out(struct line *l, uint64_t *out_call)
{
    return parley_sign_out(l->c);
}

static parley_status do_mask(struct line *l, uint64_t *out_call)
{
    return parley_context_mask(l->c, line_text(l, "class"), line_text(l, "keys"), line_text(l, "shape"));
}

static parley_status do_begin(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st = parley_process_begin(l->c, l->conversation, line_text(l, "type"), line_text(l, "title"),
                                            line_text(l, "step"), line_json(l, "data"), id);
    return line_said(l, "process.begin", st, id, out_call);
}

static parley_status do_edit(struct line *l, uint64_t *out_call)
{
    char id[UUID_TEXT + 1];
    parley_status st = parley_process_edit(l->c, l->conversation, line_text(l, "process"), line_text(l, "step"),
                                           line_text(l, "state"), line_json(l, "data"), id);
    return line_said(l, "process.edit", st, id, out_call);
}

static parley_status do_merge(struct line *l, uint64_t *out_call)
{
    return parley_process_merge(l->c, line_text(l, "id"), line_text(l, "step"), line_text(l, "state"),
                                line_json(l, "data"));
}

static parley_status do_push(struct line *l, uint64_t *out_call)
{
    return parley_push_register(l->c, line_text(l, "platform"), line_text(l, "token"));
}

/* Does not wait, as the typed call does: the REPLY tells. */
static parley_status do_sync(struct line *l, uint64_t *out_call)
{
    struct parley_client *c = l->c;
    int64_t limit = line_int(l, "limit_ms", SYNC_LIMIT_MS);
    if (limit < 1 || limit > INT32_MAX)
        return PARLEY_INVALID;
    api_enter(c);
    uint64_t call = request_number(c);
    parley_status st = sync_begin(c, (int32_t)limit, call);
    if (st == PARLEY_OK)
        *out_call = call;
    return api_leave(c, st);
}

static parley_status do_outbox(struct line *l, uint64_t *out_call)
{
    return line_answer(l, "outbox", parley_outbox_list(l->c), out_call);
}

static parley_status do_recap(struct line *l, uint64_t *out_call)
{
    struct parley_event *found = parley_recap(l->c, l->conversation);
    return found ? line_answer(l, "recap", found, out_call) : PARLEY_INVALID;
}

static const struct command commands[] = {
    {"connect", do_connect, "", false},
    {"close", do_close, "", false},
    {"token", do_token, "token!", false},
    {"foreground", do_foreground, "?on", false},
    {"network", do_network, "?reachable", false},
    {"send", do_send, "text!", true},
    {"tap", do_tap, "#seq! value! label", true},
    {"submit", do_submit, "#seq! %values!", true},
    {"context", do_context, "key! %value", false},
    {"read", do_read, "#seq!", false},
    {"older", do_older, "#count", false},
    {"retry", do_retry, "id!", false},
    {"discard", do_discard, "id!", false},
    {"draft", do_draft, "#number %value", false},
    {"outbox", do_outbox, "", false},
    {"recap", do_recap, "", false},
    {"sign_out", do_sign_out, "", false},
    {"view", do_view, "#count", false},
    {"view.list", do_list, "", false},
    {"view.more", do_more, "#view! #count", false},
    {"view.close", do_close_view, "#view!", false},
    {"push", do_push, "platform token", false},
    {"sync", do_sync, "#limit_ms", false},
    {"mask", do_mask, "class! keys shape", false},
    {"process.begin", do_begin, "type! title step %data", true},
    {"process.edit", do_edit, "process! step state %data", true},
    {"process.merge", do_merge, "id! step state %data", false},
};

const struct command *command_find(struct span type)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (span_is(type, commands[i].name))
            return &commands[i];
    return NULL;
}

/* --- what a line may have --- */

/* One word of `members`. */
struct member {
    char key[16], sort;
    bool required;
};

static const char *next_member(const char *at, struct member *out)
{
    *out = (struct member){.sort = strchr("#?%", *at) ? *at++ : '"'};
    size_t len = strcspn(at, " !");
    memcpy(out->key, at, len);
    at += len;
    out->required = *at == '!';
    at += out->required;
    return at + (*at == ' ');
}

/* NULL: any will do. */
static const char *due(const struct member *m, const struct value *v)
{
    switch (m->sort) {
    case '#':
        return v->type == VALUE_INT ? NULL : "an integer";
    case '?':
        return v->type == VALUE_BOOL || v->type == VALUE_INT ? NULL : "a boolean";
    case '%':
        return NULL;
    default:
        return v->type == VALUE_TEXT ? NULL : "text";
    }
}

parley_status command_check(const struct command *command, struct line *l)
{
    struct member m;
    for (const char *at = command->members; *at;) {
        at = next_member(at, &m);
        const struct value *v = value_find(l->data, m.key);
        bool given = v && (v->type != VALUE_NULL || m.sort == '%');
        const char *wanted = given ? due(&m, v) : NULL;
        if (wanted)
            return line_wrong(l, PARLEY_INVALID, m.key, "is %s; %s is due", value_type_name(v->type), wanted);
        if (!given && m.required)
            return line_wrong(l, PARLEY_INVALID, m.key, "is missing");
    }
    return PARLEY_OK;
}
