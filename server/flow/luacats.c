/* The definition file: generated from the table that checks arguments, so that it cannot say anything else. */
#include "server/flow/luacats.h"

#include "server/flow/api.h"

/* What is not a call of the table: tables that are read, objects, and the library. */
static const char fixed[] =
    "---@meta\n"
    "-- Written by `parley flow new`. Do not change it: the next one writes it again.\n\n"
    "---@alias parley.choice string|{ [1]: string, [2]: string }\n"
    "---@class parley.form_field\n"
    "---@field id string\n"
    "---@field label string\n"
    "---@field type \"text\"|\"number\"|\"date\"|\"email\"|\"phone\"|\"boolean\"|\"choice\"|\"file\"|nil\n"
    "---@field required boolean?\n"
    "---@field options parley.choice[]? for type choice\n"
    "---@field match (string|string[])? PCRE2\n"
    "---@field min number?\n"
    "---@field max number?\n"
    "---@field accept (string|string[])? of type file: media types, as \"image/*\"\n"
    "---@field show_if table<string, string|boolean|string[]>? by field further up: the answers with which it is "
    "shown\n\n"
    "---@class parley.file what a field of type file gives\n"
    "---@field id string\n"
    "---@field name string\n"
    "---@field type string media type\n"
    "---@field size integer bytes\n"
    "---@field url string in the json of http.post and http.put it becomes an address, good for one download\n\n"
    "---@class parley.secret\n"
    "---@class parley.http_error\n"
    "---@field kind string status, timeout, unreachable, unknown, denied, too_big, not_configured\n"
    "---@field status integer?\n"
    "---@field body any\n\n"
    "---@class parley.outcome\n"
    "---@field outcome string resolved, returned, left, timeout, message, ...\n"
    "---@field note string? what the agent left\n"
    "---@field by string? the agent's name\n\n"
    "---@class parley.process\n"
    "---@field process string its id\n"
    "---@field type string\n"
    "---@field title string?\n"
    "---@field state \"open\"|\"done\"|\"failed\"\n"
    "---@field at string? the step it is at\n"
    "---@field revision integer\n"
    "---@field data table\n"
    "---@field missing { field: string, step: string? }[]? of a declared type\n\n"
    "---@class parley.load\n"
    "---@field waiting integer sessions that nobody has taken\n"
    "---@field agents integer online\n"
    "---@field free integer sessions that they could take now\n\n"
    "---@class parley.customer\n"
    "---@field name string?\n"
    "---@field language string?\n"
    "---@field verified boolean?\n"
    "---@field traits table?\n"
    "---@field outcome string? of the last session\n"
    "---@type parley.customer\ncustomer = {}\n\n"
    "---@class parley.start\n"
    "---@field button string? what a customer says or taps; may be a key of texts\n"
    "---@field match (string|string[])? patterns of what a customer says\n"
    "---@field event (string|string[])? types of events that begin it by itself\n"
    "---@field where table? what such an event's data must have\n"
    "---@field fallback boolean? where nothing else would begin\n\n"
    "---@class parley.started\n"
    "---@field text string? the first words\n"
    "---@field kind string?\n"
    "---@field event string? the type of the event\n"
    "---@field data table? the event's, or what restart was given\n"
    "---@type parley.started\nstarted = {}\n\n"
    "---@param text string\n---@param pattern string PCRE2\n---@return string? ...\n"
    "function match(text, pattern) end\n"
    "---@param text string\n---@param pattern string PCRE2\n---@return string[]\n"
    "function match_all(text, pattern) end\n"
    "---@param text string\n---@param pattern string PCRE2\n---@param with string $1 is the first capture\n"
    "---@return string\nfunction replace(text, pattern, with) end\n"
    "---@param text string\n---@param separator string\n---@return string[]\n"
    "function split(text, separator) end\n"
    "---@param text string\n---@return string\nfunction trim(text) end\n\n";

static const char *type_of(const struct flow_arg *arg)
{
    static const char *const types[] = {
#define TYPE(name, lua) [FLOW_ARG_##name] = lua
        TYPE(TEXT, "string"),
        TYPE(NAME, "string"),
        TYPE(INT, "integer"),
        TYPE(TIME, "integer"),
        TYPE(DURATION, "string"),
        TYPE(PATTERNS, "string|string[]"),
        TYPE(CHOICES, "parley.choice[]"),
        TYPE(DATA, "any"),
        TYPE(MAP, "table<string, any>"),
        TYPE(CARD, ("{ title: string, text: string?, image: string?, buttons: { label: string, link: string?, value: "
                    "string? }[]? }")),
        TYPE(CUSTOM, "{ type: string, fallback: string, data: table? }"),
        TYPE(START, "parley.start"),
        TYPE(ESCAPE, "{ queue: string, match: (string|string[])? }"),
        TYPE(PROCESS, "parley.process"),
        TYPE(BOOL, "boolean"),
        TYPE(NUMBER, "number"),
        TYPE(INPUT, "\"text\"|\"number\"|\"date\"|\"email\"|\"phone\""),
        TYPE(FORM, "parley.form_field[]"),
        TYPE(REMIND, "{ after: string, say: string }"),
        TYPE(CARDS, "{ title: string, text: string?, image: string?, buttons: table[]? }[]"),
        TYPE(SECRET, "parley.secret"),
        TYPE(URL, "string"),
        TYPE(TEXTS, "table<string, table<string, string|table<string, string>>>"),
        TYPE(FUNCTION, "function"),
        TYPE(ZONE, "string"),
        TYPE(NAMES, "string[]"),
        TYPE(FILE, "string"),
        TYPE(STEPS, "parley.choice[]"),
        TYPE(PRIORITY, "\"normal\"|\"high\""),
        TYPE(MODE, "\"wait\"|\"message\""),
#undef TYPE
    };
    return types[arg->type];
}

/* A class for the table that a call takes. */
static void fields(const struct flow_function *f, struct buf *out)
{
    buf_printf(out, "---@class parley.%s.fields\n", f->name);
    for (size_t i = 0; i < f->arg_count; i++)
        buf_printf(out, "---@field %s %s%s %s\n", f->args[i].name, type_of(&f->args[i]), f->args[i].required ? "" : "?",
                   f->args[i].meaning);
}

static void parameters(const struct flow_function *f, struct buf *out)
{
    for (size_t i = 0; i < f->arg_count; i++)
        buf_printf(out, "---@param %s%s %s %s\n", f->args[i].name, f->args[i].required ? "" : "?", type_of(&f->args[i]),
                   f->args[i].meaning);
}

static void results(const struct flow_function *f, struct buf *out)
{
    const char *at = f->returns;
    while (*at) {
        size_t n = strcspn(at, ",");
        buf_printf(out, "---@return %.*s\n", (int)n, at);
        at += n + strspn(at + n, ", ");
    }
}

/* Whether a text alone, for the first field, is enough. */
static bool takes_text(const struct flow_function *f)
{
    for (size_t i = 1; i < f->arg_count; i++)
        if (f->args[i].required)
            return false;
    return strcmp(type_of(&f->args[0]), "string") == 0;
}

static void function(const struct flow_function *f, struct buf *out)
{
    bool by_name = f->style == FLOW_STYLE_FIELDS;
    bool text = by_name && takes_text(f);
    if (by_name)
        fields(f, out);
    buf_printf(out, "---%s\n", f->example);
    if (by_name)
        buf_printf(out, "---@param fields parley.%s.fields%s\n", f->name, text ? "|string" : "");
    else
        parameters(f, out);
    results(f, out);
    buf_printf(out, "function %s(", f->name);
    for (size_t i = 0; !by_name && i < f->arg_count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", f->args[i].name);
    buf_add_str(out, by_name ? "fields) end\n\n" : ") end\n\n");
}

/* The methods of a process: the calls that take one, without it. */
static void methods(struct buf *out)
{
    for (size_t i = 0; i < FLOW_CALLS; i++) {
        const struct flow_function *f = &flow_functions[i];
        if (f->arg_count == 0 || f->args[0].type != FLOW_ARG_PROCESS)
            continue;
        struct flow_function rest = *f;
        rest.args++;
        rest.arg_count--;
        parameters(&rest, out);
        results(f, out);
        buf_printf(out, "function process_object:%s(", strchr(f->name, '.') + 1);
        for (size_t k = 0; k < rest.arg_count; k++)
            buf_printf(out, "%s%s", k ? ", " : "", rest.args[k].name);
        buf_add_str(out, ") end\n");
    }
}

/* Tables of the library: context, process, log. */
static void tables(struct buf *out)
{
    const char *last = "";
    size_t last_len = 0;
    for (size_t i = 0; i < FLOW_CALLS; i++) {
        const char *name = flow_functions[i].name, *dot = strchr(name, '.');
        size_t len = dot ? (size_t)(dot - name) : 0;
        if (!dot || flow_functions[i].style == FLOW_STYLE_HIDDEN || (len == last_len && memcmp(name, last, len) == 0))
            continue;
        buf_printf(out, "%.*s = {}\n", (int)len, name);
        last = name;
        last_len = len;
    }
    buf_add_char(out, '\n');
}

void luacats_write(struct buf *out)
{
    buf_add_str(out, fixed);
    tables(out);
    for (size_t i = 0; i < FLOW_CALLS; i++)
        if (flow_functions[i].style != FLOW_STYLE_HIDDEN)
            function(&flow_functions[i], out);
    buf_add_str(out, "---@class parley.process\nlocal process_object = {}\n");
    methods(out);
}
