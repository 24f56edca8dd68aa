/* upload, download: one-time addresses for files. The bytes go over HTTP, see http_blob.c. */
#include "server/api/api.h"
#include "server/api/auth.h"
#include "server/api/thread.h"
#include "server/api/verb.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/io/crypto.h"
#include "server/store/blob_row.h"

#include <stdio.h>

enum { URL_MS = 600000, SWEEP_MS = 3600000 };

struct slot {
    struct ask *ask;
    struct uuid conversation;
    struct blob_row row;
    char name[LIMIT_TITLE + 1], type[LIMIT_NAME + 1];
    char token[AUTH_TOKEN];
    uint8_t digest[AUTH_DIGEST];
    bool upload;
};

static void slot_refuse(struct slot *s, parley_status status, const char *text, const char *path)
{
    ask_refuse(s->ask, status, text, path);
    mem_free(s);
}

static void on_address(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct slot *s = arg;
    char url[1024];
    if (status != PARLEY_OK) {
        slot_refuse(s, status, NULL, NULL);
        return;
    }
    snprintf(url, sizeof url, "%s/v1/blobs/%s", s->ask->api->conf->server.public_url, s->token);
    if (s->upload)
        ask_reply(s->ask, FRAME_upload_slot, &(struct frame_upload_slot){.blob = s->row.id, .url = span_str(url)});
    else
        ask_reply(s->ask, FRAME_download_slot, &(struct frame_download_slot){.url = span_str(url)});
    crypto_wipe(s->token, sizeof s->token);
    mem_free(s);
}

static void on_swept(void *arg, parley_status status, const struct pg_fault *fault)
{
    if (status != PARLEY_OK)
        ((struct api *)arg)->blobs_swept_ms = 0; /* the next address tries again */
}

/* Only here can there be more of what is never finished or fetched: so here, at times, it is removed. */
static void sweep(struct api *api)
{
    int64_t now_ms = clock_ms();
    if (now_ms - api->blobs_swept_ms < SWEEP_MS)
        return;
    if (blob_sweep(api->store, now_ms - SWEEP_MS, on_swept, api) == PARLEY_OK)
        api->blobs_swept_ms = now_ms;
}

static void make_address(struct slot *s)
{
    sweep(s->ask->api);
    auth_token_new("", s->token, s->digest);
    parley_status st = blob_add_url(s->ask->api->store, s->digest, s->row.id, s->upload ? "PUT" : "GET",
                                    clock_ms() + URL_MS, on_address, s);
    if (st != PARLEY_OK)
        slot_refuse(s, st, NULL, NULL);
}

static void on_announced(void *arg, parley_status status, const struct pg_fault *fault)
{
    if (status == PARLEY_OK)
        make_address(arg);
    else
        slot_refuse(arg, status, NULL, NULL);
}

static void on_blob(void *arg, parley_status status, const struct blob_row *rows, int n)
{
    struct slot *s = arg;
    bool there = status == PARLEY_OK && n && uuid_equal(rows[0].conversation, s->conversation);
    if (status != PARLEY_OK || !there)
        slot_refuse(s, status == PARLEY_OK ? PARLEY_NOT_FOUND : status, NULL, "data.blob");
    else if (rows[0].state != BLOB_STORED)
        slot_refuse(s, PARLEY_WRONG_STATE, "the file has not been uploaded yet", "data.blob");
    else
        make_address(s);
}

/* Who may read the conversation may add to it and read its files. */
static void on_may_read(void *arg, parley_status status, struct thread_read *read)
{
    struct slot *s = arg;
    struct store *store = s->ask->api->store;
    thread_release(read);
    if (status == PARLEY_OK && s->upload)
        status = blob_announce(store, &s->row, on_announced, s);
    else if (status == PARLEY_OK)
        status = blob_get(store, s->row.id, on_blob, s);
    if (status != PARLEY_OK)
        slot_refuse(s, status, NULL, status == PARLEY_NOT_FOUND ? "data.conversation" : NULL);
}

static struct slot *slot_new(struct api *api, struct link *link, const struct frame *frame, struct uuid conversation)
{
    struct ask *ask = ask_begin(api, link, frame);
    if (!ask)
        return NULL;
    struct slot *s = mem_alloc(sizeof *s);
    s->ask = ask;
    s->conversation = conversation;
    return s;
}

void on_upload(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_upload *r = &frame->upload;
    uint8_t sha256[32];
    if (crypto_unhex(r->sha256, sha256, sizeof sha256) != PARLEY_OK) {
        api_refuse(link, frame->id, PARLEY_INVALID, "64 hex digits are due", "data.sha256");
        return;
    }
    struct slot *s = slot_new(api, link, frame, r->conversation);
    if (!s)
        return;
    s->upload = true;
    snprintf(s->name, sizeof s->name, "%.*s", SPAN_ARG(r->name));
    snprintf(s->type, sizeof s->type, "%.*s", SPAN_ARG(r->type));
    s->row = (struct blob_row){.id = crypto_uuid7(),
                               .conversation = r->conversation,
                               .name = span_str(s->name),
                               .type = span_str(s->type),
                               .bytes = r->bytes};
    memcpy(s->row.sha256, sha256, sizeof sha256);
    thread_load(api, link, &(struct thread_wish){.conversation = r->conversation, .limit = 1}, on_may_read, s);
}

void on_download(struct api *api, struct link *link, const struct frame *frame)
{
    const struct frame_download *r = &frame->download;
    struct slot *s = slot_new(api, link, frame, r->conversation);
    if (!s)
        return;
    s->row.id = r->blob;
    thread_load(api, link, &(struct thread_wish){.conversation = r->conversation, .limit = 1}, on_may_read, s);
}
