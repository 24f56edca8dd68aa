/* server/base/conf: any bytes as a configuration file give a configuration or problems, and nothing leaks. */
#include "server/base/conf.h"

#include <stdint.h>
#include <stdlib.h>

enum { PROBLEMS_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_all(const struct conf *conf)
{
    struct buf out;
    buf_init(&out, PROBLEMS_MAX);
    for (size_t i = 0; i < conf_key_count(); i++) {
        conf_value(conf, i, &out);
        conf_origin(conf, i, &out);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf problems;
    buf_init(&problems, PROBLEMS_MAX);
    const struct conf *conf = conf_load(
        &(struct conf_source){.file = "fuzz.conf", .text = span_of(size ? (const char *)data : "", size)}, &problems);
    if (conf)
        print_all(conf);
    else if (problems.len == 0)
        abort();
    conf_free(&conf);
    buf_done(&problems);
    return 0;
}
