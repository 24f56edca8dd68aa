/* The turns of bots from outside, and their seats. */
#include "server/store/bot_row.h"
#include "server/store/node_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum { T0 = 1790000000, LONGEST = 60000 };

static struct bot_work works[8];
static char whys[8][16];
static int nworks;
static struct uuid bot;

static int64_t ms(int seconds)
{
    return ((int64_t)T0 + seconds) * 1000;
}

static void on_works(void *arg, parley_status status, const struct bot_work *rows, int n)
{
    nworks = n;
    for (int i = 0; i < n; i++) {
        works[i] = rows[i];
        snprintf(whys[i], sizeof whys[i], "%.*s", SPAN_ARG(rows[i].why));
    }
    store_fixture_done(arg, status, NULL);
}

static void waiting(void)
{
    assert_int_equal(store_fixture_wait(bot_waiting(f.store, &bot, 1, 8, on_works, NULL)), PARLEY_OK);
}

static void overdue(int at)
{
    assert_int_equal(store_fixture_wait(bot_overdue(f.store, ms(at), 8, on_works, NULL)), PARLEY_OK);
}

static parley_status commit(struct pg_group *group)
{
    return store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL));
}

/* A session that the bot serves, held by that device or by nobody; in a database without turns. */
static struct session_row served(struct uuid holder)
{
    pg_fixture_sql("delete from bot_turn; delete from session");
    if (uuid_is_nil(bot)) {
        bot = pg_fixture_id();
        pg_fixture_sql("insert into bot (id, name, title, app) select '%s', 'connie', 'Connie', id from app limit 1",
                       pg_fixture_text(bot));
    }
    struct session_row row = {.id = pg_fixture_id(),
                              .conversation = store_fixture_conversation(),
                              .app = f.app,
                              .customer = f.customer,
                              .state = SESSION_BOT,
                              .epoch = 1,
                              .bot = bot,
                              .holder = holder,
                              .opened_at_ms = ms(0),
                              .state_at_ms = ms(0)};
    struct pg_group *group = store_transition(f.store);
    session_insert(group, &row);
    assert_int_equal(commit(group), PARLEY_OK);
    return row;
}

static void ask(const struct session_row *s, enum bot_turn_why why, int at)
{
    struct pg_group *group = store_transition(f.store);
    bot_turn_ask(group, &(struct bot_turn){.session = s->id,
                                           .conversation = s->conversation,
                                           .bot = bot,
                                           .why = why,
                                           .waiting = uuid_is_nil(s->holder),
                                           .asked_at_ms = ms(at),
                                           .due_ms = ms(at + 15)});
    assert_int_equal(commit(group), PARLEY_OK);
}

static void take(const struct session_row *s, int at)
{
    struct pg_group *group = store_transition(f.store);
    bot_turn_take(group, s->id, ms(at + 15), LONGEST);
    assert_int_equal(commit(group), PARLEY_OK);
}

static void let_go(const struct session_row *s, int at)
{
    struct pg_group *group = store_transition(f.store);
    bot_turn_wait(group, s->id, ms(at), ms(at + 15), LONGEST);
    assert_int_equal(commit(group), PARLEY_OK);
}

static void who_asks_again_waits_no_longer_for_it(void **unused)
{
    struct session_row s = served((struct uuid){0});
    ask(&s, BOT_TURN_ANSWER, 0);
    ask(&s, BOT_TURN_ANSWER, 10);
    waiting();
    assert_int_equal(nworks, 1);
    assert_true(uuid_equal(works[0].session.id, s.id));
    assert_int_equal(works[0].turn.due_ms, ms(15));
    overdue(14);
    assert_int_equal(nworks, 0);
    overdue(15);
    assert_int_equal(nworks, 1);
}

static void an_answer_comes_before_hearing(void **unused)
{
    struct session_row s = served((struct uuid){0});
    ask(&s, BOT_TURN_HEAR, 0);
    ask(&s, BOT_TURN_ANSWER, 5);
    waiting();
    assert_int_equal(works[0].turn.why, BOT_TURN_ANSWER);
    assert_int_equal(works[0].turn.due_ms, ms(20));
    ask(&s, BOT_TURN_HEAR, 9);
    waiting();
    assert_int_equal(works[0].turn.why, BOT_TURN_ANSWER);
}

static void who_takes_it_has_heard_and_has_its_own_time(void **unused)
{
    struct session_row s = served((struct uuid){0});
    ask(&s, BOT_TURN_HEAR, 0);
    take(&s, 3);
    assert_int_equal(pg_fixture_number("select count(*) from bot_turn"), 0);
    ask(&s, BOT_TURN_ANSWER, 0);
    take(&s, 10);
    waiting();
    assert_int_equal(nworks, 0);
    overdue(24);
    assert_int_equal(nworks, 0);
    overdue(25);
    assert_int_equal(nworks, 1);
    take(&s, 50); /* not for ever */
    overdue(60);
    assert_int_equal(nworks, 1);
}

static void what_is_let_go_waits_as_long_as_it_had(void **unused)
{
    struct session_row s = served((struct uuid){0});
    ask(&s, BOT_TURN_ANSWER, 0);
    take(&s, 0);
    let_go(&s, 10);
    waiting();
    assert_int_equal(works[0].turn.tries, 1);
    assert_int_equal(works[0].turn.due_ms, ms(15));
    let_go(&s, 15); /* its time is over: another one gets as much */
    waiting();
    assert_int_equal(works[0].turn.due_ms, ms(30));
}

static void what_has_changed_is_not_decided_on(void **unused)
{
    struct session_row s = served((struct uuid){0});
    ask(&s, BOT_TURN_ANSWER, 0);
    waiting();
    struct bot_turn seen = works[0].turn;
    struct pg_group *group = store_transition(f.store);
    bot_turn_still(group, &seen);
    assert_int_equal(commit(group), PARLEY_OK);
    take(&s, 1);
    group = store_transition(f.store);
    bot_turn_still(group, &seen);
    assert_int_equal(commit(group), PARLEY_STALE);
}

static void only_the_holder_gets_longer(void **unused)
{
    struct uuid device = pg_fixture_id();
    struct session_row s = served(device);
    ask(&s, BOT_TURN_ANSWER, 0);
    assert_int_equal(store_fixture_wait(bot_turn_extend(f.store, s.conversation, bot, pg_fixture_id(), ms(30), LONGEST,
                                                        store_fixture_done, NULL)),
                     PARLEY_OK);
    overdue(15);
    assert_int_equal(nworks, 1);
    assert_int_equal(store_fixture_wait(bot_turn_extend(f.store, s.conversation, bot, device, ms(30), LONGEST,
                                                        store_fixture_done, NULL)),
                     PARLEY_OK);
    overdue(29);
    assert_int_equal(nworks, 0);
}

static void adrift(int64_t grace_ms, int idle_since)
{
    assert_int_equal(store_fixture_wait(bot_adrift(f.store, grace_ms, ms(idle_since), 8, on_works, NULL)), PARLEY_OK);
}

static void on_nodes(void *arg, parley_status status, const struct uuid *nodes, int n)
{
    store_fixture_done(NULL, status, NULL);
}

static void a_process_that_is_gone_is_lost_after_the_grace(void **unused)
{
    struct uuid device = pg_fixture_id(), node = pg_fixture_id(), other = pg_fixture_id();
    served(device);
    adrift(0, -9);
    assert_int_equal(nworks, 1); /* nobody knows of it */
    store_fixture_wait(bot_seat_here(f.store, bot, device, node, store_fixture_done, NULL));
    adrift(0, -9);
    assert_int_equal(nworks, 0);
    store_fixture_wait(bot_seat_lost(f.store, bot, device, other, store_fixture_done, NULL)); /* it is elsewhere now */
    adrift(0, -9);
    assert_int_equal(nworks, 0);
    pg_fixture_sql("update node set seen_at = now() - interval '6 s' where id = '%s'", pg_fixture_text(node));
    store_fixture_wait(node_bury(f.store, 5000, on_nodes, NULL));
    adrift(3600000, -9);
    assert_int_equal(nworks, 0);
    pg_fixture_sql("update bot_seat set lost_at = lost_at - interval '2 hours'");
    adrift(3600000, -9);
    assert_int_equal(nworks, 1);
    assert_string_equal(whys[0], "lost");
    store_fixture_wait(bot_seat_tidy(f.store, 3600000, store_fixture_done, NULL));
    assert_int_equal(pg_fixture_number("select count(*) from bot_seat"), 1); /* it still has a session */
    pg_fixture_sql("delete from session");
    store_fixture_wait(bot_seat_tidy(f.store, 3600000, store_fixture_done, NULL));
    assert_int_equal(pg_fixture_number("select count(*) from bot_seat"), 0);
}

static void a_session_in_which_nothing_happens_is_idle(void **unused)
{
    struct uuid device = pg_fixture_id();
    struct session_row s = served(device);
    store_fixture_wait(bot_seat_here(f.store, bot, device, pg_fixture_id(), store_fixture_done, NULL));
    adrift(1000, 60);
    assert_int_equal(nworks, 1);
    assert_string_equal(whys[0], "idle");
    ask(&s, BOT_TURN_ANSWER, 0);
    adrift(1000, 60);
    assert_int_equal(nworks, 0);
}

static void no_process_holds_what_no_bot_serves(void **unused)
{
    struct session_row s = served(pg_fixture_id());
    struct pg_group *group = store_transition(f.store);
    s.state = SESSION_QUEUED, s.queue = span_str("care"), s.queued_at_ms = ms(1);
    session_update(group, &s, 1, SESSION_BOT);
    assert_int_equal(commit(group), PARLEY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_again_waits_no_longer_for_it),
        cmocka_unit_test(an_answer_comes_before_hearing),
        cmocka_unit_test(who_takes_it_has_heard_and_has_its_own_time),
        cmocka_unit_test(what_is_let_go_waits_as_long_as_it_had),
        cmocka_unit_test(what_has_changed_is_not_decided_on),
        cmocka_unit_test(only_the_holder_gets_longer),
        cmocka_unit_test(a_process_that_is_gone_is_lost_after_the_grace),
        cmocka_unit_test(a_session_in_which_nothing_happens_is_idle),
        cmocka_unit_test(no_process_holds_what_no_bot_serves),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
