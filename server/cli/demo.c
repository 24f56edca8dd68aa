/* The demo is written by the same calls as an administrator's verbs. */
#include "server/cli/demo.h"

#include "server/base/conf.h"
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/demo_flow.h"
#include "server/cli/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 16384 };

static const struct demo people = {.people = {
                                       {.email = "kim@example.com", .role = "agent"},
                                       {.email = "sam@example.com", .role = "agent"},
                                       {.email = "lee@example.com", .role = "supervisor"},
                                   }};

static parley_status add_people(struct db *db, const struct conf *conf, struct demo *out)
{
    static const char *const queues[] = {"support", NULL};
    static const char *const names[] = {"Kim", "Sam", "Lee"};
    parley_status st = PARLEY_OK;
    *out = people;
    for (int i = 0; st == PARLEY_OK && i < DEMO_PEOPLE; i++) {
        char id[UUID_TEXT + 1];
        struct demo_person *p = &out->people[i];
        st = admin_add_agent(db,
                             &(struct admin_agent){.email = p->email,
                                                   .name = names[i],
                                                   .role = p->role,
                                                   .capacity = conf->routing.capacity,
                                                   .queues = queues},
                             id, p->password);
    }
    return st;
}

static parley_status add_all(struct db *db, const struct conf *conf, struct jws_key *key, struct demo *out)
{
    char id[UUID_TEXT + 1], hash[2 * CRYPTO_DIGEST + 1];
    parley_status st = admin_add_queue(db, "support", "Customer support", 0);
    if (st == PARLEY_OK)
        st = admin_add_app(db, &(struct admin_app){.name = "demo", .queue = "support", .flow = "demo", .guests = true},
                           id);
    if (st == PARLEY_OK)
        st = admin_publish_flow(db, "demo", "Demo", demo_flow, hash);
    if (st == PARLEY_OK)
        st = admin_add_app_key(db, conf, "demo", key);
    if (st == PARLEY_OK)
        st = add_people(db, conf, out);
    return st;
}

/* Written before the commit: a key whose private half is nowhere would be of no use. */
static int write_files(const char *dir, const struct jws_key *key, const struct demo *demo)
{
    char path[PATH_MAX];
    struct buf text;
    buf_init(&text, TEXT_MAX);
    jws_key_json(key, true, &text);
    snprintf(path, sizeof path, "%s/demo.jwk", dir);
    unlink(path);
    int code = files_write_secret(path, buf_span(&text));
    buf_clear(&text);
    for (int i = 0; i < DEMO_PEOPLE; i++)
        buf_printf(&text, "%s %s %s\n", demo->people[i].email, demo->people[i].role, demo->people[i].password);
    snprintf(path, sizeof path, "%s/demo.agents", dir);
    unlink(path);
    if (code == CLI_OK)
        code = files_write_secret(path, buf_span(&text));
    crypto_wipe(text.ptr, text.cap);
    buf_done(&text);
    return code;
}

static int fill(struct db *db, const struct conf *conf, const char *dir, struct jws_key *key, struct demo *out)
{
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = add_all(db, conf, key, out);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot make the demo");
    int code = write_files(dir, key, out);
    if (code != CLI_OK) {
        db_rollback(db);
        return code;
    }
    st = db_commit(db, "app");
    return st == PARLEY_OK ? CLI_OK : db_fail(db, st, "cannot make the demo");
}

int demo_fill(struct db *db, const struct conf *conf, const char *dir, struct demo *out)
{
    struct db_rows *rows;
    struct jws_key *key;
    parley_status st = db_query(db, "select 1 from app limit 1", NULL, &rows);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot look for the demo");
    bool there = db_count(rows) > 0;
    db_rows_free(&rows);
    *out = people;
    if (there)
        return CLI_OK;
    if (jws_key_generate(JWS_ES256, &key) != PARLEY_OK)
        return cli_fail(CLI_FAILED, "cannot make a key");
    int code = fill(db, conf, dir, key, out);
    jws_key_free(&key);
    return code;
}
