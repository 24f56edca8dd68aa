/* The app. */
#include "tests/support/sdk_host/app.h"

#include "tests/support/sdk_host/note.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PAGE = 20, OLDER = 100, END_MAX = 4 << 20 };

/* --- time and chance --- */

static int64_t clock_at(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int64_t now_ms(void *arg)
{
    struct app *a = arg;
    return a->began + (clock_at(CLOCK_MONOTONIC) - a->began) * a->options.speed / 1000;
}

static int64_t unix_ms(void *arg)
{
    return clock_at(CLOCK_REALTIME) / 1000;
}

uint32_t app_chance(struct app *a)
{
    a->options.seed = a->options.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(a->options.seed >> 33);
}

static void give_random(void *arg, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)app_chance(arg);
}

static void give_up(const char *what, parley_status st)
{
    note("failed", ",\"what\":\"%s\",\"status\":\"%s\"", what, parley_status_name(st));
    exit(4);
}

/* --- life --- */

static void next_token(struct app *a)
{
    char token[80];
    snprintf(token, sizeof token, "%s.%d", a->options.who, ++a->tokens);
    parley_status st = parley_set_token(a->client, token);
    if (st != PARLEY_OK)
        give_up("token", st);
}

/* What is in the outbox of a new process was typed in another, though the call may not have returned there. */
static void note_outbox(struct app *a)
{
    parley_event *list = parley_outbox_list(a->client);
    if (!list)
        give_up("outbox", PARLEY_NOMEM);
    note("restored", ",\"e\":%s", parley_event_json(list));
    parley_event_free(list);
}

void app_start(struct app *a, const struct app_options *options)
{
    char url[64], token[80];
    memset(a, 0, sizeof *a);
    a->options = *options;
    a->began = clock_at(CLOCK_MONOTONIC);
    a->tokens = 1;
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/v1/ws", options->port);
    snprintf(token, sizeof token, "%s.1", options->who);
    ws_socket_init(&a->socket, options->port);
    parley_transport own = ws_socket_transport(&a->socket);
    struct hooks hooks = {.now_ms = now_ms, .unix_ms = unix_ms, .random = give_random, .arg = a};
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.flags = (options->threaded ? 0 : PARLEY_HOST_DRIVEN) | (options->json ? PARLEY_WIRE_JSON : 0);
    config.url = url;
    config.token = token;
    config.page = PAGE;
    config.folder = options->folder;
    config.user = "ana";
    config.transport = options->own_socket ? &own : NULL;
    parley_status st = client_new(&config, options->threaded ? NULL : &hooks, &a->client);
    if (st == PARLEY_OK)
        st = parley_view_thread(a->client, NULL, PAGE, &a->screen.view);
    if (st != PARLEY_OK)
        give_up("start", st);
    note_outbox(a);
    parley_connect(a->client);
}

void app_stop(struct app *a)
{
    parley_event_free(a->recap);
    parley_client_free(a->client);
    ws_socket_done(&a->socket);
}

/* --- events --- */

static void take_item(struct app *a, parley_event *e)
{
    int64_t seq = parley_event_seq(e);
    const char *text = parley_event_text(e, "item.body.text");
    if (seq <= 0 || seq >= APP_ITEMS)
        give_up("item", PARLEY_LIMIT);
    a->prev[seq] = parley_event_int(e, "item.prev", 0) + 1;
    a->newest = seq > a->newest ? seq : a->newest;
    a->mine += parley_event_int(e, "mine", 0) != 0;
    a->others += text && strncmp(text, "by the way", 10) == 0;
}

static void take_state(struct app *a, parley_event *e)
{
    int32_t state = parley_event_state(e);
    if (state == PARLEY_STATE_NEEDS_TOKEN)
        next_token(a);
    else if (state == PARLEY_STATE_BLOCKED)
        parley_connect(a->client); /* the user tries again */
}

static void take(struct app *a, parley_event *e)
{
    point(POINT_pulled);
    note("event", ",\"e\":%s", parley_event_json(e));
    mirror_take(&a->screen, e);
    switch (parley_event_type(e)) {
    case PARLEY_EVENT_ITEM:
        take_item(a, e);
        break;
    case PARLEY_EVENT_STATE:
        take_state(a, e);
        break;
    case PARLEY_EVENT_TOKEN_EXPIRING:
        next_token(a);
        break;
    case PARLEY_EVENT_REPLY:
        a->asking = false;
        break;
    default:
        break;
    }
}

static void wait_for_events(struct app *a, int timeout_ms)
{
    struct pollfd p = {.fd = parley_event_fd(a->client), .events = POLLIN};
    if (a->options.threaded) {
        poll(&p, 1, timeout_ms);
        return;
    }
    parley_step(a->client, a->options.own_socket ? 0 : timeout_ms);
    if (!a->options.own_socket)
        return;
    ws_socket_turn(&a->socket, timeout_ms);
    parley_step(a->client, 0);
}

void app_turn(struct app *a, int timeout_ms)
{
    parley_event *e;
    wait_for_events(a, timeout_ms);
    while ((e = parley_next_event(a->client, 0))) {
        take(a, e);
        parley_event_free(e);
    }
}

void app_say(struct app *a, int number)
{
    char text[16], id[37];
    snprintf(text, sizeof text, "%d", number);
    note("typing", ",\"text\":\"%s\"", text);
    parley_status st = parley_send_text(a->client, NULL, text, id);
    point(POINT_typed);
    if (st != PARLEY_OK)
        give_up("send", st);
    note("typed", ",\"text\":\"%s\",\"id\":\"%s\"", text, id);
}

/* --- the end --- */

bool app_has_all(struct app *a, int64_t upto)
{
    int64_t seq = upto;
    while (seq > 0 && a->prev[seq])
        seq = a->prev[seq] - 1;
    if (seq > 0 && a->newest && !a->asking)
        a->asking = parley_load_older(a->client, NULL, OLDER, NULL) == PARLEY_OK;
    return seq == 0;
}

bool app_is_complete(struct app *a)
{
    parley_event_free(a->recap);
    a->recap = parley_recap(a->client, NULL);
    if (!a->recap)
        give_up("recap", PARLEY_NOMEM);
    return parley_event_int(a->recap, "complete", 0);
}

void app_note_end(struct app *a)
{
    struct buf rows;
    buf_init(&rows, END_MAX);
    for (int64_t i = 0; i < a->screen.len; i++) {
        const struct mirror_row *r = &a->screen.rows[i];
        buf_printf(&rows, "%s[%lld,\"%s\",\"%s\",\"%s\"]", i ? "," : "", (long long)r->seq, r->id, r->state, r->text);
    }
    buf_add(&rows, "", 1);
    if (rows.status != PARLEY_OK)
        give_up("rows", PARLEY_NOMEM);
    note("end", ",\"rows\":[%s],\"recap\":%s,\"unsent\":%u,\"unread\":%u", rows.ptr, parley_event_json(a->recap),
         parley_outbox_count(a->client), parley_unread_total(a->client));
    buf_done(&rows);
}
