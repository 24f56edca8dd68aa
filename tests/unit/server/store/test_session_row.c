/* Sessions: what a change may touch, what the schema refuses, and who waits where. */
#include "server/store/agent_row.h"
#include "server/store/session_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { T0 = 1790000000 };

static struct session_row rows[64];
static char queues[64][16];
static int nrows;
static struct session_place place;

static void on_rows(void *arg, parley_status status, const struct session_row *got, int n)
{
    nrows = n;
    for (int i = 0; i < n; i++) {
        rows[i] = got[i];
        snprintf(queues[i], sizeof queues[i], "%.*s", SPAN_ARG(got[i].queue));
    }
    store_fixture_done(arg, status, NULL);
}

static int64_t ms(int seconds)
{
    return ((int64_t)T0 + seconds) * 1000;
}

static struct session_row bot_session(void)
{
    return (struct session_row){
        .id = pg_fixture_id(),
        .conversation = store_fixture_conversation(),
        .app = f.app,
        .customer = f.customer,
        .state = SESSION_BOT,
        .epoch = 1,
        .opened_at_ms = ms(0),
        .state_at_ms = ms(0),
    };
}

static parley_status insert(const struct session_row *row)
{
    struct pg_group *group = store_transition(f.store);
    session_insert(group, row);
    return store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL));
}

static parley_status update(const struct session_row *row, int64_t epoch, int16_t state)
{
    struct pg_group *group = store_transition(f.store);
    session_update(group, row, epoch, state);
    return store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL));
}

static struct session_row queued(const char *queue, int priority, int at)
{
    struct session_row row = bot_session();
    row.state = SESSION_QUEUED;
    row.queue = span_str(queue);
    row.priority = priority;
    row.queued_at_ms = ms(at);
    assert_int_equal(insert(&row), PARLEY_OK);
    return row;
}

static void make_live(struct session_row *row, struct uuid agent, int at)
{
    int16_t was = row->state;
    row->state = SESSION_LIVE;
    row->agent = agent;
    row->epoch++;
    row->live_at_ms = row->state_at_ms = ms(at);
    assert_int_equal(update(row, row->epoch - 1, was), PARLEY_OK);
}

static void close_it(struct session_row *row, int at)
{
    int16_t was = row->state;
    row->state = SESSION_CLOSED;
    row->closed_at_ms = row->state_at_ms = ms(at);
    row->outcome = span_str("resolved");
    assert_int_equal(update(row, row->epoch, was), PARLEY_OK);
}

static void a_session_comes_back_as_it_went(void **unused)
{
    struct session_row row = queued("sales", 3, 5);
    assert_int_equal(store_fixture_wait(session_waiting(f.store, &row.queue, 1, 1, 1, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_true(uuid_equal(rows[0].conversation, row.conversation));
    assert_int_equal(rows[0].state, SESSION_QUEUED);
    assert_int_equal(rows[0].priority, 3);
    assert_int_equal(rows[0].queued_at_ms, ms(5));
    assert_int_equal(rows[0].live_at_ms, 0);
    assert_true(uuid_is_nil(rows[0].agent));
    assert_string_equal(queues[0], "sales");
}

static void a_change_needs_the_epoch_and_state_it_was_decided_on(void **unused)
{
    struct session_row row = queued("sales", 0, 0);
    row.state_at_ms = ms(9);
    assert_int_equal(update(&row, 2, SESSION_QUEUED), PARLEY_STALE);
    assert_int_equal(update(&row, 1, SESSION_BOT), PARLEY_STALE);
    assert_int_equal(update(&row, 1, SESSION_QUEUED), PARLEY_OK);
}

static void a_conversation_has_one_open_session(void **unused)
{
    struct session_row row = bot_session(), second = row;
    second.id = pg_fixture_id();
    second.opened_at_ms = second.state_at_ms = ms(50);
    assert_int_equal(insert(&row), PARLEY_OK);
    assert_int_equal(insert(&second), PARLEY_CONFLICT);
    close_it(&row, 40);
    assert_int_equal(insert(&second), PARLEY_OK);
}

static void what_a_state_must_have_is_refused_without_it(void **unused)
{
    struct session_row row = bot_session();
    row.state = SESSION_LIVE; /* without an agent */
    assert_int_equal(insert(&row), PARLEY_INVALID);
    row.state = SESSION_QUEUED; /* without a queue */
    assert_int_equal(insert(&row), PARLEY_INVALID);
    row = bot_session();
    row.offer = pg_fixture_id(); /* a bot's session is offered to nobody */
    assert_int_equal(insert(&row), PARLEY_INVALID);
}

static void those_who_wait_come_by_priority_then_age(void **unused)
{
    struct session_row old = queued("q1", 0, 10), urgent = queued("q1", 5, 30), young = queued("q2", 0, 20);
    queued("q3", 9, 1);
    const struct span names[] = {span_str("q1"), span_str("q2")};
    assert_int_equal(store_fixture_wait(session_waiting(f.store, names, 2, 10, 10, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 3);
    assert_true(uuid_equal(rows[0].id, urgent.id));
    assert_true(uuid_equal(rows[1].id, old.id));
    assert_true(uuid_equal(rows[2].id, young.id));
    assert_int_equal(store_fixture_wait(session_waiting(f.store, names, 2, 1, 1, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
}

static void an_agents_sessions_and_offers_are_found(void **unused)
{
    struct uuid agent = pg_fixture_id();
    struct session_row live = queued("q4", 0, 0), offered = queued("q4", 0, 1);
    make_live(&live, agent, 5);
    offered.state = SESSION_OFFERED;
    offered.offer = pg_fixture_id();
    offered.offer_agent = agent;
    offered.offer_until_ms = ms(30);
    offered.state_at_ms = ms(9);
    assert_int_equal(update(&offered, 1, SESSION_QUEUED), PARLEY_OK);
    assert_int_equal(store_fixture_wait(session_of_agent(f.store, agent, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 2);
    assert_true(uuid_equal(rows[0].id, live.id));
    assert_true(uuid_equal(rows[1].offer, offered.offer));
}

static void on_placed(void *arg, parley_status status, const struct session_place *got)
{
    if (got)
        place = *got;
    store_fixture_done(arg, status, NULL);
}

static parley_status placed(struct uuid id)
{
    return store_fixture_wait(session_place(f.store, id, on_placed, NULL));
}

static void a_place_counts_who_is_before(void **unused)
{
    struct session_row first = queued("q5", 0, 10), second = queued("q5", 0, 20);
    assert_int_equal(placed(second.id), PARLEY_OK);
    assert_int_equal(place.place, 2);
    assert_int_equal(place.waiting, 2);
    assert_int_equal(place.handle_ms, -1);
    make_live(&first, pg_fixture_id(), 100);
    close_it(&first, 160);
    assert_int_equal(placed(second.id), PARLEY_OK);
    assert_int_equal(place.place, 1);
    assert_int_equal(place.handle_ms, 60000);
    assert_int_equal(place.nhandled, 1);
    assert_int_equal(placed(first.id), PARLEY_NOT_FOUND);
}

/* ---- two accept at once ---- */

struct race {
    int left, won, stale;
    bool done;
};

static void on_accepted(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct race *race = arg;
    race->won += status == PARLEY_OK;
    race->stale += status == PARLEY_STALE || status == PARLEY_CONFLICT;
    race->done = --race->left == 0;
}

/* As a transition: the item first, the session, the agent. */
static void accept_on(struct pg_group *group, struct session_row row, struct uuid agent, struct race *race)
{
    struct log_row item = store_fixture_row(row.conversation, agent, 1, 0);
    item.kind = 67;
    log_append_to(group, &item, 1);
    row.state = SESSION_LIVE;
    row.agent = agent;
    row.epoch = 2;
    row.live_at_ms = ms(50);
    session_update(group, &row, 1, SESSION_QUEUED);
    agent_take(group, agent, ms(50));
    assert_int_equal(pg_group_send(&group, on_accepted, race), PARLEY_OK);
}

static struct uuid online_agent(void)
{
    struct uuid id = pg_fixture_id();
    pg_fixture_sql("insert into agent (id, email, name, role, status) values ('%s', '%s', 'A', 'agent', 3)",
                   pg_fixture_text(id), pg_fixture_text(id));
    return id;
}

static void of_two_who_accept_at_once_one_gets_it(void **unused)
{
    struct uuid one = online_agent(), other = online_agent();
    for (int i = 0; i < 50; i++) {
        struct session_row row = queued("q6", 0, i);
        struct race race = {.left = 2};
        pg_fixture_sql("update agent set load = 0");
        accept_on(store_transition(f.store), row, one, &race);
        accept_on(store_settling(f.store), row, other, &race);
        pg_fixture_wait(f.loop, &race.done);
        assert_int_equal(race.won, 1);
        assert_int_equal(race.stale, 1);
        assert_int_equal(pg_fixture_number("select sum(load) from agent"), 1);
    }
}

/* ---- silence ---- */

static struct session_silence silences[64];

static void on_silences(void *arg, parley_status status, const struct session_silence *found, int n)
{
    nrows = n;
    for (int i = 0; i < n && i < 64; i++)
        silences[i] = found[i];
    store_fixture_done(arg, status, NULL);
}

/* NULL: it was not looked at. */
static const struct session_silence *silence_of(struct uuid session)
{
    for (int i = 0; i < nrows && i < 64; i++)
        if (uuid_equal(silences[i].session, session))
            return &silences[i];
    return NULL;
}

static void look(int before, int resolved_before, int limit)
{
    struct session_patience patience = {ms(before), ms(resolved_before), ms(1000)};
    parley_status st = session_silent(f.store, &patience, limit, on_silences, NULL);
    assert_int_equal(store_fixture_wait(st), PARLEY_OK);
}

/* The head that one which is due has; -1: it is not. */
static int64_t silent_head(struct uuid session)
{
    const struct session_silence *s = silence_of(session);
    return s && s->due ? s->head : -1;
}

static void put_off(const struct session_silence *later, int n)
{
    assert_int_equal(store_fixture_wait(session_put_off(f.store, later, n, store_fixture_done, NULL)), PARLEY_OK);
}

static struct session_row served(int role, int said_at)
{
    struct session_row row = bot_session();
    struct log_row item = store_fixture_row(row.conversation, f.customer, 1, 0);
    item.role = (int16_t)role;
    item.at_ms = ms(said_at);
    assert_int_equal(insert(&row), PARLEY_OK);
    assert_int_equal(store_fixture_wait(log_append(f.store, &item, 1, store_fixture_done, NULL)), PARLEY_OK);
    return row;
}

static void silence_counts_the_customers_words_only(void **unused)
{
    struct session_row never = bot_session(), early = served(1, 10), late = served(1, 900), guest = served(2, 900);
    struct session_row bot = served(6, 900), waiting = queued("silent", 0, 5);
    assert_int_equal(insert(&never), PARLEY_OK);
    look(500, 500, 64);
    assert_int_equal(silent_head(never.id), 0);
    assert_int_equal(silent_head(early.id), 1);
    assert_int_equal(silent_head(bot.id), 1);
    assert_int_equal(silent_head(late.id), -1);
    assert_int_equal(silent_head(guest.id), -1);
    assert_int_equal(silent_head(waiting.id), -1);
    look(0, 0, 64);
    assert_int_equal(silent_head(never.id), -1);
}

/* A run of that session which stands as `waiting` says since a time. */
static void stands(const struct session_row *row, const char *waiting, int since)
{
    struct uuid run = pg_fixture_id();
    pg_fixture_sql("insert into flow_version (hash, name, title, source)"
                   " values (sha256('v'), 'v', 'V', '') on conflict do nothing");
    pg_fixture_sql("update session set run = '%s' where id = '%s'", pg_fixture_text(run), pg_fixture_text(row->id));
    pg_fixture_sql("insert into flow_run (id, session, conversation, hash, state, step, input_seq, waiting, started_at,"
                   " updated_at) values ('%s', '%s', '%s', sha256('v'), 2, 3, 0, '%s', now(),"
                   " to_timestamp(%lld / 1000.0))",
                   pg_fixture_text(run), pg_fixture_text(row->id), pg_fixture_text(row->conversation), waiting,
                   (long long)ms(since));
}

/* Stands in a question with a time for it that is over, of which this timer is to tell it. */
static void is_late(const struct session_row *row, struct uuid timer)
{
    char waiting[128];
    snprintf(waiting, sizeof waiting, "{\"call\":\"ask\",\"until\":%lld,\"timer\":\"%s\"}", (long long)ms(30),
             pg_fixture_text(timer));
    stands(row, waiting, 20);
}

static void what_waits_is_put_off_and_not_read_again_until_then(void **unused)
{
    struct session_row asks = served(1, 10), waits = served(1, 10), timed = served(1, 10), told = served(1, 10);
    struct uuid timer = pg_fixture_id();
    stands(&asks, "{\"call\":\"ask\"}", 400);
    stands(&waits, "{\"call\":\"wait\"}", 20);
    is_late(&timed, timer);
    is_late(&told, pg_fixture_id());
    pg_fixture_sql("insert into timer (id, conversation, kind, due, ref) values ('%s', '%s', 3, now(), '%s')",
                   pg_fixture_text(timer), pg_fixture_text(timed.conversation), pg_fixture_text(timed.id));
    look(100, 100, 64);
    assert_int_equal(silent_head(told.id), 1);
    assert_int_equal(silence_of(asks.id)->quiet_at_ms, ms(400));
    assert_int_equal(silence_of(waits.id)->quiet_at_ms, ms(1000)); /* as late as can be: it may wait for ever */
    assert_int_equal(silence_of(timed.id)->quiet_at_ms, ms(1000));
    assert_false(silence_of(asks.id)->due || silence_of(waits.id)->due || silence_of(timed.id)->due);
    put_off(silences, nrows);
    look(399, 399, 64);
    assert_null(silence_of(asks.id));
    look(999, 999, 64);
    assert_int_equal(silent_head(asks.id), 1);
    assert_null(silence_of(waits.id));
    assert_null(silence_of(timed.id));
    look(1001, 1001, 64);
    assert_false(silence_of(waits.id)->due || silence_of(timed.id)->due);
}

/* Looked at as often as the shorter patience wants, and ended by its own. */
static void a_session_that_came_back_from_an_agent_is_found_by_either_patience(void **unused)
{
    struct session_row back = served(1, 10);
    pg_fixture_sql("update session set live_at = state_at where id = '%s'", pg_fixture_text(back.id));
    look(-5, 500, 64);
    assert_false(silence_of(back.id)->due);
    assert_int_equal(silence_of(back.id)->quiet_at_ms, ms(515));
    put_off(silences, nrows);
    look(10, 515, 64);
    assert_null(silence_of(back.id));
    look(11, 516, 64);
    assert_int_equal(silent_head(back.id), 1);
    struct session_silence far = *silence_of(back.id);
    pg_fixture_sql("update session set state = 6, closed_at = now() where id = '%s'", pg_fixture_text(back.id));
    put_off(&far, 1); /* it was closed meanwhile */
    assert_int_equal(
        pg_fixture_number("select count(*) from session where id = '%s' and quiet_at = to_timestamp(%lld / 1000.0)",
                          pg_fixture_text(back.id), (long long)ms(515)),
        1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_comes_back_as_it_went),
        cmocka_unit_test(a_change_needs_the_epoch_and_state_it_was_decided_on),
        cmocka_unit_test(a_conversation_has_one_open_session),
        cmocka_unit_test(what_a_state_must_have_is_refused_without_it),
        cmocka_unit_test(those_who_wait_come_by_priority_then_age),
        cmocka_unit_test(an_agents_sessions_and_offers_are_found),
        cmocka_unit_test(a_place_counts_who_is_before),
        cmocka_unit_test(of_two_who_accept_at_once_one_gets_it),
        cmocka_unit_test(silence_counts_the_customers_words_only),
        cmocka_unit_test(what_waits_is_put_off_and_not_read_again_until_then),
        cmocka_unit_test(a_session_that_came_back_from_an_agent_is_found_by_either_patience),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
