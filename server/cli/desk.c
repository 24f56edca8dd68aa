/* parley desk: an agent in the terminal. */
#include "server/cli/desk.h"

#include "server/base/clock.h"
#include "server/cli/cli.h"
#include "server/cli/dossier_view.h"
#include "server/cli/field.h"
#include "server/cli/pipe.h"
#include "server/cli/sign_in.h"
#include "server/cli/sitting.h"

#include <stdio.h>
#include <string.h>

enum { PROMPT = 400, LATE_MS = 5000 };

/* --- what is on the desk --- */

static struct desk_matter *find_matter(struct desk *d, const char *conversation)
{
    for (uint32_t i = 0; conversation && i < d->matter_count; i++)
        if (strcmp(d->matters[i].conversation, conversation) == 0)
            return &d->matters[i];
    return NULL;
}

/* Beyond the last place the oldest that is not open gives way. */
struct desk_matter *desk_keep(struct desk *d, const char *conversation, const char *name)
{
    struct desk_matter *m = find_matter(d, conversation);
    if (!m) {
        uint32_t at = d->matter_count < DESK_MATTERS ? d->matter_count++ : &d->matters[0] == d->open ? 1 : 0;
        m = &d->matters[at];
        *m = (struct desk_matter){0};
        snprintf(m->conversation, sizeof m->conversation, "%s", conversation);
    }
    if (name && *name)
        snprintf(m->name, sizeof m->name, "%s", name);
    if (!*m->name)
        snprintf(m->name, sizeof m->name, "customer %.8s", conversation);
    return m;
}

static struct desk_offer *free_place(struct desk *d, const char *id)
{
    struct desk_offer *place = NULL;
    for (struct desk_offer *o = d->offers; o < d->offers + DESK_OFFERS; o++) {
        if (o->until && strcmp(o->offer, id) == 0)
            return NULL; /* known already */
        if (!o->until && !place)
            place = o;
    }
    return place;
}

static void keep_offer(struct desk *d, parley_event *e, const char *at)
{
    char path[96];
    struct desk_offer *o = free_place(d, field_text(e, "%s.offer", at));
    if (!o)
        return;
    field_copy(o->offer, sizeof o->offer, e, "%s.offer", at);
    field_copy(o->conversation, sizeof o->conversation, e, "%s.conversation", at);
    field_copy(o->queue, sizeof o->queue, e, "%s.queue", at);
    field_copy(o->name, sizeof o->name, e, "%s.dossier.name", at);
    if (!*o->name)
        snprintf(o->name, sizeof o->name, "A customer");
    o->until = clock_mono_ms() + field_int(e, "%s.expires_in_ms", at) + 1;
    int n = (int)(o - d->offers) + 1;
    const char *what = field_int(e, "%s.dossier.message", at) ? "has left a message" : "wants a person";
    term_line(d->term, TONE_BOLD, "%s %s (%s): /accept %d or /decline %d", o->name, what, o->queue, n, n);
    snprintf(path, sizeof path, "%s.dossier", at);
    dossier_brief(d->term, e, path);
}

static void keep_sessions(struct desk *d, parley_event *e, const char *at)
{
    uint32_t count = field_count(e, "%s.sessions", at);
    for (uint32_t i = 0; i < count; i++) {
        struct desk_matter *m = desk_keep(d, field_text(e, "%s.sessions.%u.conversation", at, i),
                                          field_text(e, "%s.sessions.%u.name", at, i));
        field_copy(m->state, sizeof m->state, e, "%s.sessions.%u.state", at, i);
    }
}

static void on_desk(struct desk *d, parley_event *e, const char *at)
{
    char path[96];
    field_copy(d->status, sizeof d->status, e, "%s.status", at);
    d->load = field_int(e, "%s.load", at);
    d->capacity = field_int(e, "%s.capacity", at);
    d->waiting = 0;
    uint32_t queues = field_count(e, "%s.queues", at), offers = field_count(e, "%s.offers", at);
    for (uint32_t i = 0; i < queues; i++)
        d->waiting += field_int(e, "%s.queues.%u.waiting", at, i);
    for (uint32_t i = 0; i < offers; i++) {
        snprintf(path, sizeof path, "%s.offers.%u", at, i);
        keep_offer(d, e, path);
    }
    keep_sessions(d, e, at);
}

/* --- the state line --- */

static const struct desk_offer *first_offer(const struct desk *d)
{
    const struct desk_offer *first = NULL;
    for (const struct desk_offer *o = d->offers; o < d->offers + DESK_OFFERS; o++)
        if (o->until && (!first || o->until < first->until))
            first = o;
    return first;
}

static void show_prompt(void *arg)
{
    struct desk *d = arg;
    char prompt[PROMPT], net[96] = "", offer[96] = "", who[VIEW_NAME + 4] = "";
    const struct desk_offer *o = first_offer(d);
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
    if (d->quit)
        return; /* what ended it is known */
    d->state = parley_event_state(e);
    d->retry_at = clock_mono_ms() + parley_event_int(e, "retry_in_ms", 0);
    d->been_online = d->been_online || d->state == PARLEY_STATE_ONLINE;
    d->code = pipe_exit_code(d->state, parley_event_status(e));
    if (d->code != CLI_OK)
        cli_fail(d->code, "the server does not let us in: %s", field_text(e, "text"));
    else if (d->state == PARLEY_STATE_BACKOFF && !d->been_online && !term_is_interactive(d->term))
        d->code = cli_fail(CLI_UNREACHABLE, "cannot connect: %s", field_text(e, "text"));
    else if (d->state == PARLEY_STATE_BACKOFF && !d->been_online && !d->told_why)
        term_line(d->term, TONE_BAD, "cannot connect: %s", field_text(e, "text"));
    d->told_why = d->told_why || d->state == PARLEY_STATE_BACKOFF;
    d->quit = d->quit || d->code != CLI_OK;
}

static void on_offer_ended(struct desk *d, parley_event *e)
{
    const char *id = field_text(e, "offer"), *why = field_text(e, "why"), *by = parley_event_text(e, "by");
    for (struct desk_offer *o = d->offers; o < d->offers + DESK_OFFERS; o++) {
        if (!o->until || strcmp(o->offer, id) != 0)
            continue;
        o->until = 0;
        term_line(d->term, TONE_DIM, "  the offer of %s is over: %s%s%s", o->name, why, by ? " by " : "", by ? by : "");
    }
}

static void on_item(struct desk *d, parley_event *e)
{
    struct desk_matter *m = find_matter(d, parley_event_text(e, "conversation"));
    if (m && m == d->open) {
        d->view.customer = m->name;
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
    struct desk_matter *m = find_matter(d, parley_event_text(e, "conversation"));
    if (m)
        snprintf(m->state, sizeof m->state, "%s",
                 parley_event_text(e, "service.state") ? field_text(e, "service.state") : "closed");
}

static void show_queue(struct desk *d, parley_event *e, const char *at, uint32_t i)
{
    long long waiting = field_int(e, "%s.queues.%u.waiting", at, i);
    term_line(d->term, TONE_PLAIN, "  %-16s %lld waiting%s%s", field_text(e, "%s.queues.%u.queue", at, i), waiting,
              waiting ? ", the first for " : "",
              waiting ? view_duration(field_int(e, "%s.queues.%u.oldest_ms", at, i)) : "");
}

static void show_desk(struct desk *d, parley_event *e, const char *at)
{
    term_line(d->term, TONE_BOLD, "You are %s, with %lld of %lld conversations.", d->status, (long long)d->load,
              (long long)d->capacity);
    uint32_t queues = field_count(e, "%s.queues", at);
    for (uint32_t i = 0; i < queues; i++)
        show_queue(d, e, at, i);
    for (uint32_t i = 0; i < d->matter_count; i++)
        if (strcmp(d->matters[i].state, "closed") != 0 || d->matters[i].unread)
            term_line(d->term, TONE_PLAIN, "  /open %-2u %s (%s)%s", i + 1, d->matters[i].name, d->matters[i].state,
                      d->matters[i].unread ? ", something new" : "");
    if (strcmp(d->status, "online") != 0)
        term_line(d->term, TONE_DIM, "  /status online brings offers");
}

static void show_page(struct desk *d, parley_event *e)
{
    d->view.customer = d->open ? d->open->name : NULL;
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
    term_line(d->term, TONE_BAD, "  %s: %s%s%s", field_text(e, "type"), field_text(e, "error.text"), agent ? " - " : "",
              agent ? agent : "");
    if (call == d->accept_call)
        d->open = NULL;
}

/* What we did changes load and queues. */
static void look_again(struct desk *d, const char *type)
{
    static const char *const changing[] = {"offer.accept", "offer.decline", "transfer",  "release",
                                           "resolve",      "reopen",        "status.set"};
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        if (strcmp(type, changing[i]) == 0)
            parley_get_inbox(d->client, &d->quiet_call);
}

static void on_reply(struct desk *d, parley_event *e)
{
    uint64_t call = parley_event_call(e);
    look_again(d, field_text(e, "type"));
    if (parley_event_status(e) != PARLEY_OK) {
        refused(d, e);
    } else if (call == d->quiet_call) {
        on_desk(d, e, "data.desk");
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

static void on_outbox(struct desk *d, parley_event *e)
{
    int32_t state = parley_event_state(e);
    if (state < PARLEY_OUTBOX_FAILED_RETRY || state == PARLEY_OUTBOX_DISCARDED)
        return;
    term_line(d->term, TONE_BAD, "  not sent: %s", field_text(e, "text"));
    parley_outbox_discard(d->client, parley_event_text(e, "id"));
}

static void on_event(struct desk *d, parley_event *e)
{
    switch (parley_event_type(e)) {
    case PARLEY_EVENT_STATE:
        on_state(d, e);
        break;
    case PARLEY_EVENT_WELCOME:
        snprintf(d->view.me, sizeof d->view.me, "%s", field_text(e, "me"));
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
        on_outbox(d, e);
        break;
    case PARLEY_EVENT_REPLY:
        on_reply(d, e);
        break;
    case PARLEY_EVENT_ERROR:
        term_line(d->term, TONE_BAD, "  the server: %s", field_text(e, "error.text"));
        break;
    default:
        break;
    }
}

/* --- the whole --- */

static void take_events(void *arg)
{
    struct desk *d = arg;
    parley_event *e;
    while ((e = parley_next_event(d->client, 0))) {
        on_event(d, e);
        parley_event_free(e);
    }
    for (struct desk_offer *o = d->offers; o < d->offers + DESK_OFFERS; o++)
        if (o->until && clock_mono_ms() > o->until + LATE_MS)
            o->until = 0; /* its end was not told: the connection was down */
}

static void on_line(void *arg, char *line)
{
    desk_line(arg, line);
}

static int serve(struct cli *cli, parley_client *client, const struct sign_in *who)
{
    struct desk d = {.client = client, .term = term_open(cli_color(cli)), .status = "hello"};
    d.view = (struct view){.term = d.term, .my_name = "me", .staff = true};
    struct sitting sitting = {.term = d.term,
                              .client = client,
                              .quit = &d.quit,
                              .been_online = &d.been_online,
                              .prompt = show_prompt,
                              .line = on_line,
                              .events = take_events,
                              .arg = &d};
    bool interrupted = sitting_run(&sitting, who);
    term_close(&d.term);
    return interrupted ? CLI_INTERRUPTED : d.code;
}

static int desk(struct cli *cli)
{
    return sitting_verb(cli, sign_in_agent, serve);
}

const struct verb desk_verbs[] = {
    {.name = "desk",
     .operands = "",
     .summary = "serve customers as an agent, in the terminal",
     .examples = "parley desk --login kim@example.com\n"
                 "parley desk --server wss://chat.example/v1/ws --login kim@example.com --password-file kim.txt\n"
                 "echo '{\"type\":\"inbox\"}' | parley desk --login kim@example.com --json",
     .notes =
         "With `parley dev` started in the same folder, the demo's agents need no password. /help lists the commands.\n"
         "With --json each event is a line, and each line of input a call: {\"type\":\"offer.accept\",\"data\":{...}}.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {SIGN_IN_SERVER,
               {"login", "EMAIL", "who you are", false},
               {"password-file", "FILE", "the password, from a file or from standard input (-)", false},
               SIGN_IN_TOKEN},
     .run = desk},
    {.name = "desk password",
     .operands = "",
     .summary = "take another password for yourself, as an agent",
     .examples =
         "parley desk password --login kim@example.com\n"
         "parley desk password --server wss://chat.example/v1/ws --login kim@example.com --password-file old.txt "
         "--new-file new.txt",
     .notes =
         "Asks for the password you have and, twice, for the one you want. Whoever is signed in with the old one is\n"
         "signed out, everywhere. Who has forgotten theirs asks an administrator: `parley agent password`.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"server", "URL", "ws:// or wss:// address; else that of `parley dev`, or ws://127.0.0.1:8300/v1/ws",
                false},
               {"ca", "FILE", "trust this authority (PEM)", false},
               {"plain", NULL, "allow ws:// to another machine", false},
               {"login", "EMAIL", "who you are", false},
               {"password-file", "FILE", "the password you have, from a file or from standard input (-)", false},
               {"new-file", "FILE", "the one you want, the same way", false}},
     .run = sign_in_change_password},
    {0},
};
