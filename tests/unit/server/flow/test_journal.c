/* The journal and replaying: the same place, or a difference that says where. */
#include "tests/support/value_equal.h"
#include "tests/unit/unit.h"

#include "protocol/item.h"
#include "server/base/mem.h"
#include "server/flow/engine.h"
#include "server/flow/journal.h"
#include "server/flow/json.h"

#include <stdio.h>

/* ---- rows ---- */

static struct flow_entry row(int64_t entry, const char *call, const char *data)
{
    return (struct flow_entry){
        .entry = entry, .step = entry, .call = span_str(call), .line = 7, .data = span_str(data)};
}

static void rows_with_holes_or_nonsense_are_refused(void **state)
{
    static const char good[] = "{\"args\":\"0000000000000000\",\"label\":\"\",\"told\":{}}";
    struct journal *j = NULL;
    struct flow_entry rows[2] = {row(1, "ask", good), row(3, "ask", good)};
    assert_int_equal(journal_open(rows, 2, &j), PARLEY_INVALID);
    rows[1] = row(2, "ask", "{\"args\":\"0\"}");
    assert_int_equal(journal_open(rows, 2, &j), PARLEY_INVALID);
    rows[1] = row(2, "ask", "[]");
    assert_int_equal(journal_open(rows, 2, &j), PARLEY_INVALID);
    rows[1] = row(2, "ask", "{\"told\":5}");
    assert_int_equal(journal_open(rows, 2, &j), PARLEY_INVALID);
    rows[1] = row(2, "ask", "nonsense");
    assert_int_equal(journal_open(rows, 2, &j), PARLEY_INVALID);
    assert_null(j);
}

static void what_is_written_is_read_again(void **state)
{
    struct arena arena;
    struct value told;
    const struct value *again;
    struct flow_error error;
    struct journal *j;
    arena_init(&arena, 1 << 20);
    struct journal_call call = {.name = "ask", .label = span_str("order"), .line = 12, .digest = 0xfeed};
    assert_int_equal(json_pair(&arena, "value", value_text(span_str("A1")), &told), PARLEY_OK);
    struct flow_entry e = {
        .entry = 1, .step = 3, .call = span_str("ask"), .line = 12, .data = journal_data(&arena, &call, &told)};
    assert_int_equal(journal_open(&e, 1, &j), PARLEY_OK);
    assert_int_equal(journal_first_step(j), 3);
    assert_int_equal(journal_next(j, &call, &again, &error), PARLEY_OK);
    assert_true(value_equal(again, &told));
    assert_true(journal_at_end(j));
    assert_int_equal(journal_next(j, &call, &again, &error), PARLEY_NOT_FOUND);
    journal_close(&j);
    assert_null(j);
    arena_done(&arena);
}

static void a_difference_names_both_sides(void **state)
{
    static const char data[] = "{\"args\":\"000000000000feed\",\"label\":\"order\",\"told\":{}}";
    struct flow_entry e = row(1, "ask", data);
    struct journal *j;
    struct flow_error error = {0};
    const struct value *told;
    assert_int_equal(journal_open(&e, 1, &j), PARLEY_OK);
    struct journal_call other = {.name = "wait", .label = span_str("2h"), .line = 5, .digest = 0xfeed};
    assert_int_equal(journal_next(j, &other, &told, &error), PARLEY_CONFLICT);
    assert_string_equal(error.code, "E301");
    assert_string_equal(error.text, "the run cannot go on the way it went\n"
                                    "  journal  step 1 ask \"order\" in line 7\n"
                                    "  now      wait \"2h\" in line 5");
    struct journal_call alike = {.name = "ask", .label = span_str("order"), .line = 7, .digest = 0xbeef};
    assert_int_equal(journal_next(j, &alike, &told, &error), PARLEY_CONFLICT);
    assert_non_null(strstr(error.text, "with other words before or in it"));
    journal_differs(j, NULL, &error);
    assert_non_null(strstr(error.text, "now      ends"));
    journal_close(&j);
}

/* ---- a host that keeps the last step, and gives it to another source ---- */

struct keeper {
    struct flow_host host;
    struct flow_run *run;
    struct flow_entry entries[16];
    char *texts[32];
    size_t entry_count, text_count;
    char *waiting;
    enum flow_state state;
    int64_t step;
    size_t items;
    bool wanted_person;
    parley_status answer; /* to the next commit */
    bool gone, silent;
};

static struct span keep(struct keeper *k, struct span s)
{
    k->texts[k->text_count] = mem_span(s);
    return span_str(k->texts[k->text_count++]);
}

static void on_commit(struct flow_host *host, struct flow_run *run, const struct flow_step *step)
{
    struct keeper *k = (struct keeper *)host;
    k->run = run;
    if (k->silent)
        return;
    if (k->answer == PARLEY_OK) {
        for (size_t i = 0; i < step->entry_count; i++) {
            struct flow_entry e = step->entries[i];
            e.call = keep(k, e.call);
            e.data = keep(k, e.data);
            if (e.said)
                e.item = span_str("{\"kind\":1,\"body\":{\"text\":\"1\"}}"); /* as say() has it */
            k->entries[k->entry_count++] = e;
        }
        mem_free(k->waiting);
        k->waiting = mem_span(step->waiting);
        k->state = step->state;
        k->step = step->number;
        k->items += step->item_count;
        k->wanted_person = step->handoff.wanted;
    }
    flow_committed(run, k->answer, 3);
}

static void on_read(struct flow_host *host, struct flow_run *run, const struct flow_read *read)
{
    flow_answered(run, ((struct keeper *)host)->answer, span_str("{\"name\":\"Ana\"}"));
}

static void on_defer(struct flow_host *host, struct flow_run *run)
{
    fail_msg("nothing here is busy");
}

static void on_ready(struct flow_host *host, struct flow_run *run)
{
    ((struct keeper *)host)->run = run;
}

static void on_gone(struct flow_host *host, struct flow_run *run, parley_status why)
{
    ((struct keeper *)host)->gone = true;
    ((struct keeper *)host)->run = NULL;
}

static int64_t on_now(struct flow_host *host)
{
    return 1000;
}

static void keeper_init(struct keeper *k)
{
    *k = (struct keeper){.host = {.commit = on_commit,
                                  .read = on_read,
                                  .defer = on_defer,
                                  .ready = on_ready,
                                  .gone = on_gone,
                                  .now_ms = on_now}};
}

static void keeper_done(struct keeper *k)
{
    for (size_t i = 0; i < k->text_count; i++)
        mem_free(k->texts[i]);
    mem_free(k->waiting);
}

static const struct uuid id = {{1, 2, 3}};

static parley_status begin(struct flow_engine *engine, const char *source)
{
    struct flow_version *v;
    struct flow_error error;
    struct flow_run *run;
    struct flow_birth birth = {.run = id, .conversation = id, .text = span_str("Hi"), .kind = span_str("text")};
    assert_int_equal(flow_version_add(engine, "f.lua", span_str(source), &v, &error), PARLEY_OK);
    return flow_start(engine, v, &birth, NULL, &run);
}

static parley_status load(struct flow_engine *engine, struct keeper *k, const char *source)
{
    struct flow_version *v;
    struct flow_error error;
    struct flow_run *run;
    struct flow_saved saved = {
        .run = id,
        .conversation = id,
        .state = k->state,
        .step = k->step,
        .waiting = span_str(k->waiting),
        .entries = k->entries,
        .entry_count = k->entry_count,
    };
    assert_int_equal(flow_version_add(engine, "f.lua", span_str(source), &v, &error), PARLEY_OK);
    return flow_load(engine, v, &saved, NULL, &run);
}

static parley_status say(struct keeper *k, const char *body)
{
    return flow_event(
        k->run, &(struct flow_event){.type = FLOW_EVENT_ITEM, .kind = ITEM_text, .seq = 5, .body = span_str(body)});
}

#define BEGIN "flow { id = 'f', title = 'F' }\n"
static const char original[] =
    BEGIN "say 'Hello'\nlocal a = ask { id = 'one', text = 'One?' }\nsay(a)\nlocal n = customer.name\n"
          "ask { id = 'two', text = 'Two?' }\nwait '1h'";

/* Runs the original to its second question, then goes on with another source. */
static void part(const char *source, const char *expected)
{
    struct keeper k;
    keeper_init(&k);
    struct flow_engine *engine = flow_engine_new(&k.host, &flow_limits_default);
    assert_int_equal(begin(engine, original), PARLEY_OK);
    assert_int_equal(say(&k, "{\"text\":\"1\"}"), PARLEY_OK);
    assert_int_equal(k.state, FLOW_WAITING);
    assert_int_equal(k.step, 2);
    flow_engine_free(&engine);
    engine = flow_engine_new(&k.host, &flow_limits_default);
    size_t items = k.items;
    assert_int_equal(load(engine, &k, source), PARLEY_OK);
    if (!expected) {
        assert_int_equal(k.state, FLOW_WAITING);
        assert_int_equal(k.items, items);
        assert_int_equal(k.step, 2);
    } else {
        assert_int_equal(k.state, FLOW_FAILED);
        assert_true(k.wanted_person);
        assert_int_equal(k.items, items + 1); /* the apology */
        const struct flow_error *e = flow_run_error(k.run);
        assert_string_equal(e->code, "E301");
        if (!strstr(e->text, expected))
            fail_msg("%s", e->text);
    }
    flow_engine_free(&engine);
    keeper_done(&k);
}

static void the_same_source_comes_to_the_same_place(void **state)
{
    part(original, NULL);
    part(BEGIN "-- a comment\nsay 'Hello' local a = ask { id = 'one', text = 'One?' } say(a) local n = customer.name\n"
               "ask { id = 'two', text = 'Twice?' }",
         NULL); /* what has not been answered yet may change */
}

static void another_way_is_noticed_with_both_lines(void **state)
{
    part(BEGIN "say 'Hi'\nlocal a = ask { id = 'one', text = 'One?' }",
         "journal  step 2 ask \"one\" in line 3\n  now      ask \"one\" in line 3, but with other words");
    part(BEGIN "wait '1h'", "now      wait \"\" in line 2");
    part(BEGIN "say 'Hello'\nlocal a = ask { id = 'one', text = 'One?' }\nsay(a)\nask { id = 'two', text = 'Two?' }",
         "journal  step 2 customer.read \"name\" in line 5\n  now      ask \"two\" in line 5");
    part(BEGIN "say 'Hello'\nlocal a = ask { id = 'one', text = 'One?' }", "now      ends");
    part(BEGIN "say 'Hello'\nlocal a = ask { id = 'one', text = 'One?' }\nsay(a)\nlocal n = customer.name", "ends");
    part(BEGIN
         "say 'Hello'\nlocal a = ask { id = 'one', text = 'One?' }\nsay(a)\nlocal n = customer.name\nlocal t = now()",
         "now      now");
    part(BEGIN "say 'Hello'\nlocal a = ask { id = 'one', text = 'One?' }\nsay(a)\nlocal n = customer.name\nhandoff {}",
         "journal  step 2 waits in ask \"two\" in line 6\n  now      handoff \"\" in line 6");
}

static void a_commit_that_fails_takes_the_run_out_of_memory(void **state)
{
    struct keeper k;
    keeper_init(&k);
    struct flow_engine *engine = flow_engine_new(&k.host, &flow_limits_default);
    assert_int_equal(begin(engine, original), PARLEY_OK);
    k.answer = PARLEY_UNAVAILABLE;
    assert_int_equal(say(&k, "{\"text\":\"1\"}"), PARLEY_OK);
    assert_true(k.gone);
    assert_int_equal(k.step, 1);
    k.answer = PARLEY_OK;
    assert_int_equal(load(engine, &k, original), PARLEY_OK);
    assert_int_equal(say(&k, "{\"text\":\"1\"}"), PARLEY_OK);
    assert_int_equal(k.step, 2);
    flow_engine_free(&engine);
    keeper_done(&k);
}

static void events_come_one_at_a_time(void **state)
{
    struct keeper k;
    keeper_init(&k);
    struct flow_engine *engine = flow_engine_new(&k.host, &flow_limits_default);
    assert_int_equal(begin(engine, original), PARLEY_OK);
    assert_int_equal(flow_event(k.run, &(struct flow_event){.type = FLOW_EVENT_TIMER, .timer = id}),
                     PARLEY_WRONG_STATE);
    assert_int_equal(flow_event(k.run, &(struct flow_event){.type = FLOW_EVENT_BACK}), PARLEY_WRONG_STATE);
    assert_int_equal(say(&k, "no json"), PARLEY_WRONG_STATE);
    k.silent = true;
    assert_int_equal(say(&k, "{\"text\":\"1\"}"), PARLEY_OK);
    assert_int_equal(say(&k, "{\"text\":\"2\"}"), PARLEY_BUSY);
    flow_committed(k.run, PARLEY_OK, 0);
    k.silent = false;
    assert_int_equal(say(&k, "{\"text\":\"2\"}"), PARLEY_OK);
    assert_int_equal(flow_event(k.run, &(struct flow_event){.type = FLOW_EVENT_ESCAPE}), PARLEY_OK);
    assert_int_equal(flow_event(k.run, &(struct flow_event){.type = FLOW_EVENT_ESCAPE}), PARLEY_WRONG_STATE);
    assert_int_equal(k.state, FLOW_HANDOFF);
    flow_evict(&k.run);
    flow_engine_free(&engine);
    keeper_done(&k);
}

static void runs_that_are_over_or_too_many_are_refused(void **state)
{
    struct keeper k;
    struct flow_limits limits = flow_limits_default;
    keeper_init(&k);
    limits.runs_per_version = 1;
    struct flow_engine *engine = flow_engine_new(&k.host, &limits);
    assert_int_equal(begin(engine, original), PARLEY_OK);
    assert_int_equal(begin(engine, original), PARLEY_BUSY);
    k.state = FLOW_ENDED;
    assert_int_equal(load(engine, &k, original), PARLEY_WRONG_STATE);
    k.state = FLOW_WAITING;
    flow_evict(&k.run);
    k.entries[0].entry = 2;
    assert_int_equal(load(engine, &k, original), PARLEY_INVALID);
    flow_engine_free(&engine);
    keeper_done(&k);
}

static bool in_memory(struct flow_engine *engine, const char *source)
{
    uint8_t hash[FLOW_HASH];
    flow_hash(span_str(source), hash);
    return flow_version_find(engine, hash) != NULL;
}

static void a_version_leaves_memory_once_nobody_has_used_it_for_a_while(void **state)
{
    enum { IDLE_MS = 1000 };
    struct keeper k;
    struct flow_version *held;
    struct flow_error error;
    keeper_init(&k);
    struct flow_engine *engine = flow_engine_new(&k.host, &flow_limits_default);
    assert_int_equal(begin(engine, original), PARLEY_OK);
    assert_int_equal(flow_version_add(engine, "h.lua", span_str(BEGIN "wait '2h'"), &held, &error), PARLEY_OK);
    flow_version_hold(held);
    for (int64_t now_ms = 1; now_ms < 5 * IDLE_MS; now_ms += IDLE_MS)
        flow_versions_tidy(engine, now_ms, IDLE_MS);
    assert_true(in_memory(engine, original));
    assert_true(in_memory(engine, BEGIN "wait '2h'"));

    flow_evict(&k.run);
    flow_version_let_go(held);
    flow_versions_tidy(engine, 10000, IDLE_MS);
    flow_versions_tidy(engine, 10999, IDLE_MS);
    assert_true(in_memory(engine, original));
    assert_int_equal(load(engine, &k, original), PARLEY_OK); /* wanted again: the while begins anew */
    flow_versions_tidy(engine, 11000, IDLE_MS);
    assert_true(in_memory(engine, original));
    assert_false(in_memory(engine, BEGIN "wait '2h'"));

    flow_evict(&k.run);
    flow_versions_tidy(engine, 12000, IDLE_MS);
    flow_versions_tidy(engine, 13000, IDLE_MS);
    assert_false(in_memory(engine, original));
    assert_int_equal(load(engine, &k, original), PARLEY_OK);
    assert_int_equal(k.state, FLOW_WAITING);
    flow_engine_free(&engine);
    keeper_done(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_with_holes_or_nonsense_are_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_difference_names_both_sides),
        cmocka_unit_test(a_version_leaves_memory_once_nobody_has_used_it_for_a_while),
        cmocka_unit_test(the_same_source_comes_to_the_same_place),
        cmocka_unit_test(another_way_is_noticed_with_both_lines),
        cmocka_unit_test(a_commit_that_fails_takes_the_run_out_of_memory),
        cmocka_unit_test(events_come_one_at_a_time),
        cmocka_unit_test(runs_that_are_over_or_too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
