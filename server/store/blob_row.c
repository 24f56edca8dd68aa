/* The blob tables. */
#include "server/store/blob_row.h"

#include "protocol/item.h"
#include "server/store/rows.h"

#define BLOB_COLUMNS "b.id, b.conversation, b.name, b.type, b.bytes, b.sha256, b.state"

static const struct pg_statement announce = {
    "blob_announce",
    "insert into blob (id, conversation, name, type, bytes, sha256, state) values ($1, $2, $3, $4, $5, $6, 1)",
    6,
    {PG_UUID, PG_UUID, PG_TEXT, PG_TEXT, PG_I64, PG_BYTES},
};
static const struct pg_statement put_part = {
    "blob_put_part",
    "with p as (insert into blob_part (blob, part, data) select id, $2, $3 from blob where id = $1 and state = 1"
    "           on conflict (blob, part) do update set data = excluded.data returning 1)"
    " select parley_one((select count(*) from p), 'blob_part')",
    3,
    {PG_UUID, PG_I32, PG_BYTES},
};
static const struct pg_statement finish = {
    "blob_finish",
    UPDATE_ONE("blob", "state = 2 where id = $1 and state = 1"
                       " and bytes = (select coalesce(sum(length(data)), 0) from blob_part where blob = $1)"),
    1,
    {PG_UUID},
};
static const struct pg_statement sweep = {
    "blob_sweep", "delete from blob where state = 1 and created_at < $1", 1, {PG_TIME}};
static const struct pg_statement sweep_urls = {
    "blob_sweep_urls", "delete from blob_url where expires_at < $1", 1, {PG_TIME}};
static const struct pg_statement add_url = {
    "blob_add_url",
    "insert into blob_url (digest, blob, verb, expires_at) values ($1, $2, $3, $4)",
    4,
    {PG_BYTES, PG_UUID, PG_TEXT, PG_TIME}};
static const struct pg_statement add_address = {
    "blob_add_address",
    "with u as (insert into blob_url (digest, blob, verb, expires_at)"
    "           select $1, id, 'GET', $4 from blob where id = $2 and conversation = $3 and state = 2 returning 1)"
    " select parley_one((select count(*) from u), 'blob')",
    4,
    {PG_BYTES, PG_UUID, PG_UUID, PG_TIME}};
static const struct pg_statement take_url = {
    "blob_take_url",
    "with u as (delete from blob_url where digest = $1 and verb = $2 and expires_at > $3 returning blob)"
    " select " BLOB_COLUMNS " from u join blob b on b.id = u.blob",
    3,
    {PG_BYTES, PG_TEXT, PG_TIME},
};
static const struct pg_statement by_id = {
    "blob_get", "select " BLOB_COLUMNS " from blob b where b.id = $1", 1, {PG_UUID}};
static const struct pg_statement read_part = {"blob_read_part",
                                              "select data from blob_part where blob in ($1, $3) and part = $2 limit 1",
                                              3,
                                              {PG_UUID, PG_I32, PG_UUID}};

/* ---- in a transition ---- */

#define CLAIM(condition) "select parley_one((select count(*) from blob where id = $1 and " condition "), 'blob')"

static const struct pg_statement claim_there = {
    "blob_claim", CLAIM("conversation = $2 and state = 2"), 2, {PG_UUID, PG_UUID}};
static const struct pg_statement claim_type = {"blob_claim_type", CLAIM("type = $2"), 2, {PG_UUID, PG_TEXT}};
static const struct pg_statement claim_bytes = {"blob_claim_bytes", CLAIM("bytes = $2"), 2, {PG_UUID, PG_I64}};
static const struct pg_statement claim_sha256 = {
    "blob_claim_sha256", CLAIM("encode(sha256, 'hex') = lower($2)"), 2, {PG_UUID, PG_TEXT}};

/* Kinds of item: 9 form. A media type as form_accepts of protocol/form.h takes it. */
static const struct pg_statement claim_form = {
    "blob_claim_form",
    "select parley_one((select count(*) from item i"
    "  cross join lateral jsonb_array_elements(i.body->'fields') f"
    "  cross join lateral (select lower(btrim(split_part($4, ';', 1))) as is) t"
    "  where i.conversation = $1 and i.seq = $2 and i.kind = 9 and f->>'id' = $3 and f->>'type' = 'file'"
    "    and (f->>'accept' is null or exists (select from regexp_split_to_table(lower(f->>'accept'), ' *, *') a"
    "         where btrim(a) in ('*/*', t.is, split_part(t.is, '/', 1) || '/*')))), 'form')",
    4,
    {PG_UUID, PG_I64, PG_TEXT, PG_TEXT}};
_Static_assert(ITEM_form == 9, "named in blob_claim_form");

static struct pg_params *claim_add(struct pg_group *group, const struct pg_statement *statement, struct uuid id,
                                   const char *about)
{
    struct pg_params *p = pg_group_add(group, statement, NULL, NULL);
    pg_group_about(group, about);
    pg_uuid(p, id);
    return p;
}

void blob_claim(struct pg_group *group, const struct blob_claim *claim)
{
    const struct blob_paths *at = &claim->paths;
    pg_uuid(claim_add(group, &claim_there, claim->id, at->id), claim->conversation);
    if (claim->whole) {
        pg_text(claim_add(group, &claim_type, claim->id, at->type), claim->type);
        pg_i64(claim_add(group, &claim_bytes, claim->id, at->bytes), claim->bytes);
        pg_text(claim_add(group, &claim_sha256, claim->id, at->sha256), claim->sha256);
    }
    if (claim->form) {
        struct pg_params *p = claim_add(group, &claim_form, claim->conversation, at->field);
        pg_i64(p, claim->form);
        pg_text(p, claim->field);
        pg_text(p, claim->type);
    }
}

static const struct pg_statement lend = {
    "blob_lend",
    "with f as (select from blob where id = $7 and conversation = '00000000-0000-0000-0000-000000000000' and state = "
    "2),"
    " l as (insert into blob (id, conversation, name, type, bytes, sha256, state)"
    "       select $1, $2, $3, $4, $5, $6, 2 from f on conflict (id) do nothing)"
    " select parley_one((select count(*) from f), 'blob')",
    7,
    {PG_UUID, PG_UUID, PG_TEXT, PG_TEXT, PG_I64, PG_BYTES, PG_UUID},
};

struct uuid blob_of_flow(const uint8_t sha256[32])
{
    return uuid_v8(sha256);
}

/* As announce has them. */
static void put_row(struct pg_params *p, const struct blob_row *row)
{
    pg_uuid(p, row->id);
    pg_uuid(p, row->conversation);
    pg_text(p, row->name);
    pg_text(p, row->type);
    pg_i64(p, row->bytes);
    pg_bytes(p, span_of(row->sha256, sizeof row->sha256));
}

void blob_lend(struct pg_group *group, const struct blob_row *row)
{
    struct pg_params *p = pg_group_add(group, &lend, NULL, NULL);
    put_row(p, row);
    pg_uuid(p, blob_of_flow(row->sha256));
}

/* ---- coming ---- */

parley_status blob_announce(struct store *store, const struct blob_row *row, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    put_row(pg_group_add(group, &announce, NULL, NULL), row);
    return pg_group_send(&group, done, arg);
}

parley_status blob_put_part(struct store *store, struct uuid id, int32_t part, struct span data, pg_done *done,
                            void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &put_part, NULL, NULL);
    pg_uuid(p, id);
    pg_i32(p, part);
    pg_bytes(p, data);
    return pg_group_send(&group, done, arg);
}

parley_status blob_finish(struct store *store, struct uuid id, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_uuid(pg_group_add(group, &finish, NULL, NULL), id);
    return pg_group_send(&group, done, arg);
}

parley_status blob_sweep(struct store *store, int64_t before_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_time_ms(pg_group_add(group, &sweep, NULL, NULL), before_ms);
    pg_time_ms(pg_group_add(group, &sweep_urls, NULL, NULL), before_ms);
    return pg_group_send(&group, done, arg);
}

parley_status blob_add_url(struct store *store, const uint8_t digest[32], struct uuid blob, const char *verb,
                           int64_t expires_at_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    struct pg_params *p = pg_group_add(group, &add_url, NULL, NULL);
    pg_bytes(p, span_of(digest, 32));
    pg_uuid(p, blob);
    pg_text(p, span_str(verb));
    pg_time_ms(p, expires_at_ms);
    return pg_group_send(&group, done, arg);
}

parley_status blob_add_addresses(struct store *store, struct uuid conversation, const struct blob_address *addresses,
                                 size_t n, int64_t now_ms, int64_t expires_at_ms, pg_done *done, void *arg)
{
    struct pg_group *group = store_writing(store);
    pg_time_ms(pg_group_add(group, &sweep_urls, NULL, NULL), now_ms);
    for (size_t i = 0; i < n; i++) {
        struct pg_params *p = pg_group_add(group, &add_address, NULL, NULL);
        pg_bytes(p, span_of(addresses[i].digest, 32));
        pg_uuid(p, addresses[i].blob);
        pg_uuid(p, conversation);
        pg_time_ms(p, expires_at_ms);
    }
    return pg_group_send(&group, done, arg);
}

static struct blob_row row_of(const struct pg_result *r, int i, struct pg_group *group)
{
    struct blob_row row = {
        .id = pg_get_uuid(r, i, 0),
        .conversation = pg_get_uuid(r, i, 1),
        .name = pg_get_text(r, i, 2),
        .type = pg_get_text(r, i, 3),
        .bytes = pg_get_i64(r, i, 4),
        .state = pg_get_i16(r, i, 6),
    };
    pg_copy_bytes(r, i, 5, row.sha256, sizeof row.sha256);
    return row;
}

ROWS_READ(blob, struct blob_row, blob_rows, row_of)

parley_status blob_take_url(struct store *store, const uint8_t digest[32], const char *verb, int64_t now_ms,
                            blob_rows *done, void *arg)
{
    struct blob_read *read = blob_read_new(store_writing(store), done, arg);
    struct pg_params *p = blob_read_add(read, &take_url);
    pg_bytes(p, span_of(digest, 32));
    pg_text(p, span_str(verb));
    pg_time_ms(p, now_ms);
    return blob_read_send(read);
}

parley_status blob_get(struct store *store, struct uuid id, blob_rows *done, void *arg)
{
    return blob_read_by(store_reading(store), &by_id, id, done, arg);
}

/* ---- a part ---- */

struct part_call {
    struct span data;
    blob_part_read *done;
    void *arg;
};

static void on_part(void *arg, const struct pg_result *r)
{
    struct part_call *call = arg;
    if (pg_rows(r) == 1)
        call->data = pg_get_bytes(r, 0, 0);
}

static void on_part_read(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct part_call *call = arg;
    call->done(call->arg, status, call->data);
}

parley_status blob_read_part(struct store *store, struct uuid id, const uint8_t sha256[32], int32_t part,
                             blob_part_read *done, void *arg)
{
    struct pg_group *group = store_reading(store);
    struct part_call *call = pg_group_alloc(group, sizeof *call);
    *call = (struct part_call){.done = done, .arg = arg};
    struct pg_params *p = pg_group_add(group, &read_part, on_part, call);
    pg_uuid(p, id);
    pg_i32(p, part);
    pg_uuid(p, blob_of_flow(sha256));
    return pg_group_send(&group, on_part_read, call);
}
