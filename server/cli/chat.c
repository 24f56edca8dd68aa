/* parley chat: a customer in the terminal. */
#include "server/cli/chat.h"

#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/field.h"
#include "server/cli/pipe.h"
#include "server/cli/sign_in.h"
#include "server/cli/sitting.h"

#include <stdio.h>
#include <string.h>

/* --- the state line --- */

static const char *connection(const struct chat *c, char *room, size_t size)
{
    int64_t left = c->retry_at - clock_mono_ms();
    switch (c->state) {
    case PARLEY_STATE_ONLINE:
        return NULL;
    case PARLEY_STATE_BACKOFF:
        snprintf(room, size, "offline, next try in %s", view_duration(left > 0 ? left : 0));
        return room;
    case PARLEY_STATE_SYNCING:
        return "catching up";
    case PARLEY_STATE_NEEDS_TOKEN:
        return "signed out";
    case PARLEY_STATE_BLOCKED:
        return "blocked";
    default:
        return "connecting";
    }
}

static void show_prompt(void *arg)
{
    struct chat *c = arg;
    char prompt[CHAT_PROMPT * 2], room[64], unsent[32] = "";
    const char *net = connection(c, room, sizeof room);
    uint32_t waiting = parley_outbox_count(c->client);
    if (c->form.filling) {
        chat_form_prompt(c, prompt, sizeof prompt);
    } else {
        if (waiting)
            snprintf(unsent, sizeof unsent, " - %u unsent", waiting);
        snprintf(prompt, sizeof prompt, "[%s%s%s] > ", net ? net : c->who,
                 net         ? ""
                 : c->typing ? ", typing"
                 : c->read   ? ", read"
                             : "",
                 unsent);
    }
    term_prompt(c->term, prompt);
}

static void on_state(struct chat *c, parley_event *e)
{
    if (c->quit)
        return; /* what ended it is known */
    c->state = parley_event_state(e);
    c->retry_at = clock_mono_ms() + parley_event_int(e, "retry_in_ms", 0);
    c->been_online = c->been_online || c->state == PARLEY_STATE_ONLINE;
    c->code = pipe_exit_code(c->state, parley_event_status(e));
    if (c->code != CLI_OK)
        cli_fail(c->code, "the server does not let us in: %s", field_text(e, "text"));
    else if (c->state == PARLEY_STATE_BACKOFF && !c->been_online && !term_is_interactive(c->term))
        c->code = cli_fail(CLI_UNREACHABLE, "cannot connect: %s", field_text(e, "text"));
    else if (c->state == PARLEY_STATE_BACKOFF && !c->been_online && !c->told_why)
        term_line(c->term, TONE_BAD, "cannot connect: %s", field_text(e, "text"));
    c->told_why = c->told_why || c->state == PARLEY_STATE_BACKOFF;
    c->quit = c->quit || c->code != CLI_OK;
    if (c->state == PARLEY_STATE_ONLINE && !c->said_any)
        parley_get_starts(c->client, NULL, &c->starts_call);
}

static void on_service(struct chat *c, parley_event *e)
{
    const char *state = parley_event_text(e, "service.state"), *agent = parley_event_text(e, "service.agent_name");
    int64_t place = parley_event_int(e, "service.place", 0), estimate = parley_event_int(e, "service.estimate_ms", -1);
    if (!state)
        snprintf(c->who, sizeof c->who, "write any time");
    else if (strcmp(state, "bot") == 0)
        snprintf(c->who, sizeof c->who, "bot");
    else if (strcmp(state, "live") == 0 || strcmp(state, "wrap_up") == 0)
        snprintf(c->who, sizeof c->who, "%s", agent && *agent ? agent : "a person");
    else if (parley_event_int(e, "service.message", 0))
        snprintf(c->who, sizeof c->who, "your message is with us");
    else if (place && estimate >= 0)
        snprintf(c->who, sizeof c->who, "number %lld in the queue, about %s", (long long)place,
                 view_duration(estimate));
    else if (place)
        snprintf(c->who, sizeof c->who, "number %lld in the queue", (long long)place);
    else
        snprintf(c->who, sizeof c->who, "waiting for a person");
}

/* --- what arrives --- */

static void keep_choices(struct chat *c, parley_event *e)
{
    c->choices = parley_event_seq(e);
    c->option_count = parley_event_count(e, "item.body.options");
    if (c->option_count > CHAT_OPTIONS)
        c->option_count = CHAT_OPTIONS;
    for (uint32_t i = 0; i < c->option_count; i++) {
        field_copy(c->options[i].value, sizeof c->options[i].value, e, "item.body.options.%u.value", i);
        field_copy(c->options[i].label, sizeof c->options[i].label, e, "item.body.options.%u.label", i);
    }
}

static void on_item(struct chat *c, parley_event *e)
{
    const char *kind = parley_event_text(e, "item.kind");
    c->said_any = true;
    c->starts_stand = false;
    view_item(&c->view, e, "item");
    if (!kind || !parley_event_int(e, "new", 0))
        return;
    if (strcmp(kind, "choices") == 0)
        keep_choices(c, e);
    else if (strcmp(kind, "form") == 0)
        chat_form_keep(c, e);
    else if (strcmp(kind, "choice") == 0 && parley_event_int(e, "item.body.to", 0) == c->choices)
        c->choices = 0;
    else if (strcmp(kind, "form_answer") == 0 && parley_event_int(e, "item.body.to", 0) == c->form.seq)
        chat_form_done(c);
    parley_mark_read(c->client, NULL, parley_event_seq(e));
}

static void on_outbox(struct chat *c, parley_event *e)
{
    int32_t state = parley_event_state(e);
    if (state == PARLEY_OUTBOX_FAILED_FINAL) {
        term_line(c->term, TONE_BAD, "  not sent: %s", parley_event_text(e, "text"));
        parley_outbox_discard(c->client, parley_event_text(e, "id"));
    } else if (state == PARLEY_OUTBOX_FAILED_RETRY) {
        term_line(c->term, TONE_BAD, "  not sent yet: %s", parley_event_text(e, "text"));
        parley_outbox_retry(c->client, parley_event_text(e, "id"));
    }
    c->read = state == PARLEY_OUTBOX_READ;
}

static void show_process(struct chat *c, parley_event *e, uint32_t i)
{
    const char *title = field_text(e, "data.processes.%u.title", i), *step = field_text(e, "data.processes.%u.step", i);
    field_copy(c->processes[i].id, sizeof c->processes[i].id, e, "data.processes.%u.process", i);
    c->processes[i].revision = field_int(e, "data.processes.%u.revision", i);
    term_line(c->term, TONE_PLAIN, "  %u  %s%s%s%s%s", i + 1, field_text(e, "data.processes.%u.type", i),
              *title ? ", " : "", title, *step ? ", at " : "", step);
    uint32_t gaps = field_count(e, "data.processes.%u.missing", i);
    for (uint32_t m = 0; m < gaps; m++)
        term_line(c->term, TONE_DIM, "     still needs %s", field_text(e, "data.processes.%u.missing.%u.field", i, m));
}

static void show_processes(struct chat *c, parley_event *e)
{
    uint32_t count = parley_event_count(e, "data.processes");
    c->process_count = count < CHAT_PROCESSES ? count : CHAT_PROCESSES;
    if (count == 0)
        term_line(c->term, TONE_DIM, "  Nothing is under way. /process start TYPE begins something.");
    for (uint32_t i = 0; i < c->process_count; i++)
        show_process(c, e, i);
}

/* Quick buttons on an empty screen. */
static void show_starts(struct chat *c, parley_event *e)
{
    char place[16];
    uint32_t count = parley_event_count(e, "data.starts");
    if (c->said_any)
        return;
    c->option_count = count < CHAT_OPTIONS ? count : CHAT_OPTIONS;
    c->starts_stand = count > 0;
    for (uint32_t i = 0; i < c->option_count; i++) {
        field_copy(c->options[i].label, sizeof c->options[i].label, e, "data.starts.%u.button", i);
        snprintf(place, sizeof place, "%8u", i + 1);
        term_say(c->term, TONE_BOLD, place, span_str(c->options[i].label));
    }
}

static void on_reply(struct chat *c, parley_event *e)
{
    uint64_t call = parley_event_call(e);
    chat_file_reply(c, e);
    if (parley_event_status(e) != PARLEY_OK) {
        const char *text = parley_event_text(e, "error.text");
        term_line(c->term, TONE_BAD, "  %s: %s", parley_event_text(e, "type"),
                  text ? text : parley_status_text(parley_event_status(e)));
    } else if (call == c->older_call && parley_event_int(e, "data.start", 0)) {
        term_line(c->term, TONE_DIM, "  This is where it began.");
    } else if (call == c->starts_call) {
        show_starts(c, e);
    } else if (call == c->process_call) {
        show_processes(c, e);
    } else if (parley_event_text(e, "data.process.type")) {
        term_line(c->term, TONE_DIM, "  %s stands at %s, revision %lld", parley_event_text(e, "data.process.type"),
                  parley_event_text(e, "data.process.step") ? parley_event_text(e, "data.process.step")
                                                            : "its beginning",
                  (long long)parley_event_int(e, "data.process.revision", 0));
    }
}

static void on_event(struct chat *c, parley_event *e)
{
    switch (parley_event_type(e)) {
    case PARLEY_EVENT_STATE:
        on_state(c, e);
        break;
    case PARLEY_EVENT_WELCOME:
        snprintf(c->view.me, sizeof c->view.me, "%s", parley_event_text(e, "me"));
        break;
    case PARLEY_EVENT_SERVICE:
        on_service(c, e);
        break;
    case PARLEY_EVENT_PERSON:
        view_person(&c->view, parley_event_text(e, "person"), parley_event_text(e, "name"));
        break;
    case PARLEY_EVENT_ITEM:
        on_item(c, e);
        break;
    case PARLEY_EVENT_OUTBOX:
        on_outbox(c, e);
        break;
    case PARLEY_EVENT_TYPING:
        c->typing = parley_event_int(e, "on", 0) != 0;
        break;
    case PARLEY_EVENT_REPLY:
        on_reply(c, e);
        break;
    case PARLEY_EVENT_ERROR:
        term_line(c->term, TONE_BAD, "  the server: %s", parley_event_text(e, "error.text"));
        break;
    default:
        break;
    }
}

/* --- the whole --- */

void chat_events(struct chat *c, int timeout_ms)
{
    parley_event *e;
    for (; (e = parley_next_event(c->client, timeout_ms)); timeout_ms = 0) {
        on_event(c, e);
        parley_event_free(e);
    }
}

static void take_events(void *arg)
{
    chat_events(arg, 0);
}

static void on_line(void *arg, char *line)
{
    chat_line(arg, line);
}

static int talk(struct cli *cli, parley_client *client, const struct sign_in *who)
{
    struct chat c = {.client = client, .term = term_open(cli_color(cli)), .who = "hello", .sign_in = who};
    c.view = (struct view){.term = c.term, .my_name = who->name};
    struct sitting sitting = {.term = c.term,
                              .client = client,
                              .quit = &c.quit,
                              .been_online = &c.been_online,
                              .prompt = show_prompt,
                              .line = on_line,
                              .events = take_events,
                              .arg = &c};
    bool interrupted = sitting_run(&sitting, who);
    chat_form_done(&c);
    term_close(&c.term);
    return interrupted ? CLI_INTERRUPTED : c.code;
}

static int chat(struct cli *cli)
{
    return sitting_verb(cli, sign_in_customer, talk);
}

const struct verb chat_verbs[] = {
    {.name = "chat",
     .operands = "",
     .summary = "talk as a customer, in the terminal",
     .examples = "parley chat --name ana\n"
                 "parley chat --server wss://chat.example/v1/ws --token ana.jwt\n"
                 "parley chat --name ana --keep ~/.ana\n"
                 "echo '{\"type\":\"send\",\"data\":{\"text\":\"hello\"}}' | parley chat --name ana --json",
     .notes =
         "With `parley dev` started in the same folder, --name is enough. While you chat, /help lists the commands.\n"
         "With --json each event is a line, and each line of input a call: {\"type\":\"send\",\"data\":{...}}.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {SIGN_IN_SERVER,
               {"name", "NAME", "who you are, signed with the key of `parley dev`", false},
               SIGN_IN_TOKEN,
               {"device", "ID", "for a guest's --token: the device it was made for", false},
               {"guest", "KEYID", "come as a guest of the app whose key this is", false},
               {"key", "FILE", "sign a token with this private JWK", false},
               {"sub", "ID", "for --key: the app's own id of the customer", false}},
     .run = chat},
    {0},
};
