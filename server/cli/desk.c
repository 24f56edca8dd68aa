/* parley desk: an agent in the terminal. */
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/dossier_view.h"
#include "server/cli/pipe.h"
#include "server/cli/sign_in.h"
#include "server/cli/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OFFERS_MAX = 16, CASES_MAX = 64, PROMPT_MAX = 256, OLDER = 20, TICK_MS = 1000 };

/* A session held out to us. */
struct held_out {
    char offer[37], conversation[37], name[VIEW_NAME], queue[65];
    int64_t until; /* on our clock; 0: free */
};

/* A conversation we have to do with. */
struct matter {
    char conversation[37], name[VIEW_NAME], state[16];
    int64_t head;
    bool followed;
    uint32_t unread;
};

struct desk {
    parley_client *client;
    struct term *term;
    struct view view;
    bool quit, greeted;
    int code;
    int32_t state;
    int64_t retry_at;
    char status[16];
    int64_t load, capacity, waiting;
    struct held_out offers[OFFERS_MAX];
    struct matter matters[CASES_MAX];
    uint32_t matter_count;
    struct matter *open; /* whom we write to; NULL: nobody */
    uint64_t accept_call, inbox_call, older_call, process_call, context_call, again_call;
};

static const char *text_or(parley_event *e, const char *path, const char *otherwise)
{
    const char *t = parley_event_text(e, path);
    return t ? t : otherwise;
}

static const char *text_in(parley_event *e, const char *otherwise, const char *format, uint32_t i)
{
    char path[96];
    snprintf(path, sizeof path, format, i);
    return text_or(e, path, otherwise);
}

/* --- what is on the desk --- */

static struct matter *find_matter(struct desk *d, const char *conversation)
{
    for (uint32_t i = 0; conversation && i < d->matter_count; i++)
        if (strcmp(d->matters[i].conversation, conversation) == 0)
            return &d->matters[i];
    return NULL;
}

/* Beyond the last place the oldest that is not open gives way. */
static struct matter *keep_matter(struct desk *d, const char *conversation, const char *name)
{
    struct matter *m = find_matter(d, conversation);
    if (!m) {
        uint32_t at = d->matter_count < CASES_MAX ? d->matter_count++ : &d->matters[0] == d->open ? 1 : 0;
        m = &d->matters[at];
        *m = (struct matter){0};
        snprintf(m->conversation, sizeof m->conversation, "%s", conversation);
    }
    if (name && *name)
        snprintf(m->name, sizeof m->name, "%s", name);
    if (!*m->name)
        snprintf(m->name, sizeof m->name, "customer %.8s", conversation);
    return m;
}

static void keep_offer(struct desk *d, parley_event *e, const char *at)
{
    char path[96];
    struct held_out *free_one = NULL;
    snprintf(path, sizeof path, "%s.offer", at);
    const char *id = text_or(e, path, "");
    for (struct held_out *o = d->offers; o < d->offers + OFFERS_MAX; o++) {
        if (o->until && strcmp(o->offer, id) == 0)
            return;
        if (!o->until && !free_one)
            free_one = o;
    }
    if (!free_one)
        return;
    snprintf(free_one->offer, sizeof free_one->offer, "%s", id);
    snprintf(path, sizeof path, "%s.conversation", at);
    snprintf(free_one->conversation, sizeof free_one->conversation, "%s", text_or(e, path, ""));
    snprintf(path, sizeof path, "%s.queue", at);
    snprintf(free_one->queue, sizeof free_one->queue, "%s", text_or(e, path, ""));
    snprintf(path, sizeof path, "%s.dossier.name", at);
    snprintf(free_one->name, sizeof free_one->name, "%s", text_or(e, path, "a customer"));
    snprintf(path, sizeof path, "%s.expires_in_ms", at);
    free_one->until = clock_mono_ms() + parley_event_int(e, path, 0) + 1;
    snprintf(path, sizeof path, "%s.dossier", at);
    term_line(d->term, TONE_BOLD, "\a%s wants a person (%s). /accept %d or /decline %d", free_one->name,
              free_one->queue, (int)(free_one - d->offers) + 1, (int)(free_one - d->offers) + 1);
    dossier_brief(d->term, e, path);
}

static void on_desk(struct desk *d, parley_event *e, const char *at)
{
    char path[96];
    snprintf(path, sizeof path, "%s.status", at);
    snprintf(d->status, sizeof d->status, "%s", text_or(e, path, "?"));
    snprintf(path, sizeof path, "%s.load", at);
    d->load = parley_event_int(e, path, 0);
    snprintf(path, sizeof path, "%s.capacity", at);
    d->capacity = parley_event_int(e, path, 0);

    snprintf(path, sizeof path, "%s.queues", at);
    uint32_t queues = parley_event_count(e, path);
    d->waiting = 0;
    for (uint32_t i = 0; i < queues; i++) {
        snprintf(path, sizeof path, "%s.queues.%u.waiting", at, i);
        d->waiting += parley_event_int(e, path, 0);
    }
    snprintf(path, sizeof path, "%s.offers", at);
    uint32_t offers = parley_event_count(e, path);
    for (uint32_t i = 0; i < offers; i++) {
        snprintf(path, sizeof path, "%s.offers.%u", at, i);
        keep_offer(d, e, path);
    }
    snprintf(path, sizeof path, "%s.sessions", at);
    uint32_t sessions = parley_event_count(e, path);
    for (uint32_t i = 0; i < sessions; i++) {
        snprintf(path, sizeof path, "%s.sessions.%%u.conversation", at);
        const char *conversation = text_in(e, NULL, path, i);
        snprintf(path, sizeof path, "%s.sessions.%%u.name", at);
        struct matter *m = conversation ? keep_matter(d, conversation, text_in(e, NULL, path, i)) : NULL;
        snprintf(path, sizeof path, "%s.sessions.%%u.state", at);
        if (m)
            snprintf(m->state, sizeof m->state, "%s", text_in(e, "", path, i));
    }
}

/* --- the state line --- */

static const struct held_out *first_offer(const struct desk *d)
{
    const struct held_out *first = NULL;
    for (const struct held_out *o = d->offers; o < d->offers + OFFERS_MAX; o++)
        if (o->until && (!first || o->until < first->until))
            first = o;
    return first;
}

static void show_prompt(struct desk *d)
{
    char prompt[PROMPT_MAX], net[96] = "", offer[128] = "", who[VIEW_NAME + 4] = "";
    const struct held_out *o = first_offer(d);
    int64_t left = d->retry_at - clock_mono_ms();
    if (d->state == PARLEY_STATE_BACKOFF)
        snprintf(net, sizeof net, "offline, next try in %s", view_duration(left > 0 ? left : 0));
    else if (d->state != PARLEY_STATE_ONLINE)
        snprintf(net, sizeof net, "connecting");
    else
        snprintf(net, sizeof net, "%s %lld/%lld, %lld waiting", d->status, (long long)d->load, (long long)d->capacity,
                 (long long)d->waiting);
    if (o && o->until > clock_mono_ms())
        snprintf(offer, sizeof offer, ", %.40s: %s to accept", o->name, view_duration(o->until - clock_mono_ms()));
    if (d->open)
        snprintf(who, sizeof who, " to %s", d->open->name);
    snprintf(prompt, sizeof prompt, "[%s%s]%s > ", net, offer, who);
    term_prompt(d->term, prompt);
}

/* --- what arrives --- */

static void on_state(struct desk *d, parley_event *e)
{
    d->state = parley_event_state(e);
    d->retry_at = clock_mono_ms() + parley_event_int(e, "retry_in_ms", 0);
    int code = pipe_exit_code(d->state, parley_event_status(e));
    if (code == CLI_OK)
        return;
    term_line(d->term, TONE_BAD, "The server does not let us in: %s", text_or(e, "text", ""));
    d->code = code;
    d->quit = true;
}

static void on_offer_ended(struct desk *d, parley_event *e)
{
    const char *id = text_or(e, "offer", ""), *why = text_or(e, "why", ""), *by = parley_event_text(e, "by");
    for (struct held_out *o = d->offers; o < d->offers + OFFERS_MAX; o++) {
        if (!o->until || strcmp(o->offer, id) != 0)
            continue;
        o->until = 0;
        term_line(d->term, TONE_DIM, "  the offer of %s is over: %s%s%s", o->name, why, by ? " by " : "", by ? by : "");
    }
}

static void on_item(struct desk *d, parley_event *e)
{
    struct matter *m = find_matter(d, parley_event_text(e, "conversation"));
    if (m && m == d->open) {
        view_item(&d->view, e, "item");
        if (parley_event_int(e, "new", 0))
            parley_mark_read(d->client, m->conversation, parley_event_seq(e));
    } else if (m && parley_event_int(e, "new", 0)) {
        if (m->unread++ == 0 && d->greeted)
            term_line(d->term, TONE_BOLD, "  something new from %s: /open %d", m->name, (int)(m - d->matters) + 1);
    }
    if (m)
        m->head = parley_event_seq(e) > m->head ? parley_event_seq(e) : m->head;
}

static void on_service(struct desk *d, parley_event *e)
{
    struct matter *m = find_matter(d, parley_event_text(e, "conversation"));
    if (m)
        snprintf(m->state, sizeof m->state, "%s", text_or(e, "service.state", "closed"));
}

static void show_desk(struct desk *d, parley_event *e, const char *at)
{
    char path[96];
    term_line(d->term, TONE_BOLD, "You are %s, with %lld of %lld conversations.", d->status, (long long)d->load,
              (long long)d->capacity);
    snprintf(path, sizeof path, "%s.queues", at);
    uint32_t queues = parley_event_count(e, path);
    for (uint32_t i = 0; i < queues; i++) {
        snprintf(path, sizeof path, "%s.queues.%u.waiting", at, i);
        long long waiting = parley_event_int(e, path, 0);
        snprintf(path, sizeof path, "%s.queues.%u.oldest_ms", at, i);
        const char *oldest = view_duration(parley_event_int(e, path, 0));
        snprintf(path, sizeof path, "%s.queues.%%u.queue", at);
        term_line(d->term, TONE_PLAIN, "  %-16s %lld waiting%s%s", text_in(e, "", path, i), waiting,
                  waiting ? ", the first for " : "", waiting ? oldest : "");
    }
    for (uint32_t i = 0; i < d->matter_count; i++)
        term_line(d->term, TONE_PLAIN, "  /open %-2u %s (%s)%s", i + 1, d->matters[i].name, d->matters[i].state,
                  d->matters[i].unread ? ", something new" : "");
    if (d->state == PARLEY_STATE_ONLINE && strcmp(d->status, "online") != 0)
        term_line(d->term, TONE_DIM, "  /status online brings offers");
}

static void show_page(struct desk *d, parley_event *e)
{
    uint32_t count = parley_event_count(e, "data.thread.items");
    for (uint32_t i = 0; i < count; i++) {
        char path[48];
        snprintf(path, sizeof path, "data.thread.items.%u", i);
        view_item(&d->view, e, path);
    }
}

static void refused(struct desk *d, parley_event *e)
{
    uint64_t call = parley_event_call(e);
    const char *agent = parley_event_text(e, "error.current.name");
    term_line(d->term, TONE_BAD, "  %s: %s%s%s", text_or(e, "type", ""),
              text_or(e, "error.text", parley_status_text(parley_event_status(e))), agent ? " - " : "",
              agent ? agent : "");
    if (call == d->accept_call)
        d->open = NULL;
}

static void on_reply(struct desk *d, parley_event *e)
{
    uint64_t call = parley_event_call(e);
    if (parley_event_status(e) != PARLEY_OK) {
        refused(d, e);
    } else if (call == d->accept_call) {
        dossier_full(d->term, e, "data.dossier");
        term_line(d->term, TONE_GOOD, "  You have it. Write, and it is said; /help lists the rest.");
    } else if (call == d->inbox_call) {
        on_desk(d, e, "data.desk");
        show_desk(d, e, "data.desk");
    } else if (call == d->again_call) {
        show_page(d, e);
    } else if (call == d->older_call && parley_event_int(e, "data.start", 0)) {
        term_line(d->term, TONE_DIM, "  This is where it began.");
    } else if (call == d->process_call) {
        dossier_processes(d->term, e, "data.processes");
    } else if (call == d->context_call) {
        dossier_context(d->term, e, "data.context");
    }
}

static void on_event(struct desk *d, parley_event *e)
{
    switch (parley_event_type(e)) {
    case PARLEY_EVENT_STATE:
        on_state(d, e);
        break;
    case PARLEY_EVENT_WELCOME:
        snprintf(d->view.me, sizeof d->view.me, "%s", text_or(e, "me", ""));
        break;
    case PARLEY_EVENT_DESK:
        on_desk(d, e, "desk");
        if (!d->greeted)
            show_desk(d, e, "desk");
        d->greeted = true;
        break;
    case PARLEY_EVENT_OFFER:
        keep_offer(d, e, "offer");
        break;
    case PARLEY_EVENT_OFFER_ENDED:
        on_offer_ended(d, e);
        break;
    case PARLEY_EVENT_PERSON:
        view_person(&d->view, parley_event_text(e, "person"), parley_event_text(e, "name"));
        break;
    case PARLEY_EVENT_ITEM:
        on_item(d, e);
        break;
    case PARLEY_EVENT_SERVICE:
        on_service(d, e);
        break;
    case PARLEY_EVENT_OUTBOX:
        if (parley_event_state(e) >= PARLEY_OUTBOX_FAILED_RETRY && parley_event_state(e) != PARLEY_OUTBOX_DISCARDED) {
            term_line(d->term, TONE_BAD, "  not sent: %s", text_or(e, "text", ""));
            parley_outbox_discard(d->client, parley_event_text(e, "id"));
        }
        break;
    case PARLEY_EVENT_REPLY:
        on_reply(d, e);
        break;
    case PARLEY_EVENT_ERROR:
        term_line(d->term, TONE_BAD, "  the server: %s", text_or(e, "error.text", ""));
        break;
    default:
        break;
    }
}

/* --- what is typed --- */

static void complain(struct desk *d, parley_status st)
{
    if (st != PARLEY_OK)
        term_line(d->term, TONE_BAD, "  %s", parley_status_text(st));
}

static const char *talking_to(struct desk *d)
{
    if (!d->open)
        term_line(d->term, TONE_DIM, "  With whom? /accept an offer, or /open a conversation of /inbox.");
    return d->open ? d->open->conversation : NULL;
}

static void do_status(struct desk *d, char *rest)
{
    parley_status st = parley_set_status(d->client, rest, NULL);
    if (st == PARLEY_INVALID)
        term_line(d->term, TONE_BAD, "  /status online, busy, away or offline");
    else
        complain(d, st);
}

/* The offer of that number, or the only one. */
static struct held_out *choose_offer(struct desk *d, char *rest, char **out_more)
{
    char *end;
    long n = strtol(rest, &end, 10);
    *out_more = end + strspn(end, " ");
    if (end == rest)
        for (n = 1; n <= OFFERS_MAX && !d->offers[n - 1].until; n++)
            ;
    if (n >= 1 && n <= OFFERS_MAX && d->offers[n - 1].until)
        return &d->offers[n - 1];
    term_line(d->term, TONE_DIM, "  There is no such offer%s.", d->state == PARLEY_STATE_ONLINE ? "" : " while we are offline");
    return NULL;
}

static void do_accept(struct desk *d, char *rest)
{
    char *more;
    struct held_out *o = choose_offer(d, rest, &more);
    if (!o)
        return;
    parley_status st = parley_accept(d->client, o->conversation, o->offer, &d->accept_call);
    complain(d, st);
    if (st != PARLEY_OK)
        return;
    o->until = 0;
    d->open = keep_matter(d, o->conversation, o->name);
    d->open->followed = true;
    d->open->unread = 0;
}

static void do_decline(struct desk *d, char *rest)
{
    char *more;
    struct held_out *o = choose_offer(d, rest, &more);
    if (o)
        complain(d, parley_decline(d->client, o->conversation, o->offer, *more ? more : NULL, NULL));
}

static void do_inbox(struct desk *d, char *rest)
{
    complain(d, parley_get_inbox(d->client, &d->inbox_call));
}

/* The newest page comes by itself at the first look; later it is asked for again. */
static void do_open(struct desk *d, char *rest)
{
    char json[160];
    int n = atoi(rest);
    if (n < 1 || (uint32_t)n > d->matter_count) {
        term_line(d->term, TONE_DIM, "  /open N, with a number of /inbox");
        return;
    }
    struct matter *m = d->open = &d->matters[n - 1];
    m->unread = 0;
    if (!m->followed) {
        complain(d, parley_subscribe(d->client, m->conversation, NULL));
        m->followed = true;
        return;
    }
    snprintf(json, sizeof json, "{\"type\":\"range\",\"data\":{\"conversation\":\"%s\",\"limit\":%d}}", m->conversation,
             OLDER);
    complain(d, parley_call_json(d->client, json, &d->again_call));
}

static void do_note(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    if (conversation && *rest)
        complain(d, parley_note(d->client, conversation, rest, NULL, NULL));
}

static void do_whisper(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d), *to = NULL;
    size_t n = strcspn(rest, " ");
    for (size_t i = 0; i < d->view.people_count; i++)
        if (strlen(d->view.people[i].name) == n && strncasecmp(d->view.people[i].name, rest, n) == 0)
            to = d->view.people[i].id;
    char id[37] = "";
    if (!to && n == 36)
        snprintf(id, sizeof id, "%.36s", rest);
    if (!conversation)
        return;
    if ((!to && !*id) || rest[n] == '\0')
        term_line(d->term, TONE_DIM, "  /whisper NAME TEXT, with the name or id of a colleague seen here");
    else
        complain(d, parley_note(d->client, conversation, rest + n + 1, to ? to : id, NULL));
}

static void do_transfer(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    char *reason = rest + strcspn(rest, " ");
    if (*reason)
        *reason++ = '\0';
    if (conversation && !*rest)
        term_line(d->term, TONE_DIM, "  /transfer QUEUE [WHY]");
    else if (conversation)
        complain(d, parley_transfer(d->client, conversation, rest, *reason ? reason : NULL, NULL));
}

static void do_release(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_release(d->client, conversation, NULL, *rest ? rest : NULL, NULL));
}

static void do_resolve(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_resolve(d->client, conversation, NULL, *rest ? rest : NULL, NULL));
}

static void do_reopen(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_reopen(d->client, conversation, NULL));
}

static void do_older(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_load_older(d->client, conversation, OLDER, &d->older_call));
}

static void do_process(struct desk *d, char *rest)
{
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_process_get(d->client, conversation, NULL, &d->process_call));
}

static void do_context(struct desk *d, char *rest)
{
    char json[128];
    const char *conversation = talking_to(d);
    if (!conversation)
        return;
    snprintf(json, sizeof json, "{\"type\":\"context.get\",\"data\":{\"conversation\":\"%s\"}}", conversation);
    complain(d, parley_call_json(d->client, json, &d->context_call));
}

static void do_quit(struct desk *d, char *rest)
{
    d->quit = true;
}

static void do_help(struct desk *d, char *rest);

static const struct {
    const char *name;
    void (*run)(struct desk *d, char *rest);
    const char *usage, *help;
} commands[] = {
    {"status", do_status, "/status online", "what you are: online, busy, away, offline"},
    {"accept", do_accept, "/accept [N]", "take an offer; what is known of the customer comes with it"},
    {"decline", do_decline, "/decline [N] [WHY]", "let the next agent have it"},
    {"inbox", do_inbox, "/inbox", "your conversations and the queues"},
    {"open", do_open, "/open N", "look into a conversation of the inbox, and write to it"},
    {"note", do_note, "/note TEXT", "for staff only"},
    {"whisper", do_whisper, "/whisper NAME TEXT", "for one colleague only"},
    {"older", do_older, "/older", "show what was said before"},
    {"process", do_process, "/process", "what is under way, and what it still needs"},
    {"context", do_context, "/context", "what the customer's app shows just now"},
    {"transfer", do_transfer, "/transfer QUEUE [WHY]", "pass it on; it keeps its age"},
    {"release", do_release, "/release [NOTE]", "give it back to the bot"},
    {"resolve", do_resolve, "/resolve [NOTE]", "it is settled"},
    {"reopen", do_reopen, "/reopen", "take up again what was settled today"},
    {"help", do_help, "/help", "this"},
    {"quit", do_quit, "/quit", "leave the desk"},
};

static void do_help(struct desk *d, char *rest)
{
    term_line(d->term, TONE_DIM, "  Write, and press Enter: it is said to the customer. Also:");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        term_line(d->term, TONE_DIM, "  %-22s %s", commands[i].usage, commands[i].help);
}

static void do_command(struct desk *d, char *line)
{
    size_t n = strcspn(line, " ");
    char *rest = line + n + strspn(line + n, " ");
    for (size_t i = 0; n > 0 && i < sizeof commands / sizeof *commands; i++) {
        if (strncmp(commands[i].name, line, n) == 0) {
            commands[i].run(d, rest);
            return;
        }
    }
    term_line(d->term, TONE_BAD, "  /%.*s is nothing I know; /help lists what there is", (int)n, line);
}

static void on_line(struct desk *d, char *line)
{
    if (*line == '/') {
        do_command(d, line + 1);
    } else if (*line) {
        const char *conversation = talking_to(d);
        if (conversation)
            complain(d, parley_send_text(d->client, conversation, line, NULL));
    }
}

/* --- the whole --- */

static void take_events(struct desk *d)
{
    parley_event *e;
    while ((e = parley_next_event(d->client, 0))) {
        on_event(d, e);
        parley_event_free(e);
    }
    for (struct held_out *o = d->offers; o < d->offers + OFFERS_MAX; o++)
        if (o->until && clock_mono_ms() > o->until + 5000)
            o->until = 0; /* its end was not told: the connection was down */
}

static int serve(struct cli *cli, parley_client *client, const struct sign_in *who)
{
    struct desk d = {.client = client, .term = term_open(cli_color(cli)), .status = "hello"};
    d.view = (struct view){.term = d.term, .my_name = "me", .staff = true};
    bool ended = false;
    if (term_is_interactive(d.term))
        term_line(d.term, TONE_DIM, "%s at %s - /help tells what you can do", who->name, who->url);
    parley_connect(client);
    while (!d.quit && !(ended && parley_outbox_count(client) == 0)) {
        show_prompt(&d);
        enum term_news news = term_wait(d.term, parley_event_fd(client), TICK_MS);
        if (news == TERM_LINE) {
            char *line = term_take_line(d.term);
            on_line(&d, line);
            free(line);
        }
        ended = ended || news == TERM_END;
        take_events(&d);
    }
    term_close(&d.term);
    return d.code;
}

static int desk(struct cli *cli)
{
    struct sign_in who;
    parley_client *client;
    int code = sign_in_agent(cli, &who);
    if (code != CLI_OK)
        return code;
    code = pipe_client(cli, &who, &client);
    if (code == CLI_OK) {
        code = cli_json(cli) ? pipe_run(client) : serve(cli, client, &who);
        parley_client_free(client);
    }
    sign_in_done(&who);
    return code;
}

const struct verb desk_verbs[] = {
    {.name = "desk",
     .operands = "",
     .summary = "serve customers as an agent, in the terminal",
     .examples = "parley desk --login kim@example.com\n"
                 "parley desk --server wss://chat.example/v1/ws --login kim@example.com --password-file kim.txt\n"
                 "echo '{\"type\":\"inbox\"}' | parley desk --login kim@example.com --json",
     .notes = "With `parley dev` started in the same folder, the demo's agents need no password. /help lists the commands.\n"
              "With --json each event is a line, and each line of input a call: {\"type\":\"offer.accept\",\"data\":{...}}.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {SIGN_IN_SERVER,
               {"login", "EMAIL", "who you are", false},
               {"password-file", "FILE", "the password, from a file or from standard input (-)", false},
               SIGN_IN_TOKEN,
               {"plain", NULL, "allow ws:// to another machine", false},
               {"wire-json", NULL, "JSON on the wire instead of MessagePack", false}},
     .run = desk},
    {0},
};
