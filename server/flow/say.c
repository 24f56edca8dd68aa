/* What a flow says becomes items: words, suggestions, cards, and what only the app can show. */
#include "server/flow/input.h"
#include "server/flow/json.h"
#include "server/flow/run.h"

static parley_status say_card(struct flow_run *run, struct flow_call *call, const struct value *card,
                              struct span fallback)
{
    struct frame_card_button buttons[LIMIT_CHOICES] = {0};
    const struct value *list = value_find(card, "buttons");
    struct frame_card_body body = {
        .title = json_text(card, "title"), .text = json_text(card, "text"), .fallback = fallback};
    struct span image = json_text(card, "image");
    struct flow_file shown;
    if (image.len) {
        parley_status st = say_find_file(run, image, &shown, call->error);
        if (st != PARLEY_OK)
            return st;
        body.image = shown.blob;
        body.has_image = true;
    }
    body.has_text = body.text.len > 0;
    body.has_fallback = fallback.len > 0;
    body.buttons = buttons;
    for (uint32_t i = 0; list && i < list->count; i++) {
        struct frame_card_button *b = &buttons[body.buttons_count++];
        b->label = json_text(&list->items[i], "label");
        b->link = json_text(&list->items[i], "link");
        b->has_link = b->link.len > 0;
        b->value = json_text(&list->items[i], "value");
        b->has_value = b->value.len > 0;
    }
    parley_status st = step_add_item(run, ITEM_card, &body, call->error);
    return st == PARLEY_OK && image.len ? say_shows(run, &shown) : st;
}

static parley_status say_custom(struct flow_run *run, struct flow_call *call, const struct value *custom)
{
    struct frame_custom_body body = {.type = json_text(custom, "type"), .fallback = json_text(custom, "fallback")};
    body.data.value = value_find(custom, "data");
    body.has_data = body.data.value != NULL;
    return step_add_item(run, ITEM_custom, &body, call->error);
}

static parley_status say_choices(struct flow_run *run, struct span text, const struct value *choices,
                                 struct span fallback, struct flow_error *error)
{
    struct frame_choice_option options[LIMIT_CHOICES] = {0};
    struct frame_choices_body body = {
        .text = text, .options = options, .fallback = fallback, .has_fallback = fallback.len > 0};
    for (uint32_t i = 0; i < choices->count; i++) {
        struct frame_choice_option *o = &options[body.options_count++];
        o->value = json_text(&choices->items[i], "wire");
        o->label = json_text(&choices->items[i], "label");
    }
    return step_add_item(run, ITEM_choices, &body, error);
}

parley_status say_words(struct flow_run *run, struct span text, const struct value *choices, struct flow_error *error)
{
    if (choices)
        return say_choices(run, text, choices, span_of("", 0), error);
    return step_add_item(run, ITEM_text, &(struct frame_text_body){.text = text}, error);
}

/* What an answer is, for the app's keyboard; empty: words. */
static struct span input_hint(const struct value *args)
{
    enum input input = (enum input)json_int(args, "type");
    if (json_true(args, "secret"))
        return span_str("secret");
    if (input != INPUT_TEXT)
        return span_str(input_name(input));
    return span_str(json_true(args, "multiline") ? "lines" : "");
}

parley_status say_question(struct flow_run *run, struct span text, const struct value *args, struct flow_error *error)
{
    const struct value *choices = value_find(args, "choices");
    struct frame_text_body body = {.text = text, .input = input_hint(args)};
    body.has_input = body.input.len > 0;
    return choices ? say_words(run, text, choices, error) : step_add_item(run, ITEM_text, &body, error);
}

/* ---- forms ---- */

/* Room of a field for its options and its conditions. */
struct field_room {
    struct frame_choice_option options[LIMIT_CHOICES];
    struct frame_form_condition show_if[LIMIT_CHOICES];
};

static void put_conditions(const struct value *question, struct frame_form_condition *room,
                           struct frame_form_field *out)
{
    const struct value *list = value_find(question, "show_if");
    out->show_if = room;
    for (uint32_t i = 0; list && i < list->count; i++)
        room[out->show_if_count++] = (struct frame_form_condition){.field = json_text(&list->items[i], "field"),
                                                                   .is = json_text(&list->items[i], "is")};
}

static void put_field(const struct value *question, struct field_room *room, struct frame_form_field *out)
{
    static const int types[INPUTS] = {
        [INPUT_TEXT] = form_type_text,     [INPUT_NUMBER] = form_type_number, [INPUT_DATE] = form_type_date,
        [INPUT_EMAIL] = form_type_text,    [INPUT_PHONE] = form_type_text,    [INPUT_BOOLEAN] = form_type_boolean,
        [INPUT_CHOICE] = form_type_choice, [INPUT_FILE] = form_type_file};
    const struct value *list = value_find(question, "options");
    *out = (struct frame_form_field){.id = json_text(question, "id"),
                                     .label = json_text(question, "label"),
                                     .type = types[json_int(question, "type")],
                                     .required = json_true(question, "required"),
                                     .has_required = json_true(question, "required"),
                                     .options = room->options,
                                     .accept = json_text(question, "accept"),
                                     .has_accept = json_text(question, "accept").len > 0};
    put_conditions(question, room->show_if, out);
    for (uint32_t i = 0; list && i < list->count; i++)
        room->options[out->options_count++] = (struct frame_choice_option){
            .value = json_text(&list->items[i], "wire"), .label = json_text(&list->items[i], "label")};
}

parley_status say_form(struct flow_run *run, const struct value *args, struct flow_error *error)
{
    const struct value *questions = value_find(args, "fields");
    struct frame_form_field *fields = arena_array(&run->work->arena, LIMIT_FORM_FIELDS, sizeof *fields);
    struct field_room *rooms = arena_array(&run->work->arena, LIMIT_FORM_FIELDS, sizeof *rooms);
    struct span submit = json_text(args, "submit");
    struct frame_form_body body = {
        .title = json_text(args, "title"), .fields = fields, .submit = submit, .has_submit = submit.len > 0};
    if (!fields || !rooms)
        return PARLEY_LIMIT;
    for (uint32_t i = 0; i < questions->count; i++)
        put_field(&questions->items[i], &rooms[i], &fields[body.fields_count++]);
    return step_add_item(run, ITEM_form, &body, error);
}

/* ---- say ---- */

/* What stands in for the rest is told with the first part that some app cannot show: the other times it is empty. */
static struct span take(struct span *fallback)
{
    struct span taken = *fallback;
    *fallback = span_of("", 0);
    return taken;
}

static const struct value *choices_of(const struct flow_call *call)
{
    const struct value *choices = value_find(&call->args, "choices");
    return choices ? choices : value_find(&call->args, "buttons");
}

/* The words, a picture above them, a file below. */
static parley_status say_message(struct flow_run *run, struct flow_call *call, struct span *fallback)
{
    const struct value *args = &call->args, *choices = choices_of(call);
    struct shown_file image = {.file = json_text(args, "image"), .alt = json_text(args, "alt")};
    struct shown_file file = {.file = json_text(args, "file"), .name = json_text(args, "name")};
    struct span text = json_text(args, "text");
    parley_status st = PARLEY_OK;
    if (image.file.len) {
        image.fallback = take(fallback);
        st = say_media(run, &image, call->error);
    }
    if (st == PARLEY_OK && choices)
        st = say_choices(run, text, choices, take(fallback), call->error);
    else if (st == PARLEY_OK && text.len)
        st = say_words(run, text, NULL, call->error);
    if (st == PARLEY_OK && file.file.len) {
        file.fallback = take(fallback);
        st = say_media(run, &file, call->error);
    }
    return st;
}

static parley_status say_cards(struct flow_run *run, struct flow_call *call, struct span *fallback)
{
    const struct value *card = value_find(&call->args, "card"), *cards = value_find(&call->args, "carousel");
    parley_status st = card ? say_card(run, call, card, take(fallback)) : PARLEY_OK;
    for (uint32_t i = 0; cards && st == PARLEY_OK && i < cards->count; i++)
        st = say_card(run, call, &cards->items[i], take(fallback));
    return st;
}

enum sandbox_verdict call_say(struct flow_run *run, struct flow_call *call)
{
    const struct value *custom = value_find(&call->args, "custom");
    struct span fallback = json_text(&call->args, "fallback");
    if (say_has_files(run, &call->args, call->error) != PARLEY_OK)
        return SANDBOX_RAISE;
    if (run->journal)
        return SANDBOX_RETURN; /* said before */
    parley_status st = say_message(run, call, &fallback);
    if (st == PARLEY_OK)
        st = say_cards(run, call, &fallback);
    if (st == PARLEY_OK && custom)
        st = say_custom(run, call, custom);
    return st == PARLEY_OK ? SANDBOX_RETURN : call_break(run, call); /* nothing of it is said when the run is rebuilt */
}
