/* Random maps in their canonical form, one a line, for a judge that is not ours: parley_canonical SEED COUNT.
 * parley_canonical --compact takes jsonb's text, a line each, and prints it as the server sends it on. */
#include "protocol/wire_json.h"
#include "tests/unit/protocol/random_value.h"

#include <stdio.h>
#include <stdlib.h>

static void print(struct buf *out)
{
    buf_add_char(out, '\n');
    fwrite(out->ptr, 1, out->len, stdout);
    buf_clear(out);
}

static void generate(uint64_t seed, int count, struct buf *out)
{
    struct chance chance = {seed};
    struct arena arena;
    arena_init(&arena, 1 << 26);
    while (count-- > 0) {
        struct value v = random_map(&chance, &arena, 5);
        wire_json_put_value(out, &v);
        print(out);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void compact(struct buf *out)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
        wire_json_put_compact(out, span_of(line, (size_t)n - 1));
        print(out);
    }
    free(line);
}

int main(int argc, char **argv)
{
    struct buf out;
    buf_init(&out, 1 << 24);
    if (argc == 2 && strcmp(argv[1], "--compact") == 0)
        compact(&out);
    else if (argc == 3)
        generate(strtoull(argv[1], NULL, 10), atoi(argv[2]), &out);
    else
        fprintf(stderr, "usage: parley_canonical SEED COUNT | --compact\n");
    buf_done(&out);
    return 0;
}
