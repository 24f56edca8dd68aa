/* Texts in the customer's language: catalogues of a flow, numbers, money, days. The language is read once a journal, so
 * a run that is rebuilt speaks as it did. */
#include "server/base/suggest.h"
#include "server/flow/input.h"
#include "server/flow/json.h"
#include "server/flow/locale.h"
#include "server/flow/run.h"

#include <stdio.h>

enum { TEXT_OUT = LIMIT_TEXT };

/* ---- the language ---- */

static void take_language(struct flow_run *run, const struct value *v)
{
    run->knows_language = true;
    run->language[0] = '\0';
    if (v && v->type == VALUE_TEXT && v->text.len < sizeof run->language)
        snprintf(run->language, sizeof run->language, "%.*s", SPAN_ARG(v->text));
}

bool speak_know_language(struct flow_run *run, struct flow_call *call, enum sandbox_verdict *verdict)
{
    const struct value *told;
    if (run->knows_language)
        return true;
    call->journal.name = "language"; /* whichever call it is that needs it first */
    call->journal.label = span_of("", 0);
    if (call_replayed(run, call, &told, verdict)) {
        if (!run->broken)
            take_language(run, value_find(told, "value"));
        return !run->broken;
    }
    struct step_read *r = call_need(run, call, &(struct flow_read){.kind = FLOW_READ_CUSTOMER});
    *verdict = SANDBOX_WAIT;
    if (!r)
        return false;
    const struct value *language = r->found ? value_find(&r->value, "language") : NULL;
    *verdict = call_give_recorded(run, call, language, NULL);
    take_language(run, language);
    return !run->broken;
}

struct span speak_language(const struct flow_run *run)
{
    return span_str(run->language[0] ? run->language : run->version->about.language);
}

/* ---- catalogues ---- */

static const struct version_texts *texts_of(const struct flow_version *v, const char *file)
{
    const struct version_texts *first = v->texts;
    for (const struct version_texts *t = v->texts; t; t = t->next) {
        if (strcmp(t->file, file) == 0)
            return t;
        first = t;
    }
    return first; /* of the flow that was first: the list has the newest in front */
}

/* The same whoever runs first, because it is written out in the flow. */
enum sandbox_verdict call_texts(struct flow_run *run, struct flow_call *call)
{
    struct flow_version *v = run->version;
    const struct version_texts *there = texts_of(v, run->file);
    if (there && strcmp(there->file, run->file) == 0)
        return SANDBOX_RETURN;
    struct version_texts *t = arena_alloc(&v->texts_arena, sizeof *t);
    if (!t || json_copy(&v->texts_arena, value_find(&call->args, "texts"), &t->map) != PARLEY_OK)
        return call_raise(call, "E204", "texts: all catalogues of a flow together are too large");
    t->file = run->file;
    t->next = v->texts;
    v->texts = t;
    return SANDBOX_RETURN;
}

/* As it is, then the same language of another region, then the flow's, then any. */
static const struct value *catalogue(const struct flow_run *run, const struct value *texts)
{
    const struct span wanted[] = {span_str(run->language), span_str(run->version->about.language)};
    for (size_t i = 0; i < 2; i++) {
        const struct value *exact = value_get(texts, wanted[i]);
        if (exact)
            return exact;
        for (uint32_t k = 0; wanted[i].len && k < texts->count; k++)
            if (locale_same(texts->members[k].key, wanted[i]))
                return &texts->members[k].value;
    }
    return texts->count ? &texts->members[0].value : NULL;
}

static struct span language_of(const struct value *texts, const struct value *catalogue)
{
    for (uint32_t i = 0; i < texts->count; i++)
        if (&texts->members[i].value == catalogue)
            return texts->members[i].key;
    return span_of("", 0);
}

static double real_of(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->integer : v->type == VALUE_REAL ? v->real : 0;
}

/* A text, or of several forms the one for n. */
static struct span form_of(const struct value *entry, struct span language, const struct value *values)
{
    const struct value *n = values ? value_find(values, "n") : NULL;
    if (entry->type == VALUE_TEXT)
        return entry->text;
    const struct value *form = value_find(entry, n ? locale_plural(language, real_of(n)) : "other");
    return form ? form->text : json_text(entry, "other");
}

static bool put_value(struct buf *out, struct arena *arena, const struct value *v)
{
    if (!v || v->type == VALUE_MAP || v->type == VALUE_ARRAY)
        return false;
    buf_add_span(out, v->type == VALUE_TEXT ? v->text : json_write(arena, v));
    return true;
}

/* {name} becomes the value of that name. False with the name that has none. */
static bool fill(struct span text, const struct value *values, struct arena *arena, struct buf *out,
                 struct span *out_missing)
{
    while (text.len) {
        struct span name = flow_placeholder(text);
        if (!name.len) {
            buf_add_char(out, *text.ptr);
            text = span_of(text.ptr + 1, text.len - 1);
            continue;
        }
        *out_missing = name;
        if (!put_value(out, arena, values ? value_get(values, name) : NULL))
            return false;
        text = span_of(text.ptr + name.len + 2, text.len - name.len - 2);
    }
    return true;
}

static enum sandbox_verdict no_text(struct flow_call *call, const struct value *catalogue, struct span key)
{
    char typed[65];
    struct suggest s;
    snprintf(typed, sizeof typed, "%.*s", key.len > 64 ? 64 : (int)key.len, key.ptr);
    suggest_init(&s, typed);
    for (uint32_t i = 0; catalogue && i < catalogue->count; i++)
        suggest_offer_copy(&s, catalogue->members[i].key);
    return call_raise(call, "E110", "t: there is no text '%s'%s%s%s", typed, s.best ? ", did you mean '" : "",
                      s.best ? s.best : "", s.best ? "'?" : "");
}

enum sandbox_verdict speak_give(struct flow_call *call, struct buf *out)
{
    struct span text = out->status == PARLEY_OK ? arena_span(call->arena, buf_span(out)) : (struct span){0};
    buf_done(out);
    if (!text.ptr)
        return call_raise(call, "E204", "%s: too long a text", flow_functions[call->function].name);
    return call_give(call, value_text(text));
}

enum sandbox_verdict call_t(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    struct span key = json_text(&call->args, "key"), missing;
    if (!speak_know_language(run, call, &verdict))
        return verdict;
    const struct version_texts *t = run->file ? texts_of(run->version, run->file) : NULL;
    const struct value *from = t ? catalogue(run, &t->map) : NULL, *entry = from ? value_get(from, key) : NULL;
    const struct value *values = value_find(&call->args, "values");
    struct buf out;
    if (!entry)
        return no_text(call, from, key);
    buf_init(&out, TEXT_OUT);
    if (fill(form_of(entry, language_of(&t->map, from), values), values, call->arena, &out, &missing))
        return speak_give(call, &out);
    buf_done(&out);
    return call_raise(call, "E202", "t: '%.*s' needs a value for {%.*s}", SPAN_ARG(key), SPAN_ARG(missing));
}

/* ---- numbers, money, days ---- */

enum sandbox_verdict call_fmt_number(struct flow_run *run, struct flow_call *call)
{
    const struct value *n = value_find(&call->args, "n"), *decimals = value_find(&call->args, "decimals");
    enum sandbox_verdict verdict;
    struct buf out;
    if (!speak_know_language(run, call, &verdict))
        return verdict;
    int places = decimals ? (int)decimals->integer : n->type == VALUE_INT ? 0 : 2;
    buf_init(&out, TEXT_OUT);
    locale_number(speak_language(run), real_of(n), places, &out);
    return speak_give(call, &out);
}

enum sandbox_verdict call_fmt_money(struct flow_run *run, struct flow_call *call)
{
    enum sandbox_verdict verdict;
    struct buf out;
    if (!speak_know_language(run, call, &verdict))
        return verdict;
    buf_init(&out, TEXT_OUT);
    locale_money(speak_language(run), real_of(value_find(&call->args, "amount")), json_text(&call->args, "currency"),
                 &out);
    return speak_give(call, &out);
}
