/* Processes, contexts and handoffs: what an agent finds in the dossier. */
#include "protocol/item.h"
#include "server/store/context_row.h"
#include "server/store/handoff_row.h"
#include "server/store/process_row.h"
#include "server/store/recap_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const int64_t now_ms = 1790000000000;

static struct process_row process;
static struct handoff_row handoff;
static struct context_row contexts[32];
static char data[128], step[32], screen[32], queue[32];
static int nrows;

static parley_status send(struct pg_group *group)
{
    return store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL));
}

/* ---- processes ---- */

static void on_processes(void *arg, parley_status status, const struct process_row *rows, int n)
{
    nrows = n;
    if (n > 0) {
        process = rows[0];
        snprintf(data, sizeof data, "%.*s", SPAN_ARG(rows[0].data));
        snprintf(step, sizeof step, "%.*s", SPAN_ARG(rows[0].step));
    }
    store_fixture_done(arg, status, NULL);
}

static struct process_row new_process(struct uuid conversation)
{
    struct process_row row = {
        .id = pg_fixture_id(),
        .conversation = conversation,
        .type = span_str("order"),
        .version = 2,
        .state = PROCESS_OPEN,
        .step = span_str("cart"),
        .revision = 1,
        .data = span_str("{\"n\":1}"),
        .created_at_ms = now_ms,
        .updated_at_ms = now_ms,
    };
    struct pg_group *group = store_transition(f.store);
    process_insert(group, &row);
    assert_int_equal(send(group), PARLEY_OK);
    return row;
}

static parley_status take_step(struct process_row *row, int64_t revision)
{
    struct pg_group *group = store_transition(f.store);
    process_update(group, row, revision);
    return send(group);
}

static void a_step_needs_the_revision_it_was_made_on(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct process_row row = new_process(c);
    row.revision = 2;
    row.step = span_str("pay");
    row.data = span_str("{\"n\":2}");
    assert_int_equal(take_step(&row, 1), PARLEY_OK);
    assert_int_equal(take_step(&row, 1), PARLEY_STALE);
    assert_int_equal(store_fixture_wait(process_get(f.store, c, row.id, on_processes, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_int_equal(process.revision, 2);
    assert_int_equal(process.version, 2);
    assert_string_equal(step, "pay");
    assert_string_equal(data, "{\"n\": 2}");
}

static void a_process_belongs_to_its_conversation(void **unused)
{
    struct uuid c = store_fixture_conversation(), d = store_fixture_conversation();
    struct process_row row = new_process(c);
    assert_int_equal(store_fixture_wait(process_get(f.store, d, row.id, on_processes, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 0);
    row.conversation = d;
    assert_int_equal(take_step(&row, 1), PARLEY_STALE);
}

static void only_open_ones_are_listed_newest_first(void **unused)
{
    struct uuid c = store_fixture_conversation();
    struct process_row first = new_process(c), second = new_process(c), third = new_process(c);
    third.state = PROCESS_DONE;
    assert_int_equal(take_step(&third, 1), PARLEY_OK);
    assert_int_equal(store_fixture_wait(process_open(f.store, c, 20, on_processes, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 2);
    assert_true(uuid_equal(process.id, second.id));
    assert_int_equal(store_fixture_wait(process_open(f.store, c, 1, on_processes, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_false(uuid_equal(process.id, first.id));
}

static void on_types(void *arg, parley_status status, const struct process_type_row *rows, int n)
{
    assert_int_equal(n, 2);
    assert_int_equal(rows[1].version, 2);
    assert_true(span_is(rows[1].steps, "[\"cart\", \"pay\"]"));
    store_fixture_done(arg, status, NULL);
}

static void a_type_has_versions(void **unused)
{
    pg_fixture_sql("insert into process_type (app, name, version, steps, fields)"
                   " values ('%s', 'order', 2, '[\"cart\",\"pay\"]', '[]'), ('%s', 'order', 1, '[\"cart\"]', '[]')",
                   pg_fixture_text(f.app), pg_fixture_text(f.app));
    assert_int_equal(store_fixture_wait(process_types(f.store, on_types, NULL)), PARLEY_OK);
}

/* ---- contexts ---- */

static void on_contexts(void *arg, parley_status status, const struct context_row *rows, int n)
{
    nrows = n;
    for (int i = 0; i < n; i++)
        contexts[i] = rows[i];
    if (n > 0) {
        snprintf(data, sizeof data, "%.*s", SPAN_ARG(rows[0].body));
        snprintf(screen, sizeof screen, "%.*s", SPAN_ARG(rows[0].screen));
    }
    store_fixture_done(arg, status, NULL);
}

static void put_context(struct uuid conversation, int64_t seq, uint8_t which)
{
    char body[128], hex[65];
    uint8_t hash[32];
    memset(hash, which, sizeof hash);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", which);
    struct log_row item = store_fixture_row(conversation, f.customer, seq, 0);
    item.kind = 14;
    item.audience = 1;
    int n = snprintf(body, sizeof body, "{\"screen\":\"s%d\",\"snapshot\":\"%s\"}", which, hex);
    item.body = span_of(body, (size_t)n);
    struct pg_group *group = store_transition(f.store);
    log_append_to(group, &item, 1);
    n = snprintf(body, sizeof body, "{\"which\":%d}", which);
    context_put(group, conversation, hash, span_of(body, (size_t)n), now_ms);
    assert_int_equal(send(group), PARLEY_OK);
}

static void the_context_in_force_is_the_last_one_before(void **unused)
{
    struct uuid c = store_fixture_conversation();
    put_context(c, 1, 1);
    struct log_row word = store_fixture_row(c, f.customer, 2, 0);
    assert_int_equal(store_fixture_wait(log_append(f.store, &word, 1, store_fixture_done, NULL)), PARLEY_OK);
    put_context(c, 3, 2);
    put_context(c, 4, 1); /* stored once */
    assert_int_equal(store_fixture_wait(context_at(f.store, c, 2, on_contexts, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_int_equal(contexts[0].seq, 1);
    assert_string_equal(data, "{\"which\": 1}");
    assert_int_equal(store_fixture_wait(context_at(f.store, c, INT64_MAX, on_contexts, NULL)), PARLEY_OK);
    assert_int_equal(contexts[0].seq, 4);
    assert_int_equal(
        pg_fixture_number("select count(*) from context_snapshot where conversation = '%s'", pg_fixture_text(c)), 2);
    assert_int_equal(store_fixture_wait(context_trail(f.store, c, 4, on_contexts, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 2);
    assert_int_equal(contexts[0].seq, 3);
    assert_int_equal(contexts[1].seq, 1);
    assert_string_equal(screen, "s2");
}

static void before_the_first_context_none_is_in_force(void **unused)
{
    struct uuid c = store_fixture_conversation();
    assert_int_equal(store_fixture_wait(context_at(f.store, c, 100, on_contexts, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 0);
}

/* ---- handoffs ---- */

static void on_handoffs(void *arg, parley_status status, const struct handoff_row *rows, int n)
{
    nrows = n;
    if (n > 0) {
        handoff = rows[0];
        snprintf(data, sizeof data, "%.*s", SPAN_ARG(rows[0].collected));
        snprintf(queue, sizeof queue, "%.*s", SPAN_ARG(rows[0].queue));
    }
    store_fixture_done(arg, status, NULL);
}

static void read_handoff(struct uuid id)
{
    assert_int_equal(store_fixture_wait(handoff_get(f.store, id, on_handoffs, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
}

static void a_handoff_is_accepted_passed_on_and_ends_once(void **unused)
{
    struct handoff_row row = {
        .id = pg_fixture_id(),
        .session = pg_fixture_id(),
        .conversation = pg_fixture_id(),
        .queue = span_str("sales"),
        .why = span_str("flow"),
        .collected = span_str("{\"order\":\"A1\"}"),
        .priority = 2,
        .asked_at_ms = now_ms,
    };
    struct uuid agent = pg_fixture_id();
    struct pg_group *group = store_transition(f.store);
    handoff_insert(group, &row);
    handoff_accept(group, row.id, agent, now_ms + 5000);
    assert_int_equal(send(group), PARLEY_OK);
    read_handoff(row.id);
    assert_true(uuid_equal(handoff.agent, agent));
    assert_int_equal(handoff.accepted_at_ms, now_ms + 5000);
    assert_int_equal(handoff.ended_at_ms, 0);
    assert_string_equal(data, "{\"order\": \"A1\"}");
    group = store_transition(f.store);
    handoff_requeue(group, row.id, span_str("billing"), (struct span){0});
    assert_int_equal(send(group), PARLEY_OK);
    read_handoff(row.id);
    assert_true(uuid_is_nil(handoff.agent));
    assert_string_equal(queue, "billing");
    for (int i = 0; i < 2; i++) {
        group = store_transition(f.store);
        handoff_end(group, row.id, span_str("resolved"), span_str("paid"), now_ms + 9000);
        assert_int_equal(send(group), i ? PARLEY_STALE : PARLEY_OK);
    }
    group = store_transition(f.store);
    handoff_accept(group, row.id, agent, now_ms);
    assert_int_equal(send(group), PARLEY_STALE);
}

/* ---- recaps ---- */

static struct recap_row recap;

static void on_recap(void *arg, parley_status status, const struct recap_row *row)
{
    recap = status == PARLEY_OK ? *row : (struct recap_row){0};
    store_fixture_done(arg, status, NULL);
}

static void look_back(struct uuid c)
{
    assert_int_equal(store_fixture_wait(recap_get(f.store, c, f.customer, on_recap, NULL)), PARLEY_OK);
}

static void append(struct uuid c, struct uuid author, int64_t seq, int kind, const char *body)
{
    struct log_row row = store_fixture_row(c, author, seq, seq - 1);
    row.kind = (int16_t)kind;
    row.body = span_str(body);
    assert_int_equal(store_fixture_wait(log_append(f.store, &row, 1, store_fixture_done, NULL)), PARLEY_OK);
}

static void a_recap_counts_what_a_person_would_read(void **unused)
{
    struct uuid c = store_fixture_conversation(), agent = pg_fixture_id();
    look_back(c);
    assert_true(recap.read == 0 && recap.unread == 0 && recap.question == 0 && !recap.processes);
    append(c, agent, 1, ITEM_text, "{\"text\":\"a\"}");
    append(c, f.customer, 2, ITEM_text, "{\"text\":\"b\"}");
    append(c, (struct uuid){0}, 3, ITEM_linked, "{}");
    append(c, agent, 4, ITEM_joined, "{}");
    append(c, agent, 5, ITEM_text, "{\"text\":\"c\"}");
    look_back(c);
    assert_int_equal(recap.unread, 2);
    pg_fixture_sql("insert into tombstone (conversation, seq, digest) values ('%s', 1, sha256(''))",
                   pg_fixture_text(c));
    look_back(c);
    assert_int_equal(recap.unread, 1);
    pg_fixture_sql("insert into mark values ('%s', '%s', 1, 5, 5)", pg_fixture_text(c), pg_fixture_text(f.customer));
    look_back(c);
    assert_true(recap.read == 5 && recap.unread == 0);
    new_process(c);
    look_back(c);
    assert_true(recap.processes);
}

static void a_recap_knows_the_newest_question_that_waits(void **unused)
{
    struct uuid c = store_fixture_conversation(), agent = pg_fixture_id();
    append(c, agent, 1, ITEM_choices, "{}");
    append(c, agent, 2, ITEM_form, "{}");
    append(c, f.customer, 3, ITEM_choice, "{\"to\":7}");
    look_back(c);
    assert_int_equal(recap.question, 2);
    append(c, f.customer, 4, ITEM_form_answer, "{\"to\":2}");
    look_back(c);
    assert_int_equal(recap.question, 1); /* the older one still waits */
    append(c, agent, 5, ITEM_resolved, "{\"closed\":false}");
    look_back(c);
    assert_int_equal(recap.question, 1);
    append(c, agent, 6, ITEM_resolved, "{\"closed\":true}");
    look_back(c);
    assert_int_equal(recap.question, 0);
    append(c, agent, 7, ITEM_choices, "{}");
    look_back(c);
    assert_int_equal(recap.question, 7);
    pg_fixture_sql("insert into tombstone (conversation, seq, digest) values ('%s', 7, sha256(''))",
                   pg_fixture_text(c));
    look_back(c);
    assert_int_equal(recap.question, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_needs_the_revision_it_was_made_on),
        cmocka_unit_test(a_process_belongs_to_its_conversation),
        cmocka_unit_test(only_open_ones_are_listed_newest_first),
        cmocka_unit_test(a_type_has_versions),
        cmocka_unit_test(the_context_in_force_is_the_last_one_before),
        cmocka_unit_test(before_the_first_context_none_is_in_force),
        cmocka_unit_test(a_handoff_is_accepted_passed_on_and_ends_once),
        cmocka_unit_test(a_recap_counts_what_a_person_would_read),
        cmocka_unit_test(a_recap_knows_the_newest_question_that_waits),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
