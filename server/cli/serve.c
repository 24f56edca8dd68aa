/* parley serve: what must be right before the daemon starts, and then the daemon. */
#include "server/cli/serve.h"

#include "server/base/clock.h"
#include "server/base/conf.h"
#include "server/base/log.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/migrate.h"
#include "server/io/crypto.h"
#include "server/io/webhook.h"
#include "server/worker/daemon.h"

#include <sys/resource.h>
#include <unistd.h>

enum { WHY_MAX = 4096, DESCRIPTORS_ELSE = 4096 };

static void set_up_log(const struct conf *conf)
{
    int format = conf->log.format;
    if (format == CONF_LOG_FORMAT_AUTO)
        format = isatty(STDERR_FILENO) ? LOG_TEXT : LOG_JSON;
    log_setup((enum log_level)conf->log.level, (enum log_format)format);
}

static int check_tls(const struct conf *conf)
{
    struct buf why;
    int code = CLI_OK;
    if (!*conf->tls.certificate)
        return CLI_OK;
    buf_init(&why, WHY_MAX);
    parley_status st = crypto_check_tls(conf->tls.certificate, conf->tls.key, clock_ms(), &why);
    buf_add(&why, "", 1);
    if (st != PARLEY_OK)
        code = cli_fail(CLI_FAILED, "tls: %s", why.ptr);
    else if (*why.ptr)
        log_warn(NULL, "the certificate ends soon", LOG_STR("what", why.ptr));
    buf_done(&why);
    return code;
}

static int check_push(const struct conf *conf)
{
    if (!*conf->push.url || webhook_secret_ok(conf->push.secret))
        return CLI_OK;
    return cli_fail(CLI_FAILED,
                    "push.secret is none: it needs whsec_ and base64 of 24 to 64 bytes, as `echo whsec_$(openssl "
                    "rand -base64 32)` makes one");
}

static int prepare_schema(const struct conf *conf)
{
    struct db *db = NULL;
    if (conf->database.migrate == CONF_MIGRATE_OFF)
        return CLI_OK;
    int code = db_open(conf, &db);
    if (code == CLI_OK)
        code = conf->database.migrate == CONF_MIGRATE_AUTO ? migrate_run(db, true) : migrate_check(db);
    db_close(&db);
    return code;
}

/* The WebSocket library keeps a place for every descriptor that there might be, and walks them all when one closes:
 * with the million that a container is often given, a close would take as long as a resume. */
static void limit_descriptors(const struct conf *conf)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)conf->server.max_connections + DESCRIPTORS_ELSE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= need)
        return;
    limit.rlim_cur = need;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int serve_run(const struct conf *conf, const struct daemon_options *options)
{
    set_up_log(conf);
    limit_descriptors(conf);
    int code = check_tls(conf);
    if (code == CLI_OK)
        code = check_push(conf);
    if (code == CLI_OK)
        code = prepare_schema(conf);
    if (code == CLI_OK && parley_daemon_run(conf, options) != 0)
        code = CLI_FAILED;
    return code;
}

/* Whatever got in would be root. */
static int check_user(const struct conf *conf)
{
    if (geteuid() != 0 || conf->server.allow_root)
        return CLI_OK;
    return cli_fail(
        CLI_DENIED,
        "not as root: give it a user of its own - `User=parley` in the unit, `USER parley` in the image, or "
        "`setpriv --reuid parley --regid parley --init-groups parley serve`; where root is the only user "
        "there is, set server.allow_root=yes");
}

static int serve(struct cli *cli)
{
    const struct conf *conf = cli_conf(cli);
    if (!conf)
        return CLI_USAGE;
    int code = check_user(conf);
    return code == CLI_OK ? serve_run(conf, NULL) : code;
}

const struct verb serve_verbs[] = {
    {.name = "serve",
     .operands = "",
     .summary = "the daemon, on your Postgres",
     .examples = "parley serve --config /etc/parley/parley.conf\n"
                 "PARLEY_DATABASE_URL=postgresql://db/parley parley serve --set server.listen=0.0.0.0:8300",
     .notes = "SIGTERM drains and ends it, SIGHUP reads the configuration and certificates again. As root it refuses "
              "to run,\n"
              "unless server.allow_root is set.",
     .uses_conf = true,
     .run = serve},
    {0},
};
