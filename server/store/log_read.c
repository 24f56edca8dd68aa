/* Reading the log: pages by number, and heads. */
#include "server/store/log.h"

#include "protocol/limits.h"

#include <assert.h>

/* What a frame puts around a body at most, in JSON. */
#define OVERHEAD "220"

/* A page of at most $4 items and of at most $5 bytes as they are sent; the first one always comes. The body is turned
 * into text once, below the window. One row more than asked tells whether there are more. */
#define PAGE(name, from, order)                                                                                        \
    {                                                                                                                  \
        name,                                                                                                          \
            "select id, author, seq, prev, at, kind, role, audience, body, found"                                      \
            "  from (select *, sum(octet_length(body) + " OVERHEAD ") over (order by seq " order ") as total,"         \
            "               count(*) over () as found"                                                                 \
            "          from (select id, author, seq, prev, at, kind, role, audience, body::text as body"               \
            "                  from " from " order by seq " order " limit $4) page) summed"                            \
            " where total <= $5 or total = octet_length(body) + " OVERHEAD " order by seq",                            \
            5,                                                                                                         \
        {                                                                                                              \
            PG_UUID, PG_I64, PG_I64, PG_I64, PG_I64                                                                    \
        }                                                                                                              \
    }

/* Backwards among public items begins at one: a staff item knows the public one before it, so that no run of staff
 * items stands between a reader and their last word. */
static const struct pg_statement pages[2][2] = {
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

struct range_call {
    struct log_range range;
    struct log_page page;
    struct pg_group *group;
    log_ranged *done;
    void *arg;
};

static struct log_row read_row(const struct range_call *call, const struct pg_result *r, int i)
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
        .body = pg_get_text(r, i, 8),
    };
}

/* Ascending; the row too many is the first one of the newest and the last one of the oldest. */
static void on_page(void *arg, const struct pg_result *r)
{
    struct range_call *call = arg;
    int rows = pg_rows(r), extra = rows > call->range.limit;
    int from = call->range.oldest ? 0 : extra;
    struct log_row *out = pg_group_alloc(call->group, (size_t)rows * sizeof *out);
    call->page.n = rows - extra;
    call->page.rows = out;
    call->page.more = extra || (rows && pg_get_i64(r, 0, 9) > rows);
    for (int i = 0; i < call->page.n; i++)
        out[i] = read_row(call, r, from + i);
}

static struct range_call *add_page(struct pg_group *group, const struct log_range *range)
{
    assert(range->limit > 0 && range->limit <= LIMIT_PAGE_ITEMS);
    struct range_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct range_call){.range = *range, .group = group};
    struct pg_params *p = pg_group_add(group, &pages[range->staff][range->oldest], on_page, call);
    pg_uuid(p, range->conversation);
    pg_i64(p, range->after);
    pg_i64(p, range->before ? range->before : INT64_MAX);
    pg_i64(p, range->limit + 1);
    pg_i64(p, range->bytes < LIMIT_PAGE_BYTES ? (int64_t)range->bytes : LIMIT_PAGE_BYTES);
    return call;
}

static void on_ranged(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct range_call *call = arg;
    call->done(call->arg, status, status == PARLEY_OK ? &call->page : NULL);
}

parley_status log_range(struct store *store, const struct log_range *range, log_ranged *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct range_call *call = add_page(group, range);
    call->done = done;
    call->arg = arg;
    return pg_group_send(&group, on_ranged, call);
}

/* ---- state and page ---- */

struct view_call {
    struct log_state state;
    struct range_call *page;
    log_viewed *done;
    void *arg;
};

static void on_viewed(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct view_call *call = arg;
    bool ok = status == PARLEY_OK;
    call->done(call->arg, status, ok ? &call->state : NULL, ok ? &call->page->page : NULL);
}

parley_status log_view(struct store *store, const struct log_range *range, log_viewed *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct view_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct view_call){.state.conversation = range->conversation, .done = done, .arg = arg};
    log_load_in(group, &call->state);
    call->page = add_page(group, range);
    return pg_group_send(&group, on_viewed, call);
}

/* ---- heads ---- */

static const struct pg_statement heads = {
    "log_heads",
    "select c.id, h.seq, h.public from unnest($1::uuid[]) c (id) cross join lateral"
    " (select seq, case audience when 0 then seq else prev end as public from item"
    "   where conversation = c.id order by seq desc limit 1) h",
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
