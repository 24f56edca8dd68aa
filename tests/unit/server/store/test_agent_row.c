/* Agents: access, presence, and capacity as the row judges it; what administrators set up. */
#include "server/store/agent_row.h"
#include "server/store/app_row.h"
#include "server/store/node_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static const int64_t now_ms = 1790000000000;

static struct agent_row row;
static int nrows;
static char queues[128];
static struct principal_revision revisions[8];

static struct uuid add_agent(const char *email, int capacity)
{
    struct uuid id = pg_fixture_id();
    pg_fixture_sql(
        "insert into agent (id, email, name, role, capacity, password) values ('%s', '%s', 'Bo', 'agent', %d,"
        " '$argon2id$x')",
        pg_fixture_text(id), email, capacity);
    return id;
}

static void on_rows(void *arg, parley_status status, const struct agent_row *got, int n)
{
    nrows = n;
    queues[0] = '\0';
    if (n > 0)
        row = got[n - 1];
    for (int i = 0; n > 0 && i < row.nqueues; i++)
        snprintf(queues + strlen(queues), sizeof queues - strlen(queues), "%.*s,", SPAN_ARG(row.queues[i]));
    store_fixture_done(arg, status, NULL);
}

static void read_agent(const char *email)
{
    assert_int_equal(store_fixture_wait(agent_by_email(f.store, span_str(email), on_rows, NULL)), PARLEY_OK);
}

static void an_agent_is_found_by_email_with_queues(void **unused)
{
    struct uuid id = add_agent("bo@x", 5);
    pg_fixture_sql("insert into queue (name, title) values ('a', 'A'), ('b', 'B')");
    pg_fixture_sql("insert into membership values ('%s', 'b'), ('%s', 'a')", pg_fixture_text(id), pg_fixture_text(id));
    read_agent("Bo@X");
    assert_int_equal(nrows, 1);
    assert_true(uuid_equal(row.id, id));
    assert_int_equal(row.capacity, 5);
    assert_int_equal(row.status, AGENT_OFFLINE);
    assert_true(row.assigned_at_ms == INT64_MIN);
    assert_string_equal(queues, "a,b,");
    read_agent("nobody@x");
    assert_int_equal(nrows, 0);
    assert_int_equal(store_fixture_wait(agent_load_all(f.store, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
}

static parley_status by_token(const uint8_t digest[32], int64_t at)
{
    return store_fixture_wait(agent_by_token(f.store, digest, at, on_rows, NULL));
}

static void a_token_opens_until_it_expires_or_its_agent_is_disabled(void **unused)
{
    struct uuid id = add_agent("cy@x", 5);
    const uint8_t digest[32] = {7};
    int64_t expires = now_ms * 2;
    assert_int_equal(store_fixture_wait(agent_add_token(f.store, digest, id, expires, store_fixture_done, NULL)),
                     PARLEY_OK);
    assert_int_equal(by_token(digest, expires - 1), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_int_equal(by_token(digest, expires), PARLEY_OK);
    assert_int_equal(nrows, 0);
    pg_fixture_sql("update agent set disabled_at = now() where email = 'cy@x'");
    by_token(digest, now_ms);
    assert_int_equal(nrows, 0);
}

static void set_status(struct uuid id, int16_t status, struct uuid node)
{
    assert_int_equal(store_fixture_wait(agent_set_status(f.store, id, status, node, store_fixture_done, NULL)),
                     PARLEY_OK);
}

static void coming_does_not_overtake_what_the_agent_says(void **unused)
{
    struct uuid id = add_agent("ea@x", 5), node = pg_fixture_id();
    assert_int_equal(store_fixture_wait(agent_set_here(f.store, id, node, store_fixture_done, NULL)), PARLEY_OK);
    read_agent("ea@x");
    assert_int_equal(row.status, AGENT_AWAY);
    set_status(id, AGENT_ONLINE, node);
    assert_int_equal(store_fixture_wait(agent_set_here(f.store, id, node, store_fixture_done, NULL)), PARLEY_OK);
    read_agent("ea@x");
    assert_int_equal(row.status, AGENT_ONLINE);
}

static parley_status send(struct pg_group *group)
{
    return store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL));
}

static parley_status take(struct uuid id)
{
    struct pg_group *group = store_transition(f.store);
    agent_take(group, id, now_ms);
    return send(group);
}

static parley_status give(struct uuid id)
{
    struct pg_group *group = store_transition(f.store);
    agent_give(group, id);
    return send(group);
}

static void capacity_is_never_exceeded_nor_load_below_zero(void **unused)
{
    struct uuid id = add_agent("ed@x", 2);
    assert_int_equal(take(id), PARLEY_STALE); /* offline */
    set_status(id, AGENT_ONLINE, pg_fixture_id());
    assert_int_equal(take(id), PARLEY_OK);
    assert_int_equal(take(id), PARLEY_OK);
    assert_int_equal(take(id), PARLEY_STALE);
    read_agent("ed@x");
    assert_int_equal(row.load, 2);
    assert_int_equal(row.assigned_at_ms, now_ms);
    assert_int_equal(give(id), PARLEY_OK);
    assert_int_equal(give(id), PARLEY_OK);
    assert_int_equal(give(id), PARLEY_STALE);
    struct pg_group *group = store_transition(f.store);
    for (int i = 0; i < 3; i++)
        agent_take_anyway(group, id, now_ms);
    assert_int_equal(send(group), PARLEY_OK);
}

static bool miss(struct uuid id)
{
    bool away = false;
    struct pg_group *group = store_transition(f.store);
    agent_miss(group, id, 2, &away);
    assert_int_equal(send(group), PARLEY_OK);
    return away;
}

static void two_misses_in_a_row_make_an_agent_away(void **unused)
{
    struct uuid id = add_agent("fo@x", 2);
    set_status(id, AGENT_ONLINE, pg_fixture_id());
    assert_false(miss(id));
    assert_int_equal(take(id), PARLEY_OK); /* not in a row */
    assert_false(miss(id));
    assert_true(miss(id));
    read_agent("fo@x");
    assert_int_equal(row.status, AGENT_AWAY);
    assert_int_equal(take(id), PARLEY_STALE);
    set_status(id, AGENT_ONLINE, pg_fixture_id());
    read_agent("fo@x");
    assert_int_equal(row.misses, 0);
}

static void a_lost_connection_has_a_grace(void **unused)
{
    struct uuid id = add_agent("gi@x", 2), node = pg_fixture_id(), other = pg_fixture_id();
    set_status(id, AGENT_ONLINE, node);
    assert_int_equal(store_fixture_wait(agent_set_lost(f.store, id, other, store_fixture_done, NULL)),
                     PARLEY_OK); /* they are not there */
    assert_int_equal(take(id), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_set_lost(f.store, id, node, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(take(id), PARLEY_OK); /* a link that is back may accept before its coming is written */
    assert_int_equal(give(id), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_true(uuid_equal(row.id, id));
    int64_t lost_at_ms = row.lost_at_ms;
    assert_true(row.lost_for_ms >= 0);
    set_status(id, AGENT_ONLINE, node); /* back in time */
    assert_int_equal(store_fixture_wait(agent_set_offline(f.store, id, lost_at_ms, store_fixture_done, NULL)),
                     PARLEY_OK);
    assert_int_equal(take(id), PARLEY_OK);
}

static void on_nodes(void *arg, parley_status status, const struct uuid *nodes, int n)
{
    store_fixture_done(NULL, status, NULL);
}

/* It never had time for a beat. */
static void a_dead_nodes_agents_are_lost_and_then_offline(void **unused)
{
    struct uuid id = add_agent("ho@x", 2), node = pg_fixture_id();
    set_status(id, AGENT_ONLINE, node);
    pg_fixture_sql("update node set seen_at = now() - interval '6 s' where id = '%s'", pg_fixture_text(node));
    assert_int_equal(store_fixture_wait(node_bury(f.store, 5000, on_nodes, NULL)), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_set_offline(f.store, id, row.lost_at_ms, store_fixture_done, NULL)),
                     PARLEY_OK);
    read_agent("ho@x");
    assert_int_equal(row.status, AGENT_OFFLINE);
    assert_true(uuid_is_nil(row.node));
}

static void who_is_lost_or_disabled_is_found_until_nothing_is_left_of_theirs(void **unused)
{
    struct uuid id = add_agent("jo@x", 2), node = pg_fixture_id();
    set_status(id, AGENT_ONLINE, node);
    assert_int_equal(take(id), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 0);
    pg_fixture_sql("update agent set disabled_at = now() where email = 'jo@x'");
    assert_int_equal(store_fixture_wait(agent_set_offline(f.store, id, 0, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1); /* a session is left, say after a crash */
    assert_true(uuid_equal(row.id, id));
    assert_int_equal(row.status, AGENT_OFFLINE);
    assert_int_equal(give(id), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 0);
}

static void a_session_that_a_lost_agent_still_has_is_not_forgotten(void **unused)
{
    struct uuid id = add_agent("ka@x", 2), node = pg_fixture_id();
    set_status(id, AGENT_ONLINE, node);
    assert_int_equal(take(id), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_set_lost(f.store, id, node, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
    for (int left = 1; left >= 0; left--) {
        assert_int_equal(store_fixture_wait(agent_set_offline(f.store, id, row.lost_at_ms, store_fixture_done, NULL)),
                         PARLEY_OK);
        assert_int_equal(store_fixture_wait(agent_lost(f.store, on_rows, NULL)), PARLEY_OK);
        assert_int_equal(nrows, left);
        if (left)
            assert_int_equal(give(id), PARLEY_OK);
    }
}

static void on_revisions(void *arg, parley_status status, const struct principal_revision *got, int n)
{
    nrows = n;
    memcpy(revisions, got, (size_t)n * sizeof *got);
    store_fixture_done(arg, status, NULL);
}

/* With a key that was withdrawn, and perhaps one that was not. */
static void add_bot(struct uuid id, bool good)
{
    pg_fixture_sql("insert into bot (id, name, title, app) select '%s', 'bot-%d', 'b', id from app;"
                   "insert into api_key (id, digest, role, name, app, bot, disabled_at)"
                   " select gen_random_uuid(), sha256(random()::text::bytea), 'bot', 'b', app, id, d"
                   "   from bot, (values (true, now()), (%s, null)) k (there, d) where id = '%s' and there",
                   pg_fixture_text(id), good, good ? "true" : "false", pg_fixture_text(id));
}

static void revisions_tell_who_has_changed(void **unused)
{
    struct uuid ids[7] = {add_agent("ix@x", 1), f.customer,      pg_fixture_id(), pg_fixture_id(),
                          pg_fixture_id(),      pg_fixture_id(), pg_fixture_id()};
    for (int i = 3; i < 5; i++)
        pg_fixture_sql("insert into api_key select '%s', sha256('%s'), 'backend', 'b', id, now(), %s from app",
                       pg_fixture_text(ids[i]), pg_fixture_text(ids[i]), i == 3 ? "null" : "now()");
    for (int i = 5; i < 7; i++) /* a bot stays for as long as one of its keys does */
        add_bot(ids[i], i == 5);
    pg_fixture_sql("update agent set disabled_at = now() where email = 'ix@x'");
    assert_int_equal(store_fixture_wait(principal_revisions(f.store, ids, 7, on_revisions, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 6);
    for (int i = 0; i < 6; i++) {
        bool good = uuid_equal(revisions[i].id, ids[3]) || uuid_equal(revisions[i].id, ids[5]);
        int64_t is = uuid_equal(revisions[i].id, f.customer) ? 1 : good ? 0 : -1;
        assert_int_equal(revisions[i].revision, is);
    }
    pg_fixture_sql("delete from api_key; delete from bot");
}

/* ---- what administrators set up ---- */

static void on_loaded(void *arg, parley_status status, const struct app_all *all)
{
    assert_int_equal(all->napps, 1);
    assert_true(span_is(all->apps[0].name, "shop"));
    assert_true(span_is(all->apps[0].space, "main"));
    assert_true(span_is(all->apps[0].default_queue, "a"));
    assert_int_equal(all->apps[0].default_flow.len, 0);
    assert_int_equal(all->apps[0].norigins, 2);
    assert_true(span_is(all->apps[0].origins[1], "https://b"));
    assert_int_equal(all->nkeys, 2);
    assert_true(span_is(all->keys[0].public_jwk, "{\"kty\": \"EC\"}"));
    assert_int_equal(all->keys[1].sealed.len, 2);
    assert_int_equal(all->napi_keys, 1);
    assert_int_equal(all->api_keys[0].digest[31], 0x99);
    assert_int_equal(all->nqueues, 2);
    assert_int_equal(all->npermissions, 11);
    assert_true(span_is(all->permissions[0].role, "admin"));
    assert_true(span_is(all->permissions[0].permission, "administer"));
    store_fixture_done(arg, status, NULL);
}

static void everything_that_is_not_disabled_is_loaded(void **unused)
{
    const char *app = pg_fixture_text(f.app);
    pg_fixture_sql("update app set default_queue = 'a', origins = '{https://a,https://b}'");
    pg_fixture_sql(
        "insert into app_key values ('k1', '%s', 'ES256', '{\"kty\": \"EC\"}', null, now(), null),"
        " ('k2', '%s', 'HS256', null, '\\x0102', now(), null), ('k3', '%s', 'RS256', '{}', null, now(), now())",
        app, app, app);
    pg_fixture_sql(
        "insert into api_key select gen_random_uuid(), decode(repeat(h, 32), 'hex'), 'backend', 'b', '%s', now(), d"
        " from (values ('99', null), ('98', now())) k (h, d)",
        app);
    assert_int_equal(store_fixture_wait(app_load_all(f.store, on_loaded, NULL)), PARLEY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_is_found_by_email_with_queues),
        cmocka_unit_test(a_token_opens_until_it_expires_or_its_agent_is_disabled),
        cmocka_unit_test(coming_does_not_overtake_what_the_agent_says),
        cmocka_unit_test(capacity_is_never_exceeded_nor_load_below_zero),
        cmocka_unit_test(two_misses_in_a_row_make_an_agent_away),
        cmocka_unit_test(a_lost_connection_has_a_grace),
        cmocka_unit_test(a_dead_nodes_agents_are_lost_and_then_offline),
        cmocka_unit_test(who_is_lost_or_disabled_is_found_until_nothing_is_left_of_theirs),
        cmocka_unit_test(a_session_that_a_lost_agent_still_has_is_not_forgotten),
        cmocka_unit_test(revisions_tell_who_has_changed),
        cmocka_unit_test(everything_that_is_not_disabled_is_loaded),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
