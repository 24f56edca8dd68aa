/* What the library tells, and which thread is shown. */
#include "messenger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 50 };

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

const char *app_conversation(const struct app *app)
{
    return *app->open ? app->open : NULL;
}

/* The main conversation is open before its id is known. */
static bool is_open(const struct app *app, const char *conversation)
{
    if (!*app->open)
        return !app->list.count || !conversation || strcmp(app->list.entries[0].id, conversation) == 0;
    return conversation && strcmp(app->open, conversation) == 0;
}

static void on_state(struct app *app, parley_event *e)
{
    const char *why = parley_event_text(e, "text");
    int64_t wait = parley_event_int(e, "retry_in_ms", 0);
    app->state = parley_event_state(e);
    app->retry_at = app->state == PARLEY_STATE_BACKOFF ? now_ms() + wait : 0;
    free(app->why);
    app->why = why ? strdup(why) : NULL;
}

static void show_service(struct app *app, parley_event *e, const char *at)
{
    char path[48];
    const char *names[] = {"state", "agent_name"}, *found[2];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s.%s", at, names[i]);
        found[i] = parley_event_text(e, path);
    }
    const char *state = found[0] ? found[0] : "", *agent = found[1];
    snprintf(path, sizeof path, "%s.place", at);
    long long place = parley_event_int(e, path, 0);
    *app->service = '\0';
    snprintf(app->agent, sizeof app->agent, "%.60s", agent ? agent : "");
    if (strcmp(state, "live") == 0 || strcmp(state, "wrap_up") == 0)
        snprintf(app->service, sizeof app->service, "%.60s is here", agent && *agent ? agent : "Somebody");
    else if (strcmp(state, "bot") == 0)
        snprintf(app->service, sizeof app->service, "the bot is here");
    else if (*state && place > 0)
        snprintf(app->service, sizeof app->service, "number %lld in the queue", place);
    else if (*state && strcmp(state, "closed") != 0)
        snprintf(app->service, sizeof app->service, "somebody will be with you");
}

static void on_typing(struct app *app, parley_event *e)
{
    const char *role = parley_event_text(e, "role");
    *app->typist = '\0';
    if (!parley_event_int(e, "on", 0) || !role || strcmp(role, "customer") == 0)
        return;
    bool is_bot = strcmp(role, "bot") == 0;
    snprintf(app->typist, sizeof app->typist, "%s", is_bot ? "The bot" : *app->agent ? app->agent : "Somebody");
}

static void on_view(struct app *app, parley_event *e)
{
    size_t before = app->thread.count;
    if (parley_event_call(e) == app->list.view)
        list_change(&app->list, e);
    else if (parley_event_call(e) == app->thread.view)
        thread_change(&app->thread, e);
    if (app->thread.count > before && parley_event_seq(e) + 1 == (int64_t)app->thread.count)
        *app->typist = '\0';
}

void app_event(struct app *app, parley_event *e)
{
    bool here = is_open(app, parley_event_text(e, "conversation"));
    switch (parley_event_type(e)) {
    case PARLEY_EVENT_STATE:
        on_state(app, e);
        break;
    case PARLEY_EVENT_VIEW:
        on_view(app, e);
        form_resume(app);
        break;
    case PARLEY_EVENT_SERVICE:
        if (here)
            show_service(app, e, "service");
        break;
    case PARLEY_EVENT_TYPING:
        if (here)
            on_typing(app, e);
        break;
    case PARLEY_EVENT_REPLY:
        if (parley_event_status(e) != PARLEY_OK)
            snprintf(app->notice, sizeof app->notice, "%s", parley_status_text(parley_event_status(e)));
        else if (strcmp(parley_event_text(e, "type"), "conversation.open") == 0)
            app_open(app, parley_event_text(e, "data.thread.conversation"));
        break;
    }
}

static void take_draft(struct app *app, parley_event *recap)
{
    char path[48];
    const char *text = NULL;
    for (uint32_t i = 0; !text && i < parley_event_count(recap, "drafts"); i++) {
        snprintf(path, sizeof path, "drafts.%u.number", i);
        bool is_composer = parley_event_int(recap, path, -1) == 0;
        snprintf(path, sizeof path, "drafts.%u.value", i);
        text = is_composer ? parley_event_text(recap, path) : NULL;
    }
    app_set_input(app, text);
    form_recap(app, recap);
}

void app_open(struct app *app, const char *conversation)
{
    app_keep_draft(app);
    form_forget(app);
    if (app->thread.view)
        parley_view_close(app->client, app->thread.view);
    thread_clear(&app->thread);
    app->thread = (struct thread){0};
    snprintf(app->open, sizeof app->open, "%s", conversation ? conversation : "");
    *app->typist = *app->service = '\0';
    app->scroll = 0;
    parley_view_thread(app->client, app_conversation(app), PAGE, &app->thread.view);
    parley_event *recap = parley_recap(app->client, app_conversation(app));
    if (!recap)
        return;
    show_service(app, recap, "service");
    take_draft(app, recap);
    parley_event_free(recap);
}

void app_free(struct app *app)
{
    app_keep_draft(app);
    form_forget(app);
    parley_client_free(app->client);
    thread_clear(&app->thread);
    list_clear(&app->list);
    free(app->why);
}
