/* Apps for tests against `parley mock`.
 *
 *   sdk_host run PORT WHO LOG COUNT [json] [threaded] [speed N] [folder PATH]
 *       says COUNT numbers, and goes on until "until SEQ" comes on stdin and it has every item up to there
 *   sdk_host storm PORT LOG FOLDER FIRST COUNT SECONDS
 *       so many schedules, by seed from FIRST on: a process that says something and is killed, and another one on what
 *       it left, and so on; the last one lives until everything is there, at most so many seconds.
 *       Then how often each point was fatal, as a line of JSON.
 *
 * Exit 0: all is there. 2: wrong use. 3: it does not come to an end. 4: the library refused what it may not refuse. */
#include "tests/support/sdk_host/app.h"
#include "tests/support/sdk_host/disk.h"
#include "tests/support/sdk_host/note.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STUCK_S = 300, CHATTER = 6, SPEED = 60, TURN_MS = 10, SAY_EACH_MS = 40 };

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static int open_log(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(path);
        exit(2);
    }
    return fd;
}

static void stuck(struct app *a)
{
    app_is_complete(a);
    app_note_end(a);
    fprintf(stderr, "sdk_host: %s does not come to an end\n", a->options.who);
    exit(3);
}

static struct app app; /* large */

/* --- run --- */

static int64_t told_until(void)
{
    static char line[64];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    long long seq;
    if (poll(&in, 1, 0) != 1)
        return -1;
    ssize_t n = read(STDIN_FILENO, line, sizeof line - 1);
    if (n <= 0)
        exit(2);
    line[n] = '\0';
    return sscanf(line, "until %lld", &seq) == 1 ? seq : -1;
}

/* What an app does beside talking. */
static void live(struct app *a, int said)
{
    char screen[32];
    snprintf(screen, sizeof screen, "\"page %d\"", said / 4);
    parley_context_set(a->client, NULL, "screen", screen);
    parley_typing(a->client, NULL, 1);
    if (a->newest)
        parley_mark_read(a->client, NULL, a->newest);
}

static int run(struct app_options *options, int count)
{
    int64_t end = now_ms() + STUCK_S * 1000, next = 0, until = -1;
    int said = 0;
    app_start(&app, options);
    while (until < 0 || parley_outbox_count(app.client) || !app_has_all(&app, until) || !app_is_complete(&app)) {
        if (said < count && now_ms() >= next) {
            next = now_ms() + SAY_EACH_MS;
            live(&app, said);
            app_say(&app, said++);
        }
        app_turn(&app, TURN_MS);
        if (until < 0)
            until = told_until();
        if (now_ms() > end)
            stuck(&app);
    }
    app_turn(&app, 0);
    app_note_end(&app);
    app_stop(&app);
    return 0;
}

static int run_main(int argc, char **argv)
{
    struct app_options options = {.port = atoi(argv[2]), .who = argv[3], .speed = 1, .seed = (uint64_t)now_ms()};
    note_open(open_log(argv[4]), options.who, 0);
    for (int i = 6; i < argc; i++) {
        options.json |= strcmp(argv[i], "json") == 0;
        options.threaded |= strcmp(argv[i], "threaded") == 0;
        if (strcmp(argv[i], "speed") == 0 && i + 1 < argc)
            options.speed = atoi(argv[++i]);
        else if (strcmp(argv[i], "folder") == 0 && i + 1 < argc)
            options.folder = argv[++i];
    }
    return run(&options, atoi(argv[5]));
}

/* --- storm --- */

/* What survives a kill, beside the files. */
struct ledger {
    uint32_t fatal[POINT_COUNT];
    uint32_t lives;
    int patience_s;
    int said; /* the next number to say in this schedule; one that was being typed is not said again */
};

static void plan_death(struct app *a, struct ledger *ledger)
{
    enum point at = (enum point)(app_chance(a) % POINT_COUNT);
    bool often = at <= POINT_synced || at == POINT_pulled;
    point_plan(at, (int)(app_chance(a) % (often ? 24 : 6)), ledger->fatal);
}

static void act(struct app *a, struct ledger *ledger, bool may_say)
{
    uint32_t what = app_chance(a) % 8;
    if (may_say && what < 2)
        app_say(a, ledger->said++); /* counted first: it may never return */
    else if (what == 2)
        parley_network_changed(a->client, 1);
    else if (what == 3 && a->newest)
        parley_mark_read(a->client, NULL, a->newest);
    else if (what == 4)
        parley_draft_set(a->client, NULL, 0, "\"half a sen\"");
}

static void short_life(struct app *a, struct ledger *ledger)
{
    int steps = 5 + (int)(app_chance(a) % 25);
    for (int i = 0; i < steps; i++) {
        act(a, ledger, true);
        app_turn(a, 1);
        point(POINT_step);
    }
    ledger->fatal[POINT_step]++;
    kill(getpid(), SIGKILL);
}

/* One more word, so that each schedule ends with something that is surely typed. */
static void last_life(struct app *a, struct ledger *ledger)
{
    int64_t end = now_ms() + ledger->patience_s * 1000;
    app_say(a, ledger->said++);
    while (!app_has_all(a, a->newest) || a->others < CHATTER || parley_outbox_count(a->client) || !app_is_complete(a)) {
        app_turn(a, 1);
        if (parley_state(a->client) == PARLEY_STATE_BACKOFF)
            parley_network_changed(a->client, 1); /* the system says that it is back */
        if (now_ms() > end)
            stuck(a);
    }
    app_note_end(a);
    app_stop(a);
}

static void live_once(struct app_options options, struct ledger *ledger, int log, int life, bool last)
{
    options.seed = options.seed * 64 + (uint64_t)life;
    note_open(log, options.who, life);
    app.options = options;
    for (int i = 0; i < 8; i++)
        app_chance(&app); /* seeds that are close begin alike */
    options.seed = app.options.seed;
    if (!last)
        plan_death(&app, ledger);
    app_start(&app, &options);
    if (last)
        last_life(&app, ledger);
    else
        short_life(&app, ledger);
}

/* A process of its own; how it ended. */
static int fork_life(const struct app_options *options, struct ledger *ledger, int log, int life, bool last)
{
    int status;
    ledger->lives++;
    pid_t pid = fork();
    if (pid == 0) {
        live_once(*options, ledger, log, life, last);
        exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    if (!last && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return 0;
    return last && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : status;
}

static void remove_folder(const char *folder)
{
    char path[1024];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static int schedule(struct app_options *options, struct ledger *ledger, int log, const char *base, int seed)
{
    char who[32], folder[400];
    int lives = 1 + seed % 4, bad = 0;
    snprintf(who, sizeof who, "s%d", seed);
    snprintf(folder, sizeof folder, "%s/%s", base, who);
    options->who = who;
    options->folder = folder;
    options->seed = (uint64_t)seed;
    options->json = seed % 2;
    options->own_socket = seed % 8 != 0; /* the others on the built-in transport */
    ledger->said = 0;
    for (int life = 0; life <= lives && !bad; life++)
        bad = fork_life(options, ledger, log, life, life == lives);
    if (bad)
        fprintf(stderr, "sdk_host: schedule %d ended with status %d\n", seed, bad);
    remove_folder(folder);
    return bad;
}

static int storm_main(int argc, char **argv)
{
    struct app_options options = {.port = atoi(argv[2]), .speed = SPEED};
    struct ledger *ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int log = open_log(argv[3]), first = atoi(argv[5]), count = atoi(argv[6]), bad = 0;
    if (ledger == MAP_FAILED)
        return 2;
    ledger->patience_s = atoi(argv[7]);
    disk_watch();
    for (int seed = first; seed < first + count && !bad; seed++)
        bad = schedule(&options, ledger, log, argv[4], seed);
    printf("{\"lives\":%u", ledger->lives);
    for (int p = 0; p < POINT_COUNT; p++)
        printf(",\"%s\":%u", point_names[p], ledger->fatal[p]);
    printf("}\n");
    return bad ? 3 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 5 && strcmp(argv[1], "run") == 0)
        return run_main(argc, argv);
    if (argc == 8 && strcmp(argv[1], "storm") == 0)
        return storm_main(argc, argv);
    fprintf(stderr,
            "usage: sdk_host run PORT WHO LOG COUNT [...] | sdk_host storm PORT LOG FOLDER FIRST COUNT SECONDS\n");
    return 2;
}
