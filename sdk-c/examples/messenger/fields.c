/* Questions of a form: how an answer as it was typed becomes a value, and which are asked at all. */
#include "messenger.h"

#include <stdlib.h>
#include <string.h>

/* The option whose number was typed. */
static const struct option *option_of(const struct field *field, const char *answer)
{
    char *end;
    long n = strtol(answer, &end, 10);
    return *end == '\0' && n > 0 && n <= (long)field->option_count ? &field->options[n - 1] : NULL;
}

bool field_is_known(const struct field *field)
{
    static const char *const known[] = {"text", "number", "date", "choice", "boolean"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(field->type, known[i]) == 0)
            return true;
    return false;
}

char *field_value(const struct field *field, const char *answer)
{
    if (!field_is_known(field))
        return NULL;
    if (strcmp(field->type, "boolean") == 0)
        return strcmp(answer, "yes") == 0 ? strdup("true") : strcmp(answer, "no") == 0 ? strdup("false") : NULL;
    if (!field->option_count)
        return quoted(answer);
    const struct option *option = option_of(field, answer);
    return option ? quoted(option->value) : NULL;
}

static bool answered_so(const struct field *field, const char *answer, const char *is)
{
    if (!answer)
        return false;
    if (strcmp(field->type, "boolean") == 0)
        return strcmp(is, "true") == 0 ? strcmp(answer, "yes") == 0 : strcmp(answer, "no") == 0;
    const struct option *option = option_of(field, answer);
    return option && option->value && strcmp(option->value, is) == 0;
}

/* Whether one of the conditions on that field holds. */
static bool agrees(const struct row *form, const struct field *asked, unsigned at, char *const *answers)
{
    const struct field *field = &form->fields[at];
    for (unsigned i = 0; i < asked->condition_count; i++)
        if (strcmp(asked->show_if[i].field, field->id) == 0 && answered_so(field, answers[at], asked->show_if[i].is))
            return true;
    return false;
}

/* The place of a field above `at`; `at` when there is none. */
static unsigned place_of(const struct row *form, const char *id, unsigned at)
{
    unsigned i = 0;
    while (i < at && strcmp(form->fields[i].id, id) != 0)
        i++;
    return i;
}

/* Conditions on one field are alternatives, and each field that they name has to be shown itself. */
bool field_is_shown(const struct row *form, unsigned at, char *const *answers)
{
    bool shown[FIELDS_MAX];
    for (unsigned i = 0; i <= at; i++) {
        const struct field *asked = &form->fields[i];
        shown[i] = true;
        for (unsigned c = 0; shown[i] && c < asked->condition_count; c++) {
            unsigned by = place_of(form, asked->show_if[c].field, i);
            shown[i] = by < i && shown[by] && agrees(form, asked, by, answers);
        }
    }
    return shown[at];
}
