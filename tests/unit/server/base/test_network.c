/* Networks as people write them, and what is in them. */
#include "server/base/network.h"

#include "tests/unit/unit.h"

static bool has(const char *network_text, const char *address_text)
{
    struct network network;
    uint8_t address[NETWORK_ADDRESS];
    assert_int_equal(network_parse(network_text, &network), PARLEY_OK);
    assert_int_equal(network_address(address_text, address), PARLEY_OK);
    return network_has(&network, address);
}

static void what_is_within_its_bits_is_in_it(void **state)
{
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("172.16.0.0/12", "172.31.255.255"));
    assert_false(has("172.16.0.0/12", "172.32.0.0"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("0.0.0.0/0", "255.1.2.3"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("::/0", "2001:db8::1"));
}

static void an_address_alone_is_itself(void **state)
{
    assert_true(has("192.0.2.7", "192.0.2.7"));
    assert_false(has("192.0.2.7", "192.0.2.6"));
    assert_true(has("::1", "0:0::1"));
    assert_false(has("::1", "::3"));
}

static void an_ipv4_address_is_the_same_in_its_mapped_form(void **state)
{
    assert_true(has("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(has("::ffff:192.0.2.9", "192.0.2.9"));
}

static void what_is_no_network_is_refused_and_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "",       "/8",      "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",  "10.0.0.0/8x", "10.0.0/8",
        "::/129", "::/0008", "proxy",     "10.0.0.1:80", "[::1]",       "10.0.0.0/8/8", "10.0.0.0 /8"};
    struct network network = {.bits = -7};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (network_parse(bad[i], &network) != PARLEY_INVALID || network.bits != -7)
            fail_msg("%s is taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_within_its_bits_is_in_it),
        cmocka_unit_test(an_address_alone_is_itself),
        cmocka_unit_test(an_ipv4_address_is_the_same_in_its_mapped_form),
        cmocka_unit_test(what_is_no_network_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
