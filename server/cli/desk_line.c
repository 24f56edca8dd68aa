/* What is typed into `parley desk`: words for the customer, and commands. */
#include "server/cli/command.h"
#include "server/cli/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void do_status(void *arg, char *rest)
{
    struct desk *d = arg;
    parley_status st = parley_set_status(d->client, rest, NULL);
    if (st == PARLEY_INVALID)
        term_line(d->term, TONE_BAD, "  /status online, busy, away or offline");
    else
        complain(d, st);
}

/* The offer of that number, or the only one. */
static struct desk_offer *choose_offer(struct desk *d, char *rest, char **out_more)
{
    char *end;
    long n = strtol(rest, &end, 10);
    *out_more = end + strspn(end, " ");
    if (end == rest)
        for (n = 1; n <= DESK_OFFERS && !d->offers[n - 1].until; n++)
            ;
    if (n >= 1 && n <= DESK_OFFERS && d->offers[n - 1].until)
        return &d->offers[n - 1];
    term_line(d->term, TONE_DIM, "  There is no such offer%s.",
              d->state == PARLEY_STATE_ONLINE ? "" : " while we are offline");
    return NULL;
}

static void do_accept(void *arg, char *rest)
{
    struct desk *d = arg;
    char *more;
    struct desk_offer *o = choose_offer(d, rest, &more);
    if (!o)
        return;
    parley_status st = parley_accept(d->client, o->conversation, o->offer, &d->accept_call);
    complain(d, st);
    if (st != PARLEY_OK)
        return;
    o->until = 0;
    d->open = desk_keep(d, o->conversation, o->name);
    d->open->followed = true;
    d->open->unread = 0;
}

static void do_decline(void *arg, char *rest)
{
    struct desk *d = arg;
    char *more;
    struct desk_offer *o = choose_offer(d, rest, &more);
    if (o)
        complain(d, parley_decline(d->client, o->conversation, o->offer, *more ? more : NULL, NULL));
}

static void do_inbox(void *arg, char *rest)
{
    struct desk *d = arg;
    complain(d, parley_get_inbox(d->client, &d->inbox_call));
}

/* The newest page comes by itself at the first look; later it is asked for again. */
static void do_open(void *arg, char *rest)
{
    struct desk *d = arg;
    char json[160];
    int n = atoi(rest);
    if (n < 1 || (uint32_t)n > d->matter_count) {
        term_line(d->term, TONE_DIM, "  /open N, with a number of /inbox");
        return;
    }
    struct desk_matter *m = d->open = &d->matters[n - 1];
    m->unread = 0;
    if (!m->followed) {
        complain(d, parley_subscribe(d->client, m->conversation, NULL));
        m->followed = true;
        return;
    }
    snprintf(json, sizeof json, "{\"type\":\"range\",\"data\":{\"conversation\":\"%s\",\"limit\":%d}}", m->conversation,
             DESK_OLDER);
    complain(d, parley_call_json(d->client, json, &d->again_call));
}

static void do_note(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    if (conversation && *rest)
        complain(d, parley_note(d->client, conversation, rest, NULL, NULL));
}

static void do_whisper(void *arg, char *rest)
{
    struct desk *d = arg;
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

static void do_transfer(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    char *reason = rest + strcspn(rest, " ");
    if (*reason)
        *reason++ = '\0';
    if (conversation && !*rest)
        term_line(d->term, TONE_DIM, "  /transfer QUEUE [WHY]");
    else if (conversation)
        complain(d, parley_transfer(d->client, conversation, rest, *reason ? reason : NULL, NULL));
}

static void do_release(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_release(d->client, conversation, NULL, *rest ? rest : NULL, NULL));
}

static void do_resolve(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_resolve(d->client, conversation, NULL, *rest ? rest : NULL, NULL));
}

static void do_reopen(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_reopen(d->client, conversation, NULL));
}

static void do_older(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_load_older(d->client, conversation, DESK_OLDER, &d->older_call));
}

static void do_process(void *arg, char *rest)
{
    struct desk *d = arg;
    const char *conversation = talking_to(d);
    if (conversation)
        complain(d, parley_process_get(d->client, conversation, NULL, &d->process_call));
}

static void do_context(void *arg, char *rest)
{
    struct desk *d = arg;
    char json[128];
    const char *conversation = talking_to(d);
    if (!conversation)
        return;
    snprintf(json, sizeof json, "{\"type\":\"context.get\",\"data\":{\"conversation\":\"%s\"}}", conversation);
    complain(d, parley_call_json(d->client, json, &d->context_call));
}

static void do_quit(void *arg, char *rest)
{
    struct desk *d = arg;
    d->quit = true;
}

static void do_help(void *arg, char *rest);

static const struct command commands[] = {
    {"status", do_status, "/status online", "what you are: online, busy, away, offline"},
    {"accept", do_accept, "/accept [N]", "take an offer, and see what is known of the customer"},
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

static const struct command_list command_list = {commands, sizeof commands / sizeof *commands};

static void do_help(void *arg, char *rest)
{
    struct desk *d = arg;
    term_line(d->term, TONE_DIM, "  Write, and press Enter: it is said to the customer. Also:");
    command_help(&command_list, d->term);
}

static void say(struct desk *d, const char *conversation, const char *line)
{
    parley_status st = parley_send_text(d->client, conversation, line, NULL);
    complain(d, st);
    if (st == PARLEY_OK && d->state != PARLEY_STATE_ONLINE)
        term_line(d->term, TONE_DIM, "  kept until we are online: %s", line);
}

void desk_line(struct desk *d, char *line)
{
    if (*line == '/') {
        command_run(&command_list, d->term, d, line + 1);
    } else if (*line) {
        const char *conversation = talking_to(d);
        if (conversation)
            say(d, conversation, line);
    }
}
