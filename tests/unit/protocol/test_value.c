/* Trees: order, look-up, duplicates, depth. */
#include "tests/support/value_equal.h"
#include "tests/unit/protocol/random_value.h"
#include "tests/unit/protocol/support.h"

static struct arena arena;

static void keys_are_ordered_as_jsonb_does(void **state)
{
    assert_true(value_key_compare(span_str("z"), span_str("aa")) < 0);
    assert_true(value_key_compare(span_str("ab"), span_str("aa")) > 0);
    assert_true(value_key_compare(span_str("Z"), span_str("a")) < 0);
    assert_int_equal(value_key_compare(span_str(""), span_str("")), 0);
}

static struct value numbered_map(uint32_t count, uint32_t step)
{
    struct value map;
    value_map(&arena, count, &map);
    for (uint32_t i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i * step % count);
        map.members[map.count++] =
            (struct value_member){.key = arena_span(&arena, span_str(key)), .value = value_int(i * step % count)};
    }
    return map;
}

static void maps_of_any_size_are_sorted_and_searched(void **state)
{
    for (uint32_t count = 1; count < 200; count += 3) {
        struct value map = numbered_map(count, 211);
        assert_null(value_sort(&map).ptr);
        for (uint32_t i = 0; i < count; i++) {
            char key[16];
            snprintf(key, sizeof key, "%u", i);
            assert_int_equal(value_find(&map, key)->integer, i);
        }
        assert_null(value_find(&map, "x"));
        arena_reset(&arena);
    }
}

static void a_key_that_is_there_twice_is_found(void **state)
{
    for (uint32_t count = 2; count < 100; count++) {
        struct value map = numbered_map(count, 1);
        map.members[0].key = map.members[count - 1].key;
        struct span expected = map.members[0].key;
        assert_true(span_equal(value_sort(&map), expected));
        arena_reset(&arena);
    }
}

static void null_reads_as_absent(void **state)
{
    struct value map;
    value_map(&arena, 1, &map);
    value_put(&map, span_str("a"), (struct value){.type = VALUE_NULL});
    assert_null(value_find(&map, "a"));
    assert_non_null(value_get(&map, span_str("a")));
    assert_null(value_find(value_get(&map, span_str("a")), "b"));
}

static void put_keeps_order_and_replaces(void **state)
{
    struct value map;
    value_map(&arena, 3, &map);
    value_put(&map, span_str("bb"), value_int(1));
    value_put(&map, span_str("c"), value_int(2));
    value_put(&map, span_str("aa"), value_int(3));
    value_put(&map, span_str("c"), value_int(4));
    assert_int_equal(map.count, 3);
    assert_span(map.members[0].key, "c");
    assert_span(map.members[1].key, "aa");
    assert_int_equal(map.members[0].value.integer, 4);
}

static void depth_counts_containers(void **state)
{
    struct value inner, middle, outer;
    value_map(&arena, 0, &inner);
    value_array(&arena, 1, &middle);
    value_push(&middle, inner);
    value_map(&arena, 2, &outer);
    value_put(&outer, span_str("a"), value_int(1));
    assert_int_equal(value_depth(&outer), 1);
    value_put(&outer, span_str("b"), middle);
    assert_int_equal(value_depth(&outer), 3);
}

static void integral_doubles_become_integers_below_2_53(void **state)
{
    assert_int_equal(value_number(-0.0).type, VALUE_INT);
    assert_int_equal(value_number(9007199254740991.0).integer, 9007199254740991);
    assert_int_equal(value_number(9007199254740992.0).type, VALUE_REAL);
    assert_int_equal(value_number(-3).integer, -3);
    assert_int_equal(value_number(0.5).type, VALUE_REAL);
    assert_int_equal(value_number(1e300).type, VALUE_REAL);
}

static void equality_sees_every_difference(void **state)
{
    struct chance c = {1};
    for (int i = 0; i < 300; i++) {
        struct chance again = c;
        struct value a = random_map(&c, &arena, 4), b = random_map(&again, &arena, 4);
        assert_true(value_equal(&a, &b));
        struct value other = random_map(&c, &arena, 4);
        bool both_empty = other.count == 0 && a.count == 0;
        assert_int_equal(value_equal(&a, &other), both_empty);
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_ordered_as_jsonb_does),
        cmocka_unit_test(maps_of_any_size_are_sorted_and_searched),
        cmocka_unit_test(a_key_that_is_there_twice_is_found),
        cmocka_unit_test(null_reads_as_absent),
        cmocka_unit_test(put_keeps_order_and_replaces),
        cmocka_unit_test(depth_counts_containers),
        cmocka_unit_test(integral_doubles_become_integers_below_2_53),
        cmocka_unit_test(equality_sees_every_difference),
    };
    arena_init(&arena, 1 << 26);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
