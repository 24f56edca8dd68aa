/* libFuzzer: text that is said to be canonical, and may not be. What is transcoded must be MessagePack that reads. */
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf out;
    if (!out.max)
        buf_init(&out, 1 << 24);
    buf_clear(&out);
    wire_json_put_compact(&out, span_of(data, size));
    if (out.len > size)
        abort();
    buf_clear(&out);
    wire_json_to_msgpack(&out, span_of(data, size));
    if (out.status == PARLEY_OK && wire_msgpack_skip(buf_span(&out)) != out.len)
        abort();
    return 0;
}
