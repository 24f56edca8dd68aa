/* A form asks for its fields one by one: those that the answers before call for. */
#include "server/cli/chat_form.h"

#include "protocol/form.h"
#include "protocol/limits.h"
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/cli/chat.h"
#include "server/flow/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ARENA = 1 << 20 };

static struct span text_of(const struct value *map, const char *key)
{
    const struct value *v = value_find(map, key);
    return v && v->type == VALUE_TEXT ? v->text : span_of("", 0);
}

void chat_form_leave(struct chat *c)
{
    if (c->form.filling)
        arena_done(&c->form.arena);
    c->form.filling = false;
}

void chat_form_done(struct chat *c)
{
    chat_form_leave(c);
    mem_free((void *)c->form.json.ptr);
    c->form = (struct chat_form){0};
}

void chat_form_keep(struct chat *c, parley_event *e)
{
    struct span json = span_str(parley_event_json(e));
    chat_form_done(c);
    c->form.seq = parley_event_seq(e);
    c->form.json = span_of(mem_span(json), json.len);
    term_line(c->term, TONE_DIM, "         /form fills it in");
}

/* ---- from field to field ---- */

static const struct value *field_of(const struct chat *c)
{
    return &c->form.fields->items[c->form.at];
}

/* From this field on the first that is shown; false: there is none. */
static bool ask_from(struct chat *c, uint32_t at)
{
    uint64_t shown = form_shown(c->form.fields, &c->form.values);
    while (at < c->form.fields->count && !(shown >> at & 1))
        at++;
    c->form.at = at;
    return at < c->form.fields->count;
}

static bool read_form(struct chat_form *form)
{
    struct value event;
    if (wire_json_read_stored(&form->arena, form->json, &event) != PARLEY_OK)
        return false;
    const struct value *item = value_find(&event, "item"), *body = item ? value_find(item, "body") : NULL;
    form->fields = body ? value_find(body, "fields") : NULL;
    return form->fields && form->fields->type == VALUE_ARRAY && form->fields->count <= LIMIT_FORM_FIELDS &&
           value_map(&form->arena, form->fields->count, &form->values) == PARLEY_OK;
}

void chat_form_begin(struct chat *c)
{
    struct chat_form *form = &c->form;
    if (!form->seq) {
        term_line(c->term, TONE_DIM, "  No form is open.");
        return;
    }
    chat_form_leave(c);
    arena_init(&form->arena, ARENA);
    form->filling = true;
    if (!read_form(form) || !ask_from(c, 0))
        chat_form_leave(c);
}

static void submit(struct chat *c)
{
    struct buf json;
    buf_init(&json, LIMIT_BODY + 1);
    wire_json_put_value(&json, &c->form.values);
    buf_add(&json, "", 1);
    chat_complain(c, json.status == PARLEY_OK ? parley_submit_form(c->client, NULL, c->form.seq, json.ptr, NULL)
                                              : json.status);
    buf_done(&json);
    chat_form_leave(c);
}

/* ---- answers ---- */

/* The option of that number, or of that label or value. */
static bool read_option(const struct value *field, const char *line, struct value *out)
{
    const struct value *options = value_find(field, "options");
    char *end;
    long n = strtol(line, &end, 10);
    for (uint32_t i = 0; options && i < options->count; i++) {
        struct span label = text_of(&options->items[i], "label"), value = text_of(&options->items[i], "value");
        bool is = *end == '\0' && n == (long)i + 1;
        is = is || (label.len == strlen(line) && strncasecmp(label.ptr, line, label.len) == 0);
        if (!is && !span_is(value, line))
            continue;
        *out = value_text(value);
        return true;
    }
    return false;
}

/* Meanwhile things arrive, and the form may be another one, or closed, afterwards. */
static bool read_file(struct chat *c, const struct value *field, const char *path, struct value *out)
{
    int64_t form = c->form.seq;
    struct arena arena;
    struct value file;
    arena_init(&arena, ARENA);
    struct span accept = arena_span(&arena, text_of(field, "accept"));
    bool ok = chat_file(c, accept, path, &arena, &file) && c->form.filling && c->form.seq == form &&
              json_copy(&c->form.arena, &file, out) == PARLEY_OK;
    arena_done(&arena);
    return ok;
}

static bool read_answer(struct chat *c, const struct value *field, const char *line, struct value *out)
{
    struct span type = text_of(field, "type");
    *out = value_text(arena_span(&c->form.arena, span_str(line)));
    if (span_is(type, "file"))
        return read_file(c, field, line, out);
    if (span_is(type, "boolean")) {
        bool yes = strcasecmp(line, "yes") == 0;
        *out = value_bool(yes);
        if (!yes && strcasecmp(line, "no") != 0)
            term_line(c->term, TONE_DIM, "  yes or no, please.");
        return yes || strcasecmp(line, "no") == 0;
    }
    if (span_is(type, "choice") && !read_option(field, line, out)) {
        term_line(c->term, TONE_DIM, "  The number of one of these, please.");
        return false;
    }
    return true;
}

static bool is_required(const struct value *field)
{
    const struct value *v = value_find(field, "required");
    return v && v->type == VALUE_BOOL && v->boolean;
}

void chat_form_line(struct chat *c, const char *line)
{
    const struct value *field = field_of(c);
    struct value answer;
    if (!*line && is_required(field)) {
        term_line(c->term, TONE_DIM, "  This one is needed; /quit leaves the form.");
        return;
    }
    if (*line && !read_answer(c, field, line, &answer))
        return;
    if (*line)
        value_put(&c->form.values, text_of(field, "id"), answer);
    if (!ask_from(c, c->form.at + 1))
        submit(c);
}

/* ---- what is asked ---- */

static size_t add_options(const struct value *field, char *out, size_t size)
{
    const struct value *options = value_find(field, "options");
    size_t n = 0;
    for (uint32_t i = 0; options && i < options->count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%u %.*s", i ? ", " : " (", i + 1,
                              SPAN_ARG(text_of(&options->items[i], "label")));
    if (n && n < size)
        n += (size_t)snprintf(out + n, size - n, ")");
    return n < size ? n : size - 1;
}

void chat_form_prompt(const struct chat *c, char *out, size_t size)
{
    const struct value *field = field_of(c);
    struct span label = text_of(field, "label"), type = text_of(field, "type");
    size_t n = (size_t)snprintf(out, size, "%.*s", SPAN_ARG(label));
    if (n < size)
        n += add_options(field, out + n, size - n);
    if (n < size)
        snprintf(out + n, size - n, "%s%s ",
                 span_is(type, "file")      ? " (path of a file)"
                 : span_is(type, "boolean") ? " (yes, no)"
                                            : "",
                 is_required(field) ? ":" : " (may be empty):");
}
