/* The checker: compiles, then follows the names and the calls that are written out. */
#include "server/flow/check.h"

#include "protocol/limits.h"
#include "server/base/suggest.h"
#include "server/flow/api.h"
#include "server/flow/bundle.h"
#include "server/flow/check_calls.h"
#include "server/flow/check_words.h"
#include "server/flow/json.h"
#include "server/flow/parser.h"
#include "server/flow/pattern_cache.h"
#include "server/flow/sandbox.h"
#include "server/flow/syntax_help.h"

#include <stdio.h>

enum { ARENA = 8 << 20, GLOBALS_MAX = 256, WORD = 64 };

struct checking {
    const char *file;
    struct flow_findings *out;
    struct sandbox *sandbox;
    struct arena arena;
    struct pattern_cache patterns;
    struct span globals[GLOBALS_MAX]; /* that the script assigns somewhere */
    size_t global_count;
    struct span locals[GLOBALS_MAX]; /* for suggestions */
    size_t local_count;
    bool has_flow, has_begun; /* begun: flow{} has been called, rightly or not */
    int inside;               /* functions that stand around */
    struct span source;
    bool has_methods;       /* of its own: what x:match() is, who knows */
    struct value languages; /* of texts{}, by name; null as below */
    struct value texts;     /* of one language; null: none, or not written out */
    bool has_texts;
    struct flow_error beyond; /* takes what there is no room for */
};

static struct flow_error *add_finding(struct checking *c, int line)
{
    struct flow_findings *f = c->out;
    if (f->count == FLOW_CHECK_MAX) {
        f->more = true;
        return &c->beyond;
    }
    struct flow_error *e = &f->errors[f->count++];
    *e = (struct flow_error){.line = line};
    snprintf(e->file, sizeof e->file, "%s", c->file);
    return e;
}

static bool has_word(const struct span *words, size_t count, struct span word)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(words[i], word))
            return true;
    return false;
}

static void copy_word(char out[WORD + 1], struct span word)
{
    snprintf(out, WORD + 1, "%.*s", word.len > WORD ? WORD : (int)word.len, word.ptr);
}

/* ---- first reading: what the script declares ---- */

static void note_name(void *owner, enum parser_use use, struct span table, struct span name, int line)
{
    struct checking *c = owner;
    if (use == PARSER_WRITES && c->global_count < GLOBALS_MAX && !has_word(c->globals, c->global_count, name))
        c->globals[c->global_count++] = name;
}

static void note_local(void *owner, struct span name, int line)
{
    struct checking *c = owner;
    if (c->local_count < GLOBALS_MAX && !has_word(c->locals, c->local_count, name))
        c->locals[c->local_count++] = name;
}

/* A function of the script that is called with a colon may have any name. */
static void note_shape(void *owner, enum parser_shape shape, struct span text, int line)
{
    struct checking *c = owner;
    c->has_methods |=
        shape == PARSER_FUNCTION && text.len && (memchr(text.ptr, ':', text.len) || memchr(text.ptr, '.', text.len));
}

/* ---- second reading: what is wrong ---- */

/* Adds what was found out about it. */
static void add_found(struct checking *c, int line, const struct flow_error *found)
{
    struct flow_error *e = add_finding(c, line);
    memcpy(e->code, found->code, sizeof e->code);
    memcpy(e->text, found->text, sizeof e->text);
    memcpy(e->help, found->help, sizeof e->help);
}

/* A local or a global of the script that was probably meant; the library's own suggestion wins. */
static void suggest_own(struct checking *c, struct flow_error *e, const char *typed)
{
    struct suggest s;
    suggest_init(&s, typed);
    for (size_t i = 0; i < c->local_count + c->global_count; i++)
        suggest_offer_copy(&s, i < c->local_count ? c->locals[i] : c->globals[i - c->local_count]);
    if (!strstr(e->text, "did you mean") && s.best && strcmp(e->code, "E102") == 0) {
        size_t used = strlen(e->text);
        snprintf(e->text + used, sizeof e->text - used, ", did you mean '%s'?", s.best);
    }
}

static void check_read(struct checking *c, struct span table, struct span name, int line)
{
    char table_name[WORD + 1], word[WORD + 1];
    struct flow_error found = {0};
    copy_word(table_name, table);
    copy_word(word, name);
    if (has_word(c->globals, c->global_count, table.len ? table : name))
        return;
    if (table.len && !sandbox_lookup(c->sandbox, "", table_name, &found))
        return; /* reported by its own name */
    if (check_fact(table, name, &found)) {
        add_found(c, line, &found);
        return;
    }
    if (sandbox_lookup(c->sandbox, table_name, word, &found))
        return;
    if (table.len == 0)
        suggest_own(c, &found, word);
    else if (strcmp(found.code, "E102") == 0)
        check_list_members(table, &found);
    add_found(c, line, &found);
}

/* text:match("...") and the like, which flows do not have. */
static void check_method(void *owner, struct span name, int line)
{
    struct checking *c = owner;
    struct flow_error found = {0};
    char word[WORD + 1];
    copy_word(word, name);
    bool own = c->has_methods || check_has_field(c->source, word);
    if (!own && !sandbox_lookup(c->sandbox, "string", word, &found) && strcmp(found.code, "E107") == 0)
        add_found(c, line, &found);
}

static void check_name(void *owner, enum parser_use use, struct span table, struct span name, int line)
{
    struct checking *c = owner;
    struct flow_error ignored;
    char word[WORD + 1];
    copy_word(word, name);
    if (span_is(table, "_ENV"))
        return;
    if (span_is(name, "_ENV") && table.len == 0)
        flow_error_set(add_finding(c, line), "E105", "flows cannot use _ENV");
    else if (use == PARSER_READS)
        check_read(c, table, name, line);
    else if (sandbox_lookup(c->sandbox, "", word, &ignored))
        flow_error_set(add_finding(c, line), "E304", "'%s' belongs to the library; choose another name", word);
}

static void check_local(void *owner, struct span name, int line)
{
    if (span_is(name, "_ENV"))
        flow_error_set(add_finding(owner, line), "E105", "flows cannot use _ENV");
}

static const struct flow_function *function_of(struct span table, struct span name)
{
    char dotted[2 * WORD + 2];
    snprintf(dotted, sizeof dotted, "%.*s%s%.*s", (int)table.len, table.ptr ? table.ptr : "", table.len ? "." : "",
             (int)name.len, name.ptr);
    for (size_t i = 0; i < FLOW_CALLS; i++)
        if (strcmp(flow_functions[i].name, dotted) == 0 && flow_functions[i].style != FLOW_STYLE_HIDDEN)
            return &flow_functions[i];
    return NULL;
}

static void note_flow(struct checking *c, const struct value *map)
{
    struct flow_findings *f = c->out;
    const struct value *id = value_find(map, "id"), *title = value_find(map, "title");
    c->has_flow = true;
    if (id && id->type == VALUE_TEXT)
        snprintf(f->id, sizeof f->id, "%.*s", SPAN_ARG(id->text));
    if (title && title->type == VALUE_TEXT)
        snprintf(f->title, sizeof f->title, "%.*s", SPAN_ARG(title->text));
}

static bool calls_a_flow(const struct flow_function *f)
{
    return f == &flow_functions[FLOW_CALL_call] || f == &flow_functions[FLOW_CALL_jump];
}

/* What is called is published with the flow, so it must be known which that is. */
static void note_called(struct checking *c, const struct flow_function *f, const struct value *name, int line)
{
    struct flow_findings *out = c->out;
    if (name->type != VALUE_TEXT) {
        flow_error_set(add_finding(c, line), "E108", "%s: the flow's name must be written out", f->name);
        return;
    }
    for (size_t i = 0; i < out->call_count; i++)
        if (span_is(name->text, out->calls[i].name))
            return;
    if (out->call_count == FLOW_CALLED_MAX)
        return;
    struct flow_called *call = &out->calls[out->call_count++];
    snprintf(call->name, sizeof call->name, "%.*s", SPAN_ARG(name->text));
    snprintf(call->file, sizeof call->file, "%s", c->file);
    call->line = line;
}

static const struct value *field_of(const struct value *args, size_t count, const char *name)
{
    const struct value *found = count && args[0].type == VALUE_MAP ? value_find(&args[0], name) : NULL;
    return found;
}

static void note_use(struct checking *c, enum flow_use_kind kind, const struct value *name, int line)
{
    if (name && name->type == VALUE_TEXT && name->text.len)
        check_note_use(c->out, kind, c->file, name->text, line);
}

/* ---- files: published with the flow, so it must be known which ---- */

static void note_said(struct checking *c, const struct value *name, int line)
{
    struct flow_findings *out = c->out;
    if (!name)
        return;
    if (flow_is_unknown(name)) {
        flow_error_set(add_finding(c, line), "E112", "say: the file's name must be written out");
        return;
    }
    if (name->type != VALUE_TEXT)
        return; /* the check of the arguments says so */
    for (size_t i = 0; i < out->said_count; i++)
        if (span_is(name->text, out->said[i].name))
            return;
    if (out->said_count == sizeof out->said / sizeof *out->said)
        return;
    struct flow_said *said = &out->said[out->said_count++];
    *said = (struct flow_said){.line = line};
    snprintf(said->name, sizeof said->name, "%.*s", SPAN_ARG(name->text));
    snprintf(said->file, sizeof said->file, "%s", c->file);
}

static void note_files(struct checking *c, const struct value *args, size_t count, int line)
{
    const struct value *card = field_of(args, count, "card"), *cards = field_of(args, count, "carousel");
    note_said(c, field_of(args, count, "image"), line);
    note_said(c, field_of(args, count, "file"), line);
    if (card)
        note_said(c, field_of(card, 1, "image"), line);
    for (uint32_t i = 0; cards && cards->type == VALUE_ARRAY && i < cards->count; i++)
        note_said(c, field_of(&cards->items[i], 1, "image"), line);
}

/* Read when it is published: nobody runs the script to know who begins. */
static bool has_unknown(const struct value *v)
{
    bool found = flow_is_unknown(v);
    for (uint32_t i = 0; !found && v->type == VALUE_ARRAY && i < v->count; i++)
        found = has_unknown(&v->items[i]);
    for (uint32_t i = 0; !found && v->type == VALUE_MAP && i < v->count; i++)
        found = has_unknown(&v->members[i].value);
    return found;
}

/* In some language the catalogue, which has room for more, has a longer one than a button may be. */
static bool is_long_button(const struct value *languages, const struct value *button)
{
    bool found = false;
    for (uint32_t i = 0; languages->type == VALUE_MAP && !found && i < languages->count; i++) {
        const struct value *texts = &languages->members[i].value;
        const struct value *text = texts->type == VALUE_MAP ? value_get(texts, button->text) : NULL;
        found = text && text->type == VALUE_TEXT && text->text.len > LIMIT_TITLE;
    }
    return found;
}

static void note_start(struct checking *c, const struct value *args, size_t count, int line)
{
    const struct value *start = field_of(args, count, "start");
    if (start && has_unknown(start))
        flow_error_set(add_finding(c, line), "E117", "flow: 'start' must be written out");
    const struct value *button = start && start->type == VALUE_MAP ? value_find(start, "button") : NULL;
    if (button && button->type == VALUE_TEXT && is_long_button(&c->languages, button))
        flow_error_set(add_finding(c, line), "E204", "flow: 'start.button' may be at most %d bytes, in every language",
                       LIMIT_TITLE);
}

/* What must be there when this is called. */
static void note_uses(struct checking *c, const struct flow_function *f, const struct value *args, size_t count,
                      int line)
{
    const struct value *escape = field_of(args, count, "escape");
    if (strcmp(f->name, "say") == 0)
        note_files(c, args, count, line);
    else if (strcmp(f->name, "secret") == 0)
        note_use(c, FLOW_USE_SECRET, count ? args : NULL, line);
    else if (strcmp(f->name, "handoff") == 0)
        note_use(c, FLOW_USE_QUEUE, field_of(args, count, "queue"), line);
    else if (strcmp(f->name, "flow") == 0 && escape)
        note_use(c, FLOW_USE_QUEUE, field_of(escape, 1, "queue"), line);
    else if (strncmp(f->name, "hours.", 6) == 0 || strncmp(f->name, "queue.", 6) == 0)
        note_use(c, FLOW_USE_QUEUE, count ? args : NULL, line);
}

/* ---- catalogues: the first reading finds them, the second what is asked of them ---- */

static void note_texts(void *owner, struct span table, struct span name, const struct value *args, size_t count,
                       bool open, int line)
{
    struct checking *c = owner;
    if (table.len || !span_is(name, "texts"))
        return;
    if (c->has_texts)
        flow_error_set(add_finding(c, line), "E110",
                       "texts: the first catalogue of a file counts alone; put all into it");
    bool language = count && args[0].type == VALUE_MAP && args[0].count && args[0].members[0].value.type == VALUE_MAP;
    bool only = language && !c->has_texts; /* there may be more of them */
    c->texts = only ? args[0].members[0].value : (struct value){.type = VALUE_NULL};
    c->languages = only ? args[0] : (struct value){.type = VALUE_NULL};
    c->has_texts = true;
}

static void check_call(void *owner, struct span table, struct span name, const struct value *args, size_t count,
                       bool open, int line)
{
    struct checking *c = owner;
    struct value map;
    struct flow_error found = {0};
    const struct flow_function *f = table.len > WORD || name.len > WORD ? NULL : function_of(table, name);
    if (!f || has_word(c->globals, c->global_count, table.len ? table : name))
        return;
    bool is_flow = f == &flow_functions[FLOW_CALL_flow];
    if (is_flow && c->has_flow)
        flow_error_set(add_finding(c, line), "E208", "flow{} may be called only once");
    if (!is_flow && !c->has_begun && c->inside == 0)
        flow_error_set(add_finding(c, line), "E208", "%s: begin the file with flow{}", f->name);
    c->has_begun = true; /* said once */
    if (calls_a_flow(f) && count)
        note_called(c, f, &args[0], line);
    note_uses(c, f, args, count, line);
    if (is_flow)
        note_start(c, args, count, line);
    if (f == &flow_functions[FLOW_CALL_t] && check_text(&c->texts, args, count, &found))
        add_found(c, line, &found);
    if (open)
        return; /* who knows what comes */
    if ((f == &flow_functions[FLOW_CALL_t] && check_placeholders(&c->languages, args, count, &found)) ||
        check_lua_pattern(f, args, count, &found)) {
        add_found(c, line, &found);
        return;
    }
    parley_status st = flow_check_arguments(f, args, count, &c->arena, &c->patterns, &map, &found);
    if (st == PARLEY_OK) {
        if (is_flow)
            note_flow(c, &map);
        return;
    }
    c->has_flow |= is_flow;
    add_found(c, line, &found);
}

static void check_shape(void *owner, enum parser_shape shape, struct span text, int line)
{
    struct checking *c = owner;
    c->inside += (shape == PARSER_FUNCTION) - (shape == PARSER_END_FUNCTION);
    if (shape == PARSER_NEVER)
        flow_error_set(add_finding(c, line), "E111", "this is never reached");
}

static void check_no_wait(void *owner, struct span call, int line)
{
    flow_error_set(add_finding(owner, line), "E306",
                   "'%.*s' cannot wait here: xpcall calls this function with an error", SPAN_ARG(call));
}

static void sort_findings(struct flow_findings *f)
{
    for (size_t i = 1; i < f->count; i++)
        for (size_t k = i; k > 0 && f->errors[k - 1].line > f->errors[k].line; k--) {
            struct flow_error swap = f->errors[k];
            f->errors[k] = f->errors[k - 1];
            f->errors[k - 1] = swap;
        }
}

static enum sandbox_verdict never_called(void *owner, struct sandbox_call *call)
{
    return SANDBOX_RETURN;
}

static void check_names_and_calls(struct checking *c, struct span source)
{
    const struct parser_events first = {c, note_name, note_texts, note_local, note_shape, NULL, NULL};
    const struct parser_events second = {c, check_name, check_call, check_local, check_shape, NULL, check_method};
    parley_status st = parser_read(source, &c->arena, &first);
    if (st == PARLEY_OK)
        st = parser_read(source, &c->arena, &second);
    check_words(c->out, c->file, source, &c->arena, check_no_wait, c);
    int own = bundle_own_mark(source);
    if (own)
        flow_error_set(add_finding(c, own), "E116", "this comment would pass for one of Parley's own");
    if (st != PARLEY_OK)
        flow_error_set(add_finding(c, 1), "E103", "the file is too intricate to be checked");
    else if (!c->has_flow)
        flow_error_set(add_finding(c, 1), "E106", "the file does not call flow{}");
}

parley_status flow_check_source(const char *file, struct span source, struct flow_findings *out)
{
    static const struct sandbox_functions functions = {flow_function_names, FLOW_CALLS, never_called};
    struct checking c = {.file = file, .out = out, .source = source};
    struct flow_error error = {0};
    *out = (struct flow_findings){0};
    if (sandbox_new(file, source, &functions, &sandbox_limits_default, &c.sandbox, &error) != PARLEY_OK) {
        flow_syntax_help(&error, source);
        out->errors[out->count++] = error;
        return PARLEY_SCRIPT;
    }
    arena_init(&c.arena, ARENA);
    check_names_and_calls(&c, source);
    arena_done(&c.arena);
    pattern_cache_done(&c.patterns);
    sandbox_free(&c.sandbox);
    sort_findings(out);
    return out->count ? PARLEY_SCRIPT : PARLEY_OK;
}

void flow_check_print(const struct flow_findings *findings, struct span source, struct buf *out)
{
    for (size_t i = 0; i < findings->count; i++)
        flow_error_print(&findings->errors[i], source, out);
    if (findings->more)
        buf_add_str(out, "... and more\n");
}
