/* A step becomes a transition: the run's row on its step number, journal, timers, processes, items, and what follows
 * for the session - all in one transaction, fenced by the conversation's next number and by the run's. */
#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/fault.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows_inside.h"
#include "server/flow/json.h"
#include "server/io/crypto.h"
#include "server/store/blob_row.h"
#include "server/store/flow_log_row.h"
#include "server/store/flow_upkeep.h"
#include "server/store/timer_row.h"
#include "server/talk/directory.h"
#include "server/talk/process.h"
#include "server/talk/session.h"

#include <stdio.h>

enum { PROCESSES_MAX = 16 };

struct committing {
    struct work work;
    struct bot *bot;
    struct flow_run *run;
    const struct flow_step *step;
    struct arena arena;
    struct process_row processes[PROCESSES_MAX];
    size_t loaded; /* processes that are read and merged */
    int64_t question_seq;
    int64_t head; /* the conversation's, when it was decided */
};

static void committing_free(struct committing *c)
{
    arena_done(&c->arena);
    mem_free(c);
}

static void answer(struct committing *c, parley_status status)
{
    struct flow_run *run = c->run;
    int64_t question = c->question_seq;
    committing_free(c);
    flow_committed(run, status, question);
}

/* ---- statements ---- */

static void add_journal(const struct committing *c, struct pg_group *group)
{
    enum { AT_ONCE = 64 };
    struct flow_journal_row rows[AT_ONCE];
    int n = 0;
    for (size_t i = 0; i < c->step->entry_count; i++) {
        const struct flow_entry *e = &c->step->entries[i];
        rows[n++] = (struct flow_journal_row){
            .entry = e->entry, .step = e->step, .call = e->call, .line = e->line, .data = e->data};
        if (n == AT_ONCE || i + 1 == c->step->entry_count) {
            flow_journal_add(group, c->bot->id, rows, n);
            n = 0;
        }
    }
}

static struct span with_question(struct committing *c)
{
    struct value map, wider;
    struct buf out;
    if (!c->question_seq || wire_json_read_stored(&c->arena, c->step->waiting, &map) != PARLEY_OK ||
        value_map(&c->arena, map.count + 1, &wider) != PARLEY_OK)
        return c->step->waiting;
    for (uint32_t i = 0; i < map.count; i++)
        value_put(&wider, map.members[i].key, map.members[i].value);
    value_put(&wider, span_str("question"), value_int(c->question_seq));
    buf_init(&out, LIMIT_DATA);
    wire_json_put_value(&out, &wider);
    struct span text = arena_span(&c->arena, buf_span(&out));
    buf_done(&out);
    return text.ptr ? text : c->step->waiting;
}

static void add_lines(const struct committing *c, struct pg_group *group, const struct flow_run_row *run)
{
    struct flow_log_row rows[FLOW_LOG_LINES];
    int n = (int)c->step->log_count;
    for (int i = 0; i < n; i++) {
        const struct flow_log_line *line = &c->step->logs[i];
        rows[i] = (struct flow_log_row){.seq = line->own ? 0 : c->head,
                                        .level = (int16_t)line->level,
                                        .line = line->line,
                                        .file = span_str(line->file),
                                        .text = line->text};
    }
    if (n)
        flow_log_add(group, run, rows, n);
}

/* Files that the items show are the conversation's with them. */
static void lend_files(const struct committing *c, struct pg_group *group)
{
    for (size_t i = 0; i < c->step->item_count; i++) {
        const struct flow_file *file = c->step->items[i].shows;
        struct blob_row row = {.conversation = c->bot->conv->id};
        if (!file || crypto_unhex(file->sha256, row.sha256, sizeof row.sha256) != PARLEY_OK)
            continue;
        row.id = file->blob;
        row.name = file->name;
        row.type = file->type;
        row.bytes = file->bytes;
        blob_lend(group, &row);
    }
}

static void add_statements(void *arg, struct pg_group *group)
{
    struct committing *c = arg;
    const struct flow_step *s = c->step;
    struct flow_run_row row = c->bot->row;
    row.state = (int16_t)s->state;
    row.step = s->number;
    row.input_seq = s->input_seq;
    row.waiting = with_question(c);
    row.updated_at_ms = c->work.row.at_ms;
    flow_run_update(group, &row, s->number - 1);
    if (s->collected.ptr)
        flow_run_set_collected(group, c->bot->id, s->collected, s->said);
    if (s->forget_from)
        flow_journal_forget(group, c->bot->id, s->forget_from);
    add_journal(c, group);
    add_lines(c, group, &row);
    lend_files(c, group);
    for (size_t i = 0; i < s->process_count; i++) {
        if (s->processes[i].was == 0)
            process_insert(group, &c->processes[i]);
        else
            process_update(group, &c->processes[i], s->processes[i].was);
    }
    if (!uuid_is_nil(s->timer_clear))
        timer_clear(group, s->timer_clear);
    if (!uuid_is_nil(s->timer_set))
        timer_set(group, &(struct timer_row){.id = s->timer_set,
                                             .conversation = c->bot->conv->id,
                                             .kind = TIMER_FLOW,
                                             .due_ms = s->timer_due_ms,
                                             .ref = c->bot->id,
                                             .data = span_str("{}")});
}

/* ---- the decision ---- */

static void add_items(struct committing *c, struct move *move)
{
    c->question_seq = 0;
    for (size_t i = 0; i < c->step->item_count && move->count < MOVE_ITEMS - 4; i++) {
        const struct flow_item *item = &c->step->items[i];
        if (c->step->question == (int)i)
            c->question_seq = move_next(move);
        move_said(move, &(struct log_row){.conversation = c->bot->conv->id,
                                          .id = item->id,
                                          .author = c->bot->id,
                                          .kind = (int16_t)item->kind,
                                          .role = role_bot,
                                          .audience = (int16_t)item_row(item->kind)->audience,
                                          .body = item->body});
    }
}

static struct span queue_for(const struct conversation *conv, struct span wanted)
{
    const struct directory *directory = conv->talk->directory;
    return directory_queue(directory, wanted) ? wanted : directory_default_queue(directory, conv->app);
}

/* Nobody has come: back to the flow, unless somebody has just now. */
static void recall(struct move *move, const struct conversation *conv)
{
    const char *why;
    struct session_change change = {
        .event = SESSION_EVENT_LEAVE, .outcome = span_str("timeout"), .why = span_str("flow")};
    if (session_allows(conv, SESSION_EVENT_LEAVE, &why) == PARLEY_OK)
        session_move(move, &change);
}

/* What the step means for the session. */
static void add_session(struct committing *c, struct move *move, struct conversation *conv)
{
    const struct flow_step *s = c->step;
    const char *why;
    bool failed = s->state == FLOW_FAILED, over = s->state == FLOW_ENDED;
    struct session_change change = {.event = SESSION_EVENT_HANDOFF,
                                    .queue = queue_for(conv, s->handoff.queue),
                                    .why = s->handoff.why,
                                    .reason = s->handoff.reason,
                                    .summary = s->handoff.summary,
                                    .collected = s->handoff.collected,
                                    .said = s->handoff.said,
                                    .priority = s->handoff.priority * 100,
                                    .message = s->handoff.message,
                                    .run_over = failed || over};
    if (s->recall) {
        recall(move, conv);
    } else if (s->handoff.wanted && change.queue.len &&
               session_allows(conv, SESSION_EVENT_HANDOFF, &why) == PARLEY_OK) {
        session_move(move, &change);
    } else if ((over || failed) && session_allows(conv, SESSION_EVENT_FINISH, &why) == PARLEY_OK) {
        change =
            (struct session_change){.event = SESSION_EVENT_FINISH, .outcome = span_str(failed ? "failed" : "finished")};
        session_move(move, &change);
    }
}

/* What was to be said when the customer got a person is not said any more: the run is brought back, and told that. Only
 * that telling is for a run without control. */
static bool has_control(const struct committing *c, const struct session_row *session)
{
    bool gives_way = c->step->recall || (c->step->handoff.wanted && c->step->handoff.taken);
    return gives_way != (session->state == SESSION_BOT);
}

static enum verdict decide_step(struct work *work, struct conversation *conv, struct move *move,
                                struct refusal *refusal)
{
    struct committing *c = LIST_ITEM(work, struct committing, work);
    const struct session_row *s = &conv->service.row;
    if (!conversation_serving(conv) || !uuid_equal(s->run, c->bot->id))
        return refuse(refusal, PARLEY_STALE, "the session went on without this run");
    if (!has_control(c, s))
        return refuse(refusal, PARLEY_STALE, "control has changed hands since");
    work->row.at_ms = move->at_ms;
    c->head = conv->head;
    for (size_t i = 0; i < c->step->process_count; i++)
        c->processes[i].updated_at_ms = move->at_ms;
    add_items(c, move);
    add_session(c, move, conv);
    move->add = add_statements;
    move->arg = c;
    return WORK_MOVE;
}

/* Where a customer who asks past the flow is led, as the run's row now has it. */
static void tell_conversation(struct committing *c, struct conversation *conv)
{
    struct value waiting;
    const struct value *person = NULL;
    if (wire_json_read_stored(&c->arena, c->step->waiting, &waiting) == PARLEY_OK)
        person = value_find(&waiting, "person");
    if (conv)
        conversation_person(conv, c->bot->id, person ? json_text(person, "queue") : span_of("", 0),
                            person && json_true(person, "asks"));
}

/* What went wrong in which line is with the run, where it can be erased: here it is only said that there is something.
 */
static void count_step(const struct committing *c)
{
    const struct flow_error *error = flow_run_error(c->run);
    metric_add(METRIC_flow_steps_total, 1);
    metric_add(METRIC_flow_log_lines_dropped_total, (int64_t)c->step->log_dropped);
    if (c->step->journal_near)
        log_warn(NULL, "the journal of a run is near its limits", LOG_UUID("run", c->bot->id));
    if (c->step->state != FLOW_FAILED)
        return;
    metric_add(METRIC_flow_errors_total, 1);
    log_error(NULL, "a flow failed", LOG_UUID("run", c->bot->id), LOG_STR("file", error->file),
              LOG_I64("line", error->line), LOG_STR("code", error->code));
}

static void finish_step(struct work *work, struct conversation *conv, const struct outcome *outcome,
                        const struct refusal *refusal)
{
    struct committing *c = LIST_ITEM(work, struct committing, work);
    if (refusal) {
        answer(c, refusal->status == PARLEY_OK ? PARLEY_STALE : refusal->status);
        return;
    }
    FAULT_POINT(flow_after_step);
    c->bot->row.step = c->step->number;
    c->bot->row.state = (int16_t)c->step->state;
    c->bot->row.input_seq = c->step->input_seq;
    tell_conversation(c, conv);
    count_step(c);
    answer(c, PARLEY_OK);
}

static const struct work_class step_class = {.decide = decide_step, .finish = finish_step};

static void submit(struct committing *c)
{
    struct bot *bot = c->bot;
    c->work.class = &step_class;
    c->work.conversation = bot->conv->id;
    c->work.cause = derived_id(bot->id, "step", c->step->number);
    list_init(&c->work.node);
    parley_status st = talk_submit(bot->flows->talk, &c->work);
    if (st != PARLEY_OK)
        answer(c, st);
}

/* ---- processes are read first: what a step changes is merged into what is there ---- */

static void read_next(struct committing *c);

static parley_status merge(struct committing *c, const struct process_row *old)
{
    const struct flow_process *p = &c->step->processes[c->loaded];
    struct process_row *row = &c->processes[c->loaded];
    struct value patch = {.type = VALUE_MAP};
    if (old) {
        *row = *old;
        row->type = arena_span(&c->arena, old->type);
        row->title = old->title.len ? arena_span(&c->arena, old->title) : old->title;
        row->step = old->step.len ? arena_span(&c->arena, old->step) : old->step;
    } else {
        *row = (struct process_row){.id = p->id, .conversation = c->bot->conv->id, .type = p->type};
    }
    row->revision = p->revision;
    row->state = (int16_t)p->state;
    row->title = p->title.ptr ? p->title : row->title;
    row->step = p->step.ptr ? p->step : row->step;
    if (!old)
        process_pin(row, c->bot->conv->talk->directory, c->bot->conv->app, &c->arena);
    if (p->data.ptr && wire_json_read_stored(&c->arena, p->data, &patch) != PARLEY_OK)
        return PARLEY_INVALID;
    return process_merge(&c->arena, old ? old->data : span_str("{}"), &patch, &row->data);
}

static void on_process(void *arg, parley_status status, const struct process_row *rows, int n)
{
    struct committing *c = arg;
    if (status == PARLEY_OK)
        status = n ? merge(c, &rows[0]) : PARLEY_STALE;
    if (status != PARLEY_OK) {
        answer(c, status);
        return;
    }
    c->loaded++;
    read_next(c);
}

static parley_status begin_process(struct committing *c)
{
    struct flow_host *host = &c->bot->flows->host;
    parley_status st = merge(c, NULL);
    c->processes[c->loaded].created_at_ms = host->now_ms(host);
    return st;
}

static void read_next(struct committing *c)
{
    while (c->loaded < c->step->process_count) {
        const struct flow_process *p = &c->step->processes[c->loaded];
        bool there = p->was > 0;
        parley_status st =
            there ? process_get(c->bot->flows->store, c->bot->conv->id, p->id, on_process, c) : begin_process(c);
        if (st != PARLEY_OK)
            answer(c, st);
        if (st != PARLEY_OK || there)
            return;
        c->loaded++;
    }
    submit(c);
}

void flows_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step)
{
    struct committing *c = mem_alloc(sizeof *c);
    c->bot = flow_run_owner(run);
    bot_replayed(c->bot);
    c->bot->run = run;
    c->bot->state = BOT_BUSY;
    c->run = run;
    c->step = step;
    arena_init(&c->arena, 8 << 20);
    if (step->process_count > PROCESSES_MAX || c->bot->flows->closing)
        answer(c, PARLEY_CANCELED);
    else
        read_next(c);
}
