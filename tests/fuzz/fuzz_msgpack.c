/* libFuzzer: messages in MessagePack. */
#include "tests/fuzz/fuzz_frames.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_frames(ENCODING_MSGPACK, span_of(data, size));
    return 0;
}
