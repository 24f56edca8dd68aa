/* The thread's rows and the list's, changed by index as the views tell. */
#include "messenger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(char **slot, const char *text)
{
    if (!text)
        return;
    free(*slot);
    *slot = strdup(text);
}

static void set_in(char *slot, size_t size, const char *text)
{
    if (text)
        snprintf(slot, size, "%s", text);
}

/* --- rows of a thread --- */

static void options_done(struct option *options, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        free(options[i].value);
        free(options[i].label);
    }
}

static void fields_done(struct row *row)
{
    for (unsigned i = 0; i < row->field_count; i++) {
        options_done(row->fields[i].options, row->fields[i].option_count);
        free(row->fields[i].id);
        free(row->fields[i].label);
    }
    free(row->fields);
    row->fields = NULL;
    row->field_count = 0;
}

static void row_done(struct row *row)
{
    options_done(row->options, row->option_count);
    fields_done(row);
    free(row->name);
    free(row->text);
    free(row->why);
}

static unsigned take_options(struct option options[OPTIONS_MAX], parley_event *e, const char *at)
{
    char path[80];
    snprintf(path, sizeof path, "%s.options", at);
    uint32_t count = parley_event_count(e, path);
    unsigned n = 0;
    for (; n < count && n < OPTIONS_MAX; n++) {
        options[n] = (struct option){0};
        snprintf(path, sizeof path, "%s.options.%u.value", at, n);
        set(&options[n].value, parley_event_text(e, path));
        snprintf(path, sizeof path, "%s.options.%u.label", at, n);
        set(&options[n].label, parley_event_text(e, path));
    }
    return n;
}

static void take_conditions(struct field *field, parley_event *e, const char *at)
{
    char path[80];
    snprintf(path, sizeof path, "%s.show_if", at);
    unsigned count = parley_event_count(e, path);
    for (; field->condition_count < count && field->condition_count < OPTIONS_MAX; field->condition_count++) {
        struct condition *c = &field->show_if[field->condition_count];
        snprintf(path, sizeof path, "%s.show_if.%u.field", at, field->condition_count);
        set_in(c->field, sizeof c->field, parley_event_text(e, path));
        snprintf(path, sizeof path, "%s.show_if.%u.is", at, field->condition_count);
        set_in(c->is, sizeof c->is, parley_event_text(e, path));
    }
}

static void take_field(struct field *field, parley_event *e, unsigned n)
{
    char at[48], path[64];
    snprintf(at, sizeof at, "row.item.body.fields.%u", n);
    snprintf(path, sizeof path, "%s.id", at);
    set(&field->id, parley_event_text(e, path));
    snprintf(path, sizeof path, "%s.label", at);
    set(&field->label, parley_event_text(e, path));
    snprintf(path, sizeof path, "%s.type", at);
    set_in(field->type, sizeof field->type, parley_event_text(e, path));
    snprintf(path, sizeof path, "%s.required", at);
    field->required = parley_event_int(e, path, 0) != 0;
    field->option_count = take_options(field->options, e, at);
    take_conditions(field, e, at);
}

static void take_fields(struct row *row, parley_event *e)
{
    uint32_t count = parley_event_count(e, "row.item.body.fields");
    fields_done(row);
    if (count == 0 || count > FIELDS_MAX)
        return;
    row->fields = calloc(count, sizeof *row->fields);
    for (; row->fields && row->field_count < count; row->field_count++)
        take_field(&row->fields[row->field_count], e, row->field_count);
}

static const char *first_text(parley_event *e, const char *const *paths)
{
    const char *found = NULL;
    while (*paths && !(found = parley_event_text(e, *paths++))) {
    }
    return found;
}

/* What is no message is told in a few words, in the middle of the screen. */
static const char *notice_of(parley_event *e, const char *kind, char *room, size_t size)
{
    const char *name = parley_event_text(e, "row.item.body.name");
    const char *title = parley_event_text(e, "row.item.body.title");
    if (strcmp(kind, "joined") == 0 || strcmp(kind, "reopened") == 0)
        snprintf(room, size, "%s is here", name && *name ? name : "Somebody");
    else if (strcmp(kind, "queued") == 0)
        return "you asked for a person";
    else if (strcmp(kind, "resolved") == 0)
        return "this is settled";
    else if (strcmp(kind, "left") == 0 || strcmp(kind, "transferred") == 0)
        return "somebody else takes over";
    else if (strcmp(kind, "linked") == 0)
        return "this conversation is linked with another";
    else if (strncmp(kind, "process", 7) == 0)
        snprintf(room, size, "%s: %s", title ? title : "order", kind[7] ? kind + 8 : "changed");
    else
        return "";
    return room;
}

/* Of what this app cannot show, and of kinds that it does not know, there may be words instead. */
static void take_item(struct row *row, parley_event *e)
{
    static const char *const words[] = {"row.item.body.fallback",
                                        "row.item.body.text",
                                        "row.item.body.title",
                                        "row.item.body.label",
                                        "row.item.body.name",
                                        "row.item.body.value",
                                        NULL};
    static const char *const said[] = {"text",     "choices", "choice", "form", "form_answer", "card", "media",
                                       "location", "call",    "email",  "sms",  "custom",      "note", NULL};
    const char *kind = parley_event_text(e, "row.item.kind");
    char room[200];
    if (!kind)
        return;
    bool can_show = strcmp(kind, "choices") == 0;
    const char *text = first_text(e, can_show ? words + 1 : words);
    row->is_notice = !parley_event_text(e, words[0]);
    for (size_t i = 0; said[i]; i++)
        row->is_notice = row->is_notice && strcmp(kind, said[i]) != 0;
    if (row->is_notice)
        text = notice_of(e, kind, room, sizeof room);
    else if (!text)
        text = strcmp(kind, "form_answer") == 0 ? "(form)" : kind;
    set(&row->text, text);
    row->at = parley_event_int(e, "row.item.at", row->at);
    set_in(row->role, sizeof row->role, parley_event_text(e, "row.item.role"));
    options_done(row->options, row->option_count);
    row->option_count = take_options(row->options, e, "row.item.body");
    take_fields(row, e);
}

/* An update brings what has changed; the rest stays. */
static void take_row(struct row *row, parley_event *e)
{
    set_in(row->id, sizeof row->id, parley_event_text(e, "row.id"));
    set_in(row->state, sizeof row->state, parley_event_text(e, "row.state"));
    set(&row->name, parley_event_text(e, "row.name"));
    set(&row->why, parley_event_text(e, "row.text"));
    row->seq = parley_event_int(e, "row.seq", row->seq);
    row->mine = parley_event_int(e, "row.mine", row->mine) != 0;
    if (parley_event_count(e, "row.item") > 0)
        take_item(row, e);
}

void thread_clear(struct thread *t)
{
    for (size_t i = 0; i < t->count; i++)
        row_done(&t->rows[i]);
    free(t->rows);
    t->rows = NULL;
    t->count = 0;
}

static bool make_room(void **items, size_t count, size_t index, size_t size)
{
    char *grown = realloc(*items, (count + 1) * size);
    if (!grown)
        return false;
    memmove(grown + (index + 1) * size, grown + index * size, (count - index) * size);
    memset(grown + index * size, 0, size);
    *items = grown;
    return true;
}

void thread_change(struct thread *t, parley_event *e)
{
    size_t index = (size_t)parley_event_seq(e);
    switch (parley_event_state(e)) {
    case PARLEY_VIEW_INSERT:
        if (!make_room((void **)&t->rows, t->count, index, sizeof *t->rows))
            return;
        t->count++;
        take_row(&t->rows[index], e);
        break;
    case PARLEY_VIEW_UPDATE:
        take_row(&t->rows[index], e);
        break;
    case PARLEY_VIEW_REMOVE:
        row_done(&t->rows[index]);
        memmove(t->rows + index, t->rows + index + 1, (--t->count - index) * sizeof *t->rows);
        break;
    case PARLEY_VIEW_RESET:
        thread_clear(t);
        break;
    case PARLEY_VIEW_OLDER:
        t->asks_older = false;
        t->has_start = parley_event_int(e, "start", 0) != 0;
        break;
    }
}

/* The newest row that asks for something, unless something was said after it. */
static const struct row *asking(const struct thread *t)
{
    for (size_t i = t->count; i > 0; i--) {
        const struct row *row = &t->rows[i - 1];
        if (row->option_count || row->field_count)
            return row;
        if (row->mine)
            return NULL;
    }
    return NULL;
}

const struct row *thread_question(const struct thread *t)
{
    const struct row *row = asking(t);
    return row && row->option_count ? row : NULL;
}

const struct row *thread_form(const struct thread *t)
{
    const struct row *row = asking(t);
    return row && row->field_count ? row : NULL;
}

int64_t thread_last(const struct thread *t)
{
    int64_t last = 0;
    for (size_t i = 0; i < t->count; i++)
        last = t->rows[i].seq > last ? t->rows[i].seq : last;
    return last;
}

/* --- the list --- */

static void entry_done(struct entry *entry)
{
    free(entry->topic);
    free(entry->last);
}

static void take_entry(struct entry *entry, parley_event *e)
{
    set_in(entry->id, sizeof entry->id, parley_event_text(e, "row.conversation"));
    set(&entry->topic, parley_event_text(e, "row.topic"));
    set(&entry->last, parley_event_text(e, "row.last.body.text"));
    entry->unread = parley_event_int(e, "row.unread", entry->unread);
}

void list_clear(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        entry_done(&l->entries[i]);
    free(l->entries);
    l->entries = NULL;
    l->count = 0;
}

void list_change(struct list *l, parley_event *e)
{
    size_t index = (size_t)parley_event_seq(e);
    switch (parley_event_state(e)) {
    case PARLEY_VIEW_INSERT:
        if (!make_room((void **)&l->entries, l->count, index, sizeof *l->entries))
            return;
        l->count++;
        take_entry(&l->entries[index], e);
        break;
    case PARLEY_VIEW_UPDATE:
        take_entry(&l->entries[index], e);
        break;
    case PARLEY_VIEW_REMOVE:
        entry_done(&l->entries[index]);
        memmove(l->entries + index, l->entries + index + 1, (--l->count - index) * sizeof *l->entries);
        break;
    case PARLEY_VIEW_RESET:
        list_clear(l);
        break;
    }
}
