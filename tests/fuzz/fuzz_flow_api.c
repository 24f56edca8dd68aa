/* server/flow/api: any arguments of any call are taken or refused with a code and a sentence; what is taken has only
 * what the table knows. The first byte says which call, the rest is the arguments as a JSON array. */
#include "server/flow/api.h"
#include "server/flow/json.h"
#include "server/flow/pattern_cache.h"

#include <stdint.h>
#include <stdlib.h>

enum { ARENA = 8 << 20, ARGUMENTS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void judge(const struct flow_function *f, const struct value *args, struct arena *arena)
{
    struct flow_error error = {0};
    struct value out;
    struct pattern_cache patterns = {0};
    parley_status st = flow_check_arguments(f, args->items, args->count, arena, &patterns, &out, &error);
    pattern_cache_done(&patterns);
    if (st != PARLEY_OK) {
        expect(error.code[0] == 'E' && error.text[0] && error.help[0]);
        return;
    }
    expect(out.type == VALUE_MAP);
    for (uint32_t i = 0; i < out.count; i++) {
        size_t k = 0;
        while (k < f->arg_count && !span_is(out.members[i].key, f->args[k].name))
            k++;
        expect(k < f->arg_count);
    }
    expect(json_write(arena, &out).ptr != NULL || out.count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct value args;
    if (size < 2)
        return 0;
    arena_init(&arena, ARENA);
    struct span json = span_of((const char *)data + 1, size - 1);
    if (json_read(&arena, json, &args) == PARLEY_OK && args.type == VALUE_ARRAY && args.count <= ARGUMENTS)
        judge(&flow_functions[data[0] % FLOW_CALLS], &args, &arena);
    arena_done(&arena);
    return 0;
}
