/* parley process-type: what an app's transactions are made of. */
#include "protocol/limits.h"
#include "protocol/text.h"
#include "protocol/wire_json.h"
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/files.h"
#include "server/cli/list.h"
#include "server/cli/out.h"

#include <string.h>

enum { FILE_MAX = 64 << 10, ARENA_MAX = 4 << 20, STEPS_MAX = 64, FIELDS_MAX = 64 };

/* A file that was read, and what it declares. */
struct declaration {
    const char *path;
    struct buf text;
    struct arena arena;
    struct value map;
    const struct value *steps, *fields;
    char name[LIMIT_NAME + 1];
};

static bool is_name(const struct value *v)
{
    return v && v->type == VALUE_TEXT && v->text.len <= LIMIT_NAME && text_is_name(v->text);
}

/* ---- checks: each says what is wrong, and where ---- */

static int check_name(struct declaration *d)
{
    const struct value *name = value_find(&d->map, "name");
    if (!is_name(name))
        return cli_fail(CLI_PROBLEMS, "%s: `name` is due: 1 to %d of a-z 0-9 . _ : / -", d->path, LIMIT_NAME);
    memcpy(d->name, name->text.ptr, name->text.len);
    d->name[name->text.len] = '\0';
    return CLI_OK;
}

static bool has_step(const struct declaration *d, struct span name, uint32_t below)
{
    for (uint32_t i = 0; i < below; i++)
        if (span_equal(d->steps->items[i].text, name))
            return true;
    return false;
}

static int check_steps(struct declaration *d)
{
    d->steps = value_find(&d->map, "steps");
    if (!d->steps || d->steps->type != VALUE_ARRAY || !d->steps->count || d->steps->count > STEPS_MAX)
        return cli_fail(CLI_PROBLEMS, "%s: `steps` is due: a list of 1 to %d names, in order", d->path, STEPS_MAX);
    for (uint32_t i = 0; i < d->steps->count; i++) {
        const struct value *step = &d->steps->items[i];
        if (!is_name(step))
            return cli_fail(CLI_PROBLEMS, "%s: steps[%u] is no name; use 1 to %d of a-z 0-9 . _ : / -", d->path, i,
                            LIMIT_NAME);
        if (has_step(d, step->text, i))
            return cli_fail(CLI_PROBLEMS, "%s: steps[%u] is there twice", d->path, i);
    }
    return CLI_OK;
}

static int check_field(const struct declaration *d, uint32_t i)
{
    const struct value *field = &d->fields->items[i];
    bool map = field->type == VALUE_MAP;
    const struct value *required = map ? value_find(field, "required") : NULL;
    const struct value *step = map ? value_find(field, "step") : NULL, *type = map ? value_find(field, "type") : NULL;
    if (!map || !is_name(value_find(field, "name")))
        return cli_fail(CLI_PROBLEMS, "%s: fields[%u] needs a `name` of a-z 0-9 . _ : / -", d->path, i);
    if (type && !is_name(type))
        return cli_fail(CLI_PROBLEMS, "%s: fields[%u].type is no name, like text or number", d->path, i);
    if (required && required->type != VALUE_BOOL)
        return cli_fail(CLI_PROBLEMS, "%s: fields[%u].required is true or false", d->path, i);
    if (step && (!is_name(step) || !has_step(d, step->text, d->steps->count)))
        return cli_fail(CLI_PROBLEMS, "%s: fields[%u].step is none of `steps`", d->path, i);
    return CLI_OK;
}

static int check_fields(struct declaration *d)
{
    static const struct value none = {.type = VALUE_ARRAY};
    d->fields = value_find(&d->map, "fields");
    if (!d->fields)
        d->fields = &none;
    if (d->fields->type != VALUE_ARRAY || d->fields->count > FIELDS_MAX)
        return cli_fail(CLI_PROBLEMS, "%s: `fields` is a list of at most %d", d->path, FIELDS_MAX);
    for (uint32_t i = 0; i < d->fields->count; i++) {
        int code = check_field(d, i);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

static int declaration_read(const char *path, struct declaration *d)
{
    static const struct wire_limits limits = {.depth = LIMIT_DEPTH_DATA, .nodes = LIMIT_NODES};
    struct wire_error error = {0};
    *d = (struct declaration){.path = path};
    buf_init(&d->text, FILE_MAX);
    arena_init(&d->arena, ARENA_MAX);
    int code = files_read(path, &d->text);
    if (code != CLI_OK)
        return code;
    if (wire_json_read(&d->arena, buf_span(&d->text), &limits, &d->map, &error) != PARLEY_OK ||
        d->map.type != VALUE_MAP)
        return cli_fail(CLI_PROBLEMS, "%s is no JSON map of name, steps and fields", path);
    code = check_name(d);
    if (code == CLI_OK)
        code = check_steps(d);
    return code == CLI_OK ? check_fields(d) : code;
}

static void declaration_done(struct declaration *d)
{
    buf_done(&d->text);
    arena_done(&d->arena);
}

/* ---- add ---- */

static char *json_of(struct declaration *d, const struct value *value)
{
    struct buf out;
    buf_init(&out, FILE_MAX * 2);
    wire_json_put_value(&out, value);
    buf_add(&out, "", 1);
    struct span kept = arena_span(&d->arena, buf_span(&out));
    buf_done(&out);
    return (char *)kept.ptr;
}

static int store(struct cli *cli, struct db *db, struct declaration *d)
{
    static const char *const columns[] = {"name", "app", "version", NULL};
    const char *app = cli_operand(cli, 0);
    struct admin_process_type type = {
        .app = app, .name = d->name, .steps = json_of(d, d->steps), .fields = json_of(d, d->fields)};
    int64_t version = 0;
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_process_type(db, &type, &version);
    if (st == PARLEY_OK)
        st = db_commit(db, "process_type");
    if (st == PARLEY_NOT_FOUND)
        return cli_fail(CLI_NOT_FOUND, "no app `%.80s`; `parley app list` shows them", app);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot declare the type");
    struct out *out = out_one(cli, columns);
    out_text(out, d->name);
    out_text(out, app);
    out_int(out, version);
    out_end(&out);
    return CLI_OK;
}

static int add(struct cli *cli)
{
    struct declaration d;
    struct db *db = NULL;
    int code = declaration_read(cli_operand(cli, 1), &d);
    if (code == CLI_OK)
        code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = store(cli, db, &d);
    db_close(&db);
    declaration_done(&d);
    return code;
}

static int list(struct cli *cli)
{
    return list_rows(cli,
                     "select t.name, a.name, t.version, "
                     "(select string_agg(s, ' ' order by n) from jsonb_array_elements_text(t.steps) "
                     "with ordinality e (s, n)), jsonb_array_length(t.fields) "
                     "from process_type t join app a on a.id = t.app order by a.name, t.name, t.version",
                     NULL, (const char *const[]){"name", "app", "version#", "steps", "fields#", NULL});
}

const struct verb process_type_verbs[] = {
    {.name = "process-type add",
     .operands = "APP FILE",
     .operands_min = 2,
     .operands_max = 2,
     .summary = "declare a type of transaction: its steps, and what each needs",
     .examples = "parley process-type add shop refund.json",
     .notes =
         "FILE is JSON: {\"name\": \"refund\", \"steps\": [\"order\", \"amount\"],\n  \"fields\": [{\"name\": "
         "\"iban\", "
         "\"type\": \"text\", \"required\": true, \"step\": \"amount\"}]}.\nWhat has changed becomes the next version;"
         " processes under way stay on theirs.\nTypes that nobody declared may be used all the same.",
     .uses_conf = true,
     .prints_data = true,
     .run = add},
    {.name = "process-type list",
     .operands = "",
     .summary = "declared types, every version",
     .examples = "parley process-type list\nparley process-type list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {0},
};
