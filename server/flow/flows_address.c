/* Files in calls to the outside. A script has a file's `url` as {file:ID}; in the body of a call that becomes an
 * address at which the service can get the file, once. It is made anew for each try: the one before may have been used
 * up. */
#include "server/flow/flows_address.h"

#include "protocol/buf.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/flow/flows_inside.h"
#include "server/flow/input.h"
#include "server/io/crypto.h"
#include "server/store/blob_row.h"

enum { ADDRESS_MS = 600000, BODY_MAX = 1 << 20 };

/* Where a file is named: a text that is nothing else. */
#define NAMED_BEGIN "\"" INPUT_FILE_URL
#define NAMED_END "}\""
enum { NAMED = sizeof NAMED_BEGIN - 1 + UUID_TEXT + sizeof NAMED_END - 1 };

struct addressing {
    addresses_done *done;
    void *arg; /* NULL done: nobody waits for it any more */
    struct blob_address files[ADDRESSES_MAX];
    size_t count;
    struct buf body;
};

/* The next place that names a file; what comes before it is in *out_before, `rest` goes on behind it. */
static bool next_named(struct span *rest, struct span *out_before, struct uuid *out_blob)
{
    struct span from = *rest;
    for (;;) {
        const char *at = memmem(rest->ptr, rest->len, NAMED_BEGIN, sizeof NAMED_BEGIN - 1);
        size_t before = at ? (size_t)(at - rest->ptr) : 0;
        if (!at || rest->len - before < NAMED)
            return false;
        *rest = span_of(at + 1, rest->len - before - 1);
        if (memcmp(at + NAMED - 2, NAMED_END, 2) != 0 ||
            uuid_parse(span_of(at + sizeof NAMED_BEGIN - 1, UUID_TEXT), out_blob) != PARLEY_OK)
            continue;
        *out_before = span_of(from.ptr, (size_t)(at - from.ptr));
        *rest = span_of(at + NAMED, rest->len - NAMED + 1);
        return true;
    }
}

size_t addresses_wanted(struct span body)
{
    struct span before;
    struct uuid blob;
    size_t n = 0;
    while (body.len && next_named(&body, &before, &blob))
        n++;
    return n;
}

static void add_address(struct addressing *a, const char *public_url, struct uuid blob)
{
    struct blob_address *file = &a->files[a->count++];
    char token[CRYPTO_TOKEN + 1];
    crypto_token("pf_", token);
    file->blob = blob;
    crypto_sha256(span_str(token), file->digest);
    buf_printf(&a->body, "\"%s/v1/blobs/%s\"", public_url, token);
    crypto_wipe(token, sizeof token);
}

static void addressing_free(struct addressing *a)
{
    if (a->body.ptr)
        crypto_wipe(a->body.ptr, a->body.len);
    buf_done(&a->body);
    mem_free(a);
}

static void on_added(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct addressing *a = arg;
    if (a->done)
        a->done(a->arg, status == PARLEY_STALE ? PARLEY_DENIED : status, buf_span(&a->body));
    addressing_free(a);
}

parley_status addresses_make(struct flows *flows, struct uuid conversation, struct span body, addresses_done *done,
                             void *arg, struct addressing **out)
{
    struct addressing *a = mem_alloc(sizeof *a);
    struct span rest = body, before;
    struct uuid blob;
    *a = (struct addressing){.done = done, .arg = arg};
    buf_init(&a->body, BODY_MAX);
    while (a->count < ADDRESSES_MAX && next_named(&rest, &before, &blob)) {
        buf_add_span(&a->body, before);
        add_address(a, flows->conf->server.public_url, blob);
        body = rest;
    }
    buf_add_span(&a->body, body);
    int64_t now_ms = clock_ms();
    parley_status st = a->body.status;
    if (st == PARLEY_OK)
        st = blob_add_addresses(flows->store, conversation, a->files, a->count, now_ms, now_ms + ADDRESS_MS, on_added,
                                a);
    if (st == PARLEY_OK)
        *out = a;
    else
        addressing_free(a);
    return st;
}

void addresses_forget(struct addressing *a)
{
    a->done = NULL;
}
