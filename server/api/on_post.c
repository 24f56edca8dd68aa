/* post, note: words into a conversation. */
#include "protocol/item.h"
#include "server/api/api.h"
#include "server/api/verb.h"
#include "server/talk/directory.h"
#include "server/talk/post.h"

#include <stdio.h>

/* ---- the answer ---- */

static void on_posted(void *arg, struct call *call, const struct result *result)
{
    struct ask *ask = arg;
    if (result->status != PARLEY_OK) {
        link_hold(ask->link, result->status, call->work.row.id, result->retry_after_ms);
        ask_refuse_result(ask, result);
        return;
    }
    struct frame_posted posted = {.seq = result->seq, .at = result->at_ms};
    if (result->duplicate)
        posted.duplicate = true, posted.has_duplicate = true;
    ask_reply(ask, FRAME_posted, &posted);
}

/* ---- the request ---- */

static void post(struct api *api, struct link *link, const struct frame *frame, struct draft *draft)
{
    struct caller caller = api_caller(link);
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return;
    draft->stale_id = api_made_before(draft->id, link);
    draft->body = buf_span(&api->scratch);
    talk_post(api->talk, draft, &caller, on_posted, ask);
}

/* A whisper is read by one member of staff, so there must be one. */
static bool refuse_whisper(struct api *api, struct link *link, int64_t id, struct uuid to, const char *path)
{
    if (directory_agent(api->directory, to))
        return false;
    api_refuse(link, id, PARLEY_NOT_FOUND, "no member of staff has this id", path);
    return true;
}

static bool whispers(const struct value *body, struct uuid *out)
{
    const struct value *to = value_find(body, "to");
    return to && to->type == VALUE_TEXT && uuid_parse(to->text, out) == PARLEY_OK;
}

void on_post(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_post *p = &frame->post;
    struct wire_error error = {0};
    int kind = item_kind_of(p->kind);
    if (kind == ITEM_none) {
        char text[160];
        snprintf(text, sizeof text, "there is no kind '%.*s'; use custom with a fallback text", SPAN_ARG(p->kind));
        api_refuse(link, frame->id, PARLEY_UNKNOWN_KIND, text, "data.kind");
        return;
    }
    if (item_validate_body(kind, p->body.value, &error) != PARLEY_OK) {
        struct frame_error refusal = frame_error_of(&error);
        link_refuse(link, frame->id, &refusal);
        return;
    }
    struct uuid to;
    if (kind == ITEM_note && whispers(p->body.value, &to) && refuse_whisper(api, link, frame->id, to, "data.body.to"))
        return;
    struct draft draft = {.conversation = p->conversation, .id = p->id, .kind = (int16_t)kind, .epoch = p->epoch};
    buf_clear(&api->scratch);
    item_canonical(p->body.value, &api->scratch);
    post(api, link, frame, &draft);
}

void on_note(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_note *n = &frame->note;
    if (n->has_to && refuse_whisper(api, link, frame->id, n->to, "data.to"))
        return;
    struct frame_note_body body = {.text = n->text, .to = n->to, .has_to = n->has_to};
    struct draft draft = {.conversation = n->conversation, .id = n->id, .kind = ITEM_note};
    buf_clear(&api->scratch);
    item_put_body(&api->scratch, ITEM_note, &body);
    post(api, link, frame, &draft);
}
