/* Reading the log: pages by number, and heads. */
#include "server/store/log.h"

#include "protocol/limits.h"

#include <assert.h>

/* What a frame puts around a body at most, in JSON. */
#define OVERHEAD "220"
enum { OVERHEAD_BYTES = 220 };

/* A page is read in the order of its rows, one row more than asked, which tells whether there are more. */
#define ROW "select id, author, seq, prev, at, kind, role, audience, "
#define ORDERED(order) " order by seq " order " limit $4"
#define RANGE                                                                                                          \
    {                                                                                                                  \
        PG_UUID, PG_I64, PG_I64, PG_I64, PG_I64                                                                        \
    }

/* A long body is left out: what the statement sends has a limit, and most pages never meet one. */
#define SHORT(name, from, order)                                                                                       \
    {                                                                                                                  \
        name,                                                                                                          \
            ROW                                                                                                        \
            "case when pg_column_size(body) <= 1000 and pg_column_compression(body) is null then body end from " from  \
            ORDERED(order),                                                                                            \
            4, RANGE                                                                                                   \
    }

/* The bodies that fit into $5 bytes as they are sent, and the first one always. Summing them up costs as much as the
 * rest of the reading: this is for pages with a long body. */
#define WHOLE(name, from, order)                                                                                       \
    {                                                                                                                  \
        name "_whole",                                                                                                 \
            ROW "case when total <= $5 or total = size then body end"                                                  \
                "  from (select *, sum(size) over (order by seq " order " rows unbounded preceding) as total"          \
                "          from (" ROW "body, octet_length(body::text) + " OVERHEAD " as size from " from              \
                ORDERED(order) ") page) summed order by seq " order,                                                   \
            5, RANGE                                                                                                   \
    }

#define PAGE(name, from, order)                                                                                        \
    {                                                                                                                  \
        SHORT(name, from, order), WHOLE(name, from, order)                                                             \
    }

/* Backwards among public items begins at one: a staff item knows the public one before it, so that no run of staff
 * items stands between a reader and their last word. */
static const struct pg_statement pages[2][2][2] = {
    {
        PAGE("log_newest_public",
             "item where conversation = $1 and seq > $2 and audience = 0 and seq <="
             " (select case audience when 0 then seq else prev end from item"
             "   where conversation = $1 and seq < $3 order by seq desc limit 1)",
             "desc"),
        PAGE("log_oldest_public", "item where conversation = $1 and seq > $2 and seq < $3 and audience = 0", "asc"),
    },
    {
        PAGE("log_newest", "item where conversation = $1 and seq > $2 and seq < $3", "desc"),
        PAGE("log_oldest", "item where conversation = $1 and seq > $2 and seq < $3", "asc"),
    },
};

/* One page, with the conversation's state when somebody views it. */
struct reading {
    struct store *store;
    struct log_range range;
    struct log_page page;
    struct log_state state;
    bool whole; /* long bodies too */
    bool again; /* there is one within the limits */
    struct pg_group *group;
    log_ranged *ranged; /* one of the two */
    log_viewed *viewed;
    void *arg;
};

enum { BODY = 8 };

static struct log_row read_row(const struct reading *call, const struct pg_result *r, int i)
{
    return (struct log_row){
        .conversation = call->range.conversation,
        .id = pg_get_uuid(r, i, 0),
        .author = pg_get_uuid(r, i, 1),
        .seq = pg_get_i64(r, i, 2),
        .prev = pg_get_i64(r, i, 3),
        .at_ms = pg_get_time_ms(r, i, 4),
        .kind = pg_get_i16(r, i, 5),
        .role = pg_get_i16(r, i, 6),
        .audience = pg_get_i16(r, i, 7),
        .body = pg_get_jsonb(r, i, BODY),
    };
}

/* How many of the rows have a place; the first one always has. */
static int fitting(struct reading *call, const struct pg_result *r)
{
    size_t total = 0;
    int n = 0, most = pg_rows(r) < call->range.limit ? pg_rows(r) : call->range.limit;
    for (; n < most; n++) {
        struct span body = pg_get_jsonb(r, n, BODY);
        total += body.len + OVERHEAD_BYTES;
        if (n && total > call->range.bytes)
            break;
        if (!body.ptr) {
            call->again = !call->whole;
            break;
        }
    }
    return n;
}

/* Ascending, whichever way they were read. */
static void on_page(void *arg, const struct pg_result *r)
{
    struct reading *call = arg;
    int n = fitting(call, r);
    struct log_row *out = pg_group_alloc(call->group, (size_t)n * sizeof *out);
    call->page = (struct log_page){.rows = out, .n = n, .more = n < pg_rows(r)};
    for (int i = 0; i < n; i++)
        out[i] = read_row(call, r, call->range.oldest ? i : n - 1 - i);
}

static void add_page(struct reading *call)
{
    const struct log_range *range = &call->range;
    struct pg_params *p = pg_group_add(call->group, &pages[range->staff][range->oldest][call->whole], on_page, call);
    pg_uuid(p, range->conversation);
    pg_i64(p, range->after);
    pg_i64(p, range->before ? range->before : INT64_MAX);
    pg_i64(p, range->limit + 1);
    if (call->whole)
        pg_i64(p, (int64_t)range->bytes);
}

/* ---- what is around a page ---- */

/* A reader decides nothing, so these need not be of one moment as log_load is; that one statement costs half as much
 * again. Each is no older than the one before, and the page the newest. */
static const struct pg_statement view_head = {
    "log_view_head",
    "select " LOG_CONVERSATION_COLUMNS " from conversation c left join lateral " LOG_HEAD " on true where c.id = $1",
    1,
    {PG_UUID},
};

static const struct pg_statement view_marks = {
    "log_view_marks",
    "select participant, role, read, delivered from mark where conversation = $1"
    " order by role > 2 and participant <> $2, read desc limit 32",
    2,
    {PG_UUID, PG_UUID},
};

static const struct pg_statement view_session = {
    "log_view_session",
    "select " SESSION_COLUMNS " from session s where s.id = coalesce("
    "  (select id from session where conversation = $1 and state <> 6),"
    "  (select id from session where conversation = $1 order by opened_at desc, id desc limit 1))",
    1,
    {PG_UUID},
};

static void on_view_head(void *arg, const struct pg_result *r)
{
    log_conversation_of(r, arg);
}

static void on_view_marks(void *arg, const struct pg_result *r)
{
    struct log_state *s = arg;
    for (int i = 0; i < pg_rows(r) && i < LOG_MARKS; i++)
        s->marks[s->nmarks++] = (struct mark_row){
            .conversation = s->conversation,
            .participant = pg_get_uuid(r, i, 0),
            .role = pg_get_i16(r, i, 1),
            .read = pg_get_i64(r, i, 2),
            .delivered = pg_get_i64(r, i, 3),
        };
}

static void on_view_session(void *arg, const struct pg_result *r)
{
    struct log_state *s = arg;
    s->has_session = pg_rows(r) > 0;
    if (s->has_session)
        s->session = session_of_result(r, 0, 0);
}

static void add_state(struct reading *call)
{
    call->state.conversation = call->range.conversation;
    pg_uuid(pg_group_add(call->group, &view_head, on_view_head, &call->state), call->range.conversation);
    struct pg_params *p = pg_group_add(call->group, &view_marks, on_view_marks, &call->state);
    pg_uuid(p, call->range.conversation);
    pg_uuid(p, call->range.reader);
    pg_uuid(pg_group_add(call->group, &view_session, on_view_session, &call->state), call->range.conversation);
}

/* ---- reading ---- */

static void on_read(void *arg, parley_status status, const struct pg_fault *fault);

static parley_status read_page(const struct reading *wish)
{
    struct pg_group *group = store_reading(wish->store);
    struct reading *call = pg_group_alloc(group, sizeof *call);
    *call = *wish;
    call->group = group;
    if (call->viewed)
        add_state(call);
    add_page(call);
    return pg_group_send(&group, on_read, call);
}

static void on_read(void *arg, parley_status status, const struct pg_fault *fault)
{
    const struct reading *call = arg;
    if (status == PARLEY_OK && call->again) {
        struct reading wish = {.store = call->store, .range = call->range, .whole = true};
        wish.ranged = call->ranged;
        wish.viewed = call->viewed;
        wish.arg = call->arg;
        status = read_page(&wish);
        if (status == PARLEY_OK)
            return;
    }
    bool ok = status == PARLEY_OK;
    if (call->viewed)
        call->viewed(call->arg, status, ok ? &call->state : NULL, ok ? &call->page : NULL);
    else
        call->ranged(call->arg, status, ok ? &call->page : NULL);
}

static struct reading reading_of(struct store *store, const struct log_range *range)
{
    assert(range->limit > 0 && range->limit <= LIMIT_PAGE_ITEMS);
    struct reading wish = {.store = store, .range = *range};
    if (range->bytes > LIMIT_PAGE_BYTES)
        wish.range.bytes = LIMIT_PAGE_BYTES;
    return wish;
}

parley_status log_range(struct store *store, const struct log_range *range, log_ranged *done, void *arg)
{
    struct reading wish = reading_of(store, range);
    wish.ranged = done;
    wish.arg = arg;
    return read_page(&wish);
}

parley_status log_view(struct store *store, const struct log_range *range, log_viewed *done, void *arg)
{
    struct reading wish = reading_of(store, range);
    wish.viewed = done;
    wish.arg = arg;
    return read_page(&wish);
}

/* ---- heads ---- */

static const struct pg_statement heads = {
    "log_heads",
    "select c.id, h.seq, h.public from unnest($1::uuid[]) c (id) cross join lateral " LOG_HEAD,
    1,
    {PG_UUID_ARRAY},
};

struct heads_call {
    struct log_head *heads;
    int n;
    struct pg_group *group;
    log_headed *done;
    void *arg;
};

static void on_heads(void *arg, const struct pg_result *r)
{
    struct heads_call *call = arg;
    call->n = pg_rows(r);
    call->heads = pg_group_alloc(call->group, (size_t)call->n * sizeof *call->heads);
    for (int i = 0; i < call->n; i++)
        call->heads[i] = (struct log_head){pg_get_uuid(r, i, 0), pg_get_i64(r, i, 1), pg_get_i64(r, i, 2)};
}

static void on_headed(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct heads_call *call = arg;
    call->done(call->arg, status, call->heads, call->n);
}

parley_status log_heads(struct store *store, const struct uuid *conversations, int n, log_headed *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct heads_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct heads_call){.group = group, .done = done, .arg = arg};
    struct pg_params *p = pg_group_add(group, &heads, on_heads, call);
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, conversations[i]);
    return pg_group_send(&group, on_headed, call);
}
