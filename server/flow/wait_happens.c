/* What may happen while a call stands, and is no answer to it. */
#include "server/flow/json.h"
#include "server/flow/meant.h"
#include "server/flow/phrases.h"
#include "server/flow/wait_inside.h"

static parley_status interrupt(struct moment *m, const struct on_start *start)
{
    struct flow_run *run = m->run;
    struct journal_call call = wait_journal_call(&run->wait);
    struct value told;
    if (!on_told(run, m->arena, start, &told))
        return PARLEY_NOMEM;
    parley_status st = step_add_entry(run, &call, &told, m->error);
    if (st != PARLEY_OK) {
        m->error->line = run->wait.line;
        return st;
    }
    step_clear_timer(run);
    run->work->until_ms = 0;
    on_begin(run, &told);
    *m->out_go = true;
    return PARLEY_OK;
}

/* The customer wants a person: the script's own way, and while it goes that way, or has none, straight to the queue. */
static parley_status on_wish(struct moment *m, struct span said)
{
    struct on_start start = {.handler = on_find(m->run, FLOW_CALL_on_escape, said, said)};
    if (said.len) {
        start.argument = value_text(said);
        start.said = m->event->seq;
    }
    return start.handler >= 0 ? interrupt(m, &start) : moment_give_way(m);
}

parley_status moment_event(struct moment *m, const struct value *body)
{
    struct flow_run *run = m->run;
    struct span type = json_text(body, "type");
    struct value data, told;
    if (run->wait.function == FLOW_CALL_wait && event_is(run, &m->args, m->event, body, &data) &&
        wait_event_told(m->arena, &data, m->event->seq, &told))
        return moment_tell(m, &told);
    if (span_is(type, ITEM_WISH))
        return on_wish(m, span_of("", 0));
    struct on_start start = {.handler = on_find(run, FLOW_CALL_on_event, type, type),
                             .event = type,
                             .seq = m->event->seq,
                             .said = m->event->seq};
    if (start.handler < 0 || m->event->seq <= event_after(run, type))
        return PARLEY_WRONG_STATE;
    start.argument = event_data(body);
    if (event_has_room(run, type))
        return interrupt(m, &start);
    flow_error_set(m->error, "E403", "events of %d types have been waited for since the flow began", RUN_EVENTS);
    m->error->line = run->wait.line;
    return PARLEY_LIMIT;
}

static bool says_own_words(const struct moment *m, struct span said)
{
    const char *words = m->run->version->escape_words;
    struct value patterns;
    return words && json_read(m->arena, span_str(words), &patterns) == PARLEY_OK &&
           answer_matches(m->run, &patterns, said);
}

static parley_status on_other_words(struct moment *m, const struct value *body, struct span said)
{
    struct flow_run *run = m->run;
    const struct phrases *phrases = run->engine->phrases;
    if (phrases_say(phrases, PHRASE_PERSON, said) || says_own_words(m, said))
        return on_wish(m, said);
    if (on_topic_open(run) && phrases_say(phrases, PHRASE_CANCEL, said))
        return moment_leave(m);
    struct on_start start = {
        .handler = on_find(run, FLOW_CALL_on_topic, said, said), .argument = value_text(said), .said = m->event->seq};
    if (start.handler >= 0)
        return interrupt(m, &start);
    struct value meant;
    return meant_words(m, body, &meant) ? meant_go_back(m, &meant) : PARLEY_WRONG_STATE;
}

/* A secret is nobody's topic. */
parley_status moment_words(struct moment *m, const struct value *body)
{
    struct span said = json_text(body, "text");
    if (m->event->kind != ITEM_text || said.len == 0 || json_true(&m->args, "secret"))
        return PARLEY_WRONG_STATE;
    return on_other_words(m, body, said);
}

parley_status moment_idle(struct moment *m)
{
    struct flow_run *run = m->run;
    struct span any = {0};
    struct on_start start = {.handler = on_find(run, FLOW_CALL_on_idle, any, any)};
    bool ended = run->until_ms && run->until_ms <= run_now_ms(run);
    if (!wait_asks(&run->wait) || ended || !on_idle_ms(run))
        return PARLEY_WRONG_STATE;
    return interrupt(m, &start);
}
