/* One statement of bounded look-ups. What is unread is counted up to a limit; questions are looked for in an index of
 * their own, the newest of them, and so are their answers. */
#include "server/store/recap_row.h"

#include "protocol/item.h"
#include "protocol/limits.h"

/* Most conversations have no erased item, and then none is looked for. */
#define IF_THERE(seq)                                                                                                  \
    " and (not m.erased or not exists (select from tombstone t where t.conversation = $1 and t.seq = " seq "))"

/* Own words and those of staff among themselves do not count, but are passed over: of those there may be any number. */
#define PASSED "5000"
#define UNREAD                                                                                                         \
    "select count(*) from (select from (select seq, author, kind, audience from item where conversation = $1"          \
    " and seq > m.read order by seq desc limit " PASSED ") i where i.audience = 0 and i.kind < 64 and i.author <> $2"  \
    " and i.author <> '00000000-0000-0000-0000-000000000000'" IF_THERE("i.seq") " limit $3) u"

#define CLOSED                                                                                                         \
    "select r.seq from item r where r.conversation = $1 and r.kind >= 64 and r.kind = 70"                              \
    " and r.body->'closed' = 'true' order by r.seq desc limit 1"

#define ANSWER                                                                                                         \
    "select from (select body from item where conversation = $1 and kind in (8, 10) and seq > q.seq"                   \
    " order by seq limit 100) a where a.body->'to' = to_jsonb(q.seq)"

#define QUESTION                                                                                                       \
    "select q.seq from (select seq from item where conversation = $1 and kind in (7, 9) order by seq desc limit 100) " \
    "q where q.seq > coalesce((" CLOSED "), 0) and not exists (" ANSWER                                                \
    ")" IF_THERE("q.seq") " order by q.seq desc limit 1"

static const struct pg_statement get = {
    "recap_get",
    "select m.read, (" UNREAD "), coalesce((" QUESTION "), 0),"
    " exists (select from process where conversation = $1 and state = 1)"
    " from (select coalesce((select read from mark where conversation = $1 and participant = $2), 0) as read,"
    " exists (select from tombstone where conversation = $1) as erased) m",
    3,
    {PG_UUID, PG_UUID, PG_I64},
};
_Static_assert(ITEM_choices == 7 && ITEM_choice == 8 && ITEM_form == 9 && ITEM_form_answer == 10, "named in recap_get");
_Static_assert(ITEM_opened == 64 && ITEM_resolved == 70, "named in recap_get");

struct recap_call {
    struct recap_row row;
    recap_read *done;
    void *arg;
};

static void on_row(void *arg, const struct pg_result *r)
{
    struct recap_call *call = arg;
    call->row = (struct recap_row){
        .read = pg_get_i64(r, 0, 0),
        .unread = pg_get_i64(r, 0, 1),
        .question = pg_get_i64(r, 0, 2),
        .processes = pg_get_bool(r, 0, 3),
    };
}

static void on_got(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct recap_call *call = arg;
    call->done(call->arg, status, status == PARLEY_OK ? &call->row : NULL);
}

parley_status recap_get(struct store *store, struct uuid conversation, struct uuid customer, recap_read *done,
                        void *arg)
{
    struct pg_group *group = store_reading(store);
    struct recap_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct recap_call){.done = done, .arg = arg};
    struct pg_params *p = pg_group_add(group, &get, on_row, call);
    pg_uuid(p, conversation);
    pg_uuid(p, customer);
    pg_i64(p, LIMIT_UNREAD);
    return pg_group_send(&group, on_got, call);
}
