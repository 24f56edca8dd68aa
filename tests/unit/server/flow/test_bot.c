/* What a customer said while their run is being loaded: from what is read and from what is stored meanwhile. */
#include "server/flow/flows_inside.h"

#include "server/base/mem.h"
#include "tests/unit/unit.h"

static void add(struct bot *bot, int64_t seq)
{
    bot_add_input(bot, &(struct log_row){.seq = seq, .body = span_str("{}")});
}

static void inputs_are_in_order_and_once_in_whatever_order_they_become_known(void **state)
{
    static const int64_t expected[] = {2, 3, 5, 6, 9};
    struct bot bot = {0};
    list_init(&bot.inputs);
    add(&bot, 6); /* stored just now */
    add(&bot, 2); /* read */
    add(&bot, 5);
    add(&bot, 6);
    add(&bot, 3);
    add(&bot, 2);
    add(&bot, 9);
    size_t n = 0;
    LIST_EACH(&bot.inputs, node)
    {
        struct bot_input *input = LIST_ITEM(node, struct bot_input, node);
        assert_true(n < sizeof expected / sizeof *expected);
        assert_int_equal(input->seq, expected[n++]);
        mem_free((void *)input->body.ptr);
        mem_free(input);
    }
    assert_int_equal(n, sizeof expected / sizeof *expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_in_order_and_once_in_whatever_order_they_become_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
