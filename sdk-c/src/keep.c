/* The file of what must not be lost. */
#include "sdk-c/src/keep.h"

#include "sdk-c/src/client.h"
#include "sdk-c/src/store.h"

#include <stdio.h>
#include <stdlib.h>

enum { VERSION = 1, NOTE = 1, EDIT = 2, BAD_PATH_MAX = CLIENT_PATH_MAX + 8 };

#define ATTEMPT_MAX ((int64_t)1 << 52) /* no clock says so: the file is wrong */

/* A conversation of 16 zero bytes is the main one, before the server has told its id. */
static const char schema[] =
    "create table owner(one integer primary key, user text, me blob, role integer, device blob);"
    "create table outbox(n integer primary key autoincrement, id blob unique not null,"
    " conversation blob not null, kind text not null, body text not null, note integer,"
    " whisper blob, epoch integer, state integer not null, reason integer, text text);"
    "create table draft(conversation blob, number integer, json text not null,"
    " primary key(conversation, number)) without rowid;";

/* What came with a later library is made in a file of an earlier one, too. */
static const char *const later[] = {
    "create table if not exists push(one integer primary key, platform text, token text, told integer)",
    ("create table if not exists context(conversation blob, key text, json text not null,"
     " primary key(conversation, key))"),
    "create table if not exists context_state(conversation blob primary key, sent integer)",
    "create table if not exists attempt(one integer primary key, number integer)",
};

/* --- opening --- */

static parley_status open_file(struct parley_client *c)
{
    parley_status st = store_open(c->settings.keep_path, schema, VERSION, &c->keep);
    for (size_t i = 0; st == PARLEY_OK && i < sizeof later / sizeof *later; i++) {
        struct query q = store_write(c->keep, later[i]);
        query_run(&q);
        st = store_status(c->keep);
    }
    return st;
}

static void name_bad(const char *path, char out[BAD_PATH_MAX])
{
    snprintf(out, BAD_PATH_MAX, "%s.bad", path);
}

parley_status keep_remove(struct parley_client *c)
{
    char bad[BAD_PATH_MAX];
    name_bad(c->settings.keep_path, bad);
    parley_status st = store_remove(c->settings.keep_path), bad_gone = store_remove(bad);
    return st == PARLEY_OK ? bad_gone : st;
}

static parley_status put_aside(struct parley_client *c, parley_status why)
{
    char bad[BAD_PATH_MAX];
    const char *path = c->settings.keep_path;
    name_bad(path, bad);
    if (rename(path, bad) != 0)
        store_remove(path);
    store_remove(path); /* what belonged to it */
    client_tell_cache(c, "reset", why, "what was not sent yet could not be read; it is put aside");
    return open_file(c);
}

void keep_owner(struct parley_client *c)
{
    struct query q = store_write(c->keep, "insert or replace into owner values (1, ?, ?, ?, ?)");
    query_put_text(&q, span_str(c->settings.user));
    query_put_id(&q, c->me);
    query_put_int(&q, c->role);
    query_put_id(&q, c->device);
    query_run(&q);
}

static parley_status read_owner(struct parley_client *c)
{
    struct query q = store_read(c->keep, "select user, me, role, device from owner where one = 1");
    bool other = false;
    if (query_next(&q)) {
        other = !span_is(query_text(&q, 0), c->settings.user);
        c->me = query_id(&q, 1);
        c->role = (int)query_int(&q, 2);
        if (!c->device_given)
            c->device = query_id(&q, 3);
        query_end(&q);
    } else
        keep_owner(c); /* the device, from the first start on */
    return other ? PARLEY_CONFLICT : store_status(c->keep);
}

void keep_attempt(struct parley_client *c)
{
    struct query q = store_write(c->keep, "insert or replace into attempt values (1, ?)");
    query_put_int(&q, c->attempt);
    query_run(&q);
}

static parley_status read_attempt(struct parley_client *c)
{
    struct query q = store_read(c->keep, "select number from attempt where one = 1");
    if (query_next(&q)) {
        int64_t number = query_int(&q, 0);
        c->attempt = number > 0 && number < ATTEMPT_MAX ? number : 0;
        query_end(&q);
    }
    return store_status(c->keep);
}

static parley_status read_entries(struct parley_client *c)
{
    parley_status st = PARLEY_OK;
    struct query q = store_read(c->keep, "select id, conversation, kind, body, note, whisper, epoch, state, reason, "
                                         "text from outbox order by n");
    while (st == PARLEY_OK && query_next(&q)) {
        struct entry_row row = {.id = query_id(&q, 0), .draft.conversation = query_id(&q, 1)};
        row.draft.kind = query_text(&q, 2);
        row.draft.body = query_text(&q, 3);
        row.draft.is_note = query_int(&q, 4) == NOTE;
        row.draft.is_edit = query_int(&q, 4) == EDIT;
        row.draft.to = query_id(&q, 5);
        row.draft.has_to = !uuid_is_nil(row.draft.to);
        row.epoch = query_int(&q, 6);
        row.state = (int32_t)query_int(&q, 7);
        row.reason = (parley_status)query_int(&q, 8);
        row.text = query_text(&q, 9);
        st = outbox_restore(c, &row);
    }
    query_end(&q);
    return st == PARLEY_OK ? store_status(c->keep) : st;
}

static parley_status read_push(struct parley_client *c)
{
    struct query q = store_read(c->keep, "select platform, token, told from push where one = 1");
    if (query_next(&q)) {
        push_restore(c, query_text(&q, 0), query_text(&q, 1), query_int(&q, 2) != 0);
        query_end(&q);
    }
    return store_status(c->keep);
}

static parley_status read_all(struct parley_client *c)
{
    parley_status st = read_owner(c);
    if (st == PARLEY_OK)
        st = read_attempt(c);
    if (st == PARLEY_OK)
        st = read_push(c);
    return st == PARLEY_OK ? read_entries(c) : st;
}

parley_status keep_open(struct parley_client *c)
{
    const char *path = c->settings.keep_path;
    parley_status st = open_file(c);
    if (st == PARLEY_OK && path)
        st = read_all(c);
    if (path && (st == PARLEY_MALFORMED || st == PARLEY_CONFLICT)) {
        store_close(&c->keep);
        outbox_done(&c->outbox);
        c->me = (struct uuid){0};
        st = put_aside(c, st);
    }
    return st;
}

/* --- changes --- */

void keep_main_known(struct parley_client *c, struct uuid id)
{
    struct query q = store_write(c->keep, "update outbox set conversation = ? where conversation = zeroblob(16)");
    query_put_id(&q, id);
    query_run(&q);
    static const char *const others[] = {
        "update or replace draft set conversation = ? where conversation = zeroblob(16)",
        "update or replace context set conversation = ? where conversation = zeroblob(16)",
        "update or replace context_state set conversation = ? where conversation = zeroblob(16)",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        q = store_write(c->keep, others[i]);
        query_put_id(&q, id);
        query_run(&q);
    }
}

void keep_entry_state(struct parley_client *c, const struct entry *e)
{
    struct query q = store_write(c->keep, "update outbox set state = ?, reason = ?, text = ? where id = ?");
    query_put_int(&q, e->state);
    query_put_int(&q, e->reason);
    query_put_text(&q, span_str(e->why));
    query_put_id(&q, e->id);
    query_run(&q);
}

parley_status keep_entry_body(struct parley_client *c, const struct entry *e, struct span body)
{
    store_harden(c->keep);
    struct query q = store_write(c->keep, "update outbox set body = ? where id = ?");
    query_put_text(&q, body);
    query_put_id(&q, e->id);
    query_run(&q);
    return store_commit(c->keep);
}

void keep_entry_gone(struct parley_client *c, struct uuid id)
{
    struct query q = store_write(c->keep, "delete from outbox where id = ?");
    query_put_id(&q, id);
    query_run(&q);
}

parley_status keep_entry_dropped(struct parley_client *c, struct uuid id)
{
    store_harden(c->keep);
    keep_entry_gone(c, id);
    return store_commit(c->keep);
}

static void remove_draft(struct parley_client *c, struct uuid conversation, int64_t number)
{
    struct query q = store_write(c->keep, "delete from draft where conversation = ? and number = ?");
    query_put_id(&q, conversation);
    query_put_int(&q, number);
    query_run(&q);
}

parley_status keep_entry(struct parley_client *c, const struct entry *e, int64_t draft)
{
    if (!c->keep)
        return PARLEY_INTERNAL;
    store_harden(c->keep);
    struct query q =
        store_write(c->keep, "insert into outbox(id, conversation, kind, body, note, whisper, epoch, state)"
                             " values (?, ?, ?, ?, ?, ?, ?, ?)");
    query_put_id(&q, e->id);
    query_put_id(&q, e->conversation);
    query_put_text(&q, entry_kind(e));
    query_put_text(&q, entry_body(e));
    query_put_int(&q, e->is_edit ? EDIT : e->is_note ? NOTE : 0);
    query_put_id(&q, e->to);
    query_put_int(&q, e->epoch);
    query_put_int(&q, e->state);
    query_run(&q);
    if (draft >= 0)
        remove_draft(c, e->conversation, draft);
    return store_commit(c->keep);
}

static int64_t count_others(struct parley_client *c, struct uuid conversation, int64_t number)
{
    struct query q = store_read(c->keep, "select count(*) from draft where conversation != ? or number != ?");
    query_put_id(&q, conversation);
    query_put_int(&q, number);
    int64_t n = query_next(&q) ? query_int(&q, 0) : 0;
    query_end(&q);
    return n;
}

parley_status keep_draft(struct parley_client *c, struct uuid conversation, int64_t number, struct span json)
{
    if (!c->keep)
        return PARLEY_INTERNAL;
    if (json.ptr && count_others(c, conversation, number) >= KEEP_DRAFTS_MAX)
        return PARLEY_LIMIT;
    store_harden(c->keep);
    if (!json.ptr) {
        remove_draft(c, conversation, number);
        return store_commit(c->keep);
    }
    struct query q = store_write(c->keep, "insert or replace into draft values (?, ?, ?)");
    query_put_id(&q, conversation);
    query_put_int(&q, number);
    query_put_text(&q, json);
    query_run(&q);
    return store_commit(c->keep);
}

void keep_put_drafts(struct parley_client *c, struct parley_event *e, struct uuid conversation)
{
    struct buf list;
    buf_init(&list, EVENT_LIST_MAX);
    struct query q = store_read(c->keep, "select number, json from draft where conversation = ? order by number");
    query_put_id(&q, conversation);
    while (query_next(&q)) {
        struct span json = query_text(&q, 1);
        buf_printf(&list, "%s{\"number\":%lld,\"value\":", list.len ? "," : "[", (long long)query_int(&q, 0));
        buf_add_span(&list, json);
        buf_add_char(&list, '}');
    }
    buf_add_str(&list, list.len ? "]" : "[]");
    event_put_list(e, "drafts", &list);
}

void keep_context(struct parley_client *c, struct uuid conversation, struct span key, struct span json)
{
    struct query q = json.ptr ? store_write(c->keep, "insert or replace into context values (?, ?, ?)")
                              : store_write(c->keep, "delete from context where conversation = ? and key = ?");
    query_put_id(&q, conversation);
    query_put_text(&q, key);
    if (json.ptr)
        query_put_text(&q, json);
    query_run(&q);
}

void keep_context_sent(struct parley_client *c, struct uuid conversation, bool sent)
{
    struct query q = store_write(c->keep, "insert or replace into context_state values (?, ?)");
    query_put_id(&q, conversation);
    query_put_int(&q, sent);
    query_run(&q);
}

parley_status keep_read_contexts(struct parley_client *c)
{
    parley_status st = PARLEY_OK;
    struct query q = store_read(c->keep, "select conversation, key, json from context order by conversation");
    while (st == PARLEY_OK && query_next(&q)) {
        struct conversation *conv = inbox_open(&c->inbox, query_id(&q, 0));
        st = conv ? context_restore(c, conv, query_text(&q, 1), query_text(&q, 2)) : PARLEY_NOMEM;
    }
    query_end(&q);
    q = store_read(c->keep, "select conversation, sent from context_state");
    while (st == PARLEY_OK && query_next(&q)) {
        struct conversation *conv = inbox_open(&c->inbox, query_id(&q, 0));
        if (conv)
            context_restored(c, conv, query_int(&q, 1) != 0);
    }
    query_end(&q);
    return st;
}

parley_status keep_push(struct parley_client *c, struct span platform, struct span token, bool told)
{
    if (!c->keep)
        return PARLEY_INTERNAL;
    store_harden(c->keep);
    struct query q = store_write(c->keep, "insert or replace into push values (1, ?, ?, ?)");
    query_put_text(&q, platform);
    query_put_text(&q, token);
    query_put_int(&q, told);
    query_run(&q);
    return store_commit(c->keep);
}

void keep_commit(struct parley_client *c)
{
    /* a change that was refused is one that a repeat will tell again: an id that was stored is a duplicate then */
    store_commit(c->keep);
}
