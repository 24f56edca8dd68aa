/* A file by its path: a place for it, its bytes, and what is said of it. */
#include "protocol/form.h"
#include "protocol/limits.h"
#include "protocol/wire_json.h"
#include "server/cli/chat.h"
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/sign_in.h"
#include "server/flow/attach.h"
#include "server/io/crypto.h"
#include "server/io/curl_once.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 30000, STEP_MS = 1000, ARENA = 1 << 16 };

/* A file on its way; c->file while its place is asked for. */
struct chat_upload {
    uint64_t call;
    bool answered;
    char blob[UUID_TEXT + 1], url[1024];
};

void chat_file_reply(struct chat *c, parley_event *e)
{
    struct chat_upload *u = c->upload;
    if (!u || parley_event_call(e) != u->call)
        return;
    const char *blob = parley_event_text(e, "data.blob"), *url = parley_event_text(e, "data.url");
    u->answered = true;
    snprintf(u->blob, sizeof u->blob, "%s", blob ? blob : "");
    snprintf(u->url, sizeof u->url, "%s", url ? url : "");
}

/* A server that does not know its own name gives a path of itself. */
static bool put(struct chat *c, const char *place, struct span bytes)
{
    char here[1024];
    bool is_path = *place == '/' && sign_in_http_url(c->sign_in->url, place, here, sizeof here);
    const char *url = is_path ? here : place;
    struct buf answer;
    char why[CURL_WHY];
    int http = 0;
    buf_init(&answer, LIMIT_BODY);
    parley_status st = curl_put_once(url, c->sign_in->ca_file, bytes, &http, &answer, why);
    if (st != PARLEY_OK || http != 201)
        term_line(c->term, TONE_BAD, "  the file was not taken: %s", st == PARLEY_OK ? "refused" : why);
    buf_done(&answer);
    return st == PARLEY_OK && http == 201;
}

/* What arrives meanwhile is shown as ever. */
static bool bring(struct chat *c, struct span name, const char *type, struct span bytes, const char *sha256,
                  struct chat_upload *u)
{
    char text[LIMIT_TITLE + 1];
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(name));
    parley_status st = parley_upload(c->client, NULL, text, type, (int64_t)bytes.len, sha256, &u->call);
    chat_complain(c, st);
    if (st != PARLEY_OK)
        return false;
    c->upload = u;
    for (int waited = 0; !u->answered && !c->quit && waited < WAIT_MS; waited += STEP_MS)
        chat_events(c, STEP_MS);
    c->upload = NULL;
    if (!u->answered)
        term_line(c->term, TONE_BAD, "  the file waits for a connection; try again when we are online");
    return *u->url && put(c, u->url, bytes);
}

static bool say_of(struct arena *arena, const struct chat_upload *u, struct span name, const char *type, size_t bytes,
                   const char *sha256, struct value *out)
{
    if (value_map(arena, 5, out) != PARLEY_OK)
        return false;
    value_put(out, span_str("blob"), value_text(arena_span(arena, span_str(u->blob))));
    value_put(out, span_str("name"), value_text(arena_span(arena, name)));
    value_put(out, span_str("type"), value_text(span_str(type)));
    value_put(out, span_str("bytes"), value_int((int64_t)bytes));
    value_put(out, span_str("sha256"), value_text(arena_span(arena, span_str(sha256))));
    return true;
}

bool chat_file(struct chat *c, struct span accept, const char *path, struct arena *arena, struct value *out)
{
    const char *slash = strrchr(path, '/');
    struct span name = span_str(slash ? slash + 1 : path);
    const char *type = attach_type(name);
    struct chat_upload u = {0};
    struct buf bytes;
    type = type ? type : "application/octet-stream";
    if (!form_accepts(accept, span_str(type))) {
        term_line(c->term, TONE_DIM, "  This takes %.*s, and %s is %s.", SPAN_ARG(accept), path, type);
        return false;
    }
    uint8_t digest[CRYPTO_DIGEST];
    char sha256[2 * CRYPTO_DIGEST + 1];
    buf_init(&bytes, LIMIT_UPLOAD);
    bool ok = name.len && files_read(path, &bytes) == CLI_OK && bytes.len;
    if (!ok)
        term_line(c->term, TONE_DIM, "  There is no such file, or it is empty or too large.");
    crypto_sha256(buf_span(&bytes), digest);
    crypto_hex(span_of(digest, sizeof digest), sha256);
    ok = ok && bring(c, name, type, buf_span(&bytes), sha256, &u) &&
         say_of(arena, &u, name, type, bytes.len, sha256, out);
    buf_done(&bytes);
    return ok;
}

void chat_send_file(struct chat *c, const char *path)
{
    struct arena arena;
    struct value body;
    struct buf json;
    arena_init(&arena, ARENA);
    buf_init(&json, LIMIT_BODY);
    if (chat_file(c, span_of("", 0), path, &arena, &body)) {
        wire_json_put_value(&json, &body);
        buf_add(&json, "", 1);
        chat_complain(c,
                      json.status == PARLEY_OK ? parley_post(c->client, NULL, "media", json.ptr, NULL) : json.status);
    }
    buf_done(&json);
    arena_done(&arena);
}
