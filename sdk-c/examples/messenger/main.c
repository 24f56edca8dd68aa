/* A messenger for the terminal: PARLEY_URL=... PARLEY_TOKEN=... messenger [FOLDER USER]
 * With a folder and the user's name it is there at once, also without a network, and loses nothing when it is killed.
 */
#include "messenger.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static parley_status open_client(struct app *app, int argc, char **argv)
{
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = getenv("PARLEY_URL");
    config.token = getenv("PARLEY_TOKEN");
    config.app_name = "messenger";
    if (argc == 3) {
        config.folder = argv[1];
        config.user = argv[2];
    }
    return parley_client_new(&config, &app->client);
}

static void pull(struct app *app)
{
    parley_event *event;
    while ((event = parley_next_event(app->client, 0))) {
        app_event(app, event);
        parley_event_free(event);
    }
}

/* What is on the screen has been read, when it is the end of the thread that is on the screen. */
static void mark(struct app *app)
{
    int64_t last = thread_last(&app->thread);
    if (last > 0 && app->scroll == 0)
        parley_mark_read(app->client, app_conversation(app), last);
}

static int wait_ms(const struct app *app)
{
    int wait = app->retry_at ? 1000 : -1; /* the banner counts down */
    int64_t left = app->draft_at ? app->draft_at - now_ms() : -1;
    if (app->draft_at && (wait < 0 || left < wait))
        wait = left > 0 ? (int)left : 0;
    return wait;
}

static void run(struct app *app)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = parley_event_fd(app->client), .events = POLLIN}};
    wint_t key;
    bool is_function;
    while (!app->quits) {
        pull(app);
        mark(app);
        screen_draw(app);
        if (poll(fds, 2, wait_ms(app)) < 0 && errno != EINTR)
            return;
        if (fds[0].revents & (POLLHUP | POLLERR))
            return;
        while (screen_key(&key, &is_function))
            app_key(app, key, is_function);
        if (app->draft_at && now_ms() >= app->draft_at)
            app_keep_draft(app);
    }
}

int main(int argc, char **argv)
{
    static struct app app;
    if (argc != 1 && argc != 3)
        return fprintf(stderr, "usage: PARLEY_URL=... PARLEY_TOKEN=... messenger [FOLDER USER]\n"), 2;
    setlocale(LC_ALL, "");
    if (MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    parley_status st = open_client(&app, argc, argv);
    if (st != PARLEY_OK)
        return fprintf(stderr, "messenger: PARLEY_URL: %s\n", parley_status_text(st)), 1;
    screen_open();
    parley_view_list(app.client, &app.list.view);
    app_open(&app, NULL);
    parley_connect(app.client);
    run(&app);
    screen_close();
    app_free(&app);
    return 0;
}
