/* PUT and GET /v1/blobs/{address}: files in and out, once for each address. */
#include "protocol/buf.h"
#include "server/api/api.h"
#include "server/api/auth.h"
#include "server/api/http.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/store/blob_row.h"

/* A file on its way, part by part. */
struct transfer {
    struct api *api;
    struct http_exchange *exchange;
    struct uuid id;
    char type[LIMIT_NAME + 1];
    uint8_t sha256[32];
    int64_t bytes;
    int32_t part;
    struct buf data; /* going out */
    uint8_t digest[AUTH_DIGEST];
};

static void end(struct transfer *t)
{
    buf_done(&t->data);
    mem_free(t);
}

static void refuse_transfer(struct transfer *t, parley_status status, const char *text)
{
    http_refuse(t->exchange, status, text, NULL);
    end(t);
}

static int32_t parts_of(int64_t bytes)
{
    return (int32_t)((bytes + BLOB_PART - 1) / BLOB_PART);
}

static void take_address(const struct http_call *call, const char *verb, blob_rows *then)
{
    struct transfer *t = mem_alloc(sizeof *t);
    t->api = call->api;
    t->exchange = call->exchange;
    buf_init(&t->data, LIMIT_UPLOAD);
    auth_digest(call->part, t->digest);
    parley_status st = blob_take_url(call->api->store, t->digest, verb, clock_ms(), then, t);
    if (st != PARLEY_OK)
        refuse_transfer(t, st, NULL);
}

static bool found(struct transfer *t, parley_status status, const struct blob_row *rows, int n)
{
    if (status != PARLEY_OK || n == 0) {
        refuse_transfer(t, status == PARLEY_OK ? PARLEY_NOT_FOUND : status,
                        "this address was used or is over; ask for a new one");
        return false;
    }
    t->id = rows[0].id;
    t->bytes = rows[0].bytes;
    memcpy(t->sha256, rows[0].sha256, 32);
    memcpy(t->type, rows[0].type.ptr, rows[0].type.len < LIMIT_NAME ? rows[0].type.len : LIMIT_NAME);
    return true;
}

/* ---- in ---- */

static void on_finished(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct transfer *t = arg;
    if (status != PARLEY_OK) {
        refuse_transfer(t, status, NULL);
        return;
    }
    http_json(t->exchange, 201, span_str("{}"));
    end(t);
}

static void on_part_stored(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct transfer *t = arg;
    struct span body = http_body(t->exchange);
    if (status == PARLEY_OK && t->part == parts_of(t->bytes)) {
        status = blob_finish(t->api->store, t->id, on_finished, t);
    } else if (status == PARLEY_OK) {
        size_t at = (size_t)t->part * BLOB_PART, left = body.len - at;
        status = blob_put_part(t->api->store, t->id, t->part++,
                               span_of(body.ptr + at, left < BLOB_PART ? left : BLOB_PART), on_part_stored, t);
    }
    if (status != PARLEY_OK)
        refuse_transfer(t, status, NULL);
}

static void on_put(void *arg, parley_status status, const struct blob_row *rows, int n)
{
    struct transfer *t = arg;
    uint8_t digest[32];
    if (!found(t, status, rows, n))
        return;
    crypto_sha256(http_body(t->exchange), digest);
    if ((int64_t)http_body(t->exchange).len != t->bytes || memcmp(digest, t->sha256, 32) != 0)
        refuse_transfer(t, PARLEY_INVALID, "the bytes are not those that were announced: length or SHA-256 differ");
    else
        on_part_stored(t, PARLEY_OK, NULL);
}

void http_blob_put(const struct http_call *call)
{
    take_address(call, "PUT", on_put);
}

/* ---- out ---- */

static void send_file(struct transfer *t)
{
    const struct http_header headers[] = {
        {"Content-Disposition", span_str("attachment")},
        {"Content-Security-Policy", span_str("sandbox; default-src 'none'")},
        {0},
    };
    http_answer(t->exchange, 200, t->type, headers, buf_span(&t->data));
    end(t);
}

static void on_part(void *arg, parley_status status, struct span data)
{
    struct transfer *t = arg;
    buf_add_span(&t->data, data);
    if (status != PARLEY_OK || t->data.status != PARLEY_OK || (!data.len && t->part)) {
        refuse_transfer(t, status == PARLEY_OK ? PARLEY_INTERNAL : status, NULL);
        return;
    }
    if (++t->part == parts_of(t->bytes)) {
        send_file(t);
        return;
    }
    status = blob_read_part(t->api->store, t->id, t->sha256, t->part, on_part, t);
    if (status != PARLEY_OK)
        refuse_transfer(t, status, NULL);
}

static void on_get(void *arg, parley_status status, const struct blob_row *rows, int n)
{
    struct transfer *t = arg;
    if (!found(t, status, rows, n))
        return;
    if (!http_hold(t->exchange, (size_t)t->bytes)) {
        refuse_transfer(t, PARLEY_BUSY, "too much is on its way just now; ask for a new address");
        return;
    }
    status = blob_read_part(t->api->store, t->id, t->sha256, 0, on_part, t);
    if (status != PARLEY_OK)
        refuse_transfer(t, status, NULL);
}

void http_blob_get(const struct http_call *call)
{
    take_address(call, "GET", on_get);
}
