/* Customers. Coming in is one function (parley_enter). Every hello comes in, and mostly nothing is new: so it is looked
 * first whether the function had anything to do. */
#include "server/store/customer_row.h"

#include "server/store/rows.h"

#define CUSTOMER_COLUMNS(outcome) "c.id, c.name, c.language, c.verified, c.traits, " outcome ", c.revision"
#define LAST_OUTCOME(customer)                                                                                         \
    "(select s.outcome from conversation k cross join lateral (select outcome, closed_at from session"                 \
    "   where conversation = k.id and state = 6 order by opened_at desc limit 1) s"                                    \
    "  where k.customer = " customer " order by s.closed_at desc limit 1)"
#define CONVERSATIONS_OF(customer)                                                                                     \
    "(select array_agg(id) from (select v.id from conversation v where v.customer = " customer                         \
    " order by v.topic <> 'main', v.created_at, v.id limit 16) o)"
#define CONVERSATION_COLUMNS "v.id, v.customer, v.app, v.topic, v.created_at"

static const struct pg_statement enter = {
    "customer_enter",
    "select who, their_name, their_language, is_verified, their_traits, null::text, their_revision, home,"
    "       $8::uuid, $9::uuid, " CONVERSATIONS_OF(
        "who") " from parley_enter($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    12,
    {PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_JSONB, PG_BOOL, PG_UUID, PG_UUID, PG_BYTES, PG_UUID, PG_UUID},
};

/* A row for each conversation, in no order, and whether `enter` would change nothing. One row more than a home has is
 * a reason to leave it to `enter`, which puts them in order. */
static const struct pg_statement find = {
    "customer_find",
    "select " CUSTOMER_COLUMNS(
        "null::text") ", v.id, v.topic = 'main', v.created_at,"
                      "       c.verified >= $7 and c.traits = coalesce($6, c.traits)"
                      "   and c.name is not distinct from coalesce($4, c.name)"
                      "   and c.language is not distinct from coalesce($5, c.language)"
                      "   and ($8 is null or exists (select from device d where d.id = $8 and d.customer = c.id"
                      "                                 and d.seen_at >= now() - interval '1 hour'))"
                      "  from identity i join customer c on c.id = i.customer left join conversation v on v.customer = "
                      "c.id"
                      " where i.space = $1 and i.kind = $2 and i.value = $3 limit 17",
    8,
    {PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_TEXT, PG_JSONB, PG_BOOL, PG_UUID},
};

static const struct pg_statement by_guest = {
    "customer_by_guest",
    "select " CUSTOMER_COLUMNS("null::text") ", v.id, d.app, d.id, " CONVERSATIONS_OF(
        "c.id") "  from device d join customer c on c.id = d.customer"
                "  left join conversation v on v.customer = c.id and v.topic = 'main' where d.guest_digest = $1",
    1,
    {PG_BYTES},
};

static const struct pg_statement by_id = {
    "customer_get",
    "select " CUSTOMER_COLUMNS(LAST_OUTCOME(
        "c.id")) ", v.id, null::uuid, null::uuid, null::uuid[]"
                 "  from customer c left join conversation v on v.customer = c.id and v.topic = 'main' where c.id = $1",
    1,
    {PG_UUID},
};

static const struct pg_statement conversations = {
    "customer_conversations",
    "select " CONVERSATION_COLUMNS " from conversation v where v.customer = $1"
    " order by v.topic <> 'main', v.created_at, v.id limit 64",
    1,
    {PG_UUID},
};

#define WITHOUT_ITEM                                                                                                   \
    " from conversation v where v.customer = $1 and v.topic <> 'main'"                                                 \
    " and not exists (select from item i where i.id = $2 and i.conversation = v.id)"

static const struct pg_statement without_item = {
    "customer_without_item",
    "select " CONVERSATION_COLUMNS WITHOUT_ITEM " order by v.id limit 64",
    2,
    {PG_UUID, PG_UUID},
};

static const struct pg_statement all_named = {
    "customer_all_named",
    "select parley_one(1 + (select count(*)" WITHOUT_ITEM "), 'conversation')",
    2,
    {PG_UUID, PG_UUID},
};

/* A guest becomes known while nobody makes a conversation for them, and whoever comes after that makes none: linking
 * locks the guest's row, opening shares it, and each looks only after that, in a statement of its own. */
static const struct pg_statement hold_conversations = {
    "customer_hold_conversations",
    "select from conversation where customer = $1 order by id for no key update",
    1,
    {PG_UUID},
};
static const struct pg_statement hold = {
    "customer_hold", "select from customer where id = $1 for update", 1, {PG_UUID}};
static const struct pg_statement share = {
    "customer_share", "select from customer where id = $1 for key share", 1, {PG_UUID}};

/* Of two at once the second waits for the first; its update changes nothing, and so returns that row. Who became
 * somebody else has no identity any more. */
static const struct pg_statement open_topic = {
    "conversation_open",
    "with found as (select * from conversation where customer = $2 and topic = $4),"
    " made as (insert into conversation (id, customer, app, topic)"
    "          select $1, $2, $3, $4 where not exists (select from found)"
    "             and exists (select from identity where customer = $2)"
    "          on conflict (customer, topic) do update set topic = excluded.topic returning *)"
    " select " CONVERSATION_COLUMNS " from (select * from found union all select * from made) v",
    4,
    {PG_UUID, PG_UUID, PG_UUID, PG_TEXT},
};

static const struct pg_statement faces = {
    "conversation_faces",
    "select c.name, coalesce(c.verified, false), coalesce(h.seq, 0)"
    "  from unnest($1::uuid[]) with ordinality asked (id, n) left join conversation v on v.id = asked.id"
    "  left join customer c on c.id = v.customer"
    "  left join lateral (select seq from item where conversation = asked.id order by seq desc limit 1) h on true"
    " order by asked.n",
    1,
    {PG_UUID_ARRAY},
};

static const struct pg_statement link_guest = {"customer_link", "select parley_link($1, $2)", 2, {PG_UUID, PG_UUID}};

/* ---- one customer ---- */

enum { CONVERSATIONS = 10 };

struct enter_call {
    bool found;
    struct customer_home home;
    customer_entered *done;
    void *arg;
};

/* A statement does not see what the function in it has made: a new customer has the one conversation. */
static void read_conversations(const struct pg_result *r, struct customer_home *home)
{
    struct pg_list ids = pg_get_list(r, 0, CONVERSATIONS, PG_UUID_ARRAY);
    while (home->nconversations < CUSTOMER_CONVERSATIONS && pg_list_next(&ids))
        home->conversations[home->nconversations++] = pg_list_uuid(&ids);
    if (!home->nconversations && !uuid_is_nil(home->conversation))
        home->conversations[home->nconversations++] = home->conversation;
}

static struct customer_row read_customer(const struct pg_result *r)
{
    return (struct customer_row){
        .id = pg_get_uuid(r, 0, 0),
        .name = pg_get_text(r, 0, 1),
        .language = pg_get_text(r, 0, 2),
        .verified = pg_get_bool(r, 0, 3),
        .traits = pg_get_jsonb(r, 0, 4),
        .outcome = pg_get_text(r, 0, 5),
        .revision = pg_get_i64(r, 0, 6),
    };
}

static void on_home(void *arg, const struct pg_result *r)
{
    struct enter_call *call = arg;
    call->found = pg_rows(r) > 0;
    if (!call->found)
        return;
    call->home = (struct customer_home){
        .customer = read_customer(r),
        .conversation = pg_get_uuid(r, 0, 7),
        .app = pg_get_uuid(r, 0, 8),
        .device = pg_get_uuid(r, 0, 9),
    };
    read_conversations(r, &call->home);
}

static void on_entered(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct enter_call *call = arg;
    if (status == PARLEY_OK && !call->found)
        status = PARLEY_NOT_FOUND;
    call->done(call->arg, status, status == PARLEY_OK ? &call->home : NULL);
}

static struct enter_call *enter_call_new(struct pg_group *group, customer_entered *done, void *arg)
{
    struct enter_call *call = pg_group_alloc(group, sizeof *call);
    call->done = done;
    call->arg = arg;
    return call;
}

static void add_entry(struct pg_params *p, const struct customer_entry *entry)
{
    pg_text(p, entry->space);
    pg_text(p, entry->kind);
    pg_text(p, entry->value);
    pg_text_or_null(p, entry->name);
    pg_text_or_null(p, entry->language);
    pg_jsonb_or_null(p, entry->traits);
    pg_bool(p, entry->verified);
}

static void add_enter(struct pg_group *group, struct enter_call *call, const struct customer_entry *entry,
                      struct span digest)
{
    struct pg_params *p = pg_group_add(group, &enter, on_home, call);
    add_entry(p, entry);
    pg_uuid(p, entry->app);
    pg_uuid_or_null(p, entry->device);
    pg_bytes_or_null(p, digest);
    pg_uuid(p, entry->customer);
    pg_uuid(p, entry->conversation);
}

parley_status customer_add_guest(struct store *store, const struct customer_entry *entry, const uint8_t digest[32],
                                 customer_entered *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct enter_call *call = enter_call_new(group, done, arg);
    add_enter(group, call, entry, span_of(digest, 32));
    return pg_group_send(&group, on_entered, call);
}

/* ---- looking first ---- */

enum { FOUND_CONVERSATION = 7, FOUND_MAIN, FOUND_CREATED, FOUND_SETTLED };

struct find_call {
    struct enter_call home;
    struct pg_group *enter; /* ready to go, as the entry is only borrowed */
    struct enter_call *entering;
};

/* Main first, then by age. */
static bool comes_before(const struct pg_result *r, int a, int b)
{
    bool main = pg_get_bool(r, a, FOUND_MAIN);
    int64_t at = pg_get_time_ms(r, a, FOUND_CREATED), other = pg_get_time_ms(r, b, FOUND_CREATED);
    if (main != pg_get_bool(r, b, FOUND_MAIN))
        return main;
    struct uuid id = pg_get_uuid(r, a, FOUND_CONVERSATION), other_id = pg_get_uuid(r, b, FOUND_CONVERSATION);
    return at != other ? at < other : memcmp(id.b, other_id.b, sizeof id.b) < 0;
}

static void sort_conversations(const struct pg_result *r, struct customer_home *home)
{
    for (int i = 0; i < pg_rows(r); i++) {
        int place = 0;
        for (int k = 0; k < pg_rows(r); k++)
            place += k != i && comes_before(r, k, i);
        home->conversations[place] = pg_get_uuid(r, i, FOUND_CONVERSATION);
        if (pg_get_bool(r, i, FOUND_MAIN))
            home->conversation = home->conversations[place];
    }
    home->nconversations = pg_rows(r);
}

static void on_found_home(void *arg, const struct pg_result *r)
{
    struct find_call *call = arg;
    struct customer_home *home = &call->home.home;
    if (pg_rows(r) == 0 || pg_rows(r) > CUSTOMER_CONVERSATIONS || !pg_get_bool(r, 0, FOUND_SETTLED))
        return;
    home->customer = read_customer(r);
    sort_conversations(r, home);
    call->home.found = !uuid_is_nil(home->conversation);
}

static void on_found(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct find_call *call = arg;
    if (status == PARLEY_OK && !call->home.found) {
        status = pg_group_send(&call->enter, on_entered, call->entering);
        if (status == PARLEY_OK)
            return;
    }
    pg_group_free(&call->enter);
    on_entered(&call->home, status, fault);
}

parley_status customer_enter(struct store *store, const struct customer_entry *entry, customer_entered *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct pg_group *later = pg_group_beside(group); /* mostly not sent: it takes no connection's turn */
    struct find_call *call = pg_group_alloc(group, sizeof *call);
    call->home.done = done;
    call->home.arg = arg;
    call->enter = later;
    call->entering = enter_call_new(later, done, arg);
    add_enter(later, call->entering, entry, (struct span){0});
    struct pg_params *p = pg_group_add(group, &find, on_found_home, call);
    add_entry(p, entry);
    pg_uuid_or_null(p, entry->device);
    call->home.home.app = entry->app;
    call->home.home.device = entry->device;
    parley_status st = pg_group_send(&group, on_found, call);
    if (st != PARLEY_OK)
        pg_group_free(&later);
    return st;
}

parley_status customer_by_guest(struct store *store, const uint8_t digest[32], customer_entered *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct enter_call *call = enter_call_new(group, done, arg);
    pg_bytes(pg_group_add(group, &by_guest, on_home, call), span_of(digest, 32));
    return pg_group_send(&group, on_entered, call);
}

parley_status customer_get(struct store *store, struct uuid id, customer_entered *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct enter_call *call = enter_call_new(group, done, arg);
    pg_uuid(pg_group_add(group, &by_id, on_home, call), id);
    return pg_group_send(&group, on_entered, call);
}

/* ---- conversations ---- */

static struct conversation_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct conversation_row){
        .id = pg_get_uuid(r, i, 0),
        .customer = pg_get_uuid(r, i, 1),
        .app = pg_get_uuid(r, i, 2),
        .topic = pg_get_text(r, i, 3),
        .created_at_ms = pg_get_time_ms(r, i, 4),
    };
}

ROWS_READ(conversation, struct conversation_row, conversation_rows, row_of)

parley_status customer_conversations(struct store *store, struct uuid customer, conversation_rows *done, void *arg)
{
    return conversation_read_by(store_reading(store), &conversations, customer, done, arg);
}

parley_status customer_without_item(struct store *store, struct uuid customer, struct uuid item,
                                    conversation_rows *done, void *arg)
{
    struct conversation_read *read = conversation_read_new(store_reading(store), done, arg);
    struct pg_params *p = conversation_read_add(read, &without_item);
    pg_uuid(p, customer);
    pg_uuid(p, item);
    return conversation_read_send(read);
}

parley_status conversation_open(struct store *store, const struct conversation_row *row, conversation_rows *done,
                                void *arg)
{
    struct conversation_read *read = conversation_read_new(store_writing(store), done, arg);
    pg_uuid(pg_group_add(read->group, &share, NULL, NULL), row->customer);
    struct pg_params *p = conversation_read_add(read, &open_topic);
    pg_uuid(p, row->id);
    pg_uuid(p, row->customer);
    pg_uuid(p, row->app);
    pg_text(p, row->topic);
    return conversation_read_send(read);
}

static struct conversation_face face_of(const struct pg_result *r, int i, struct pg_group *group)
{
    return (struct conversation_face){
        .name = pg_get_text(r, i, 0), .verified = pg_get_bool(r, i, 1), .head = pg_get_i64(r, i, 2)};
}

ROWS_READ(face, struct conversation_face, conversation_faces_read, face_of)

parley_status conversation_faces(struct store *store, const struct uuid *ids, int n, conversation_faces_read *done,
                                 void *arg)
{
    struct face_read *read = face_read_new(store_reading(store), done, arg);
    struct pg_params *p = face_read_add(read, &faces);
    pg_array(p, PG_UUID_ARRAY, n);
    for (int i = 0; i < n; i++)
        pg_uuid(p, ids[i]);
    return face_read_send(read);
}

/* ---- in a transition ---- */

void customer_link(struct pg_group *group, struct uuid guest, struct uuid customer, struct uuid item)
{
    pg_uuid(pg_group_add(group, &hold_conversations, NULL, NULL), guest);
    pg_uuid(pg_group_add(group, &hold, NULL, NULL), guest);
    struct pg_params *p = pg_group_add(group, &all_named, NULL, NULL);
    pg_uuid(p, guest);
    pg_uuid(p, item);
    p = pg_group_add(group, &link_guest, NULL, NULL);
    pg_uuid(p, guest);
    pg_uuid(p, customer);
}
