/* Journals: reading rows back, comparing, writing. */
#include "server/flow/journal.h"

#include "server/base/mem.h"
#include "server/flow/json.h"

#include <inttypes.h>
#include <stdio.h>

enum { JOURNAL_MAX = 16 << 20, DIGEST_TEXT = 16, LABEL_SHOWN = 40 };

struct entry {
    int64_t step;
    struct span call;
    int line;
    struct span file; /* empty: the flow itself */
    struct span label;
    struct span words; /* digest of the whole label, when that is only its beginning; empty: it is whole */
    struct span digest;
    const struct value *told;
    const struct value *body; /* of the item that it refers to; NULL: there is none */
    int kind;
};

struct journal {
    struct arena arena;
    struct entry *entries;
    size_t count;
    size_t at;
    struct entry standing; /* call empty: not known */
};

static void read_item(struct journal *j, struct span item, struct entry *e)
{
    struct value *map = item.len ? arena_alloc(&j->arena, sizeof *map) : NULL;
    if (!map || json_read(&j->arena, item, map) != PARLEY_OK)
        return;
    e->kind = (int)json_int(map, "kind");
    e->body = value_find(map, "body");
    if (e->body && e->body->type != VALUE_MAP)
        e->body = NULL;
}

static parley_status read_entry(struct journal *j, const struct flow_entry *row, struct entry *e)
{
    struct value *data = arena_alloc(&j->arena, sizeof *data);
    if (!data || json_read(&j->arena, row->data, data) != PARLEY_OK)
        return PARLEY_INVALID;
    e->step = row->step;
    e->line = row->line;
    e->call = arena_span(&j->arena, row->call);
    e->file = json_text(data, "file");
    e->label = json_text(data, "label");
    e->words = json_text(data, "words");
    e->digest = json_text(data, "args");
    e->told = value_find(data, "told");
    read_item(j, row->item, e);
    return e->call.ptr && e->told && e->told->type == VALUE_MAP ? PARLEY_OK : PARLEY_INVALID;
}

parley_status journal_open(const struct flow_entry *entries, size_t count, struct journal **out)
{
    struct journal *j = mem_alloc(sizeof *j);
    arena_init(&j->arena, JOURNAL_MAX);
    j->entries = mem_array(count, sizeof *j->entries);
    j->count = count;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].entry != (int64_t)i + 1 || read_entry(j, &entries[i], &j->entries[i]) != PARLEY_OK) {
            journal_close(&j);
            return PARLEY_INVALID;
        }
    }
    *out = j;
    return PARLEY_OK;
}

void journal_close(struct journal **journal)
{
    struct journal *j = *journal;
    if (!j)
        return;
    mem_free(j->entries);
    arena_done(&j->arena);
    mem_free(j);
    *journal = NULL;
}

void journal_stand(struct journal *j, int64_t step, const struct value *waiting)
{
    j->standing = (struct entry){.step = step,
                                 .line = (int)json_int(waiting, "line"),
                                 .call = arena_span(&j->arena, json_text(waiting, "call")),
                                 .file = arena_span(&j->arena, json_text(waiting, "file")),
                                 .label = arena_span(&j->arena, json_text(waiting, "label")),
                                 .words = arena_span(&j->arena, json_text(waiting, "words"))};
}

bool journal_at_end(const struct journal *j)
{
    return j->at == j->count;
}

static void write_digest(uint64_t digest, char out[DIGEST_TEXT + 1])
{
    snprintf(out, DIGEST_TEXT + 1, "%016" PRIx64, digest);
}

static bool is_label(const struct entry *e, struct span label)
{
    char digest[DIGEST_TEXT + 1];
    if (!e->words.len)
        return span_equal(e->label, label);
    write_digest(span_hash(0, label), digest);
    return span_is(e->words, digest);
}

static bool alike(const struct entry *e, const struct journal_call *call)
{
    return span_is(e->call, call->name) && is_label(e, call->label);
}

static bool same(const struct entry *e, const struct journal_call *call)
{
    char digest[DIGEST_TEXT + 1];
    write_digest(call->digest, digest);
    return alike(e, call) && span_is(e->digest, digest);
}

bool journal_ends_in(const struct journal *j, const struct journal_call *call)
{
    return journal_at_end(j) && (!j->standing.call.len || alike(&j->standing, call));
}

static int shown(struct span label)
{
    return label.len < LABEL_SHOWN ? (int)label.len : LABEL_SHOWN;
}

void journal_differs(const struct journal *j, const struct journal_call *call, struct flow_error *error)
{
    char was[256], is[256];
    const struct entry *e = j->at < j->count ? &j->entries[j->at] : j->standing.call.len ? &j->standing : NULL;
    if (e)
        snprintf(was, sizeof was, "step %" PRId64 " %s%.*s \"%.*s\" in %.*s%sline %d", e->step,
                 e == &j->standing ? "waits in " : "", SPAN_ARG(e->call), shown(e->label), e->label.ptr,
                 SPAN_ARG(e->file), e->file.len ? " " : "", e->line);
    else
        snprintf(was, sizeof was, "waits, after entry %zu", j->count);
    if (call)
        snprintf(is, sizeof is, "%s \"%.*s\" in %s%sline %d", call->name, shown(call->label), call->label.ptr,
                 call->file ? call->file : "", call->file ? " " : "", call->line);
    else
        snprintf(is, sizeof is, "ends");
    flow_error_set(error, "E301", "the run cannot go on the way it went\n  journal  %s\n  now      %s%s", was, is,
                   e && e != &j->standing && call && alike(e, call) ? ", but with other words before or in it" : "");
    error->line = call ? call->line : 0;
    error->was_step = e ? e->step : 0;
    error->was_line = e ? e->line : 0;
}

parley_status journal_next(struct journal *j, const struct journal_call *call, const struct value **out_told,
                           struct flow_error *error)
{
    if (journal_at_end(j))
        return PARLEY_NOT_FOUND;
    if (!same(&j->entries[j->at], call)) {
        journal_differs(j, call, error);
        return PARLEY_CONFLICT;
    }
    *out_told = j->entries[j->at++].told;
    return PARLEY_OK;
}

const struct value *journal_said(const struct journal *j, int *out_kind)
{
    const struct entry *e = &j->entries[j->at - 1];
    *out_kind = e->kind;
    return e->body;
}

struct arena *journal_arena(struct journal *j)
{
    return &j->arena;
}

int64_t journal_position(const struct journal *j)
{
    return (int64_t)j->at + 1;
}

bool journal_is_next(const struct journal *j, const struct journal_call *call)
{
    const struct entry *e = j->at < j->count ? &j->entries[j->at] : NULL;
    return e && alike(e, call);
}

int64_t journal_first_step(const struct journal *j)
{
    return j->count ? j->entries[0].step : 0;
}

static bool is_copy(const struct value *told, struct span key)
{
    return value_find(told, "said") && (span_is(key, "value") || span_is(key, "text") || span_is(key, "data"));
}

static parley_status without_copies(struct arena *arena, const struct value *told, struct value *out)
{
    parley_status st = value_map(arena, told->count, out);
    for (uint32_t i = 0; st == PARLEY_OK && i < told->count; i++)
        if (!is_copy(told, told->members[i].key))
            value_put(out, told->members[i].key, told->members[i].value);
    return st;
}

void journal_put_label(struct arena *arena, const struct journal_call *call, struct value *map)
{
    char digest[DIGEST_TEXT + 1];
    value_put(map, span_str("label"), value_text(call->shown.ptr ? call->shown : call->label));
    if (!call->shown.ptr)
        return;
    write_digest(span_hash(0, call->label), digest);
    value_put(map, span_str("words"), value_text(arena_span(arena, span_str(digest))));
}

struct span journal_data(struct arena *arena, const struct journal_call *call, const struct value *told)
{
    struct value kept;
    char digest[DIGEST_TEXT + 1];
    struct value data;
    write_digest(call->digest, digest);
    if (value_map(arena, 5, &data) != PARLEY_OK || without_copies(arena, told, &kept) != PARLEY_OK)
        return (struct span){0};
    value_put(&data, span_str("args"), value_text(span_str(digest)));
    value_put(&data, span_str("told"), kept);
    journal_put_label(arena, call, &data);
    if (call->file)
        value_put(&data, span_str("file"), value_text(span_str(call->file)));
    return json_write(arena, &data);
}
