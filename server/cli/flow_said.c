/* Finding, judging and storing. */
#include "server/cli/flow_said.h"

#include "server/base/suggest.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/files.h"
#include "server/cli/flow_tools.h"
#include "server/flow/attach.h"
#include "server/flow/bundle.h"
#include "server/flow/check.h"
#include "server/io/crypto.h"
#include "server/store/blob_row.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum { PATH_ROOM = 1024, NUMBER = 24 };

static bool path_of(const char *flow, struct span name, char out[PATH_ROOM])
{
    const char *slash = strrchr(flow, '/');
    int folder = slash ? (int)(slash - flow) + 1 : 0;
    return snprintf(out, PATH_ROOM, "%.*s%.*s", folder, flow, SPAN_ARG(name)) < PATH_ROOM;
}

/* ---- naming ---- */

/* "did you mean": the nearest of the files in the folder that can be sent. */
static void suggest_file(const char *flow, const char *name, char out[80])
{
    char folder[PATH_ROOM];
    struct suggest s;
    suggest_init(&s, name);
    DIR *dir = path_of(flow, span_str("."), folder) ? opendir(folder) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (attach_type(span_str(e->d_name)))
            suggest_offer_copy(&s, span_str(e->d_name));
    if (dir)
        closedir(dir);
    snprintf(out, 80, "%s", s.best ? s.best : "");
}

static parley_status not_there(const char *flow, const char *name, struct flow_error *error)
{
    char near[80];
    suggest_file(flow, name, near);
    flow_error_set(error, "E113", "there is no file '%s' beside this flow%s%s%s", name,
                   near[0] ? ", did you mean '" : "", near, near[0] ? "'?" : "");
    return PARLEY_NOT_FOUND;
}

/* PARLEY_INVALID, and others, with the error; its bytes when it is right. */
static parley_status read_said(const char *flow, const char *name, struct buf *bytes, struct flow_error *error)
{
    char path[PATH_ROOM];
    struct stat is;
    if (!path_of(flow, span_str(name), path) || stat(path, &is) != 0 || !S_ISREG(is.st_mode))
        return not_there(flow, name, error);
    if (is.st_size <= ATTACH_BYTES_MAX && files_read(path, bytes) != CLI_OK)
        return not_there(flow, name, error);
    size_t head = bytes->len < ATTACH_HEAD ? bytes->len : ATTACH_HEAD;
    return attach_judge(span_str(name), span_of(bytes->ptr, head), is.st_size, error);
}

static void report(const struct flow_said *said, const struct flow_error *error, struct span bundle)
{
    struct flow_findings found = {.count = 1, .errors = {*error}};
    const char *slash = strrchr(said->file, '/');
    snprintf(found.errors->file, sizeof found.errors->file, "%s", said->file);
    found.errors->line = said->line;
    flow_findings_print(&found, bundle_file(bundle, slash ? slash + 1 : said->file));
}

static void add_line(const char *name, struct span bytes, struct buf *bundle)
{
    uint8_t digest[CRYPTO_DIGEST];
    char hex[2 * CRYPTO_DIGEST + 1];
    const char *type = attach_type(span_str(name)); /* there is one: the file has been judged */
    crypto_sha256(bytes, digest);
    crypto_hex(span_of(digest, sizeof digest), hex);
    bundle_add_said(bundle, &(struct bundle_said){.name = span_str(name),
                                                  .type = span_str(type ? type : ""),
                                                  .bytes = (int64_t)bytes.len,
                                                  .sha256 = span_str(hex)});
}

int flow_said_name(const char *path, const struct flow_said *said, size_t count, struct buf *bundle)
{
    int code = CLI_OK;
    for (size_t i = 0; said && i < count; i++) {
        struct flow_error error = {0};
        struct buf bytes;
        buf_init(&bytes, ATTACH_BYTES_MAX);
        parley_status st = PARLEY_LIMIT;
        if (i < BUNDLE_FILES_MAX)
            st = read_said(path, said[i].name, &bytes, &error);
        else
            flow_error_set(&error, "E115", "a flow sends at most %d files, with all that it calls", BUNDLE_FILES_MAX);
        if (st == PARLEY_OK) {
            add_line(said[i].name, buf_span(&bytes), bundle);
        } else {
            report(&said[i], &error, buf_span(bundle));
            code = CLI_PROBLEMS;
        }
        buf_done(&bytes);
    }
    return code;
}

/* ---- storing ---- */

static parley_status put_part(struct db *db, const char *id, size_t part, struct span data)
{
    char number[NUMBER];
    struct buf hex;
    buf_init(&hex, 2 * BLOB_PART + 1);
    char *room = buf_reserve(&hex, 2 * data.len + 1);
    if (!room)
        return PARLEY_NOMEM;
    crypto_hex(data, room);
    snprintf(number, sizeof number, "%zu", part);
    parley_status st = db_run(db, "insert into blob_part (blob, part, data) values ($1, $2, decode($3, 'hex'))",
                              DB_ARGS(id, number, room));
    buf_done(&hex);
    return st;
}

static parley_status put_bytes(struct db *db, const char *id, struct span bytes)
{
    parley_status st = PARLEY_OK;
    for (size_t at = 0; st == PARLEY_OK && at < bytes.len; at += BLOB_PART) {
        size_t left = bytes.len - at;
        st = put_part(db, id, at / BLOB_PART, span_of(bytes.ptr + at, left < BLOB_PART ? left : BLOB_PART));
    }
    if (st == PARLEY_OK)
        st = db_run(db, "update blob set state = 2 where id = $1", DB_ARGS(id));
    return st;
}

/* False: it is there already. */
static parley_status begin_blob(struct db *db, const struct bundle_said *said, const char *id, bool *out_new)
{
    char bytes[NUMBER], name[ATTACH_NAME_MAX + 1], type[LIMIT_NAME + 1], sha256[2 * CRYPTO_DIGEST + 1];
    snprintf(bytes, sizeof bytes, "%lld", (long long)said->bytes);
    snprintf(name, sizeof name, "%.*s", SPAN_ARG(said->name));
    snprintf(type, sizeof type, "%.*s", SPAN_ARG(said->type));
    snprintf(sha256, sizeof sha256, "%.*s", SPAN_ARG(said->sha256));
    parley_status st =
        db_run(db,
               "insert into blob (id, conversation, name, type, bytes, sha256, state) values ($1,"
               " '00000000-0000-0000-0000-000000000000', $2, $3, $4, decode($5, 'hex'), 1) on conflict (id) do nothing",
               DB_ARGS(id, name, type, bytes, sha256));
    *out_new = db_touched(db) == 1;
    return st;
}

static parley_status store_one(struct db *db, const char *path, const struct bundle_said *said)
{
    char file[PATH_ROOM], id[UUID_TEXT + 1];
    uint8_t digest[CRYPTO_DIGEST], is[CRYPTO_DIGEST];
    struct buf bytes;
    bool new = false;
    if (crypto_unhex(said->sha256, digest, sizeof digest) != PARLEY_OK || !path_of(path, said->name, file))
        return PARLEY_INVALID;
    uuid_format(blob_of_flow(digest), id);
    parley_status st = begin_blob(db, said, id, &new);
    if (st != PARLEY_OK || !new)
        return st;
    buf_init(&bytes, ATTACH_BYTES_MAX);
    st = files_read(file, &bytes) == CLI_OK ? PARLEY_OK : PARLEY_STALE;
    crypto_sha256(buf_span(&bytes), is);
    if (st == PARLEY_OK && memcmp(is, digest, sizeof is) != 0)
        st = PARLEY_STALE;
    if (st == PARLEY_OK)
        st = put_bytes(db, id, buf_span(&bytes));
    buf_done(&bytes);
    return st;
}

parley_status flow_said_store(struct db *db, const char *path, struct span bundle)
{
    struct span lines = bundle_said_lines(bundle);
    struct bundle_said said;
    parley_status st = PARLEY_OK;
    while (st == PARLEY_OK && bundle_next_said(&lines, &said))
        st = store_one(db, path, &said);
    return st;
}
