/* Completeness: what is missing is known, asked for, and never said to be there. */
#include "tests/unit/sdk-c/fake.h"

static void answer_nothing(struct fake *f, int64_t head)
{
    struct frame_thread nothing = {.conversation = fake_main, .topic = span_str("main"), .head = head};
    fake_reply(f, ranged, .thread = nothing);
}

static bool is_complete(struct fake *f)
{
    parley_event *recap = parley_recap(f->client, NULL);
    bool complete = parley_event_int(recap, "complete", 0);
    parley_event_free(recap);
    return complete;
}

static void fills_a_small_gap_in_order(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_item(f, 5);
    fake_push_item(f, 6); /* 3 and 4 were lost */
    const struct frame *r = fake_expect(f, FRAME_range);
    assert_int_equal(r->range.before, 6);
    assert_int_equal(r->range.limit, 3);
    fake_answer_range(f, 6);
    r = fake_expect(f, FRAME_range); /* 6 was not told ahead of the hole */
    assert_int_equal(r->range.before, 7);
    fake_answer_range(f, 6);
    fake_expect_items(f, 1, 6, true);
    assert_int_equal(parley_event_seq(fake_event(f, PARLEY_EVENT_SYNCED)), 6);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
}

static void finds_a_lost_last_item_by_the_beacon(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_head(f, 3);
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 3);
    fake_expect_items(f, 1, 3, true);
}

static struct frame take_range(struct fake *f, int64_t before, int64_t limit)
{
    struct frame taken = *fake_expect(f, FRAME_range);
    assert_int_equal(taken.range.before, before);
    assert_int_equal(taken.range.limit, limit);
    return taken;
}

/* Items 1 to 10 are here, and 2001 to 2050, and all between is missing: three pages of it are asked for. */
static void come_back(struct fake *f, struct frame asked[3])
{
    fake_online(f, 10, 1);
    fake_again(f, 1006);
    fake_welcome(f, 2050, 2001);
    for (int i = 0; i < 3; i++)
        asked[i] = take_range(f, 2001 - i * 250, 250);
}

static void answer(struct fake *f, struct frame asked)
{
    f->request = asked;
    fake_answer_range(f, 2050);
}

static void asks_for_three_pages_at_a_time(void **state)
{
    struct fake *f = *state;
    struct frame asked[8];
    come_back(f, asked);
    fake_expect(f, FRAME_none);
    for (int i = 0; i < 8; i++) {
        answer(f, asked[i]);
        if (i < 5)
            asked[i + 3] = take_range(f, 1251 - i * 250, i < 4 ? 250 : 240);
        fake_expect(f, FRAME_none);
        assert_int_equal(is_complete(f), i == 7);
    }
    assert_int_equal(parley_event_seq(fake_event(f, PARLEY_EVENT_SYNCED)), 10);
    assert_int_equal(parley_event_seq(fake_event(f, PARLEY_EVENT_SYNCED)), 2050);
}

static void pages_may_come_in_any_order(void **state)
{
    struct fake *f = *state;
    struct frame asked[3];
    int64_t count = 0;
    come_back(f, asked);
    answer(f, asked[2]);
    answer(f, asked[1]);
    fake_push_item(f, 2051);
    answer(f, asked[0]);
    assert_false(is_complete(f));
    while (fake_next(f))
        answer(f, f->request);
    assert_true(is_complete(f));
    while (fake_event(f, PARLEY_EVENT_ITEM))
        count++;
    assert_int_equal(count, 2051);
}

/* A newer hole is more urgent; what was asked of the older one still counts. */
static void a_newer_hole_comes_first(void **state)
{
    struct fake *f = *state;
    struct frame asked[3];
    come_back(f, asked);
    fake_push_head(f, 2060);
    fake_expect(f, FRAME_none);
    f->request = asked[0];
    fake_answer_range(f, 2060);
    take_range(f, 2061, 10);
    f->request.range.before = 2061;
    fake_answer_range(f, 2060);
    take_range(f, 1251, 250);
}

/* Of a log with numbers that are not for this reader a page reaches further down than was thought. */
static void a_page_that_reaches_further_is_not_asked_for_twice(void **state)
{
    struct fake *f = *state;
    static struct frame_item items[LIMIT_PAGE_ITEMS];
    struct frame asked[3];
    come_back(f, asked);
    for (int i = 0; i < LIMIT_PAGE_ITEMS; i++) {
        items[i] = fake_item(2000 - (LIMIT_PAGE_ITEMS - 1 - i) * 4);
        items[i].prev = items[i].seq - 4;
    }
    f->request = asked[0];
    fake_reply(f, ranged,
               .thread = {.conversation = fake_main,
                          .topic = span_str("main"),
                          .head = 2050,
                          .items = items,
                          .items_count = LIMIT_PAGE_ITEMS});
    take_range(f, 1001, 250);
}

/* Long items: the server has no room for all that was asked for, and what lies below is not asked for ahead. */
static void short_pages_are_asked_for_one_by_one(void **state)
{
    struct fake *f = *state;
    struct frame asked[3];
    come_back(f, asked);
    for (int i = 0; i < 3; i++) {
        asked[i].range.limit = 100;
        answer(f, asked[i]);
    }
    for (int64_t before = 1901; before > 1751; before -= 100) {
        struct frame one = take_range(f, before, before - 1751);
        one.range.limit = 100;
        fake_expect(f, FRAME_none);
        answer(f, one);
    }
    take_range(f, 1651, 150); /* the second page's own lower part */
}

static void pages_under_way_are_lost_with_the_connection(void **state)
{
    struct fake *f = *state;
    struct frame asked[3];
    come_back(f, asked);
    answer(f, asked[0]);
    take_range(f, 1251, 250);
    fake_again(f, 1006);
    fake_welcome(f, 2050, 0);
    for (int i = 0; i < 3; i++)
        take_range(f, 1751 - i * 250, 250);
    fake_expect(f, FRAME_none);
}

static void a_page_that_is_refused_is_asked_for_again_as_the_top(void **state)
{
    struct fake *f = *state;
    struct frame asked[3];
    come_back(f, asked);
    f->request = asked[1];
    fake_refuse(f, PARLEY_INVALID, 0);
    answer(f, asked[0]);
    answer(f, asked[2]);
    take_range(f, 1751, 250);
    fake_refuse(f, PARLEY_INVALID, 0);
    fake_expect(f, FRAME_none); /* and not for ever */
    assert_false(is_complete(f));
    fake_push_head(f, 2050);
    for (int64_t before = 1751; before > 11; before -= before > 1501 ? 500 : 250) {
        answer(f, take_range(f, before, before > 260 ? 250 : before - 11));
        assert_int_equal(is_complete(f), before <= 261);
    }
}

static void fills_a_long_absence_newest_first(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    const struct frame *hello = fake_again(f, 1001);
    assert_int_equal(hello->hello.have_count, 1);
    assert_int_equal(hello->hello.have[0].seq, 10);
    fake_welcome(f, 700, 651);
    fake_expect_items(f, 1, 10, true);
    fake_expect_items(f, 651, 700, true);
    fake_push_item(f, 701);
    fake_expect_item(f, 701, true); /* live goes on meanwhile */
    int64_t high = 650;
    while (high > 10) {
        const struct frame *r = fake_expect(f, FRAME_range);
        assert_int_equal(r->range.before, high + 1);
        fake_answer_range(f, 701);
        int64_t low = high - 249 > 11 ? high - 249 : 11;
        fake_expect_items(f, low, high, false);
        high = low - 1;
    }
    assert_int_equal(parley_event_seq(fake_event(f, PARLEY_EVENT_SYNCED)), 701);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
    fake_expect(f, FRAME_none);
}

static void believes_an_answer_over_a_beacon(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_head(f, 100);
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 2); /* there never were more */
    fake_expect(f, FRAME_none);
    fake_push_item(f, 3);
    fake_expect_item(f, 1, true);
    fake_expect_item(f, 2, true);
    fake_expect_item(f, 3, true);
}

static void asks_once_for_what_is_not_given(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_item(f, 5);
    fake_expect(f, FRAME_range);
    answer_nothing(f, 5);
    fake_expect(f, FRAME_none);
    fake_again(f, 1011);
    fake_welcome(f, 5, 3); /* the next connection heals it */
    fake_expect_items(f, 1, 5, true);
}

/* One stale answer, and the beacon says it again: what is missing is asked for again. */
static void asks_again_at_the_next_beacon(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_item(f, 5);
    fake_expect(f, FRAME_range);
    answer_nothing(f, 5);
    fake_expect(f, FRAME_none);
    fake_push_head(f, 5);
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 5);
    fake_expect_items(f, 1, 5, true);
    assert_true(is_complete(f));
}

/* A beacon and an answer that both claim too much: the next word about it settles it, whichever way it errs. */
static void is_complete_again_after_any_lie(void **state)
{
    struct fake *f = *state;
    for (int64_t next = 1; next <= 5; next++) {
        if (next == 1)
            fake_online(f, 2, 1);
        fake_push_head(f, 5);
        fake_expect(f, FRAME_range);
        answer_nothing(f, 4);
        fake_expect(f, FRAME_none);
        assert_false(is_complete(f));
        fake_push_head(f, next);
        fake_expect(f, FRAME_range);
        fake_answer_range(f, 2);
        fake_expect(f, FRAME_none);
        assert_true(is_complete(f));
        fake_push_head(f, 2); /* and at peace: what is known is not asked for */
        fake_expect(f, FRAME_none);
    }
}

/* An answer to something else tells of more, too. */
static void is_not_complete_while_more_is_known_of(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    assert_true(is_complete(f));
    parley_network_changed(f->client, 1);
    fake_expect(f, FRAME_range);
    answer_nothing(f, 4);
    assert_false(is_complete(f));
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 4);
    assert_true(is_complete(f));
}

/* What comes live behind a hole that the server could not fill does not hide it. */
static void is_not_complete_over_an_old_hole(void **state)
{
    struct fake *f = *state;
    fake_online(f, 10, 1);
    fake_again(f, 1001);
    fake_welcome(f, 100, 81);
    fake_expect(f, FRAME_range);
    answer_nothing(f, 100);
    fake_push_item(f, 101);
    assert_false(is_complete(f));
    fake_push_head(f, 101);
    assert_int_equal(fake_expect(f, FRAME_range)->range.before, 81);
    fake_answer_range(f, 101);
    assert_true(is_complete(f));
}

static void asks_again_after_the_connection_was_lost(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_push_item(f, 4);
    fake_expect(f, FRAME_range);
    const struct frame *hello = fake_again(f, 1006);
    assert_int_equal(hello->hello.have[0].seq, 2);
    fake_welcome(f, 4, 0);
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 4);
    fake_expect_items(f, 1, 4, true);
}

static void says_nothing_received_over_a_hole(void **state)
{
    struct fake *f = *state;
    fake_online(f, 2, 1);
    fake_advance(f, MARK_DELAY_MS);
    fake_expect(f, FRAME_mark_set);
    fake_push_item(f, 5);
    fake_expect(f, FRAME_range);
    fake_advance(f, 5000);
    fake_expect(f, FRAME_none);
}

/* Who knows that there was nothing knows that something is missing. */
static void the_first_item_of_an_empty_conversation_is_missed_too(void **state)
{
    struct fake *f = *state;
    fake_online(f, 0, 0);
    fake_push_item(f, 2);
    fake_expect_no(f, PARLEY_EVENT_ITEM);
    fake_expect(f, FRAME_range);
    fake_answer_range(f, 2);
    fake_expect_item(f, 1, true);
    fake_expect_item(f, 2, true);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(fills_a_small_gap_in_order),
        cmocka_unit_test_setup_teardown(fills_a_small_gap_in_order, fake_setup_json, fake_teardown),
        WITH(finds_a_lost_last_item_by_the_beacon),
        WITH(asks_for_three_pages_at_a_time),
        WITH(pages_may_come_in_any_order),
        WITH(a_newer_hole_comes_first),
        WITH(a_page_that_reaches_further_is_not_asked_for_twice),
        WITH(short_pages_are_asked_for_one_by_one),
        WITH(pages_under_way_are_lost_with_the_connection),
        WITH(a_page_that_is_refused_is_asked_for_again_as_the_top),
        WITH(fills_a_long_absence_newest_first),
        WITH(believes_an_answer_over_a_beacon),
        WITH(asks_once_for_what_is_not_given),
        WITH(asks_again_at_the_next_beacon),
        WITH(is_complete_again_after_any_lie),
        WITH(is_not_complete_while_more_is_known_of),
        WITH(is_not_complete_over_an_old_hole),
        WITH(asks_again_after_the_connection_was_lost),
        WITH(says_nothing_received_over_a_hole),
        WITH(the_first_item_of_an_empty_conversation_is_missed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
