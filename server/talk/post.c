/* What may be posted by whom, and what a customer's first words bring about. */
#include "server/talk/post.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/store/flow_row.h"
#include "server/talk/claim.h"
#include "server/talk/directory.h"
#include "server/talk/session.h"
#include "server/talk/talk.h"

struct post {
    struct call call;
    int64_t epoch;
    char body[];
};

static bool is_customer(const struct caller *caller)
{
    return caller->role == role_customer || caller->role == role_guest;
}

static const struct {
    enum permission permission;
    unsigned poster;
} posters[] = {{PERMISSION_OWN, POSTER_CUSTOMER},
               {PERMISSION_SERVE, POSTER_AGENT | POSTER_STAFF},
               {PERMISSION_SPEAK, POSTER_BOT},
               {PERMISSION_POST, POSTER_BACKEND}};

static unsigned poster(const struct directory *directory, enum role role)
{
    unsigned found = 0;
    for (size_t i = 0; i < sizeof posters / sizeof *posters; i++)
        if (directory_may(directory, role, posters[i].permission))
            found |= posters[i].poster;
    return found;
}

/* ---- the first words open a session ---- */

static void insert_run(void *arg, struct pg_group *group)
{
    flow_run_insert(group, arg);
}

static void start_run(struct move *move, struct session_change *change, const struct directory_flow *flow)
{
    struct flow_run_row *run = arena_array(&move->arena, 1, sizeof *run);
    run->id = change->run = derived_id(move->cause, "run", 0);
    run->session = derived_id(move->cause, "session", 0);
    run->conversation = move->conv->id;
    memcpy(run->hash, flow->hash, FLOW_ROW_HASH);
    run->state = FLOW_RUN_RUNNING;
    run->input_seq = move_next(move); /* `opened`: what comes after it is input */
    run->waiting = span_str("{}");
    run->started_at_ms = run->updated_at_ms = move->at_ms;
    change->flow = span_str(flow->name);
    move->add = insert_run;
    move->arg = run;
}

/* What was said, or has happened, names it. */
static const struct directory_flow *flow_begun(const struct talk *talk, const struct directory_app *app,
                                               const struct log_row *row)
{
    for (int i = 0; app && i < talk->nhooks; i++)
        if (talk->hooks[i].begins)
            return talk->hooks[i].begins(talk->hooks[i].arg, app, row);
    return NULL;
}

/* The app's own; else the one that is there for whoever has none. */
static const struct directory_flow *flow_otherwise(const struct talk *talk, const struct directory_app *app)
{
    const struct directory_flow *own = directory_flow(talk->directory, span_str(app->default_flow));
    for (int i = 0; !own && i < talk->nhooks; i++)
        if (talk->hooks[i].else_begins)
            return talk->hooks[i].else_begins(talk->hooks[i].arg, app);
    return own;
}

static void open_with_flow(struct move *move, const struct directory_flow *flow)
{
    struct session_change change = {.event = SESSION_EVENT_OPEN, .why = span_str("default")};
    start_run(move, &change, flow);
    session_move(move, &change);
}

/* Adds the opening of a session to the move: by the flow that these words mean, else by the app's default bot or flow,
 * or in its default queue. False when it has none of them: what is said is kept all the same. */
static bool open_session(struct move *move, const struct log_row *row)
{
    const struct talk *talk = move->conv->talk;
    const struct directory_app *app = directory_app(talk->directory, move->conv->app);
    const struct directory_flow *flow = flow_begun(talk, app, row);
    const struct directory_bot *bot = app ? directory_bot_named(talk->directory, span_str(app->default_bot)) : NULL;
    struct session_change change = {.event = SESSION_EVENT_OPEN, .why = span_str("default")};
    if (app && !flow && !bot)
        flow = flow_otherwise(talk, app);
    if (flow) {
        open_with_flow(move, flow);
        return true;
    }
    if (bot)
        change.bot = bot->id, change.flow = span_str(bot->name);
    else if (app && app->default_queue[0])
        change.queue = span_str(app->default_queue);
    else
        return false;
    session_move(move, &change);
    return true;
}

static enum verdict by_customer(struct call *call, struct conversation *conv, struct move *move)
{
    const struct session_row *session = &conv->service.row;
    bool serving = conversation_serving(conv);
    if (serving && session->state == SESSION_BOT && !uuid_is_nil(session->bot))
        move->turn = MOVE_TURN_ASK;
    else if (serving || !open_session(move, &call->work.row))
        return WORK_PLAIN;
    move_row(move, &call->work.row);
    return WORK_MOVE;
}

/* What happens in a back end may begin a flow where nobody serves; what it says is not said by the customer. */
static enum verdict by_backend(struct call *call, struct conversation *conv, struct move *move)
{
    const struct directory_app *app = directory_app(conv->talk->directory, conv->app);
    bool is_event = call->work.row.kind == ITEM_custom && !conversation_serving(conv);
    const struct directory_flow *flow = is_event ? flow_begun(conv->talk, app, &call->work.row) : NULL;
    if (!flow)
        return WORK_PLAIN;
    open_with_flow(move, flow);
    move_row(move, &call->work.row);
    return WORK_MOVE;
}

/* What a bot from outside says, it answers: there is nobody to wait for any more. */
static enum verdict by_bot(struct call *call, struct move *move)
{
    move->turn = MOVE_TURN_OVER;
    move_row(move, &call->work.row);
    return WORK_MOVE;
}

/* ---- who may say what ---- */

static enum verdict may_say(struct call *call, struct conversation *conv, struct move *move, struct refusal *refusal)
{
    struct post *post = LIST_ITEM(call, struct post, call);
    const struct log_row *row = &call->work.row;
    const struct item_row *kind = item_row(row->kind);
    const struct recent *recent = conversation_recall(conv, row->id, row->author);

    if (call_may_see(call, conv, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    if (recent && recent->digest != call->work.digest)
        return refuse(refusal, PARLEY_CONFLICT, NULL);
    if (recent) {
        call->result.seq = recent->seq;
        call->result.at_ms = recent->at_ms;
        call->result.duplicate = true;
        return WORK_DONE;
    }
    if (!(kind->posters & poster(conv->talk->directory, call->caller.role))) {
        refusal->path = "data.kind";
        refuse(refusal, PARLEY_DENIED, "your role does not post items of this kind");
        return WORK_REFUSE;
    }
    if (is_customer(&call->caller))
        return by_customer(call, conv, move);
    if (call->caller.role == role_backend)
        return by_backend(call, conv, move);
    if (kind->posters & POSTER_STAFF)
        return call_may_read(call, conv, refusal) == PARLEY_OK ? WORK_PLAIN : WORK_REFUSE;
    if (call_in_control(call, conv, post->epoch, move, refusal) != PARLEY_OK)
        return WORK_REFUSE;
    return call->caller.role == role_bot ? by_bot(call, move) : WORK_PLAIN;
}

/* What names a file is stored on the condition that it is so: a transition, though it moves nothing. */
static enum verdict decide_post(struct call *call, struct conversation *conv, struct move *move,
                                struct refusal *refusal)
{
    const struct log_row *row = &call->work.row;
    enum verdict verdict = may_say(call, conv, move, refusal);
    if ((verdict != WORK_PLAIN && verdict != WORK_MOVE) || !claim_files(move, row))
        return verdict;
    if (verdict == WORK_PLAIN)
        move_row(move, row);
    return WORK_MOVE;
}

void talk_post(struct talk *talk, const struct draft *draft, const struct caller *caller, call_done *done, void *arg)
{
    struct post *post = mem_alloc(sizeof *post + draft->body.len);
    call_init(&post->call, draft->conversation, draft->id, caller, decide_post, done, arg);
    memcpy(post->body, draft->body.ptr, draft->body.len);
    post->epoch = draft->epoch;
    post->call.work.stale_id = draft->stale_id;
    post->call.work.digest = span_hash((uint64_t)draft->kind, draft->body);
    post->call.work.bytes = sizeof *post + draft->body.len;
    post->call.work.row = (struct log_row){
        .conversation = draft->conversation,
        .id = draft->id,
        .author = caller->id,
        .kind = draft->kind,
        .role = (int16_t)caller->role,
        .audience = (int16_t)item_row(draft->kind)->audience,
        .body = span_of(post->body, draft->body.len),
    };
    call_submit(talk, &post->call);
}
