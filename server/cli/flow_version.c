/* Versions of a flow by the beginning of their hash. */
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/flow_tools.h"

#include <stdio.h>
#include <string.h>

const char FLOW_PUBLISHED[] = "published";

bool flow_name_of(const char *path, char out[FLOW_NAME])
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    int len = dot ? (int)(dot - base) : (int)strlen(base);
    snprintf(out, FLOW_NAME, "%.*s", len, base);
    return len > 0 && len < FLOW_NAME && strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789._-") == (size_t)len;
}

static parley_status published(struct db *db, const char *name, struct db_rows **out)
{
    return db_query(db,
                    "select encode(v.hash, 'hex'), v.title, v.source from flow f join flow_version v using (hash)"
                    " where f.name = $1",
                    DB_ARGS(name), out);
}

static parley_status before_this(struct db *db, const char *name, struct db_rows **out)
{
    return db_query(
        db,
        "select encode(v.hash, 'hex'), v.title, v.source from flow_publication p join flow_version v using (hash)"
        " where p.flow = $1 and p.hash <> (select hash from flow where name = $1)"
        " order by p.number desc limit 1",
        DB_ARGS(name), out);
}

static parley_status by_hash(struct db *db, const char *name, const char *version, struct db_rows **out)
{
    return db_query(db,
                    "select encode(v.hash, 'hex'), v.title, v.source from flow_version v where exists"
                    " (select from flow_publication p where p.hash = v.hash and p.flow = $1)"
                    " and left(encode(v.hash, 'hex'), length($2)) = $2 limit 2",
                    DB_ARGS(name, version), out);
}

int flow_version_of(struct db *db, const char *name, const char *version, struct db_rows **out)
{
    bool now = version == FLOW_PUBLISHED;
    if (version && !now && (strlen(version) < 4 || strspn(version, "0123456789abcdef") != strlen(version)))
        return cli_fail(CLI_USAGE,
                        "%.80s is no version: they are named by four or more of 0-9 a-f, see parley flow versions",
                        version);
    parley_status st = now       ? published(db, name, out)
                       : version ? by_hash(db, name, version, out)
                                 : before_this(db, name, out);
    if (st != PARLEY_OK)
        return db_fail(db, st, "cannot read the versions");
    if (db_count(*out) == 1)
        return CLI_OK;
    bool several = db_count(*out) > 1;
    db_rows_free(out);
    if (several)
        return cli_fail(CLI_USAGE, "several versions of %.80s begin with %s: write more of it", name, version);
    if (now)
        return cli_fail(CLI_NOT_FOUND, "no flow %.80s is published", name);
    if (version)
        return cli_fail(CLI_NOT_FOUND, "%.80s has no version %s; see parley flow versions", name, version);
    return cli_fail(CLI_NOT_FOUND, "there is no version of %.80s before this one", name);
}
