/* parley dev: everything on one machine for trying it out - a private Postgres, the schema, a demo, the daemon. */
#include "server/base/conf.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/demo.h"
#include "server/cli/files.h"
#include "server/cli/migrate.h"
#include "server/cli/private_pg.h"
#include "server/cli/serve.h"
#include "server/cli/state.h"
#include "server/io/crypto.h"
#include "server/worker/daemon.h"

#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WHY_MAX = 4096, PORTS_TRIED = 50, VALUE_MAX = 512 };

struct dev {
    struct cli *cli;
    char *dir;
    struct private_pg *pg;
    const struct conf *conf;
    struct demo demo;
};

static volatile sig_atomic_t asked_to_stop;

static void on_stop(int signal)
{
    asked_to_stop = 1;
}

/* Until the daemon takes the signals, Ctrl-C is remembered: Postgres must not be left behind. */
static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* From here on a signal waits for the daemon, which takes it by a descriptor. */
static void hold_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool is_free(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool ok = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return ok;
}

static bool is_default(const struct conf *conf, const char *section, const char *name)
{
    struct buf origin;
    bool yes = false;
    buf_init(&origin, VALUE_MAX);
    for (size_t i = 0; i < conf_key_count(); i++) {
        if (strcmp(conf_key(i)->section, section) != 0 || strcmp(conf_key(i)->name, name) != 0)
            continue;
        conf_origin(conf, i, &origin);
        yes = span_is(buf_span(&origin), "default");
    }
    buf_done(&origin);
    return yes;
}

/* The usual port, or the next that is free, unless one was asked for. */
static void choose_port(struct cli *cli, const char *section, int usual)
{
    char key[32], value[32];
    int port = usual;
    const struct conf *conf = cli_conf(cli);
    if (!conf || !is_default(conf, section, "listen"))
        return;
    while (!is_free(port) && port < usual + PORTS_TRIED)
        port += 2;
    snprintf(key, sizeof key, "%s.listen", section);
    snprintf(value, sizeof value, "127.0.0.1:%d", port);
    cli_preset(cli, key, value);
}

static char *path_in(const struct dev *dev, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dev->dir, name);
    return mem_text(path);
}

/* Seals shared secrets of this folder's database; without it they could not be opened at the next start. */
static int make_master_key(struct dev *dev)
{
    char *path = path_in(dev, "master.key"), hex[2 * CRYPTO_KEY + 1];
    uint8_t key[CRYPTO_KEY];
    int code = CLI_OK;
    if (access(path, F_OK) != 0) {
        crypto_random(key, sizeof key);
        crypto_hex(span_of(key, sizeof key), hex);
        code = files_write_secret(path, span_str(hex));
    }
    cli_preset(dev->cli, "auth.master_key_file", path);
    mem_free(path);
    return code;
}

static int find_state(struct dev *dev)
{
    const char *given = cli_flag(dev->cli, "state");
    struct buf why;
    buf_init(&why, WHY_MAX);
    parley_status st = PARLEY_OK;
    if (given)
        dev->dir = realpath(state_make_dirs(given) == PARLEY_OK ? given : "", NULL);
    else
        st = state_dir(&dev->dir, &why);
    if (st == PARLEY_OK && !dev->dir) {
        buf_printf(&why, "cannot make the folder %s", given);
        st = PARLEY_DENIED;
    }
    if (st == PARLEY_OK && cli_has(dev->cli, "fresh"))
        st = private_pg_forget(dev->dir, &why);
    if (st != PARLEY_OK)
        cli_fail(CLI_FAILED, "%.*s", SPAN_ARG(buf_span(&why)));
    buf_done(&why);
    return st == PARLEY_OK ? CLI_OK : CLI_FAILED;
}

static int start_postgres(struct dev *dev)
{
    static const char *const settings[] = {"max_wal_size=4GB", "shared_buffers=256MB", "jit=off", NULL};
    struct buf why;
    buf_init(&why, WHY_MAX);
    parley_status st =
        private_pg_start(&(struct private_pg_options){.dir = dev->dir, .settings = settings}, &dev->pg, &why);
    if (st != PARLEY_OK)
        cli_fail(CLI_FAILED, "%.*s", SPAN_ARG(buf_span(&why)));
    else
        cli_preset(dev->cli, "database.url", private_pg_url(dev->pg));
    buf_done(&why);
    return st == PARLEY_OK ? CLI_OK : CLI_FAILED;
}

static int fill_database(struct dev *dev)
{
    struct db *db = NULL;
    int code = db_open(dev->conf, &db);
    if (code == CLI_OK)
        code = migrate_run(db, true);
    if (code == CLI_CONFLICT)
        cli_say(dev->cli,
                "This is the demo's database: `parley dev --fresh` makes a new one, and forgets what is in it.");
    if (code == CLI_OK)
        code = demo_fill(db, dev->conf, dev->dir, &dev->demo);
    db_close(&db);
    return code;
}

/* Whether `parley` in the shell is this program. */
static bool installed(const char *exe)
{
    char path[4096], file[PATH_MAX + 8], *rest = path;
    snprintf(path, sizeof path, "%s", getenv("PATH") ? getenv("PATH") : "");
    for (char *folder; (folder = strsep(&rest, ":"));) {
        char found[PATH_MAX] = "";
        snprintf(file, sizeof file, "%.*s/parley", PATH_MAX, folder);
        if (realpath(file, found))
            return strcmp(found, exe) == 0;
    }
    return false;
}

/* How this program is called from here: build/release/parley in a clone. */
static void program_name(char *out, size_t size)
{
    char exe[PATH_MAX] = "", cwd[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    size_t len = getcwd(cwd, sizeof cwd) ? strlen(cwd) : 0;
    bool below = n > 0 && len > 1 && strncmp(exe, cwd, len) == 0 && exe[len] == '/';
    snprintf(out, size, "%s", below ? exe + len + 1 : installed(exe) ? "parley" : exe);
}

static void print_people(const struct dev *dev)
{
    if (!*dev->demo.people[0].password) {
        printf(
            "  People      kim@, sam@ (agents) and lee@example.com (supervisor); first passwords in %s/demo.agents\n",
            dev->dir);
        return;
    }
    for (int i = 0; i < DEMO_PEOPLE; i++) {
        const struct demo_person *p = &dev->demo.people[i];
        printf("  %-10s  %s / %s   (shown once)\n", p->role, p->email, p->password);
    }
}

/* For chat and desk in the same folder. Whether they find it there. */
static bool leave_address(const struct dev *dev)
{
    char *path = path_in(dev, "demo.url");
    FILE *file = cli_has(dev->cli, "state") ? NULL : fopen(path, "we");
    bool ok = file && fprintf(file, "ws://%s/v1/ws\n", dev->conf->server.listen.at[0]) > 0;
    if (file && fclose(file) != 0)
        ok = false;
    mem_free(path);
    return ok;
}

static void print_next(const struct dev *dev)
{
    char program[PATH_MAX], server[VALUE_MAX] = "", ana[PATH_MAX + 32] = "--name ana";
    program_name(program, sizeof program);
    if (!leave_address(dev))
        snprintf(server, sizeof server, " --server ws://%s/v1/ws", dev->conf->server.listen.at[0]);
    if (cli_has(dev->cli, "state")) /* a name alone is signed with the key of this folder's own */
        snprintf(ana, sizeof ana, "--key %s/demo.jwk --sub ana", dev->dir);
    printf("  %s chat %s%s                 as a customer: say hello, then ask for a person\n", program, ana, server);
    printf("  %s desk --login kim@example.com%s    as an agent: take the offer, answer, resolve\n", program, server);
}

static void banner(void *arg)
{
    const struct dev *dev = arg;
    const char *bold = cli_color(dev->cli) ? "\033[1m" : "", *plain = *bold ? "\033[0m" : "";
    printf("\n%sparley %s%s (dev: for trying out, not for production - local database, no TLS)\n\n", bold,
           PARLEY_VERSION, plain);
    printf("  Clients     ws://%s/v1/ws\n", dev->conf->server.listen.at[0]);
    printf("  Operators   http://%s/metrics  /readyz?verbose\n", dev->conf->metrics.listen);
    printf("  Database    private PostgreSQL %d, socket only: psql '%s'\n", private_pg_version(dev->pg),
           private_pg_url(dev->pg));
    printf("  Files       %s: demo.jwk signs tokens for the app `demo`\n", dev->dir);
    print_people(dev);
    printf("\n%sNext%s, each in a terminal of its own, in this folder:\n", bold, plain);
    print_next(dev);
    printf("\nStop with Ctrl-C; data stays. `--fresh` forgets it.\n\n");
    fflush(stdout);
}

static int run_daemon(struct dev *dev)
{
    dev->conf = cli_conf(dev->cli);
    if (!dev->conf)
        return CLI_USAGE;
    int code = fill_database(dev);
    hold_signals();
    if (code == CLI_OK && asked_to_stop)
        code = CLI_INTERRUPTED;
    if (code == CLI_OK)
        code = serve_run(dev->conf, &(struct daemon_options){.ready = banner, .arg = dev});
    return code;
}

static int dev(struct cli *cli)
{
    struct dev dev = {.cli = cli};
    if (!cli_conf(cli))
        return CLI_USAGE;
    catch_signals();
    int code = find_state(&dev);
    if (code == CLI_OK)
        code = make_master_key(&dev);
    if (code == CLI_OK)
        code = start_postgres(&dev);
    if (code == CLI_OK) {
        choose_port(cli, "server", 8300);
        choose_port(cli, "metrics", 8301);
        code = asked_to_stop ? CLI_INTERRUPTED : run_daemon(&dev);
    }
    private_pg_stop(&dev.pg);
    free(dev.dir);
    return code;
}

const struct verb dev_verbs[] = {
    {.name = "dev",
     .operands = "",
     .summary = "everything on a private Postgres, with a demo: try it",
     .examples = "parley dev\nparley dev --fresh",
     .notes = "Not for production: no TLS, demo people, and the database's superuser serves.",
     .uses_conf = true,
     .flags = {{"fresh", NULL, "forget all data of earlier starts first", false},
               {"state", "DIR", "keep data there, not in a folder named after the present one", false}},
     .run = dev},
    {0},
};
