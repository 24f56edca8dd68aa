/* One line or a few for each kind of item. A kind is a row of the table at the end. */
#include "server/cli/view.h"

#include "server/cli/field.h"

#include <stdio.h>
#include <string.h>

void view_person(struct view *v, const char *id, const char *name)
{
    size_t i = 0;
    if (!id || !name || !*name)
        return;
    while (i < v->people_count && strcmp(v->people[i].id, id) != 0)
        i++;
    if (i == VIEW_PEOPLE)
        return;
    v->people_count += i == v->people_count;
    snprintf(v->people[i].id, sizeof v->people[i].id, "%s", id);
    snprintf(v->people[i].name, sizeof v->people[i].name, "%s", name);
}

/* NULL when it is not known. */
static const char *name_of(const struct view *v, const char *id)
{
    for (size_t i = 0; id && i < v->people_count; i++)
        if (strcmp(v->people[i].id, id) == 0)
            return v->people[i].name;
    return NULL;
}

void view_map(struct term *term, const char *label, parley_event *e, const char *at)
{
    const char *key;
    for (uint32_t i = 0; (key = field_key(e, i, "%s", at)); i++) {
        char words[512], line[640];
        field_words(words, sizeof words, e, "%s.%s", at, key);
        snprintf(line, sizeof line, "%.100s: %s", key, words);
        term_say(term, TONE_BOLD, i ? "" : label, span_str(line));
    }
}

const char *view_duration(int64_t ms)
{
    static char texts[2][32];
    static int turn;
    char *text = texts[turn ^= 1];
    int64_t s = (ms + 500) / 1000;
    if (s < 90)
        snprintf(text, 32, "%lld s", (long long)s);
    else if (s < 90 * 60)
        snprintf(text, 32, "%lld min", (long long)(s + 30) / 60);
    else
        snprintf(text, 32, "%lld h", (long long)(s + 1800) / 3600);
    return text;
}

/* A field of the item that is being shown, wherever in the event that is. */
static const char *text(const struct view *v, parley_event *e, const char *field)
{
    return field_text(e, "%s.%s", v->at, field);
}

static const char *maybe(const struct view *v, parley_event *e, const char *field)
{
    return field_text_or_null(e, "%s.%s", v->at, field);
}

static long long number(const struct view *v, parley_event *e, const char *field)
{
    return field_int(e, "%s.%s", v->at, field);
}

static double real(const struct view *v, parley_event *e, const char *field)
{
    return field_real(e, "%s.%s", v->at, field);
}

/* Who speaks, for the label, and in which tone. */
static const char *speaker(struct view *v, parley_event *e, enum tone *out_tone)
{
    const char *role = text(v, e, "role"), *name = name_of(v, maybe(v, e, "author"));
    bool customer = strcmp(role, "customer") == 0 || strcmp(role, "guest") == 0;
    *out_tone = TONE_AGENT;
    if (strcmp(text(v, e, "author"), v->me) == 0) {
        *out_tone = TONE_MINE;
        return v->my_name;
    }
    if (customer && !name)
        name = v->customer;
    if (customer)
        *out_tone = TONE_PLAIN;
    else if (strcmp(role, "bot") == 0)
        *out_tone = TONE_BOT;
    return name && *name ? name : *role ? role : "?";
}

static void said(struct view *v, parley_event *e, const char *what)
{
    enum tone tone;
    const char *label = speaker(v, e, &tone);
    term_say(v->term, tone, label, span_str(what));
}

/* --- kinds --- */

static void show_text(struct view *v, parley_event *e)
{
    said(v, e, text(v, e, "body.text"));
}

static void show_choices(struct view *v, parley_event *e)
{
    char label[16];
    show_text(v, e);
    uint32_t count = field_count(e, "%s.body.options", v->at);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(label, sizeof label, "%8u", i + 1);
        term_say(v->term, TONE_BOLD, label, span_str(field_text(e, "%s.body.options.%u.label", v->at, i)));
    }
}

static void show_choice(struct view *v, parley_event *e)
{
    const char *label = maybe(v, e, "body.text");
    said(v, e, label ? label : text(v, e, "body.value"));
}

static void show_form(struct view *v, parley_event *e)
{
    said(v, e, text(v, e, "body.title"));
    uint32_t count = field_count(e, "%s.body.fields", v->at);
    for (uint32_t i = 0; i < count; i++)
        term_say(v->term, TONE_DIM, "       -", span_str(field_text(e, "%s.body.fields.%u.label", v->at, i)));
}

static void show_form_answer(struct view *v, parley_event *e)
{
    char at[sizeof v->at + 16];
    snprintf(at, sizeof at, "%s.body.values", v->at);
    said(v, e, "(form)");
    view_map(v->term, "", e, at);
}

static void show_card(struct view *v, parley_event *e)
{
    char line[600];
    said(v, e, text(v, e, "body.title"));
    if (*text(v, e, "body.text"))
        term_say(v->term, TONE_PLAIN, "", span_str(text(v, e, "body.text")));
    uint32_t count = field_count(e, "%s.body.buttons", v->at);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "[%.200s] %.300s", field_text(e, "%s.body.buttons.%u.label", v->at, i),
                 field_text(e, "%s.body.buttons.%u.link", v->at, i));
        term_say(v->term, TONE_DIM, "", span_str(line));
    }
}

static void show_media(struct view *v, parley_event *e)
{
    char line[400];
    snprintf(line, sizeof line, "[%.200s, %.64s, %lld bytes]", text(v, e, "body.name"), text(v, e, "body.type"),
             number(v, e, "body.bytes"));
    said(v, e, line);
    const char *fallback = maybe(v, e, "body.fallback"), *instead = fallback ? fallback : maybe(v, e, "body.alt");
    if (instead) /* a terminal is an app that cannot show pictures */
        term_say(v->term, TONE_PLAIN, "", span_str(instead));
}

static void show_location(struct view *v, parley_event *e)
{
    char line[400];
    snprintf(line, sizeof line, "[%.5f, %.5f] %.256s", real(v, e, "body.latitude"), real(v, e, "body.longitude"),
             text(v, e, "body.label"));
    said(v, e, line);
}

static void show_call(struct view *v, parley_event *e)
{
    char line[200];
    snprintf(line, sizeof line, "[call %.16s, %.64s, %s]", text(v, e, "body.direction"), text(v, e, "body.outcome"),
             view_duration(1000 * number(v, e, "body.seconds")));
    said(v, e, line);
}

static void show_custom(struct view *v, parley_event *e)
{
    said(v, e, text(v, e, "body.fallback"));
}

static void show_note(struct view *v, parley_event *e)
{
    char label[VIEW_NAME + 16];
    enum tone tone;
    snprintf(label, sizeof label, "%s%s", speaker(v, e, &tone), maybe(v, e, "body.to") ? " (whisper)" : " (note)");
    term_say(v->term, TONE_DIM, label, span_str(text(v, e, "body.text")));
}

static void show_context(struct view *v, parley_event *e)
{
    const char *screen = text(v, e, "body.screen");
    term_line(v->term, TONE_DIM, "  the app shows %s", *screen ? screen : "something else");
}

static void show_process(struct view *v, parley_event *e)
{
    const char *title = text(v, e, "body.title"), *step = text(v, e, "body.step");
    long long place = number(v, e, "body.data.progress.step"), of = number(v, e, "body.data.progress.of");
    char progress[64] = "";
    if (of > 0)
        snprintf(progress, sizeof progress, " (%lld of %lld)", place, of);
    term_line(v->term, TONE_DIM, "  %s %s%s%s%s", *title ? title : text(v, e, "body.type"), text(v, e, "body.state"),
              *step ? ", at " : "", step, progress);
}

static void show_erased(struct view *v, parley_event *e)
{
    term_line(v->term, TONE_DIM, "  message %lld was erased", number(v, e, "body.target"));
}

static void show_linked(struct view *v, parley_event *e)
{
    term_line(v->term, TONE_DIM, "  another conversation belongs to the same customer");
}

static void show_opened(struct view *v, parley_event *e)
{
    const char *flow = text(v, e, "body.flow");
    if (v->staff)
        term_line(v->term, TONE_DIM, "  a session began%s%s", *flow ? ", served by the flow " : "", flow);
}

static void show_queued(struct view *v, parley_event *e)
{
    const char *reason = text(v, e, "body.reason");
    if (v->staff)
        term_line(v->term, TONE_DIM, "  queued in %s (%s)%s%s", text(v, e, "body.queue"), text(v, e, "body.why"),
                  *reason ? ": " : "", reason);
    else if (strcmp(text(v, e, "body.why"), "message") == 0)
        term_line(v->term, TONE_DIM,
                  "  Your message is with us. We answer here; what you write meanwhile is part of it.");
    else
        term_line(v->term, TONE_DIM, "  You wait for a person. Write on meanwhile; nothing is lost.");
}

static void show_offered(struct view *v, parley_event *e)
{
    const char *agent = name_of(v, maybe(v, e, "body.agent")), *result = text(v, e, "body.result");
    term_line(v->term, TONE_DIM, "  offered to %s%s%s", agent ? agent : "an agent", *result ? ": " : "", result);
}

static void show_joined(struct view *v, parley_event *e)
{
    view_person(v, maybe(v, e, "body.agent"), maybe(v, e, "body.name"));
    term_line(v->term, TONE_GOOD, "  %s joined", text(v, e, "body.name"));
}

static void show_left(struct view *v, parley_event *e)
{
    bool agent = strcmp(text(v, e, "body.who"), "agent") == 0;
    const char *customer = v->staff ? "The customer left the queue" : "You left the queue";
    term_line(v->term, TONE_DIM, "  %s (%s)", agent ? "Back to the bot" : customer, text(v, e, "body.outcome"));
}

static void show_transferred(struct view *v, parley_event *e)
{
    term_line(v->term, TONE_DIM, "  passed on to %s", text(v, e, "body.queue"));
}

static void show_resolved(struct view *v, parley_event *e)
{
    if (v->staff)
        term_line(v->term, TONE_GOOD, "  resolved (%s)%s", text(v, e, "body.outcome"),
                  number(v, e, "body.closed") ? "" : "; the flow goes on");
    else if (number(v, e, "body.closed"))
        term_line(v->term, TONE_GOOD, "  This is settled. Write any time: the conversation goes on.");
}

static void show_reopened(struct view *v, parley_event *e)
{
    view_person(v, maybe(v, e, "body.agent"), maybe(v, e, "body.name"));
    term_line(v->term, TONE_GOOD, "  %s took it up again", text(v, e, "body.name"));
}

static const struct {
    const char *kind;
    void (*show)(struct view *v, parley_event *e);
} kinds[] = {
    {"text", show_text},
    {"choices", show_choices},
    {"choice", show_choice},
    {"form", show_form},
    {"form_answer", show_form_answer},
    {"card", show_card},
    {"media", show_media},
    {"location", show_location},
    {"call", show_call},
    {"email", show_text},
    {"sms", show_text},
    {"custom", show_custom},
    {"note", show_note},
    {"context", show_context},
    {"process", show_process},
    {"erased", show_erased},
    {"linked", show_linked},
    {"opened", show_opened},
    {"queued", show_queued},
    {"offered", show_offered},
    {"joined", show_joined},
    {"left", show_left},
    {"transferred", show_transferred},
    {"resolved", show_resolved},
    {"reopened", show_reopened},
};

void view_item(struct view *v, parley_event *e, const char *at)
{
    snprintf(v->at, sizeof v->at, "%s", at);
    const char *kind = text(v, e, "kind");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            kinds[i].show(v, e);
            return;
        }
    }
    const char *fallback = maybe(v, e, "body.fallback");
    if (fallback)
        said(v, e, fallback);
    else
        term_line(v->term, TONE_DIM, "  [%s: this program is too old to show it]", kind);
}
