/* Which flow of a folder a dialogue starts, and where two of them start by the same. */
#include "protocol/value.h"
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/flow_tools.h"
#include "server/flow/bundle.h"
#include "server/flow/json.h"
#include "server/flow/start.h"
#include "server/flow/starts.h"
#include "server/flow/words.h"

#include <stdio.h>
#include <string.h>

enum { PARSED_MAX = 8 << 20 };

/* ---- choosing ---- */

/* What cannot be read, or is no flow, starts nothing. */
static void add_file(void *arg, const char *path)
{
    char name[FLOW_NAME];
    struct arena arena;
    struct buf text;
    arena_init(&arena, PARSED_MAX);
    buf_init(&text, BUNDLE_BYTES_MAX);
    if (flow_name_of(path, name) && files_read(path, &text) == CLI_OK) {
        struct value start = start_read(&arena, buf_span(&text));
        starts_add(arg, span_str(name), &start);
    }
    buf_done(&text);
    arena_done(&arena);
}

static const char *choose_by_event(const struct starts *starts, struct span rest)
{
    struct span type = words_take(&rest);
    struct value data = {.type = VALUE_MAP};
    struct arena arena;
    arena_init(&arena, PARSED_MAX);
    if (json_read(&arena, words_trim(rest), &data) != PARLEY_OK)
        data = (struct value){.type = VALUE_MAP};
    const char *name = starts_by_event(starts, type, &data, NULL, NULL);
    arena_done(&arena);
    return name;
}

static const char *choose(const struct starts *starts, struct span line)
{
    struct span label;
    if (span_is(words_take(&line), "event"))
        return choose_by_event(starts, line);
    line = words_trim(line);
    const char *name = starts_by_words(starts, words_label(line, &label) ? label : line, NULL, NULL);
    return name ? name : starts_otherwise(starts, NULL, NULL);
}

bool flow_start_in(struct span line, const char *folder, char *path, size_t size)
{
    struct starts *starts = starts_new();
    flow_each_file(*folder ? folder : ".", ".lua", add_file, starts);
    const char *name = choose(starts, line);
    size_t len = strlen(folder);
    if (name)
        snprintf(path, size, "%s%s%s.lua", folder, len && folder[len - 1] != '/' ? "/" : "", name);
    starts_free(&starts);
    return name;
}

bool flow_find_start(struct span line, const char *seen_from, char *path, size_t size)
{
    char folder[FLOW_PATH];
    bool found = false;
    for (size_t i = 0; !found && flow_place(i, seen_from, folder, sizeof folder); i++)
        found = flow_start_in(line, folder, path, size);
    return found;
}

/* ---- remarks ---- */

static void remark(const struct cli *cli, const char *name, const char *other, const char *what, struct span which)
{
    cli_say(cli, "%s: its start.%s%s%.*s%s is that of %s too; customers get %s", name, what, which.len ? " \"" : "",
            SPAN_ARG(which), which.len ? "\"" : "", other, strcmp(name, other) < 0 ? name : other);
}

/* One that takes all that the other would. */
static void remark_events(const struct cli *cli, const struct starts *others, const char *name,
                          const struct value *start)
{
    const struct value *events = value_find(start, "event"), *where = value_find(start, "where");
    struct value any = {.type = VALUE_MAP};
    for (uint32_t i = 0; events && i < events->count; i++) {
        struct span type = events->items[i].text;
        const char *other = starts_by_event(others, type, where ? where : &any, NULL, NULL);
        if (other)
            remark(cli, name, other, "event", type);
    }
}

void flow_start_remark(const struct cli *cli, const struct starts *others, const char *name, const struct value *start)
{
    const struct value *button = value_find(start, "button");
    for (uint32_t i = 0; button && i < button->count; i++) {
        struct span label = button->members[i].value.text;
        const char *other = starts_by_button(others, label, NULL, NULL);
        if (other)
            remark(cli, name, other, "button", label);
    }
    const char *other = value_find(start, "fallback") ? starts_otherwise(others, NULL, NULL) : NULL;
    if (other)
        remark(cli, name, other, "fallback", span_of("", 0));
    remark_events(cli, others, name, start);
}
