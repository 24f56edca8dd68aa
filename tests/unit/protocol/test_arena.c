/* The arena: room, its end, and use after reset. */
#include "tests/unit/protocol/support.h"

static void memory_is_aligned_and_distinct(void **state)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    char *last = NULL;
    for (size_t size = 1; size < 5000; size += 37) {
        char *p = arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 0xaa, size);
        assert_ptr_not_equal(p, last);
        last = p;
    }
    arena_done(&a);
}

static void the_maximum_holds_and_is_reported(void **state)
{
    struct arena a;
    arena_init(&a, 10000);
    size_t got = 0;
    while (arena_alloc(&a, 100))
        got += 100;
    assert_in_range(got, 8000, 10000);
    assert_true(a.held <= 10000);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_array(&a, SIZE_MAX / 2, 16));
    arena_done(&a);
}

static void reset_gives_the_same_memory_again(void **state)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    void *first = arena_alloc(&a, 64);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 64), first);
    arena_done(&a);
}

static void reset_gives_back_what_a_large_use_took(void **state)
{
    struct arena a;
    arena_init(&a, 1 << 22);
    assert_non_null(arena_alloc(&a, 1 << 21));
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&a, 4000));
    arena_reset(&a);
    assert_true(a.held <= 65536);
    assert_non_null(arena_alloc(&a, 1 << 21));
    arena_done(&a);
}

static void arrays_are_zeroed_even_after_use(void **state)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    memset(arena_alloc(&a, 512), 0xff, 512);
    arena_reset(&a);
    const unsigned char *p = arena_array(&a, 32, 16);
    for (int i = 0; i < 512; i++)
        assert_int_equal(p[i], 0);
    assert_non_null(arena_array(&a, 0, 16));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_distinct),    cmocka_unit_test(the_maximum_holds_and_is_reported),
        cmocka_unit_test(reset_gives_the_same_memory_again), cmocka_unit_test(reset_gives_back_what_a_large_use_took),
        cmocka_unit_test(arrays_are_zeroed_even_after_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
