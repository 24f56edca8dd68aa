/* Made, kept, sent. */
#include "sdk-c/src/edit.h"

#include "protocol/wire_json.h"
#include "sdk-c/src/client.h"
#include "sdk-c/src/edit_value.h"

#include <stdlib.h>

/* --- making one --- */

static parley_status put_text(struct value *map, const char *key, struct span text)
{
    if (text.len)
        value_put(map, span_str(key), value_text(text));
    return PARLEY_OK;
}

static struct span id_text(struct arena *arena, struct uuid id)
{
    char text[UUID_TEXT + 1];
    uuid_format(id, text);
    return arena_span(arena, span_of(text, UUID_TEXT));
}

static parley_status add(struct parley_client *c, struct uuid conversation, const char *kind, const struct value *body,
                         struct uuid id, struct uuid process)
{
    struct buf json;
    struct draft draft = {.conversation = conversation, .kind = span_str(kind), .form = -1, .is_edit = true};
    buf_init(&json, LIMIT_MESSAGE * 2);
    wire_json_put_value(&json, body);
    draft.body = buf_span(&json);
    parley_status st = json.status == PARLEY_OK ? outbox_add_as(c, &draft, id) : json.status;
    buf_done(&json);
    struct conversation *conv = st == PARLEY_OK ? inbox_open(&c->inbox, conversation) : NULL;
    if (conv)
        edit_tell(c, conv, process); /* without memory: the next change tells */
    return st;
}

static parley_status begin_body(struct arena *arena, const struct edit *edit, struct uuid id, struct value *body)
{
    struct span text = id_text(arena, id);
    parley_status st = text.ptr ? value_map(arena, 6, body) : PARLEY_NOMEM;
    if (st != PARLEY_OK)
        return st;
    value_put(body, span_str("process"), value_text(text));
    put_text(body, "type", edit->type);
    put_text(body, "title", edit->title);
    put_text(body, "step", edit->step);
    if (edit->data)
        value_put(body, span_str("data"), *edit->data);
    return PARLEY_OK;
}

parley_status edit_begin(struct parley_client *c, const struct edit *edit, struct uuid *out_process)
{
    struct arena arena;
    struct value body;
    struct uuid id = client_id(c);
    arena_init(&arena, EDIT_ARENA_MAX);
    parley_status st = begin_body(&arena, edit, id, &body);
    if (st == PARLEY_OK)
        st = add(c, edit->conversation, "process.start", &body, id, id);
    arena_done(&arena);
    if (st == PARLEY_OK)
        *out_process = id;
    return st;
}

static parley_status step_body(struct arena *arena, const struct edit *edit, const struct value *shown,
                               struct value *body)
{
    struct value base;
    struct span text = id_text(arena, edit->process);
    parley_status st = text.ptr ? value_map(arena, 6, body) : PARLEY_NOMEM;
    if (st != PARLEY_OK)
        return st;
    value_put(body, span_str("process"), value_text(text));
    put_text(body, "step", edit->step);
    put_text(body, "state", edit->state);
    if (edit->data)
        value_put(body, span_str("data"), *edit->data);
    st = edit_base(arena, body, shown, &base);
    if (st == PARLEY_OK)
        value_put(body, span_str("base"), base);
    return st;
}

/* As the app sees it just now. PARLEY_NOT_FOUND. */
static parley_status read_shown(struct parley_client *c, const struct conversation *conv, struct uuid process,
                                struct arena *arena, struct value *out)
{
    struct buf json;
    int64_t pending;
    struct span known = conv ? cache_known_process(c, conv, process, arena) : (struct span){0};
    buf_init(&json, EVENT_LIST_MAX);
    parley_status st = conv ? edit_overlay(c, conv, process, known, &json, &pending) : PARLEY_NOT_FOUND;
    if (st == PARLEY_OK)
        st = edit_parse(arena, buf_span(&json), out);
    buf_done(&json);
    return st;
}

parley_status edit_change(struct parley_client *c, const struct edit *edit, struct uuid *out_id)
{
    struct arena arena;
    struct value shown, body;
    struct uuid id = client_id(c);
    const struct conversation *conv = inbox_find(&c->inbox, edit->conversation);
    arena_init(&arena, EDIT_ARENA_MAX);
    parley_status st = read_shown(c, conv, edit->process, &arena, &shown);
    if (st == PARLEY_OK)
        st = step_body(&arena, edit, &shown, &body);
    if (st == PARLEY_OK)
        st = add(c, edit->conversation, "process.step", &body, id, edit->process);
    arena_done(&arena);
    if (st == PARLEY_OK)
        *out_id = id;
    return st;
}

struct uuid edit_process(const struct entry *e)
{
    static const char key[] = "\"process\":\"";
    struct span body = entry_body(e);
    struct uuid id = {0};
    const char *at = memmem(body.ptr, body.len, key, sizeof key - 1);
    const char *end = body.ptr + body.len;
    if (at && (size_t)(end - at) > sizeof key - 1 + UUID_TEXT)
        uuid_parse(span_of(at + sizeof key - 1, UUID_TEXT), &id);
    return id;
}

/* --- how it looks --- */

static bool is_start(const struct entry *e)
{
    return span_is(entry_kind(e), "process.start");
}

static bool waits(const struct entry *e)
{
    return e->is_edit && (e->state == PARLEY_OUTBOX_QUEUED || e->state == PARLEY_OUTBOX_SENDING ||
                          e->state == PARLEY_OUTBOX_FAILED_RETRY);
}

static bool concerns(const struct entry *e, const struct conversation *conv, struct uuid process)
{
    return waits(e) && uuid_equal(e->conversation, conv->id) && uuid_equal(e->process, process);
}

static parley_status apply(struct arena *arena, const struct conversation *conv, const struct entry *e, bool *known,
                           struct value *process)
{
    struct value body;
    parley_status st = edit_parse(arena, entry_body(e), &body);
    if (st != PARLEY_OK || (is_start(e) && *known))
        return st;
    st = is_start(e) ? edit_new_process(arena, conv->id, &body, process)
         : *known    ? edit_apply(arena, &body, process)
                     : PARLEY_OK;
    *known = *known || (is_start(e) && st == PARLEY_OK);
    return st;
}

parley_status edit_overlay(struct parley_client *c, const struct conversation *conv, struct uuid process,
                           struct span known, struct buf *out, int64_t *out_pending)
{
    struct arena arena;
    struct value v;
    parley_status st = PARLEY_OK;
    bool is_known = known.len > 0;
    *out_pending = 0;
    arena_init(&arena, EDIT_ARENA_MAX);
    if (is_known)
        st = edit_parse(&arena, known, &v);
    for (const struct entry *e = c->outbox.first; st == PARLEY_OK && e; e = e->next)
        if (concerns(e, conv, process)) {
            st = apply(&arena, conv, e, &is_known, &v);
            ++*out_pending;
        }
    if (st == PARLEY_OK && !is_known)
        st = PARLEY_NOT_FOUND;
    if (st == PARLEY_OK) {
        wire_json_put_value(out, &v);
        st = out->status;
    }
    arena_done(&arena);
    return st;
}

parley_status edit_tell(struct parley_client *c, struct conversation *conv, struct uuid process)
{
    struct arena arena;
    arena_init(&arena, EDIT_ARENA_MAX);
    parley_status st = cache_tell_process(c, conv, process, cache_known_process(c, conv, process, &arena));
    arena_done(&arena);
    return st == PARLEY_NOT_FOUND ? PARLEY_OK : st; /* one that never began is gone */
}

void edit_put_begun(struct parley_client *c, const struct conversation *conv, struct buf *list)
{
    int64_t pending;
    for (const struct entry *e = c->outbox.first; e; e = e->next) {
        if (!waits(e) || !is_start(e) || !uuid_equal(e->conversation, conv->id) ||
            cache_knows_process(c, conv, e->process, 1))
            continue;
        buf_add_char(list, list->len ? ',' : '[');
        edit_overlay(c, conv, e->process, (struct span){0}, list, &pending);
    }
}

/* --- sending --- */

static parley_status looked(struct parley_client *c, const struct request *r, const struct answer *answer)
{
    parley_status st = request_learn(c, r, answer);
    bool gone = answer->status == PARLEY_NOT_FOUND ||
                (answer->status == PARLEY_OK && answer->frame->process_list.processes_count == 0);
    for (struct entry *e = c->outbox.first; e; e = e->next)
        if (e->is_edit && e->looking && uuid_equal(e->process, r->subject)) {
            e->looking = false;
            e->lost = gone;
        }
    outbox_pump(c);
    return st;
}

static void look(struct parley_client *c, struct conversation *conv, struct entry *e)
{
    struct frame_process_get get = {.conversation = conv->id, .has_process = true, .process = e->process};
    struct request *r;
    if (request_make(c, FRAME_process_get, &get, REQUEST_DROP, looked, &r) != PARLEY_OK)
        return; /* tried again at the next turn */
    r->subject = e->process;
    e->looking = true;
}

static bool is_first(const struct parley_client *c, const struct conversation *conv, const struct entry *e)
{
    for (const struct entry *before = c->outbox.first; before && before != e; before = before->next)
        if (concerns(before, conv, e->process))
            return false;
    return true;
}

/* What both have changed is told; unless the app wants to be asked, what was said here counts. True: it may go. */
static bool settle(struct parley_client *c, struct conversation *conv, struct entry *e)
{
    struct arena arena;
    struct value body, theirs;
    bool may = true;
    arena_init(&arena, EDIT_ARENA_MAX);
    struct span known = cache_known_process(c, conv, e->process, &arena);
    parley_status st = edit_parse(&arena, known, &theirs);
    if (st == PARLEY_OK)
        st = edit_parse(&arena, entry_body(e), &body);
    if (st == PARLEY_OK && edit_conflicts(&body, &theirs)) {
        may = !(c->settings.flags & PARLEY_ASK_MERGE);
        st = edit_tell_conflict(c, conv, e->id, &body, &theirs, may);
        if (st == PARLEY_OK && may)
            st = outbox_rewrite(c, e->id, &body, &theirs);
        if (st == PARLEY_OK && !may)
            outbox_ask(c, e->id);
    }
    arena_done(&arena);
    return may && st == PARLEY_OK;
}

bool edit_may_go(struct parley_client *c, struct conversation *conv, struct entry *e)
{
    if (e->looking || !is_first(c, conv, e))
        return false;
    if (is_start(e) || e->lost)
        return true;
    if (!cache_knows_process(c, conv, e->process, 1)) {
        look(c, conv, e);
        return false;
    }
    return settle(c, conv, e);
}

static parley_status send_start(struct parley_client *c, const struct entry *e, const struct value *body,
                                request_done *done, struct request **out)
{
    const struct value *data = value_find(body, "data");
    struct frame_process_start f = {.conversation = e->conversation, .process = e->process};
    f.type = edit_text(body, "type");
    f.title = edit_text(body, "title"), f.has_title = f.title.len > 0;
    f.step = edit_text(body, "step"), f.has_step = f.step.len > 0;
    f.data.value = data, f.has_data = data != NULL;
    f.epoch = e->epoch, f.has_epoch = e->epoch > 0;
    return request_make(c, FRAME_process_start, &f, REQUEST_DROP, done, out);
}

static parley_status send_step(struct parley_client *c, const struct entry *e, const struct value *body,
                               int64_t revision, request_done *done, struct request **out)
{
    const struct value *data = value_find(body, "data"), *state = value_find(body, "state");
    struct frame_process_step f = {.conversation = e->conversation, .process = e->process, .id = e->id};
    f.revision = revision > 0 ? revision : 1;
    f.step = edit_text(body, "step"), f.has_step = f.step.len > 0;
    f.state = state ? process_state_of(edit_text(body, "state")) : 0, f.has_state = state != NULL;
    f.data.value = data, f.has_data = data != NULL;
    f.epoch = e->epoch, f.has_epoch = e->epoch > 0;
    return request_make(c, FRAME_process_step, &f, REQUEST_DROP, done, out);
}

parley_status edit_send(struct parley_client *c, struct conversation *conv, const struct entry *e, request_done *done,
                        struct request **out)
{
    struct arena arena;
    struct value body;
    arena_init(&arena, EDIT_ARENA_MAX);
    parley_status st = edit_parse(&arena, entry_body(e), &body);
    if (st == PARLEY_OK && is_start(e))
        st = send_start(c, e, &body, done, out);
    else if (st == PARLEY_OK)
        st = send_step(c, e, &body, cache_process_revision(c, conv, e->process), done, out);
    arena_done(&arena);
    return st;
}

bool edit_stale(struct parley_client *c, struct entry *e, const struct frame_error *error)
{
    struct conversation *conv = inbox_find(&c->inbox, e->conversation);
    bool moved_on = error->has_path && span_is(error->path, "data.revision");
    if (!conv || !moved_on || ++e->tries > EDIT_TRIES)
        return false;
    look(c, conv, e);
    return true;
}

/* --- the app's answer --- */

parley_status edit_merge(struct parley_client *c, struct uuid id, const struct edit *edit)
{
    struct arena arena;
    struct value body, theirs;
    const struct entry *e = outbox_conflict(c, id);
    struct conversation *conv = e ? inbox_find(&c->inbox, e->conversation) : NULL;
    if (!conv)
        return outbox_has(c, id) ? PARLEY_WRONG_STATE : PARLEY_NOT_FOUND;
    arena_init(&arena, EDIT_ARENA_MAX);
    parley_status st = edit_parse(&arena, entry_body(e), &body);
    if (st == PARLEY_OK)
        st = edit_parse(&arena, cache_known_process(c, conv, e->process, &arena), &theirs);
    if (st == PARLEY_OK)
        st = edit_replace(&arena, edit, &body);
    if (st == PARLEY_OK)
        st = outbox_rewrite(c, id, &body, &theirs);
    arena_done(&arena);
    return st == PARLEY_OK ? outbox_retry(c, id) : st;
}
