/* Flows, runs with their journals, and timers: each step and each firing happens once. */
#include "server/store/flow_row.h"

#include "protocol/item.h"
#include "server/store/flow_upkeep.h"
#include "server/store/timer_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const int64_t now_ms = 1790000000000;

static char source[64], waiting[64], last_data[64], last_item[64];
static uint8_t hash[FLOW_ROW_HASH];
static int nrows;
static struct uuid behind;
static struct flow_run_row run;
static int64_t first_entry, last_entry;
static struct timer_row timers[16];

static parley_status send(struct pg_group *group)
{
    return store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL));
}

static void on_flows(void *arg, parley_status status, const struct flow_row *rows, int n)
{
    nrows = n;
    if (n > 0) {
        snprintf(source, sizeof source, "%.*s", SPAN_ARG(rows[0].source));
        memcpy(hash, rows[0].hash, sizeof hash);
    }
    store_fixture_done(arg, status, NULL);
}

static struct flow_row publish(const char *name, const char *text, uint8_t which)
{
    struct flow_row row = {.name = span_str(name), .title = span_str("T"), .source = span_str(text)};
    memset(row.hash, which, sizeof row.hash);
    pg_fixture_sql("with v as (insert into flow_version (hash, name, title, source)"
                   "           values (decode(repeat('%02x', 32), 'hex'), '%s', 'T', '%s') on conflict do nothing)"
                   " insert into flow (name, hash) values ('%s', decode(repeat('%02x', 32), 'hex'))"
                   "  on conflict (name) do update set hash = excluded.hash",
                   which, name, text, name, which);
    return row;
}

static void a_name_has_one_source_and_an_old_one_stays_readable(void **unused)
{
    struct flow_row old = publish("welcome", "say 1", 1), new = publish("welcome", "say 2", 2);
    assert_int_equal(store_fixture_wait(flow_list(f.store, on_flows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_memory_equal(hash, new.hash, sizeof hash);
    assert_int_equal(store_fixture_wait(flow_by_hash(f.store, old.hash, on_flows, NULL)), PARLEY_OK);
    assert_string_equal(source, "say 1");
    new.hash[0]++;
    assert_int_equal(store_fixture_wait(flow_by_hash(f.store, new.hash, on_flows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 0);
}

static struct flow_run_row new_run(const struct flow_row *flow)
{
    struct flow_run_row row = {
        .id = pg_fixture_id(),
        .session = pg_fixture_id(),
        .conversation = pg_fixture_id(),
        .state = FLOW_RUN_RUNNING,
        .started_at_ms = now_ms,
        .updated_at_ms = now_ms,
    };
    memcpy(row.hash, flow->hash, sizeof row.hash);
    struct pg_group *group = store_transition(f.store);
    flow_run_insert(group, &row);
    assert_int_equal(send(group), PARLEY_OK);
    return row;
}

static void on_runs(void *arg, parley_status status, const struct flow_run_row *rows, int n)
{
    nrows = n;
    if (n > 0) {
        run = rows[n - 1];
        snprintf(waiting, sizeof waiting, "%.*s", SPAN_ARG(run.waiting));
    }
    store_fixture_done(arg, status, NULL);
}

static parley_status take_step(struct flow_run_row *row, int64_t entry)
{
    struct flow_journal_row entries[2] = {
        {.entry = entry,
         .step = row->step + 1,
         .call = span_str("ask"),
         .line = 7,
         .data = span_str("{\"answer\":\"yes\"}")},
        {.entry = entry + 1, .step = row->step + 1, .call = span_str("say"), .line = 8, .data = span_str("{}")},
    };
    struct flow_run_row next = *row;
    next.step++;
    next.state = FLOW_RUN_WAITING;
    next.input_seq = 12;
    next.waiting = span_str("{\"for\":\"text\"}");
    struct pg_group *group = store_transition(f.store);
    flow_run_update(group, &next, row->step);
    flow_journal_add(group, row->id, entries, 2);
    return send(group);
}

static void on_entries(void *arg, parley_status status, const struct flow_journal_row *rows, int n)
{
    nrows = n;
    if (n > 0) {
        first_entry = rows[0].entry;
        last_entry = rows[n - 1].entry;
        snprintf(last_data, sizeof last_data, "%.*s@%d %.*s", SPAN_ARG(rows[0].call), rows[0].line,
                 SPAN_ARG(rows[0].data));
        snprintf(last_item, sizeof last_item, "%.*s", SPAN_ARG(rows[n - 1].item));
    }
    store_fixture_done(arg, status, NULL);
}

static void a_step_happens_once(void **unused)
{
    struct flow_row flow = publish("steps", "x", 3);
    struct flow_run_row row = new_run(&flow);
    assert_int_equal(take_step(&row, 1), PARLEY_OK);
    assert_int_equal(take_step(&row, 3), PARLEY_STALE); /* the same step again */
    row.step = 1;
    assert_int_equal(take_step(&row, 2), PARLEY_CONFLICT); /* over what was written */
    assert_int_equal(take_step(&row, 3), PARLEY_OK);
    assert_int_equal(store_fixture_wait(flow_run_get(f.store, row.id, on_runs, NULL)), PARLEY_OK);
    assert_int_equal(run.step, 2);
    assert_int_equal(run.input_seq, 12);
    assert_int_equal(run.state, FLOW_RUN_WAITING);
    assert_string_equal(waiting, "{\"for\": \"text\"}");
    assert_memory_equal(run.hash, flow.hash, sizeof run.hash);
    assert_int_equal(store_fixture_wait(flow_journal_load(f.store, &row, 0, on_entries, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 4);
    assert_int_equal(first_entry, 1);
    assert_string_equal(last_data, "ask@7 {\"answer\": \"yes\"}");
    assert_int_equal(store_fixture_wait(flow_journal_load(f.store, &row, 3, on_entries, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_int_equal(last_entry, 4);
}

static void read_journal(const struct flow_run_row *row)
{
    assert_int_equal(store_fixture_wait(flow_journal_load(f.store, row, 0, on_entries, NULL)), PARLEY_OK);
}

static void an_entry_comes_with_the_item_that_it_names_until_that_is_erased(void **unused)
{
    struct flow_row flow = publish("naming", "z", 23);
    struct flow_run_row row = new_run(&flow);
    struct flow_journal_row entry = {
        .entry = 1, .step = 1, .call = span_str("ask"), .data = span_str("{\"told\":{\"said\":7}}")};
    struct pg_group *group = store_transition(f.store);
    flow_journal_add(group, row.id, &entry, 1);
    assert_int_equal(send(group), PARLEY_OK);
    read_journal(&row);
    assert_string_equal(last_item, ""); /* it is not there */
    pg_fixture_sql("insert into item values ('%s', gen_random_uuid(), gen_random_uuid(), 7, 6, now(), 1, 1, 0,"
                   " '{\"text\": \"A1\"}')",
                   pg_fixture_text(row.conversation));
    read_journal(&row);
    assert_string_equal(last_item, "{\"body\": {\"text\": \"A1\"}, \"kind\": 1}");
    pg_fixture_sql("insert into tombstone select conversation, seq, sha256('') from item where conversation = '%s'",
                   pg_fixture_text(row.conversation));
    read_journal(&row);
    assert_int_equal(nrows, 1);
    assert_string_equal(last_item, "");
}

static void a_step_of_a_version_that_the_run_has_left_is_stale(void **unused)
{
    struct flow_row flow = publish("moving", "from", 21), next = publish("moving", "to", 22);
    struct flow_run_row row = new_run(&flow);
    assert_int_equal(take_step(&row, 1), PARLEY_OK);
    pg_fixture_sql("update flow_run set hash = (select hash from flow_version where source = 'to') where id = '%s'",
                   pg_fixture_text(row.id));
    row.step = 1;
    assert_int_equal(take_step(&row, 3), PARLEY_STALE);
    memcpy(row.hash, next.hash, sizeof row.hash);
    assert_int_equal(take_step(&row, 3), PARLEY_OK);
}

static void an_ended_run_takes_no_step(void **unused)
{
    struct flow_row flow = publish("ending", "y", 4);
    struct flow_run_row row = new_run(&flow), ended = row;
    ended.step = 1;
    ended.state = FLOW_RUN_ENDED;
    struct pg_group *group = store_transition(f.store);
    flow_run_update(group, &ended, 0);
    assert_int_equal(send(group), PARLEY_OK);
    row.step = 1;
    assert_int_equal(take_step(&row, 1), PARLEY_STALE);
}

static void a_run_can_begin_anew_with_what_it_has_learnt(void **unused)
{
    struct flow_row flow = publish("anew", "w", 6);
    struct flow_run_row row = new_run(&flow);
    assert_int_equal(take_step(&row, 1), PARLEY_OK);
    struct pg_group *group = store_transition(f.store);
    flow_run_set_collected(group, row.id, span_str("{\"order\":\"A1\"}"), span_str("{}"));
    flow_journal_forget(group, row.id, 1);
    assert_int_equal(send(group), PARLEY_OK);
    assert_string_equal(
        pg_fixture_sql("select collected->>'order' from flow_run where id = '%s'", pg_fixture_text(row.id)), "A1");
    row.step = 1;
    assert_int_equal(take_step(&row, 1), PARLEY_OK);
    assert_int_equal(store_fixture_wait(flow_journal_load(f.store, &row, 0, on_entries, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 2);
}

static struct uuid reached;

static void on_behind(void *arg, parley_status status, const struct flow_behind_row *rows, int n, struct uuid so_far)
{
    nrows = n;
    reached = so_far;
    if (n > 0)
        behind = rows[0].conversation;
    store_fixture_done(arg, status, NULL);
}

static int look_for_those_behind(struct uuid after, int looked_at, int found, bool all_calls)
{
    struct flow_look look = {after, looked_at, found, all_calls};
    assert_int_equal(store_fixture_wait(flow_runs_behind(f.store, &look, on_behind, NULL)), PARLEY_OK);
    return nrows;
}

static int count_behind(void)
{
    int n = look_for_those_behind((struct uuid){0}, 1000, 10, false);
    assert_true(uuid_is_nil(reached));
    return n;
}

/* A run in a session of its own. */
static struct flow_run_row serving_run(const struct flow_row *flow)
{
    struct flow_run_row row = new_run(flow);
    row.conversation = store_fixture_conversation();
    pg_fixture_sql("update flow_run set conversation = '%s' where id = '%s'", pg_fixture_text(row.conversation),
                   pg_fixture_text(row.id));
    pg_fixture_sql("insert into session (id, conversation, app, customer, state, epoch, run, opened_at, state_at)"
                   " values ('%s', '%s', '%s', '%s', 1, 1, '%s', now(), now())",
                   pg_fixture_text(row.session), pg_fixture_text(row.conversation), pg_fixture_text(f.app),
                   pg_fixture_text(f.customer), pg_fixture_text(row.id));
    return row;
}

static void say_something(struct uuid conversation)
{
    struct log_row word = store_fixture_row(conversation, f.customer, 1, 0);
    assert_int_equal(store_fixture_wait(log_append(f.store, &word, 1, store_fixture_done, NULL)), PARLEY_OK);
}

static void a_run_that_was_not_told_of_an_item_is_behind(void **unused)
{
    struct flow_row flow = publish("behind", "v", 7);
    struct flow_run_row row = serving_run(&flow);
    assert_int_equal(count_behind(), 0);
    say_something(row.conversation);
    assert_int_equal(count_behind(), 1);
    assert_true(uuid_equal(behind, row.conversation));
    row.step = 1;
    row.input_seq = 1;
    struct pg_group *group = store_transition(f.store);
    flow_run_update(group, &row, 0);
    assert_int_equal(send(group), PARLEY_OK);
    assert_int_equal(count_behind(), 0);
}

static void a_call_that_another_process_may_be_making_is_left_to_it(void **unused)
{
    struct flow_row flow = publish("calling", "c", 9);
    struct flow_run_row row = serving_run(&flow);
    pg_fixture_sql("update flow_run set step = 1, updated_at = now() - interval '30 s', waiting = jsonb_build_object("
                   " 'call', 'http.get', 'until', (extract(epoch from now()) * 1000)::bigint + 60000) where id = '%s'",
                   pg_fixture_text(row.id));
    assert_int_equal(count_behind(), 0);
    assert_int_equal(look_for_those_behind((struct uuid){0}, 1000, 10, true), 1);
    pg_fixture_sql("update flow_run set updated_at = now() - interval '70 s' where id = '%s'", pg_fixture_text(row.id));
    assert_int_equal(count_behind(), 1);
    pg_fixture_sql("update flow_run set state = 4 where id = '%s'", pg_fixture_text(row.id));
}

static void a_run_that_is_to_leave_is_behind(void **unused)
{
    struct flow_row flow = publish("leaving", "l", 23);
    struct flow_run_row row = serving_run(&flow);
    pg_fixture_sql("update flow_run set leaves = true where id = '%s'", pg_fixture_text(row.id));
    assert_int_equal(count_behind(), 1);
    assert_true(uuid_equal(behind, row.conversation));
    assert_int_equal(store_fixture_wait(flow_run_get(f.store, row.id, on_runs, NULL)), PARLEY_OK);
    assert_true(run.leaves);
    pg_fixture_sql("update flow_run set state = 5 where id = '%s'", pg_fixture_text(row.id));
    assert_int_equal(count_behind(), 0);
}

static void whoever_reads_on_reaches_all_that_are_behind(void **unused)
{
    struct flow_row flow = publish("many", "u", 8);
    struct uuid after = {0};
    for (int i = 0; i < 3; i++)
        say_something(serving_run(&flow).conversation);
    assert_int_equal(count_behind(), 3);
    for (int left = 3; left >= 0; left--) {
        assert_int_equal(look_for_those_behind(after, 1000, 1, false), left > 0);
        assert_true(!left || memcmp(&behind, &after, sizeof after) > 0);
        assert_true(uuid_equal(reached, left ? behind : (struct uuid){0}));
        after = behind;
    }
}

static void those_that_are_not_behind_are_passed_by_in_parts(void **unused)
{
    struct flow_row flow = publish("parts", "p", 12);
    struct uuid after = {0};
    int found = 0, parts = 0, all = count_behind();
    for (int i = 0; i < 5; i++)
        serving_run(&flow);
    int64_t live = pg_fixture_number("select count(*) from flow_run where state < 4");
    do {
        found += look_for_those_behind(after, 2, 10, false);
        assert_true(uuid_is_nil(reached) || memcmp(&reached, &after, sizeof after) > 0);
        after = reached;
        parts++;
    } while (!uuid_is_nil(after));
    assert_int_equal(found, all);
    assert_int_equal(parts, live / 2 + 1);
}

/* ---- events ---- */

static int64_t event_seq;

static void on_events(void *arg, parley_status status, const struct flow_event_row *rows, int n)
{
    nrows = n;
    if (n > 0)
        event_seq = rows[0].seq;
    store_fixture_done(arg, status, NULL);
}

static int count_events(struct uuid conversation, const char *where)
{
    struct flow_event_wish wish = {.type = span_str("parcel.sent"), .where = span_str(where), .after = 1};
    event_seq = 0;
    assert_int_equal(store_fixture_wait(flow_events(f.store, conversation, &wish, on_events, NULL)), PARLEY_OK);
    return nrows;
}

static void of_the_events_those_that_fit_are_read_however_many_came_before(void **unused)
{
    struct uuid conversation = store_fixture_conversation();
    for (int64_t seq = 1; seq <= 30; seq++) {
        char body[128];
        struct log_row event = store_fixture_row(conversation, f.customer, seq, seq - 1);
        snprintf(body, sizeof body, "{\"data\": {\"n\": %d, \"to\": \"A\"}, \"type\": \"parcel.sent\"}", (int)seq);
        event.kind = ITEM_custom;
        event.body = span_str(body);
        assert_int_equal(store_fixture_wait(log_append(f.store, &event, 1, store_fixture_done, NULL)), PARLEY_OK);
    }
    assert_int_equal(count_events(conversation, ""), 20);
    assert_int_equal(event_seq, 2);
    assert_int_equal(count_events(conversation, "{\"n\": 29.0, \"to\": \"A\"}"), 1);
    assert_int_equal(event_seq, 29);
    assert_int_equal(count_events(conversation, "{\"n\": 1}"), 0);
    assert_int_equal(count_events(conversation, "{\"n\": 29, \"of\": \"B\"}"), 0);
}

/* ---- timers ---- */

static struct timer_row timer_at(int64_t due)
{
    return (struct timer_row){
        .id = pg_fixture_id(),
        .conversation = pg_fixture_id(),
        .kind = TIMER_FLOW,
        .due_ms = due,
        .ref = pg_fixture_id(),
    };
}

static void set(const struct timer_row *timer)
{
    struct pg_group *group = store_transition(f.store);
    timer_set(group, timer);
    assert_int_equal(send(group), PARLEY_OK);
}

static void on_timers(void *arg, parley_status status, const struct timer_row *rows, int n)
{
    nrows = n;
    for (int i = 0; i < n && i < 16; i++)
        timers[i] = rows[i];
    store_fixture_done(arg, status, NULL);
}

static int due(int64_t at, int part, int parts)
{
    assert_int_equal(store_fixture_wait(timer_due(f.store, at, part, parts, 16, on_timers, NULL)), PARLEY_OK);
    return nrows;
}

static parley_status fire(struct uuid id)
{
    struct pg_group *group = store_transition(f.store);
    timer_fire(group, id);
    return send(group);
}

static void a_timer_fires_once(void **unused)
{
    struct timer_row timer = timer_at(now_ms);
    set(&timer);
    assert_int_equal(due(now_ms - 1, 0, 1), 0);
    assert_int_equal(due(now_ms, 0, 1), 1);
    assert_true(uuid_equal(timers[0].ref, timer.ref));
    assert_int_equal(timers[0].kind, TIMER_FLOW);
    assert_int_equal(fire(timer.id), PARLEY_OK);
    assert_int_equal(fire(timer.id), PARLEY_STALE);
}

static void a_timer_can_be_moved_and_cleared(void **unused)
{
    struct timer_row timer = timer_at(now_ms), other = timer_at(now_ms);
    set(&timer);
    set(&other);
    timer.due_ms = now_ms + 100;
    set(&timer);
    assert_int_equal(due(now_ms, 0, 1), 1);
    struct pg_group *group = store_transition(f.store);
    timer_clear(group, timer.id);
    timer_clear(group, timer.id); /* gone already */
    timer_clear_ref(group, TIMER_OFFER, other.ref);
    assert_int_equal(send(group), PARLEY_OK);
    assert_int_equal(due(now_ms + 200, 0, 1), 1);
    group = store_transition(f.store);
    timer_clear_ref(group, TIMER_FLOW, other.ref);
    assert_int_equal(send(group), PARLEY_OK);
    assert_int_equal(due(now_ms + 200, 0, 1), 0);
}

static void a_timer_that_cannot_fire_is_put_off_longer_each_time(void **unused)
{
    struct timer_row timer = timer_at(now_ms), other = timer_at(now_ms + 1);
    int64_t waited_ms = 0, at_ms = now_ms;
    set(&timer);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(due(at_ms, 0, 1), 1);
        for (int twice = 0; twice < 2; twice++)
            assert_int_equal(store_fixture_wait(timer_put_off(f.store, at_ms, timers, 1, store_fixture_done, NULL)),
                             PARLEY_OK);
        int64_t again_ms = pg_fixture_number("select extract(epoch from due) * 1000 from timer where id = '%s'",
                                             pg_fixture_text(timer.id));
        assert_true(again_ms - at_ms > waited_ms || again_ms - at_ms == 256000);
        waited_ms = again_ms - at_ms;
        at_ms = again_ms;
    }
    set(&other);
    assert_int_equal(due(at_ms - 1, 0, 1), 1);
    assert_true(uuid_equal(timers[0].id, other.id));
    assert_int_equal(fire(timer.id) + fire(other.id), PARLEY_OK);
}

static void timers_are_dealt_out_by_conversation(void **unused)
{
    for (int i = 0; i < 12; i++) {
        struct timer_row timer = timer_at(now_ms + i);
        timer.conversation.b[15] = (uint8_t)i;
        set(&timer);
    }
    assert_int_equal(due(now_ms + 100, 0, 3), 4);
    assert_true(timers[0].due_ms < timers[1].due_ms);
    assert_int_equal(timers[1].conversation.b[15] % 3, 0);
    assert_int_equal(due(now_ms + 100, 1, 3) + due(now_ms + 100, 2, 3), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_source_and_an_old_one_stays_readable),
        cmocka_unit_test(a_step_happens_once),
        cmocka_unit_test(an_entry_comes_with_the_item_that_it_names_until_that_is_erased),
        cmocka_unit_test(a_step_of_a_version_that_the_run_has_left_is_stale),
        cmocka_unit_test(an_ended_run_takes_no_step),
        cmocka_unit_test(a_run_can_begin_anew_with_what_it_has_learnt),
        cmocka_unit_test(a_run_that_was_not_told_of_an_item_is_behind),
        cmocka_unit_test(a_call_that_another_process_may_be_making_is_left_to_it),
        cmocka_unit_test(a_run_that_is_to_leave_is_behind),
        cmocka_unit_test(whoever_reads_on_reaches_all_that_are_behind),
        cmocka_unit_test(those_that_are_not_behind_are_passed_by_in_parts),
        cmocka_unit_test(of_the_events_those_that_fit_are_read_however_many_came_before),
        cmocka_unit_test(a_timer_fires_once),
        cmocka_unit_test(a_timer_can_be_moved_and_cleared),
        cmocka_unit_test(a_timer_that_cannot_fire_is_put_off_longer_each_time),
        cmocka_unit_test(timers_are_dealt_out_by_conversation),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
