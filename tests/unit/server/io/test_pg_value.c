/* server/io/pg_value: what is sent comes back as it was, in each of the types. */
#include "tests/unit/server/io/pg_rig.h"

#include "tests/support/pg_fixture.h"
#include "tests/unit/unit.h"

static const struct pg_statement echo = {
    "t_echo",
    "select $1::bool, $2::int2, $3::int4, $4::int8, $5::uuid, $6::text, $7::bytea, $8::jsonb, $9::timestamptz,"
    "       '-infinity'::timestamptz, null::text, $10::uuid[], $11::int8[], $12::timestamptz[], $13::jsonb[]",
    13,
    {PG_BOOL, PG_I16, PG_I32, PG_I64, PG_UUID, PG_TEXT, PG_BYTES, PG_JSONB, PG_TIME, PG_UUID_ARRAY, PG_I64_ARRAY,
     PG_TIME_ARRAY, PG_JSONB_ARRAY}};

static const int64_t moments[] = {1, 1790000000123, -1, 0};

static void check_lists(const struct pg_result *r, struct uuid id)
{
    struct pg_list ids = pg_get_list(r, 0, 11, PG_UUID_ARRAY);
    assert_true(pg_list_next(&ids));
    assert_true(uuid_equal(pg_list_uuid(&ids), id));
    assert_true(pg_list_next(&ids));
    assert_null(ids.value.ptr);
    assert_false(pg_list_next(&ids));
    struct pg_list none = pg_get_list(r, 0, 12, PG_I64_ARRAY);
    assert_false(pg_list_next(&none));
    struct pg_list times = pg_get_list(r, 0, 13, PG_TIME_ARRAY);
    for (size_t i = 0; i < 4; i++) {
        assert_true(pg_list_next(&times));
        assert_int_equal(pg_list_time_ms(&times), moments[i]);
    }
    struct pg_list bodies = pg_get_list(r, 0, 14, PG_JSONB_ARRAY);
    assert_true(pg_list_next(&bodies));
    assert_memory_equal(bodies.value.ptr, "\1{\"a\": [1, 2]}", bodies.value.len);
}

static void check_echo(void *arg, const struct pg_result *r)
{
    struct pg_rig *f = arg;
    f->results++;
    assert_true(pg_get_bool(r, 0, 0));
    assert_int_equal(pg_get_i16(r, 0, 1), -2);
    assert_int_equal(pg_get_i32(r, 0, 2), -300000);
    assert_int_equal(pg_get_i64(r, 0, 3), INT64_MIN);
    assert_int_equal(uuid_version(pg_get_uuid(r, 0, 4)), 7);
    assert_true(span_is(pg_get_text(r, 0, 5), "sch\303\266n"));
    assert_memory_equal(pg_get_bytes(r, 0, 6).ptr, "\0\1", 2);
    assert_true(span_is(pg_get_jsonb(r, 0, 7), "{}"));
    assert_int_equal(pg_get_time_ms(r, 0, 8), 1790000000123);
    assert_true(pg_get_time_ms(r, 0, 9) == INT64_MIN);
    assert_true(pg_is_null(r, 0, 10));
    assert_int_equal(pg_get_text(r, 0, 10).len, 0);
    check_lists(r, pg_get_uuid(r, 0, 4));
}

static void values_come_back_as_they_went(void **state)
{
    struct pg_rig *f = *state;
    struct pg_group *group = pg_group_new(f->pg);
    struct pg_params *p = pg_group_add(group, &echo, check_echo, f);
    struct uuid id = pg_fixture_id();
    pg_bool(p, true);
    pg_i16(p, -2);
    pg_i32(p, -300000);
    pg_i64(p, INT64_MIN);
    pg_uuid(p, id);
    pg_text(p, span_str("sch\303\266n"));
    pg_bytes(p, span_of("\0\1", 2));
    pg_jsonb(p, span_str("{}"));
    pg_time_ms(p, 1790000000123);
    pg_array(p, PG_UUID_ARRAY, 2);
    pg_uuid(p, id);
    pg_null(p);
    pg_array(p, PG_I64_ARRAY, 0);
    pg_array(p, PG_TIME_ARRAY, 4);
    for (size_t i = 0; i < 4; i++)
        pg_time_ms(p, moments[i]);
    pg_array(p, PG_JSONB_ARRAY, 1);
    pg_jsonb(p, span_str("{\"a\":[1,2]}"));
    assert_int_equal(pg_rig_run(f, group), PARLEY_OK);
    assert_int_equal(f->results, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, pg_rig_setup, pg_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_come_back_as_they_went),
    };
    PG_FIXTURE_RUN(tests, NULL, NULL);
}
