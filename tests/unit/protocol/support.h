/* What the tests of protocol/ share: frames from literals, and frames as text. */
#ifndef TESTS_UNIT_PROTOCOL_SUPPORT_H
#define TESTS_UNIT_PROTOCOL_SUPPORT_H

#include "protocol/frame.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define assert_status(st, wanted) assert_string_equal(status_name(st), status_name(wanted))
#define assert_span(span, text) assert_span_equal(span, text, sizeof text - 1)

static inline void assert_span_equal(struct span s, const char *text, size_t len)
{
    if (s.len != len || (len && memcmp(s.ptr, text, len) != 0))
        fail_msg("\"%.*s\" is not \"%.*s\"", SPAN_ARG(s), (int)len, text);
}

#define BYTES(literal) span_of(literal, sizeof literal - 1)

static const struct wire_limits roomy = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = LIMIT_NODES};

#endif
