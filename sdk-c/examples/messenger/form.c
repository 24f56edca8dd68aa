/* Filling in a form: the composer asks for one field after the other. What was answered is a draft under the form's
 * number, a list in the order of the fields, so that a form half filled is there again after a kill. */
#include "messenger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The form that is being filled in, if it is still to be answered. */
static const struct row *form_of(const struct app *app)
{
    const struct row *form = thread_form(&app->thread);
    return form && form->seq == app->filling.seq ? form : NULL;
}

void form_forget(struct app *app)
{
    for (unsigned i = 0; i < FIELDS_MAX; i++)
        free(app->filling.answers[i]);
    app->filling = (struct filling){0};
}

/* --- drafts --- */

static void take_answer(struct app *app)
{
    char text[INPUT_BYTES];
    char **slot = &app->filling.answers[app->filling.at];
    free(*slot);
    *slot = app_input(app, text) ? strdup(text) : NULL;
}

/* Adds to a text that may have to grow; frees it when it cannot. */
static char *add(char *text, const char *more)
{
    size_t length = text ? strlen(text) : 0;
    char *grown = more ? realloc(text, length + strlen(more) + 1) : NULL;
    if (!grown) {
        free(text);
        return NULL;
    }
    strcpy(grown + length, more);
    return grown;
}

void form_keep(struct app *app)
{
    const struct row *form = form_of(app);
    char *json = strdup("[");
    if (!form)
        return free(json);
    take_answer(app);
    for (unsigned i = 0; json && i < form->field_count; i++) {
        char *answer = quoted(app->filling.answers[i] ? app->filling.answers[i] : "");
        json = add(add(json, i ? "," : ""), answer);
        free(answer);
    }
    json = add(json, "]");
    if (json)
        app_report(app, parley_draft_set(app->client, app_conversation(app), form->seq, json));
    free(json);
}

static void read_answers(struct app *app, parley_event *recap, unsigned draft)
{
    char path[48];
    for (unsigned i = 0; i < FIELDS_MAX; i++) {
        snprintf(path, sizeof path, "drafts.%u.value.%u", draft, i);
        const char *answer = parley_event_text(recap, path);
        free(app->filling.answers[i]);
        app->filling.answers[i] = answer ? strdup(answer) : NULL;
    }
}

void form_recap(struct app *app, parley_event *recap)
{
    char path[48];
    for (unsigned i = 0; i < parley_event_count(recap, "drafts"); i++) {
        snprintf(path, sizeof path, "drafts.%u.number", i);
        int64_t number = parley_event_int(recap, path, 0);
        if (number <= app->filling.begun)
            continue;
        app->filling.begun = number;
        read_answers(app, recap, i);
    }
}

/* --- from field to field --- */

static void show_field(struct app *app, unsigned at)
{
    app->filling.at = at;
    app_set_input(app, app->filling.answers[at]);
    *app->notice = '\0';
}

/* Whether it is asked: shown, and needed or known to this app. */
static bool is_asked(const struct app *app, const struct row *form, unsigned at)
{
    const struct field *field = &form->fields[at];
    return field_is_shown(form, at, app->filling.answers) && (field->required || field_is_known(field));
}

/* From `at` on, the first that is asked; field_count: none is. */
static unsigned next_asked(const struct app *app, const struct row *form, unsigned at)
{
    while (at < form->field_count && !is_asked(app, form, at))
        at++;
    return at;
}

void form_begin(struct app *app)
{
    const struct row *form = thread_form(&app->thread);
    unsigned at = 0;
    if (!form) {
        snprintf(app->notice, sizeof app->notice, "There is no form to fill in.");
        return;
    }
    app_keep_draft(app); /* of the words in the composer, which the form's answers take the place of */
    if (app->filling.begun != form->seq)
        form_forget(app);
    app->filling.seq = app->filling.begun = form->seq;
    app->filling.is_left = false;
    at = next_asked(app, form, 0);
    for (unsigned next = at; next < form->field_count && app->filling.answers[at] && *app->filling.answers[at];) {
        next = next_asked(app, form, at + 1);
        at = next < form->field_count ? next : at;
    }
    show_field(app, at);
}

void form_resume(struct app *app)
{
    const struct filling *filling = &app->filling;
    const struct row *form = thread_form(&app->thread);
    if (form && form->seq == filling->begun && !filling->seq && !filling->is_left && !app->input_len)
        form_begin(app);
}

void form_back(struct app *app)
{
    const struct row *form = form_of(app);
    unsigned at = app->filling.at;
    while (form && at && !is_asked(app, form, --at))
        ;
    show_field(app, at);
}

static void stop(struct app *app)
{
    app->filling.seq = 0;
    app->draft_at = 0;
    app_set_input(app, NULL);
}

void form_leave(struct app *app)
{
    app_set_input(app, app->filling.answers[app->filling.at]); /* the word that left it is no answer */
    form_keep(app);
    stop(app);
    app->filling.is_left = true;
    snprintf(app->notice, sizeof app->notice, "The form is kept: /fill goes on with it.");
}

/* --- away with it --- */

static char *values_of(const struct app *app, const struct row *form)
{
    char *json = strdup("{");
    for (unsigned i = 0; json && i < form->field_count; i++) {
        const char *answer = app->filling.answers[i];
        if (!answer || !*answer || !field_is_shown(form, i, app->filling.answers))
            continue;
        char *name = quoted(form->fields[i].id), *value = field_value(&form->fields[i], answer);
        json = add(add(add(add(json, json[1] ? "," : ""), name), ":"), value);
        free(name);
        free(value);
    }
    return add(json, "}");
}

static void submit(struct app *app, const struct row *form)
{
    char *values = values_of(app, form);
    parley_status st =
        values ? parley_submit_form(app->client, app_conversation(app), form->seq, values, NULL) : PARLEY_NOMEM;
    free(values);
    app_report(app, st);
    if (st != PARLEY_OK)
        return;
    stop(app);
    form_forget(app);
    app->scroll = 0;
}

static const char *why_not(const struct field *field, bool empty)
{
    if (!field_is_known(field))
        return "This app cannot send that: /later, and write what you can say.";
    return empty                 ? "This has to be answered."
           : field->option_count ? "The number of one of these, please."
                                 : "yes or no, please.";
}

/* Whether the field has what it needs; says so if not. */
static bool is_answered(struct app *app, const struct field *field)
{
    const char *answer = app->filling.answers[app->filling.at];
    bool empty = !answer || !*answer;
    char *value = empty ? NULL : field_value(field, answer);
    bool good = empty ? !field->required : value != NULL;
    if (!good)
        snprintf(app->notice, sizeof app->notice, "%s", why_not(field, empty));
    free(value);
    return good;
}

void form_next(struct app *app)
{
    const struct row *form = form_of(app);
    if (!form) {
        stop(app);
        form_forget(app);
        snprintf(app->notice, sizeof app->notice, "This form is not open any more.");
        return;
    }
    take_answer(app);
    if (!is_answered(app, &form->fields[app->filling.at])) {
        free(app->filling.answers[app->filling.at]); /* it stands in the composer, to be mended */
        app->filling.answers[app->filling.at] = NULL;
        return;
    }
    unsigned next = next_asked(app, form, app->filling.at + 1);
    if (next == form->field_count) {
        submit(app, form);
        return;
    }
    form_keep(app);
    show_field(app, next);
    if (!field_is_known(&form->fields[next]))
        snprintf(app->notice, sizeof app->notice, "%s", why_not(&form->fields[next], true));
}

const char *form_prompt(const struct app *app, char *room, size_t size)
{
    const struct row *form = form_of(app);
    if (!form)
        return NULL;
    const struct field *field = &form->fields[app->filling.at];
    int n = snprintf(room, size, "%s (%u of %u%s)", field->label ? field->label : "", app->filling.at + 1,
                     form->field_count, field->required ? "" : ", may be left out");
    for (unsigned i = 0; i < field->option_count && n > 0 && n < (int)size; i++)
        n += snprintf(room + n, size - (size_t)n, "  %u %s", i + 1,
                      field->options[i].label ? field->options[i].label : "");
    return room;
}
