/* A phone that is woken: how it is registered, and what a background sync does and does not wait for. */
#include "tests/unit/sdk-c/fake.h"
#include "tests/unit/sdk-c/folder.h"

#include <stdio.h>

static void done(struct fake *f)
{
    fake_send(f, FRAME_done, f->request.id, NULL);
}

/* --- registering --- */

static void expect_set(struct fake *f, const char *token)
{
    fake_step(f);
    const struct frame_push_set *set = &fake_expect(f, FRAME_push_set)->push_set;
    assert_int_equal(set->has_token, token != NULL);
    if (!token)
        return;
    assert_true(span_is(set->token, token));
    assert_true(span_is(set->platform, "apns"));
}

static void expect_push(struct fake *f, const char *state)
{
    parley_event *e = fake_event(f, PARLEY_EVENT_PUSH);
    assert_non_null(e);
    assert_string_equal(parley_event_text(e, "state"), state);
}

static void a_token_is_said_until_the_server_knows_it(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_push_register(f->client, "apns", "t1"), PARLEY_OK);
    fake_restart(f);
    fake_online(f, 0, 0);
    expect_set(f, "t1");
    fake_refuse(f, PARLEY_UNAVAILABLE, 700);
    fake_advance(f, 699);
    fake_expect(f, FRAME_none);
    fake_advance(f, 1);
    expect_set(f, "t1");
    fake_close(f, 1006); /* the answer is lost */
    fake_advance(f, 60000);
    fake_online(f, 0, 0);
    expect_set(f, "t1");
    done(f);
    expect_push(f, "registered");
    fake_restart(f);
    fake_online(f, 0, 0);
    fake_step(f);
    fake_expect(f, FRAME_none); /* it is known */
    assert_int_equal(parley_push_register(f->client, "apns", "t1"), PARLEY_OK);
    expect_set(f, "t1"); /* once in each run: another user of this phone may have had it meanwhile */
    done(f);
    assert_int_equal(parley_push_register(f->client, "apns", "t1"), PARLEY_OK);
    fake_step(f);
    fake_expect(f, FRAME_none);
}

static void the_newest_token_counts(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "apns", "t1"), PARLEY_OK);
    expect_set(f, "t1");
    int64_t first = f->request.id;
    assert_int_equal(parley_push_register(f->client, "apns", "t2"), PARLEY_OK);
    expect_set(f, "t2");
    fake_send(f, FRAME_done, first, NULL);
    fake_expect_no(f, PARLEY_EVENT_PUSH);
    done(f);
    expect_push(f, "registered");
    assert_int_equal(parley_push_register(f->client, NULL, NULL), PARLEY_OK);
    expect_set(f, NULL);
    done(f);
    expect_push(f, "unregistered");
}

static void what_is_refused_for_good_is_said_once(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "Apns!", "t"), PARLEY_INVALID);
    assert_int_equal(parley_push_register(f->client, NULL, "t"), PARLEY_INVALID);
    assert_int_equal(parley_push_register(f->client, "apns", ""), PARLEY_INVALID);
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    expect_set(f, "t");
    fake_refuse(f, PARLEY_UNKNOWN_TYPE, 0);
    expect_push(f, "refused");
    fake_advance(f, 60000);
    while (fake_next(f))
        assert_int_not_equal(f->request.type, FRAME_push_set);
}

static void signing_out_takes_it_back(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    expect_set(f, "t");
    done(f);
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    expect_set(f, NULL);
    assert_int_equal(f->close_code, 1000);
}

/* --- what somebody left behind --- */

static void as(struct fake *f, const char *user)
{
    fake_stop(f);
    assert_int_equal(fake_start_in(f, 0, fake_folder, user), PARLEY_OK);
}

/* Ana is registered with "t", loses her connection and signs out. */
static void sign_out_offline(struct fake *f)
{
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    expect_set(f, "t");
    done(f);
    fake_close(f, 1006);
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    assert_int_equal(folder_count(fake_folder, ".left"), 1);
}

static void expect_no_set(struct fake *f)
{
    fake_advance(f, 60000);
    while (fake_next(f))
        assert_int_not_equal(f->request.type, FRAME_push_set);
}

static void signing_out_without_a_connection_is_made_good_by_whoever_comes_next(void **state)
{
    struct fake *f = *state;
    sign_out_offline(f);
    assert_int_equal(folder_count(fake_folder, ""), 1);
    as(f, "bob");
    fake_online(f, 0, 0);
    expect_set(f, "t"); /* claimed: so it is ana's no longer */
    fake_close(f, 1006);
    as(f, "bob"); /* killed */
    fake_online(f, 0, 0);
    expect_set(f, "t");
    fake_refuse(f, PARLEY_UNAVAILABLE, 700);
    fake_advance(f, 700);
    expect_set(f, "t");
    done(f);
    expect_set(f, NULL); /* and given up: bob's app has asked for nothing */
    assert_int_equal(folder_count(fake_folder, ".left"), 1);
    done(f);
    fake_expect_no(f, PARLEY_EVENT_PUSH);
    assert_int_equal(folder_count(fake_folder, ".left"), 0);
    expect_no_set(f);
}

static void who_registers_the_token_claims_it_by_that(void **state)
{
    struct fake *f = *state;
    sign_out_offline(f);
    as(f, "bob");
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    fake_online(f, 0, 0);
    expect_set(f, "t");
    done(f);
    expect_push(f, "registered");
    assert_int_equal(folder_count(fake_folder, ".left"), 0);
    expect_no_set(f);
}

static void the_own_token_is_said_after_what_was_left(void **state)
{
    struct fake *f = *state;
    as(f, "bob");
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "apns", "t2"), PARLEY_OK);
    expect_set(f, "t2");
    done(f);
    as(f, "ana");
    sign_out_offline(f);
    as(f, "bob"); /* whose token is known, and hidden by the claim */
    fake_online(f, 0, 0);
    expect_set(f, "t");
    done(f);
    expect_set(f, "t2");
    done(f);
    expect_push(f, "registered");
    assert_int_equal(folder_count(fake_folder, ".left"), 0);
    expect_no_set(f);
}

static void what_is_left_is_claimed_once_if_that_is_refused(void **state)
{
    struct fake *f = *state;
    sign_out_offline(f);
    as(f, "bob");
    fake_online(f, 0, 0);
    expect_set(f, "t");
    fake_refuse(f, PARLEY_UNKNOWN_TYPE, 0);
    assert_int_equal(folder_count(fake_folder, ".left"), 0);
    expect_no_set(f);
}

static void wanting_no_more_to_be_woken_outlives_signing_out(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    expect_set(f, "t");
    done(f);
    fake_close(f, 1006);
    assert_int_equal(parley_push_register(f->client, NULL, NULL), PARLEY_OK);
    assert_int_equal(parley_sign_out(f->client), PARLEY_OK);
    as(f, "bob");
    fake_online(f, 0, 0);
    expect_set(f, "t");
    done(f);
    expect_set(f, NULL);
}

static void welcome_as(struct fake *f, struct uuid me, int role)
{
    parley_connect(f->client);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_reply(f, welcome, .me = me, .role = role, .time = 1, .ping_ms = 25000, .server = span_str("fake"));
}

static void somebody_else_under_the_same_name_takes_it_back_too(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    expect_set(f, "t");
    done(f);
    as(f, "ana");
    welcome_as(f, fake_agent, role_customer);
    fake_find(f, FRAME_push_set);
    assert_true(span_is(f->request.push_set.token, "t"));
    done(f);
    expect_set(f, NULL);
    done(f);
    as(f, "ana");
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK); /* by whoever turns out to be here */
    welcome_as(f, fake_me, role_customer);
    fake_find(f, FRAME_push_set);
    assert_true(span_is(f->request.push_set.token, "t"));
    done(f);
    expect_push(f, "registered");
    expect_no_set(f);
}

static void staff_leave_it_to_a_customer(void **state)
{
    struct fake *f = *state;
    sign_out_offline(f);
    as(f, "kim");
    welcome_as(f, fake_agent, role_agent);
    expect_no_set(f);
    assert_int_equal(folder_count(fake_folder, ".left"), 1);
}

static void what_cannot_be_left_is_said(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_push_register(f->client, "apns", "t"), PARLEY_OK);
    folder_remove(fake_folder);
    assert_int_equal(parley_sign_out(f->client), PARLEY_DENIED);
    fake_folder = folder_make();
}

static void what_is_damaged_was_not_left(void **state)
{
    struct fake *f = *state;
    for (long from = 0; from < 6; from++) {
        sign_out_offline(f);
        folder_damage(fake_folder, ".left", from);
        as(f, "ana");
        fake_online(f, 0, 0);
        fake_step(f);
        while (fake_next(f))
            ;
        as(f, "ana");
    }
}

/* --- background sync --- */

static void wake(struct fake *f, const char *limit)
{
    char line[64];
    uint64_t call = 0;
    snprintf(line, sizeof line, "{\"type\":\"sync\",\"data\":{\"limit_ms\":%s}}", limit);
    assert_int_equal(parley_call_json(f->client, line, &call), PARLEY_OK);
    assert_true(call > 0);
    fake_step(f);
}

static void expect_end(struct fake *f, parley_status st, int64_t items, int64_t sent)
{
    fake_step(f);
    parley_event *e = fake_event(f, PARLEY_EVENT_REPLY);
    assert_non_null(e);
    assert_string_equal(parley_event_text(e, "type"), "sync");
    assert_int_equal(parley_event_status(e), st);
    assert_int_equal(parley_event_int(e, "data.items", -1), items);
    assert_int_equal(parley_event_int(e, "data.sent", -1), sent);
}

static void takes_sends_confirms_and_leaves(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_send_text(f->client, NULL, "typed offline", NULL), PARLEY_OK);
    wake(f, "20000");
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 2, 1);
    fake_find(f, FRAME_post);
    fake_reply(f, posted, .seq = 3, .at = 1);
    fake_push(f, item, .conversation = fake_main, .item = fake_item(4));
    fake_expect_no(f, PARLEY_EVENT_REPLY); /* what is missing is fetched before it is over */
    fake_restart(f);
    wake(f, "20000");
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 4, 3);
    const struct frame *mark = fake_find(f, FRAME_mark_set);
    assert_int_equal(mark->mark_set.delivered, 4);
    done(f);
    expect_end(f, PARLEY_OK, 2, 0);
    assert_int_equal(f->close_code, 1000);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_CLOSED);
}

static void ends_in_time(void **state)
{
    struct fake *f = *state;
    assert_int_equal(parley_send_text(f->client, NULL, "a", NULL), PARLEY_OK);
    wake(f, "5000");
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"sync\"}", NULL), PARLEY_WRONG_STATE);
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 0, 0);
    fake_find(f, FRAME_post); /* not answered */
    fake_advance(f, 4999);
    fake_expect_no(f, PARLEY_EVENT_REPLY);
    fake_advance(f, 1);
    expect_end(f, PARLEY_TIMEOUT, 0, 0);
    assert_int_equal(parley_outbox_count(f->client), 1);
    assert_int_equal(parley_call_json(f->client, "{\"type\":\"sync\",\"data\":{\"limit_ms\":0}}", NULL),
                     PARLEY_INVALID);
}

static void says_at_once_why_it_cannot_be(void **state)
{
    struct fake *f = *state;
    wake(f, "20000");
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_refuse(f, PARLEY_TOKEN_EXPIRED, 0);
    expect_end(f, PARLEY_TOKEN_EXPIRED, 0, 0);
    wake(f, "20000");
    expect_end(f, PARLEY_TOKEN_EXPIRED, 0, 0); /* a token that was refused is not offered again */
    parley_network_changed(f->client, 0);
    parley_set_token(f->client, "another");
    wake(f, "20000");
    expect_end(f, PARLEY_UNAVAILABLE, 0, 0);
}

static void in_the_background_it_goes_back_to_sleep(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    parley_set_foreground(f->client, 0);
    fake_advance(f, 40000);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_SUSPENDED);
    wake(f, "20000");
    fake_open(f);
    fake_expect(f, FRAME_hello);
    fake_welcome(f, 1, 1);
    fake_advance(f, 500);
    fake_find(f, FRAME_mark_set);
    done(f);
    expect_end(f, PARLEY_OK, 1, 0);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_SUSPENDED);
    assert_int_equal(parley_step_due(f->client), -1); /* and nothing wakes the processor */
}

static void in_the_foreground_it_asks_and_stays(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    wake(f, "20000");
    fake_expect_no(f, PARLEY_EVENT_REPLY); /* the socket may be dead */
    fake_find(f, FRAME_range);
    fake_answer_range(f, 0);
    expect_end(f, PARLEY_OK, 0, 0);
    assert_int_equal(parley_state(f->client), PARLEY_STATE_ONLINE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fake_setup_kept, fake_teardown_kept)
    const struct CMUnitTest tests[] = {
        CASE(a_token_is_said_until_the_server_knows_it),
        CASE(the_newest_token_counts),
        CASE(what_is_refused_for_good_is_said_once),
        CASE(signing_out_takes_it_back),
        CASE(signing_out_without_a_connection_is_made_good_by_whoever_comes_next),
        CASE(who_registers_the_token_claims_it_by_that),
        CASE(the_own_token_is_said_after_what_was_left),
        CASE(what_is_left_is_claimed_once_if_that_is_refused),
        CASE(wanting_no_more_to_be_woken_outlives_signing_out),
        CASE(somebody_else_under_the_same_name_takes_it_back_too),
        CASE(staff_leave_it_to_a_customer),
        CASE(what_cannot_be_left_is_said),
        CASE(what_is_damaged_was_not_left),
        CASE(takes_sends_confirms_and_leaves),
        CASE(ends_in_time),
        CASE(says_at_once_why_it_cannot_be),
        CASE(in_the_background_it_goes_back_to_sleep),
        CASE(in_the_foreground_it_asks_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
