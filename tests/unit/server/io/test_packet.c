/* A packet's frame header at each of its lengths, and its references. */
#include "server/base/mem.h"
#include "server/io/packet.h"
#include "tests/unit/unit.h"

static void assert_header(size_t len, bool text, const char *header, size_t header_len)
{
    char *bytes = mem_alloc(len + 1);
    memset(bytes, 'x', len);
    struct packet *packet = packet_new(span_of(bytes, len), text);
    struct span frame = packet_frame(packet);
    assert_int_equal(frame.len, header_len + len);
    assert_memory_equal(frame.ptr, header, header_len);
    assert_true(!memcmp(frame.ptr + header_len, bytes, len));
    packet_unref(&packet);
    mem_free(bytes);
}

static void the_header_is_as_short_as_the_length_allows(void **state)
{
    assert_header(0, true, "\x81\x00", 2);
    assert_header(125, false, "\x82\x7d", 2);
    assert_header(126, false, "\x82\x7e\x00\x7e", 4);
    assert_header(65535, true, "\x81\x7e\xff\xff", 4);
    assert_header(65536, false, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
}

static void a_packet_lives_as_long_as_its_last_reference(void **state)
{
    struct packet *first = packet_new(span_str("hello"), true), *second = packet_ref(first);
    packet_unref(&first);
    assert_null(first);
    assert_true(span_is(packet_frame(second), "\x81\x05hello"));
    packet_unref(&second);
    packet_unref(&second);
}

static void a_copy_is_a_packet_of_its_own(void **state)
{
    struct packet *packet = packet_new(span_str("hello"), false), *copy = packet_copy(packet);
    struct packet *second = packet_ref(packet);
    packet_unref(&packet);
    packet_unref(&second);
    assert_true(span_is(packet_frame(copy), "\x82\x05hello"));
    packet_unref(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_as_short_as_the_length_allows),
        cmocka_unit_test(a_packet_lives_as_long_as_its_last_reference),
        cmocka_unit_test(a_copy_is_a_packet_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
