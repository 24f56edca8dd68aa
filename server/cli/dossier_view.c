/* The dossier, most telling lines first. */
#include "server/cli/dossier_view.h"

#include "server/cli/field.h"
#include "server/cli/view.h"

#include <stdio.h>
#include <string.h>

enum { PATH = 128, LINE = 1024 };

static void say_if(struct term *term, const char *label, const char *words)
{
    if (*words)
        term_say(term, TONE_BOLD, label, span_str(words));
}

static void say_map(struct term *term, const char *label, parley_event *e, const char *at, const char *field)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s.%s", at, field);
    view_map(term, label, e, path);
}

void dossier_context(struct term *term, parley_event *e, const char *at)
{
    if (field_count(e, "%s", at) == 0)
        term_line(term, TONE_DIM, "  The app has told nothing.");
    view_map(term, "app", e, at);
}

static void say_process(struct term *term, const char *label, parley_event *e, const char *at)
{
    char line[LINE];
    const char *title = field_text(e, "%s.title", at), *step = field_text(e, "%s.step", at);
    int n = snprintf(line, sizeof line, "%.64s%s%.256s, %.16s%s%.64s", field_text(e, "%s.type", at), *title ? ": " : "",
                     title, field_text(e, "%s.state", at), *step ? " at " : "", step);
    if (field_int(e, "%s.data.progress.of", at) > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, " (%lld of %lld)",
                      (long long)field_int(e, "%s.data.progress.step", at),
                      (long long)field_int(e, "%s.data.progress.of", at));
    uint32_t gaps = field_count(e, "%s.missing", at);
    for (uint32_t i = 0; i < gaps && (size_t)n + 100 < sizeof line; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s%.64s", i ? ", " : "; still needs ",
                      field_text(e, "%s.missing.%u.field", at, i));
    term_say(term, TONE_BOLD, label, span_str(line));
}

void dossier_processes(struct term *term, parley_event *e, const char *at)
{
    uint32_t count = field_count(e, "%s", at);
    for (uint32_t i = 0; i < count; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "%s.%u", at, i);
        say_process(term, i ? "" : "process", e, path);
    }
}

/* "Ana, verified, speaks pt-BR" */
static void say_who(struct term *term, enum tone tone, const char *label, parley_event *e, const char *at)
{
    char line[LINE];
    const char *name = field_text(e, "%s.name", at), *language = field_text(e, "%s.language", at);
    snprintf(line, sizeof line, "%.256s, %s%s%.35s", *name ? name : "no name",
             field_int(e, "%s.verified", at) ? "verified" : "not verified", *language ? ", speaks " : "", language);
    term_say(term, tone, label, span_str(line));
}

void dossier_brief(struct term *term, parley_event *e, const char *at)
{
    say_who(term, TONE_DIM, "", e, at);
    say_if(term, "wants", field_text(e, "%s.reason", at));
    say_if(term, "bot", field_text(e, "%s.summary", at));
    term_say(term, TONE_BOLD, "waited", span_str(view_duration(field_int(e, "%s.waited_ms", at))));
}

/* Oldest first, as it was walked. */
static void say_trail(struct term *term, parley_event *e, const char *at)
{
    char line[LINE];
    int n = 0;
    for (uint32_t i = field_count(e, "%s.trail", at); i-- > 0 && (size_t)n + 110 < sizeof line;)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s%.100s", n ? " > " : "",
                      field_text(e, "%s.trail.%u.screen", at, i));
    if (n)
        term_say(term, TONE_BOLD, "trail", span_str(line));
}

void dossier_full(struct term *term, parley_event *e, const char *at)
{
    char path[PATH];
    say_who(term, TONE_BOLD, "customer", e, at);
    say_map(term, "", e, at, "traits");
    say_if(term, "wants", field_text(e, "%s.reason", at));
    say_if(term, "bot", field_text(e, "%s.summary", at));
    say_map(term, "told", e, at, "collected");
    say_map(term, "app", e, at, "context");
    say_trail(term, e, at);
    snprintf(path, sizeof path, "%s.processes", at);
    dossier_processes(term, e, path);
    term_say(term, TONE_BOLD, "waited", span_str(view_duration(field_int(e, "%s.waited_ms", at))));
}
