/* Coming in, also twice at once and with a device that others name; conversations; guests who become known. */
#include "server/store/customer_row.h"
#include "server/store/session_row.h"
#include "tests/support/store_fixture.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static struct customer_home home;
static char name[64], traits[256], outcome[64], topics[8][64];
static struct conversation_row rows[8];
static int nrows;

static void on_entered(void *arg, parley_status status, const struct customer_home *got)
{
    if (got) {
        home = *got;
        snprintf(name, sizeof name, "%.*s", SPAN_ARG(got->customer.name));
        snprintf(traits, sizeof traits, "%.*s", SPAN_ARG(got->customer.traits));
        snprintf(outcome, sizeof outcome, "%.*s", SPAN_ARG(got->customer.outcome));
    }
    store_fixture_done(arg, status, NULL);
}

static struct customer_entry entry_of(const char *value)
{
    return (struct customer_entry){
        .space = span_str("main"),
        .kind = span_str("external"),
        .value = span_str(value),
        .app = f.app,
        .customer = pg_fixture_id(),
        .conversation = pg_fixture_id(),
    };
}

static parley_status enter(const struct customer_entry *entry)
{
    return store_fixture_wait(customer_enter(f.store, entry, on_entered, NULL));
}

static void the_first_time_makes_everything(void **unused)
{
    struct customer_entry e = entry_of("u1");
    e.name = span_str("Ada");
    e.traits = span_str("{\"tier\":\"gold\"}");
    e.verified = true;
    e.device = pg_fixture_id();
    assert_int_equal(enter(&e), PARLEY_OK);
    assert_true(uuid_equal(home.customer.id, e.customer));
    assert_true(uuid_equal(home.conversation, e.conversation));
    assert_true(home.customer.verified);
    assert_string_equal(name, "Ada");
    assert_string_equal(traits, "{\"tier\": \"gold\"}");
    assert_int_equal(pg_fixture_number("select count(*) from device where id = '%s' and customer = '%s'",
                                       pg_fixture_text(e.device), pg_fixture_text(e.customer)),
                     1);
}

/* A row that is only locked has another xmax, and costs a commit as well. */
static const char *versions_of(const struct customer_entry *e)
{
    return pg_fixture_sql("select (select xmin || '.' || xmax from customer where id = '%s') || ' '"
                          " || (select xmin || '.' || xmax from device where id = '%s')",
                          pg_fixture_text(e->customer), pg_fixture_text(e->device));
}

static void the_second_time_finds_it_and_writes_nothing(void **unused)
{
    struct customer_entry e = entry_of("u2"), again = entry_of("u2");
    e.name = again.name = span_str("Ada");
    e.device = again.device = pg_fixture_id();
    assert_int_equal(enter(&e), PARLEY_OK);
    char kept[64];
    snprintf(kept, sizeof kept, "%s", versions_of(&e));
    assert_int_equal(enter(&again), PARLEY_OK);
    assert_true(uuid_equal(home.customer.id, e.customer));
    assert_true(uuid_equal(home.conversation, e.conversation));
    assert_string_equal(versions_of(&e), kept);
}

static void what_is_new_is_brought_up_to_date_and_what_is_missing_stays(void **unused)
{
    struct customer_entry e = entry_of("u3");
    e.name = span_str("Ada");
    e.verified = true;
    assert_int_equal(enter(&e), PARLEY_OK);
    e.name = (struct span){0};
    e.verified = false;
    e.traits = span_str("{\"a\":1}");
    assert_int_equal(enter(&e), PARLEY_OK);
    assert_string_equal(name, "Ada");
    assert_string_equal(traits, "{\"a\": 1}");
    assert_true(home.customer.verified);
}

static void a_device_is_seen_again_after_an_hour(void **unused)
{
    struct customer_entry e = entry_of("u16");
    e.device = pg_fixture_id();
    assert_int_equal(enter(&e), PARLEY_OK);
    pg_fixture_sql("update device set seen_at = now() - interval '61 minutes' where id = '%s'",
                   pg_fixture_text(e.device));
    assert_int_equal(enter(&e), PARLEY_OK);
    assert_int_equal(
        pg_fixture_number("select count(*) from device where id = '%s' and seen_at > now() - interval '1 hour'",
                          pg_fixture_text(e.device)),
        1);
}

/* Up to as many as a home has they are put in order here, beyond that by Postgres. */
static void conversations_come_main_first_then_by_age(void **unused)
{
    struct customer_entry e = entry_of("u18");
    assert_int_equal(enter(&e), PARLEY_OK);
    for (int n = 2; n <= 20; n++) {
        struct uuid id = pg_fixture_id();
        pg_fixture_sql("insert into conversation (id, customer, app, topic, created_at)"
                       " values ('%s', '%s', '%s', 't%d', now() - interval '1 day' + interval '%d s')",
                       pg_fixture_text(id), pg_fixture_text(e.customer), pg_fixture_text(f.app), n, n % 5 * 100 + n);
        assert_int_equal(enter(&e), PARLEY_OK);
        assert_int_equal(home.nconversations, n < CUSTOMER_CONVERSATIONS ? n : CUSTOMER_CONVERSATIONS);
        assert_true(uuid_equal(home.conversations[0], e.conversation));
        assert_true(uuid_equal(home.conversation, e.conversation));
        char list[1024] = "";
        for (int i = 0; i < home.nconversations; i++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? "," : "",
                     pg_fixture_text(home.conversations[i]));
        assert_string_equal(pg_fixture_sql("select string_agg(id::text, ',' order by n) from (select id, row_number()"
                                           "  over (order by topic <> 'main', created_at, id) n from conversation"
                                           "  where customer = '%s') x where n <= 16",
                                           pg_fixture_text(e.customer)),
                            list);
    }
}

static void a_main_conversation_that_went_to_another_is_made_anew(void **unused)
{
    struct customer_entry e = entry_of("u17");
    assert_int_equal(enter(&e), PARLEY_OK);
    pg_fixture_sql("update conversation set topic = 'guest/x' where id = '%s'", pg_fixture_text(e.conversation));
    e.conversation = pg_fixture_id();
    assert_int_equal(enter(&e), PARLEY_OK);
    assert_true(uuid_equal(home.conversation, e.conversation));
}

struct many {
    int left;
    bool done;
    struct uuid first;
};

static void on_one_of_many(void *arg, parley_status status, const struct customer_home *got)
{
    struct many *many = arg;
    assert_int_equal(status, PARLEY_OK);
    if (uuid_is_nil(many->first))
        many->first = got->customer.id;
    assert_true(uuid_equal(many->first, got->customer.id));
    many->done = --many->left == 0;
}

/* The slow connections take turns, so these run against each other. */
static void of_many_at_once_there_is_one_customer(void **unused)
{
    for (int round = 0; round < 20; round++) {
        struct many many = {.left = 8};
        char value[16];
        snprintf(value, sizeof value, "race%d", round);
        for (int i = 0; i < 8; i++) {
            struct customer_entry e = entry_of(value);
            assert_int_equal(customer_enter(f.store, &e, on_one_of_many, &many), PARLEY_OK);
        }
        pg_fixture_wait(f.loop, &many.done);
    }
    assert_int_equal(pg_fixture_number("select count(*) from customer c where not exists (select from identity i"
                                       " where i.customer = c.id) and c.name is distinct from 'Ada'"),
                     0);
}

static const uint8_t digest[32] = {1, 2, 3};

static parley_status by_guest(const uint8_t d[32])
{
    return store_fixture_wait(customer_by_guest(f.store, d, on_entered, NULL));
}

static struct customer_entry add_guest(const char *value, uint8_t d[32])
{
    struct customer_entry e = entry_of(value);
    struct uuid unique = pg_fixture_id();
    memcpy(d, unique.b, sizeof unique.b);
    e.kind = span_str("guest");
    e.device = pg_fixture_id();
    assert_int_equal(store_fixture_wait(customer_add_guest(f.store, &e, d, on_entered, NULL)), PARLEY_OK);
    return e;
}

static void a_guest_is_found_by_the_digest_of_the_token(void **unused)
{
    uint8_t d[32] = {0};
    struct customer_entry e = add_guest("g1", d);
    assert_int_equal(by_guest(d), PARLEY_OK);
    assert_true(uuid_equal(home.customer.id, e.customer));
    assert_true(uuid_equal(home.conversation, e.conversation));
    assert_true(uuid_equal(home.app, f.app));
    assert_true(uuid_equal(home.device, e.device));
    assert_false(home.customer.verified);
    assert_int_equal(by_guest(digest), PARLEY_NOT_FOUND);
}

static void whoever_names_a_device_ends_no_guest_token(void **unused)
{
    uint8_t d[32] = {0};
    struct customer_entry guest = add_guest("g2", d), e = entry_of("u5");
    e.device = guest.device;
    assert_int_equal(enter(&e), PARLEY_OK);
    assert_int_equal(by_guest(d), PARLEY_OK);
    assert_true(uuid_equal(home.customer.id, guest.customer));
}

static void on_rows(void *arg, parley_status status, const struct conversation_row *got, int n)
{
    nrows = n;
    for (int i = 0; i < n && i < 8; i++) {
        rows[i] = got[i];
        snprintf(topics[i], sizeof topics[i], "%.*s", SPAN_ARG(got[i].topic));
    }
    store_fixture_done(arg, status, NULL);
}

static void open_topic(struct uuid customer, const char *topic, struct uuid id)
{
    struct conversation_row row = {.id = id, .customer = customer, .app = f.app, .topic = span_str(topic)};
    assert_int_equal(store_fixture_wait(conversation_open(f.store, &row, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 1);
}

static void a_topic_is_opened_once(void **unused)
{
    struct customer_entry e = entry_of("u6");
    struct uuid id = pg_fixture_id();
    assert_int_equal(enter(&e), PARLEY_OK);
    open_topic(e.customer, "claim-7", id);
    assert_true(uuid_equal(rows[0].id, id));
    open_topic(e.customer, "claim-7", pg_fixture_id());
    assert_true(uuid_equal(rows[0].id, id));
    assert_int_equal(store_fixture_wait(customer_conversations(f.store, e.customer, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 2);
    assert_string_equal(topics[0], "main");
    assert_string_equal(topics[1], "claim-7");
}

static void a_guest_who_becomes_known_brings_everything_along(void **unused)
{
    uint8_t d[32] = {0};
    struct customer_entry guest = add_guest("g3", d), known = entry_of("u7");
    assert_int_equal(enter(&known), PARLEY_OK);
    struct pg_group *group = store_transition(f.store);
    customer_link(group, guest.customer, known.customer, pg_fixture_id());
    assert_int_equal(store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(by_guest(d), PARLEY_NOT_FOUND);
    assert_int_equal(enter(&known), PARLEY_OK);
    assert_true(uuid_equal(home.conversation, known.conversation));
    assert_int_equal(home.customer.revision, 1); /* their other devices stay signed in */
    assert_int_equal(
        pg_fixture_number("select revision from customer where id = '%s'", pg_fixture_text(guest.customer)), 2);
    assert_int_equal(store_fixture_wait(customer_conversations(f.store, known.customer, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 2);
    assert_true(uuid_equal(rows[1].id, guest.conversation));
    assert_true(strncmp(topics[1], "guest/", 6) == 0);
    group = store_transition(f.store);
    customer_link(group, pg_fixture_id(), known.customer, pg_fixture_id());
    assert_int_equal(store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL)), PARLEY_STALE);
}

static void a_guest_is_linked_once_all_conversations_have_the_item(void **unused)
{
    uint8_t d[32] = {7};
    struct uuid item = pg_fixture_id(), other = pg_fixture_id();
    struct customer_entry guest = add_guest("g9", d), known = entry_of("u19");
    assert_int_equal(enter(&known), PARLEY_OK);
    pg_fixture_sql("insert into conversation values ('%s', '%s', '%s', 'claims')", pg_fixture_text(other),
                   pg_fixture_text(guest.customer), pg_fixture_text(f.app));
    assert_int_equal(store_fixture_wait(customer_without_item(f.store, guest.customer, item, on_rows, NULL)),
                     PARLEY_OK);
    assert_int_equal(nrows, 1);
    assert_true(uuid_equal(rows[0].id, other));
    for (int named = 0; named < 2; named++) {
        struct pg_group *group = store_transition(f.store);
        customer_link(group, guest.customer, known.customer, item);
        assert_int_equal(store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL)),
                         named ? PARLEY_OK : PARLEY_STALE);
        pg_fixture_sql("insert into item values ('%s', '%s', '%s', 1, 0, now(), 17, 6, 0, '{}') on conflict do nothing",
                       pg_fixture_text(other), pg_fixture_text(item), pg_fixture_text(guest.customer));
        assert_int_equal(store_fixture_wait(customer_without_item(f.store, guest.customer, item, on_rows, NULL)),
                         PARLEY_OK);
        assert_int_equal(nrows, 0);
    }
}

/* Their link may live on for a moment, in another process. */
static void a_guest_who_has_become_known_opens_nothing(void **unused)
{
    uint8_t d[32] = {8};
    struct customer_entry guest = add_guest("g10", d), known = entry_of("u20");
    struct conversation_row row = {
        .id = pg_fixture_id(), .customer = guest.customer, .app = f.app, .topic = span_str("order.1")};
    assert_int_equal(enter(&known), PARLEY_OK);
    struct pg_group *group = store_transition(f.store);
    customer_link(group, guest.customer, known.customer, pg_fixture_id());
    assert_int_equal(store_fixture_wait(pg_group_send(&group, store_fixture_done, NULL)), PARLEY_OK);
    assert_int_equal(store_fixture_wait(conversation_open(f.store, &row, on_rows, NULL)), PARLEY_OK);
    assert_int_equal(nrows, 0);
    assert_int_equal(
        pg_fixture_number("select count(*) from conversation where customer = '%s'", pg_fixture_text(guest.customer)),
        0);
}

static void add_session(const struct customer_entry *e, int hour, int state, const char *ended)
{
    const char *conversation = pg_fixture_text(e->conversation), *customer = pg_fixture_text(e->customer);
    pg_fixture_sql("insert into session (id, conversation, app, customer, state, epoch, opened_at, state_at, closed_at,"
                   "                     outcome) select gen_random_uuid(), '%s', '%s', '%s', %d, 1, t, t, %s, %s"
                   " from (select timestamptz '2026-01-01' + %d * interval '1 hour' as t) o",
                   conversation, pg_fixture_text(f.app), customer, state, ended ? "t" : "null", ended ? ended : "null",
                   hour);
}

static void the_last_outcome_is_told_to_the_next_flow(void **unused)
{
    struct customer_entry e = entry_of("u8"), other = entry_of("u9");
    assert_int_equal(enter(&e), PARLEY_OK);
    assert_int_equal(enter(&other), PARLEY_OK);
    assert_int_equal(store_fixture_wait(customer_get(f.store, e.customer, on_entered, NULL)), PARLEY_OK);
    assert_string_equal(outcome, "");
    add_session(&e, 2, SESSION_CLOSED, "'refunded'");
    add_session(&e, 1, SESSION_CLOSED, "'left'");
    add_session(&e, 3, SESSION_BOT, NULL);
    add_session(&other, 4, SESSION_CLOSED, "'silent'");
    assert_int_equal(store_fixture_wait(customer_get(f.store, e.customer, on_entered, NULL)), PARLEY_OK);
    assert_string_equal(outcome, "refunded");
    assert_int_equal(store_fixture_wait(customer_get(f.store, pg_fixture_id(), on_entered, NULL)), PARLEY_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_time_makes_everything),
        cmocka_unit_test(the_second_time_finds_it_and_writes_nothing),
        cmocka_unit_test(what_is_new_is_brought_up_to_date_and_what_is_missing_stays),
        cmocka_unit_test(a_device_is_seen_again_after_an_hour),
        cmocka_unit_test(conversations_come_main_first_then_by_age),
        cmocka_unit_test(a_main_conversation_that_went_to_another_is_made_anew),
        cmocka_unit_test(of_many_at_once_there_is_one_customer),
        cmocka_unit_test(a_guest_is_found_by_the_digest_of_the_token),
        cmocka_unit_test(whoever_names_a_device_ends_no_guest_token),
        cmocka_unit_test(a_topic_is_opened_once),
        cmocka_unit_test(a_guest_who_becomes_known_brings_everything_along),
        cmocka_unit_test(a_guest_is_linked_once_all_conversations_have_the_item),
        cmocka_unit_test(a_guest_who_has_become_known_opens_nothing),
        cmocka_unit_test(the_last_outcome_is_told_to_the_next_flow),
    };
    PG_FIXTURE_RUN(tests, store_fixture_setup, store_fixture_teardown);
}
