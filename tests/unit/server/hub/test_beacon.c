/* How soon the beacon has asked for everything. */
#include "server/hub/beacon.h"
#include "tests/unit/unit.h"

static void two_beats_ask_for_everything_and_a_small_part_is_one_question(void **state)
{
    static const size_t watched[] = {0, 1, 999, 1000, 1001, 2000, 2001, 20000, 1000001};
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        assert_true(2 * beacon_share(watched[i]) >= watched[i]);
    assert_true(beacon_share(1) == beacon_share(1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_beats_ask_for_everything_and_a_small_part_is_one_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
