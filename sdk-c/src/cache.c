/* The tables of the cache, and what happens when they cannot be used. */
#include "sdk-c/src/cache.h"

#include "protocol/item.h"
#include "sdk-c/src/client.h"
#include "sdk-c/src/store.h"

#include <stdlib.h>

enum { VERSION = 1, THREAD_MAX = 64 << 10, ANSWERED = 1, OVER = 2 };

/* thread: what the server said of the conversation, as a frame of its own; held: the stretches of numbers that are
 * there. question: asked at seq; answered by 1, or 2: a session ended at seq, and what was asked before is past. */
static const char schema[] =
    "create table owner(one integer primary key, user text, me blob);"
    "create table conversation(n integer primary key, id blob unique not null, thread text not null, held blob not "
    "null,"
    " others integer, read integer, main integer, followed integer, kept integer);"
    "create table item(conv integer, seq integer, prev integer not null, author blob, counts integer, json text,"
    " primary key(conv, seq)) without rowid;"
    "create table person(id blob primary key, role integer, name text) without rowid;"
    "create table question(conv integer, seq integer, answered integer, primary key(conv, seq)) without rowid;"
    "create table process(conv integer, id blob, revision integer, state integer, json text, primary key(conv, id)) "
    "without rowid;";

/* --- failures --- */

static void lose_track(struct parley_client *c)
{
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next) {
        coverage_done(&conv->held);
        conv->row = conv->futile = conv->kept = 0;
        conv->synced = false;
        conv->dirty = true;
    }
    c->owner_dirty = true;
}

static parley_status in_memory(struct parley_client *c)
{
    return store_open(NULL, schema, VERSION, &c->cache);
}

static parley_status anew(struct parley_client *c)
{
    store_remove(c->settings.cache_path);
    parley_status st = store_open(c->settings.cache_path, schema, VERSION, &c->cache);
    return st == PARLEY_OK ? st : in_memory(c);
}

/* Another cache takes the place of the one that failed, on disk if it was only damaged. */
static void replace(struct parley_client *c, parley_status why)
{
    bool damaged = c->settings.cache_path && why == PARLEY_MALFORMED;
    store_close(&c->cache);
    parley_status st = damaged ? anew(c) : in_memory(c);
    lose_track(c);
    if (st != PARLEY_OK && c->link.socket)
        link_lost(c, st, "no memory for the cache", 0);
    client_tell_cache(c, damaged ? "rebuilt" : "memory", why,
                      damaged ? "the cache could not be read; it is fetched again"
                              : "the cache cannot be written; it is kept in memory until the app starts again");
    for (struct conversation *conv = c->inbox.first; conv && st == PARLEY_OK; conv = conv->next)
        if (conv->following)
            inbox_fill(c, conv);
}

/* --- conversations --- */

static enum frame_type as_range(void *arg, int64_t re)
{
    return FRAME_range;
}

static parley_status read_thread(struct parley_client *c, struct span text, struct frame *out)
{
    struct frame_reader reader;
    struct wire_error error;
    parley_status st = frame_reader_init(&reader, ENCODING_JSON, text, &error);
    if (st == PARLEY_OK && !frame_next_answer(&reader, &c->arena, as_range, NULL, out, &error))
        st = PARLEY_MALFORMED;
    if (st == PARLEY_OK)
        st = error.status;
    return st == PARLEY_OK && out->type != FRAME_ranged ? PARLEY_MALFORMED : st;
}

static parley_status read_held(struct span bytes, struct coverage *held)
{
    struct stretch s;
    if (bytes.len % sizeof s)
        return PARLEY_MALFORMED;
    parley_status st = PARLEY_OK;
    for (size_t at = 0; st == PARLEY_OK && at < bytes.len; at += sizeof s) {
        memcpy(&s, bytes.ptr + at, sizeof s);
        st = s.low < 0 || s.low >= s.high ? PARLEY_MALFORMED : coverage_add(held, s.low, s.high);
    }
    return st;
}

static parley_status read_conversation(struct parley_client *c, const struct query *q)
{
    struct frame frame;
    arena_reset(&c->arena);
    parley_status st = read_thread(c, query_text(q, 2), &frame);
    if (st != PARLEY_OK)
        return st;
    struct conversation *conv = inbox_restore(c, &frame.ranged.thread);
    if (!conv)
        return PARLEY_NOMEM;
    conv->row = query_int(q, 0);
    conv->others = query_int(q, 4);
    conv->read = query_int(q, 5);
    conv->kept = query_int(q, 8);
    conv->followed = query_int(q, 7) && !client_is_staff(c); /* a desk changes from one sitting to the next */
    conv->mark_at = conv->read ? 0 : INT64_MAX;
    if (query_int(q, 6)) {
        c->inbox.main = conv;
        conv->main = true;
    }
    return read_held(query_blob(q, 3), &conv->held);
}

static parley_status read_all(struct parley_client *c)
{
    struct query q = store_read(c->cache, "select user, me from owner where one = 1");
    bool mine = false;
    if (query_next(&q)) {
        mine = span_is(query_text(&q, 0), c->settings.user) && uuid_equal(query_id(&q, 1), c->me);
        query_end(&q);
    }
    if (store_status(c->cache) != PARLEY_OK || !mine)
        return store_status(c->cache) == PARLEY_OK ? PARLEY_CONFLICT : store_status(c->cache);
    parley_status st = PARLEY_OK;
    q = store_read(c->cache, "select n, id, thread, held, others, read, main, followed, kept from conversation "
                             "where thread != '' order by n");
    while (st == PARLEY_OK && query_next(&q))
        st = read_conversation(c, &q);
    query_end(&q);
    return st == PARLEY_OK ? store_status(c->cache) : st;
}

static void write_owner(struct parley_client *c)
{
    struct query q = store_write(c->cache, "insert or replace into owner values (1, ?, ?)");
    query_put_text(&q, span_str(c->settings.user));
    query_put_id(&q, c->me);
    query_run(&q);
}

static void start_over(struct parley_client *c)
{
    static const char *const tables[] = {"delete from conversation", "delete from item",    "delete from person",
                                         "delete from question",     "delete from process", "delete from owner"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct query q = store_write(c->cache, tables[i]);
        query_run(&q);
    }
}

parley_status cache_open(struct parley_client *c)
{
    const char *path = c->settings.cache_path;
    parley_status st = store_open(path, schema, VERSION, &c->cache);
    if (st == PARLEY_OK && path)
        st = read_all(c);
    if (st == PARLEY_OK || !path)
        return st;
    inbox_done(&c->inbox);
    if (st == PARLEY_CONFLICT) {
        start_over(c);
        cache_commit(c);
        return PARLEY_OK;
    }
    replace(c, st);
    return c->cache ? PARLEY_OK : PARLEY_NOMEM;
}

void cache_damaged(struct parley_client *c)
{
    replace(c, PARLEY_MALFORMED);
}

/* A row from the first item on, so that items can name it; it counts once its thread is there. */
void cache_make_row(struct parley_client *c, struct conversation *conv)
{
    struct query q = store_write(c->cache, "insert or ignore into conversation(id, thread, held) values (?, '', x'')");
    query_put_id(&q, conv->id);
    query_run(&q);
    q = store_read(c->cache, "select n from conversation where id = ?");
    query_put_id(&q, conv->id);
    if (query_next(&q))
        conv->row = query_int(&q, 0);
    query_end(&q);
}

static void write_thread(struct parley_client *c, const struct conversation *conv, struct buf *out)
{
    struct frame_ranged frame = {.thread.conversation = conv->id, .thread.topic = span_str(conv->topic)};
    struct frame_thread *t = &frame.thread;
    t->head = conv->head;
    t->has_service = conv->service.open;
    t->service = conv->service.now;
    t->marks = conv->marks;
    t->marks_count = conv->mark_count;
    t->has_customer = !uuid_is_nil(conv->customer);
    t->customer = conv->customer;
    frame_put_type(out, ENCODING_JSON, FRAME_ranged, 1, &frame);
}

static struct query put_conversation(struct parley_client *c, const struct conversation *conv, struct span thread)
{
    struct query q = store_write(c->cache, "update conversation set thread = ?, held = ?, others = ?, read = ?, "
                                           "main = ?, followed = ?, kept = ? where id = ?");
    query_put_text(&q, thread);
    query_put_blob(&q, span_of(conv->held.at, conv->held.len * sizeof *conv->held.at));
    query_put_int(&q, conv->others);
    query_put_int(&q, conv->read);
    query_put_int(&q, conv->main);
    query_put_int(&q, conv->followed);
    query_put_int(&q, conv->kept);
    query_put_id(&q, conv->id);
    return q;
}

static void save_conversation(struct parley_client *c, struct conversation *conv)
{
    struct buf thread;
    if (!conv->row)
        cache_make_row(c, conv);
    buf_init(&thread, THREAD_MAX);
    write_thread(c, conv, &thread);
    struct query q = put_conversation(c, conv, thread.status == PARLEY_OK ? buf_span(&thread) : span_str(""));
    query_run(&q);
    buf_done(&thread);
    conv->dirty = false;
}

/* --- items --- */

static int64_t int_in(const struct value *body, const char *key)
{
    const struct value *v = body ? value_find(body, key) : NULL;
    return v && v->type == VALUE_INT ? v->integer : 0;
}

static bool closes(const struct value *body)
{
    const struct value *v = body ? value_find(body, "closed") : NULL;
    return !v || v->type != VALUE_BOOL || v->boolean;
}

static void put_question(struct parley_client *c, const struct conversation *conv, int64_t seq, int answered)
{
    struct query q = store_write(c->cache, answered ? "insert or replace into question values (?, ?, ?)"
                                                    : "insert or ignore into question values (?, ?, ?)");
    query_put_int(&q, conv->row);
    query_put_int(&q, seq);
    query_put_int(&q, answered);
    query_run(&q);
}

static void forget_item(struct parley_client *c, struct conversation *conv, int64_t seq)
{
    struct query q = store_write(c->cache, "update item set json = null, counts = 0 where conv = ? and seq = ?");
    query_put_int(&q, conv->row);
    query_put_int(&q, seq);
    query_run(&q);
    view_erased(c, conv, seq);
}

static void learn(struct parley_client *c, struct conversation *conv, int kind, const struct frame_item *item)
{
    const struct value *body = item->has_body ? item->body.value : NULL;
    if (kind == ITEM_choices || kind == ITEM_form)
        put_question(c, conv, item->seq, 0);
    else if (kind == ITEM_choice || kind == ITEM_form_answer)
        put_question(c, conv, int_in(body, "to"), ANSWERED);
    else if (kind == ITEM_resolved && closes(body))
        put_question(c, conv, item->seq, OVER);
    else if (kind == ITEM_erased)
        forget_item(c, conv, int_in(body, "target"));
}

void cache_item(struct parley_client *c, struct conversation *conv, const struct frame_item *item, struct span json)
{
    int kind = item->has_kind ? item_kind_of(item->kind) : ITEM_none;
    bool counts = item->has_kind && !item_moves(kind) && item->has_author && !uuid_is_nil(item->author) &&
                  !uuid_equal(item->author, c->me);
    if (!conv->row)
        cache_make_row(c, conv);
    struct query q = store_write(c->cache, "insert or replace into item values (?, ?, ?, ?, ?, ?)");
    query_put_int(&q, conv->row);
    query_put_int(&q, item->seq);
    query_put_int(&q, item->prev);
    query_put_id(&q, item->author);
    query_put_int(&q, counts);
    query_put_text(&q, json);
    query_run(&q);
    conv->kept++;
    learn(c, conv, kind, item);
}

void cache_person(struct parley_client *c, const struct frame_person *p)
{
    struct query q = store_write(c->cache, "insert or replace into person values (?, ?, ?)");
    query_put_id(&q, p->id);
    query_put_int(&q, p->role);
    query_put_text(&q, p->name);
    query_run(&q);
}

parley_status cache_page(struct parley_client *c, struct conversation *conv, int64_t from, int64_t to, uint32_t count,
                         cache_item_seen *seen, void *arg)
{
    struct query q = store_read(c->cache, "select * from (select seq, prev, author, json from item where conv = ? and "
                                          "seq between ? and ? order by seq desc limit ?) order by seq");
    query_put_int(&q, conv->row);
    query_put_int(&q, from);
    query_put_int(&q, to);
    query_put_int(&q, count);
    int64_t last = -1;
    bool more = true, whole = true;
    while (more && whole && query_next(&q)) {
        int64_t seq = query_int(&q, 0), prev = query_int(&q, 1);
        whole = last < 0 || prev == last; /* within a stretch each names the one before it */
        more = whole && seen(arg, seq, prev, query_id(&q, 2), query_text(&q, 3));
        last = seq;
    }
    query_end(&q);
    if (!more || store_status(c->cache) != PARLEY_OK)
        return store_status(c->cache);
    return whole && last == to ? PARLEY_OK : PARLEY_MALFORMED;
}

static int64_t ask(struct parley_client *c, const char *sql, int64_t row, int64_t above)
{
    struct query q = store_read(c->cache, sql);
    query_put_int(&q, row);
    query_put_int(&q, above);
    int64_t n = query_next(&q) ? query_int(&q, 0) : 0;
    query_end(&q);
    return n;
}

int64_t cache_unread(struct parley_client *c, struct conversation *conv, int64_t above)
{
    return ask(c, "select count(*) from item where conv = ? and seq > ? and counts", conv->row, above);
}

int64_t cache_question(struct parley_client *c, struct conversation *conv)
{
    return ask(c,
               "select case answered when 0 then seq else 0 end from question where conv = ? and seq > ? and "
               "answered != 1 order by seq desc limit 1",
               conv->row, 0);
}

void cache_ask(struct parley_client *c, struct conversation *conv, int64_t seq, bool answered)
{
    put_question(c, conv, seq, answered ? ANSWERED : 0);
}

bool cache_find_person(struct parley_client *c, struct uuid id, struct frame_person *out)
{
    struct query q = store_read(c->cache, "select role, name from person where id = ?");
    query_put_id(&q, id);
    bool found = query_next(&q);
    if (found)
        *out = (struct frame_person){
            .id = id, .role = (int)query_int(&q, 0), .name = arena_span(&c->arena, query_text(&q, 1))};
    query_end(&q);
    return found && out->name.ptr;
}

/* --- the end of a turn --- */

static void delete_upto(struct parley_client *c, struct conversation *conv, const char *sql, int64_t seq)
{
    struct query q = store_write(c->cache, sql);
    query_put_int(&q, conv->row);
    query_put_int(&q, seq);
    query_run(&q);
}

/* The oldest items give way, and with them the holes among them: who scrolls there is told by the server. */
static void trim(struct parley_client *c, struct conversation *conv)
{
    struct stretch hole;
    struct query q = store_read(c->cache, "select seq from item where conv = ? order by seq desc limit 1 offset ?");
    query_put_int(&q, conv->row);
    query_put_int(&q, c->cache_items);
    int64_t last = query_next(&q) ? query_int(&q, 0) : 0;
    query_end(&q);
    if (!last)
        return;
    delete_upto(c, conv, "delete from item where conv = ? and seq <= ?", last);
    delete_upto(c, conv, "delete from question where conv = ? and seq <= ?", last);
    coverage_cut(&conv->held, last);
    if (coverage_hole(&conv->told, coverage_top(&conv->told), &hole))
        coverage_cut(&conv->told, last); /* a hole that is not filled is told when older ones are asked for */
    conv->kept = c->cache_items;
    conv->dirty = true;
}

void cache_trim(struct parley_client *c, struct conversation *conv)
{
    if (conv->row && conv->kept > c->cache_items + c->cache_items / 8)
        trim(c, conv);
}

void cache_commit(struct parley_client *c)
{
    if (!c->cache)
        return;
    if (c->owner_dirty)
        write_owner(c);
    c->owner_dirty = false;
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next)
        if (conv->dirty && !uuid_is_nil(conv->id) && *conv->topic)
            save_conversation(c, conv);
    parley_status st = store_commit(c->cache);
    if (st != PARLEY_OK)
        replace(c, st);
}
