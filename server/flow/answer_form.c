/* Whether a form was filled in, and what a script gets of it. */
#include "protocol/form.h"
#include "server/flow/input.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

/* What was chosen, by its name on the wire, becomes the script's value. */
static bool read_choice(const struct value *question, const struct value *said, struct value *out)
{
    const struct value *options = value_find(question, "options");
    for (uint32_t i = 0; options && said->type == VALUE_TEXT && i < options->count; i++)
        if (span_equal(said->text, json_text(&options->items[i], "wire"))) {
            *out = value_text(json_text(&options->items[i], "value"));
            return true;
        }
    return false;
}

static bool read_field(const struct value *question, const struct value *said, struct arena *arena, struct value *out)
{
    enum input input = (enum input)json_int(question, "type");
    return input == INPUT_CHOICE ? read_choice(question, said, out) : input_read(input, said, arena, out);
}

static bool field_fits(struct flow_run *run, const struct value *question, const struct value *said,
                       const struct value *read)
{
    if (json_int(question, "type") == INPUT_CHOICE)
        return true;
    if (json_int(question, "type") == INPUT_FILE)
        return form_accepts(json_text(question, "accept"), json_text(read, "type"));
    return answer_in_range(question, read) &&
           (said->type != VALUE_TEXT || answer_matches(run, value_find(question, "match"), said->text));
}

static bool is_empty(const struct value *said)
{
    return !said || said->type == VALUE_NULL || (said->type == VALUE_TEXT && said->text.len == 0);
}

/* The first question that is not answered as it must be; NULL: none. What is not shown has no answer, whatever an app
 * that knows nothing of that has sent. */
static const struct value *read_fields(struct flow_run *run, const struct value *questions, const struct value *values,
                                       struct value *out)
{
    uint64_t shown = form_shown(questions, values);
    for (uint32_t i = 0; i < questions->count; i++) {
        const struct value *question = &questions->items[i];
        struct span id = json_text(question, "id");
        const struct value *said = value_get(values, id);
        struct value read;
        if (!(shown >> i & 1))
            continue;
        if (is_empty(said) && json_true(question, "required"))
            return question;
        if (is_empty(said))
            continue;
        if (!read_field(question, said, &run->work->arena, &read) || !field_fits(run, question, said, &read))
            return question;
        value_put(out, id, read);
    }
    return NULL;
}

enum answer answer_form(struct flow_run *run, const struct value *args, const struct flow_event *event,
                        const struct value *body, struct value *out)
{
    const struct value *questions = value_find(args, "fields"), *values = value_find(body, "values");
    int64_t to = json_int(body, "to");
    *out = (struct value){.type = VALUE_NULL};
    if (event->kind == ITEM_text)
        return ANSWER_WRONG;
    if (event->kind != ITEM_form_answer || to < run->question_seq || !values || values->type != VALUE_MAP)
        return ANSWER_NONE;
    if (value_map(&run->work->arena, questions->count, out) != PARLEY_OK)
        return ANSWER_NONE;
    const struct value *wrong = read_fields(run, questions, values, out);
    if (!wrong)
        return ANSWER_FITS;
    *out = value_text(json_text(wrong, "label"));
    return ANSWER_WRONG;
}

bool answer_form_value(const struct value *args, const struct value *body, struct arena *arena, struct value *out)
{
    const struct value *questions = value_find(args, "fields"), *values = value_find(body, "values");
    if (!values || values->type != VALUE_MAP || value_map(arena, questions->count, out) != PARLEY_OK)
        return false;
    uint64_t shown = form_shown(questions, values);
    for (uint32_t i = 0; i < questions->count; i++) {
        struct span id = json_text(&questions->items[i], "id");
        const struct value *said = value_get(values, id);
        struct value read;
        if (is_empty(said) || !(shown >> i & 1))
            continue;
        if (!read_field(&questions->items[i], said, arena, &read))
            return false;
        value_put(out, id, read);
    }
    return true;
}
