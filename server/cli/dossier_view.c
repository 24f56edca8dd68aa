/* The dossier, most telling lines first. */
#include "server/cli/dossier_view.h"

#include "server/cli/view.h"

#include <stdio.h>
#include <string.h>

enum { PATH = 192, LINE = 1024 };

static const char *text(parley_event *e, const char *at, const char *field)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s.%s", at, field);
    const char *t = parley_event_text(e, path);
    return t ? t : "";
}

static int64_t number(parley_event *e, const char *at, const char *field)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s.%s", at, field);
    return parley_event_int(e, path, 0);
}

static void say_if(struct term *term, const char *label, const char *words)
{
    if (*words)
        term_say(term, TONE_BOLD, label, span_str(words));
}

/* A value of whatever type in words. */
static void value_words(parley_event *e, const char *path, char *out, size_t size)
{
    const char *words = parley_event_text(e, path);
    uint32_t count = parley_event_count(e, path);
    if (words) {
        snprintf(out, size, "%s", words);
    } else if (count) {
        size_t n = 0;
        for (uint32_t i = 0; i < count && n + 1 < size; i++) {
            char deep[PATH + 80], inner[256];
            const char *key = parley_event_key(e, path, i);
            if (key)
                snprintf(deep, sizeof deep, "%s.%s", path, key);
            else
                snprintf(deep, sizeof deep, "%s.%u", path, i);
            if (parley_event_count(e, deep))
                snprintf(inner, sizeof inner, "...");
            else
                value_words(e, deep, inner, sizeof inner);
            n += (size_t)snprintf(out + n, size - n, "%s%s%s%s", i ? ", " : "", key ? key : "", key ? " " : "", inner);
        }
    } else {
        snprintf(out, size, "%g", parley_event_real(e, path, 0));
    }
}

static void say_map(struct term *term, const char *label, parley_event *e, const char *path)
{
    uint32_t count = parley_event_count(e, path);
    for (uint32_t i = 0; i < count; i++) {
        char deep[PATH + 80], words[LINE], line[LINE + 128];
        const char *key = parley_event_key(e, path, i);
        if (!key)
            return;
        snprintf(deep, sizeof deep, "%s.%s", path, key);
        value_words(e, deep, words, sizeof words);
        snprintf(line, sizeof line, "%s: %s", key, words);
        term_say(term, TONE_BOLD, i ? "" : label, span_str(line));
    }
}

void dossier_context(struct term *term, parley_event *e, const char *at)
{
    if (parley_event_count(e, at) == 0)
        term_line(term, TONE_DIM, "  The app has told nothing.");
    say_map(term, "app", e, at);
}

void dossier_processes(struct term *term, parley_event *e, const char *at)
{
    uint32_t count = parley_event_count(e, at);
    for (uint32_t i = 0; i < count; i++) {
        char path[PATH], missing[PATH + 16], line[LINE];
        snprintf(path, sizeof path, "%s.%u", at, i);
        const char *title = text(e, path, "title"), *step = text(e, path, "step");
        int n = snprintf(line, sizeof line, "%.64s%s%.256s, %.16s%s%.64s", text(e, path, "type"), *title ? ": " : "", title,
                         text(e, path, "state"), *step ? " at " : "", step);
        snprintf(missing, sizeof missing, "%s.missing", path);
        uint32_t gaps = parley_event_count(e, missing);
        for (uint32_t m = 0; m < gaps && n > 0 && (size_t)n + 80 < sizeof line; m++) {
            char deep[PATH + 48];
            snprintf(deep, sizeof deep, "%s.%u", missing, m);
            n += snprintf(line + n, sizeof line - (size_t)n, "%s%.64s", m ? ", " : "; still needs ", text(e, deep, "field"));
        }
        term_say(term, TONE_BOLD, i ? "" : "process", span_str(line));
    }
}

void dossier_brief(struct term *term, parley_event *e, const char *at)
{
    char line[LINE];
    const char *reason = text(e, at, "reason"), *language = text(e, at, "language");
    snprintf(line, sizeof line, "%s%s%.35s, waited %s%s%.256s", number(e, at, "verified") ? "verified" : "not verified",
             *language ? ", speaks " : "", language, view_duration(number(e, at, "waited_ms")), *reason ? " - " : "", reason);
    term_say(term, TONE_DIM, "", span_str(line));
    say_if(term, "bot", text(e, at, "summary"));
}

static void say_trail(struct term *term, parley_event *e, const char *at)
{
    char path[PATH], line[LINE];
    size_t n = 0;
    snprintf(path, sizeof path, "%s.trail", at);
    uint32_t count = parley_event_count(e, path);
    for (uint32_t i = count; i-- > 0 && n + 2 < sizeof line;) { /* oldest first, as it was walked */
        char deep[PATH + 16];
        snprintf(deep, sizeof deep, "%s.%u", path, i);
        n += (size_t)snprintf(line + n, sizeof line - n, "%s%.100s", n ? " > " : "", text(e, deep, "screen"));
    }
    if (count)
        term_say(term, TONE_BOLD, "trail", span_of(line, n < sizeof line ? n : sizeof line - 1));
}

void dossier_full(struct term *term, parley_event *e, const char *at)
{
    char path[PATH], line[LINE];
    const char *name = text(e, at, "name");
    snprintf(line, sizeof line, "%.256s, %s%s%.35s", *name ? name : "no name",
             number(e, at, "verified") ? "verified" : "not verified", *text(e, at, "language") ? ", speaks " : "",
             text(e, at, "language"));
    term_say(term, TONE_BOLD, "customer", span_str(line));
    snprintf(path, sizeof path, "%s.traits", at);
    say_map(term, "", e, path);
    say_if(term, "wants", text(e, at, "reason"));
    say_if(term, "bot", text(e, at, "summary"));
    snprintf(path, sizeof path, "%s.collected", at);
    say_map(term, "told", e, path);
    snprintf(path, sizeof path, "%s.context", at);
    say_map(term, "app", e, path);
    say_trail(term, e, at);
    snprintf(path, sizeof path, "%s.processes", at);
    dossier_processes(term, e, path);
    term_say(term, TONE_BOLD, "waited", span_str(view_duration(number(e, at, "waited_ms"))));
}
