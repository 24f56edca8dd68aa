/* Two things that need no grammar: "{service}/..." behind url, and the function that xpcall calls with an error - the
 * one place where Lua cannot stand still. */
#include "server/flow/check_words.h"

#include "server/base/suggest.h"
#include "server/flow/lexer.h"

#include <stdio.h>
#include <string.h>

struct reading {
    struct lexer lexer;
    struct token before[4], now; /* the latest first */
};

static void next(struct reading *r)
{
    memmove(r->before + 1, r->before, sizeof r->before - sizeof *r->before);
    r->before[0] = r->now;
    r->now = lexer_next(&r->lexer);
}

static bool is(const struct token *t, const char *word)
{
    return t->type != TOKEN_TEXT && t->type != TOKEN_END && span_is(t->word, word);
}

void check_note_use(struct flow_findings *f, enum flow_use_kind kind, const char *file, struct span name, int line)
{
    for (size_t i = 0; i < f->use_count; i++)
        if (f->uses[i].kind == kind && span_is(name, f->uses[i].name))
            return;
    if (f->use_count == FLOW_USES_MAX || name.len >= sizeof f->uses->name)
        return;
    struct flow_use *use = &f->uses[f->use_count++];
    *use = (struct flow_use){.kind = kind, .line = line};
    snprintf(use->name, sizeof use->name, "%.*s", SPAN_ARG(name));
    snprintf(use->file, sizeof use->file, "%s", file);
}

/* ---- services ---- */

/* url = "...", http.get "..." and http.get("...") */
static bool is_url(const struct reading *r)
{
    const struct token *b = r->before;
    bool named = is(&b[0], "=") && is(&b[1], "url");
    const struct token *method = is(&b[0], "(") ? b + 1 : b;
    return named || (is(&method[1], ".") && is(&method[2], "http"));
}

static void note_service(struct reading *r, struct flow_findings *f, const char *file)
{
    struct span s = r->now.word;
    const char *end = s.len && *s.ptr == '{' ? memchr(s.ptr, '}', s.len) : NULL;
    if (end && is_url(r))
        check_note_use(f, FLOW_USE_SERVICE, file, span_of(s.ptr + 1, (size_t)(end - s.ptr) - 1), r->now.line);
}

/* ---- where nothing may wait ---- */

static bool waits(const struct reading *r)
{
    static const char *const names[] = {"ask", "form", "wait", "handoff", "call", "jump"};
    bool field = is(&r->before[0], ".") || is(&r->before[0], ":");
    for (size_t i = 0; !field && i < sizeof names / sizeof *names; i++)
        if (is(&r->now, names[i]))
            return true;
    return !field && is(&r->now, "http");
}

static int opens(const struct token *t)
{
    static const char *const words[] = {"function", "if", "do", "repeat", "(", "{", "["};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(t, words[i]))
            return 1;
    return is(t, "end") || is(t, "until") || is(t, ")") || is(t, "}") || is(t, "]") ? -1 : 0;
}

/* Behind `xpcall(`: what stands in its second argument, when that is a function. */
static void read_handler(struct reading *r, void (*no_wait)(void *, struct span, int), void *owner)
{
    int depth = 0, commas = 0;
    bool inside = false;
    for (; r->now.type != TOKEN_END && depth >= 0; next(r)) {
        if (depth == 0 && is(&r->now, ","))
            inside = ++commas == 1;
        else if (inside && depth > 0 && waits(r))
            no_wait(owner, r->now.word, r->now.line);
        depth += opens(&r->now);
    }
}

void check_words(struct flow_findings *f, const char *file, struct span source, struct arena *arena,
                 void (*no_wait)(void *owner, struct span call, int line), void *owner)
{
    struct reading r = {.now = {.type = TOKEN_SIGN}};
    lexer_init(&r.lexer, source, arena);
    for (next(&r); r.now.type != TOKEN_END; next(&r)) {
        if (r.now.type == TOKEN_TEXT)
            note_service(&r, f, file);
        if (!is(&r.before[0], "xpcall") || !is(&r.now, "("))
            continue;
        struct reading handler = r;
        next(&handler);
        read_handler(&handler, no_wait, owner);
    }
}

/* ---- against what there is ---- */

static bool offer(struct suggest *s, const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (strcmp(*names, name) == 0)
            return true;
        suggest_offer(s, *names);
    }
    return false;
}

void flow_check_uses(const struct flow_findings *f, const struct flow_known *known, struct flow_findings *out)
{
    static const struct {
        const char *code, *what, *place;
    } kinds[] = {[FLOW_USE_SERVICE] = {"E121", "service", " in flows.services"},
                 [FLOW_USE_SECRET] = {"E122", "secret", " in flows.secrets"},
                 [FLOW_USE_QUEUE] = {"E123", "queue", ""}};
    const char *const *const lists[] = {known->services, known->secrets, known->queues};
    for (size_t i = 0; i < f->use_count; i++) {
        const struct flow_use *use = &f->uses[i];
        struct suggest near;
        suggest_init(&near, use->name);
        if (!lists[use->kind] || offer(&near, lists[use->kind], use->name) || out->count == FLOW_CHECK_MAX)
            continue;
        struct flow_error *e = &out->errors[out->count++];
        *e = (struct flow_error){.line = use->line};
        snprintf(e->file, sizeof e->file, "%s", use->file);
        const char *best = near.best ? near.best : "";
        flow_error_set(e, kinds[use->kind].code, "there is no %s '%s'%s%s%s%s", kinds[use->kind].what, use->name,
                       kinds[use->kind].place, *best ? ", did you mean '" : "", best, *best ? "'?" : "");
    }
}
