/* parley chat: a customer in the terminal. */
#include "protocol/wire_json.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/cli/cli.h"
#include "server/cli/pipe.h"
#include "server/cli/sign_in.h"
#include "server/cli/view.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT_MAX = 256, OPTIONS_MAX = 10, FIELDS_MAX = 40, PROCESSES_MAX = 9, OLDER = 20, TICK_MS = 1000 };

struct option_of {
    char value[65];
    char label[257];
};

struct field_of {
    char id[65], label[257];
    bool required;
};

struct process_of {
    char id[37];
    int64_t revision;
};

struct chat {
    parley_client *client;
    struct term *term;
    struct view view;
    bool quit;
    int code;

    int32_t state;
    int64_t retry_at;
    char who[PROMPT_MAX]; /* who serves, for the prompt */
    bool typing;

    int64_t choices; /* the question that is open; 0: none */
    struct option_of options[OPTIONS_MAX];
    uint32_t option_count;

    int64_t form; /* the form that is open; 0: none */
    bool filling;
    struct field_of fields[FIELDS_MAX];
    uint32_t field_count, field;
    char *values; /* JSON so far, without its closing brace */

    struct process_of processes[PROCESSES_MAX];
    uint32_t process_count;
    uint64_t older_call, human_call, leave_call, process_call;
};

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

static void show_prompt(struct chat *c)
{
    char prompt[PROMPT_MAX * 2], room[64], unsent[32] = "";
    const char *net = connection(c, room, sizeof room);
    uint32_t waiting = parley_outbox_count(c->client);
    if (c->filling) {
        const struct field_of *f = &c->fields[c->field];
        snprintf(prompt, sizeof prompt, "%s%s ", f->label, f->required ? ":" : " (may be empty):");
    } else {
        if (waiting)
            snprintf(unsent, sizeof unsent, " - %u unsent", waiting);
        snprintf(prompt, sizeof prompt, "[%s%s%s] > ", net ? net : c->who, c->typing && !net ? ", typing" : "", unsent);
    }
    term_prompt(c->term, prompt);
}

static void on_state(struct chat *c, parley_event *e)
{
    c->state = parley_event_state(e);
    c->retry_at = clock_mono_ms() + parley_event_int(e, "retry_in_ms", 0);
    int code = pipe_exit_code(c->state, parley_event_status(e));
    if (code == CLI_OK)
        return;
    term_line(c->term, TONE_BAD, "The server does not let us in: %s", parley_event_text(e, "text"));
    c->code = code;
    c->quit = true;
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
    else if (place && estimate >= 0)
        snprintf(c->who, sizeof c->who, "number %lld in the queue, about %s", (long long)place, view_duration(estimate));
    else if (place)
        snprintf(c->who, sizeof c->who, "number %lld in the queue", (long long)place);
    else
        snprintf(c->who, sizeof c->who, "waiting for a person");
}

/* --- what arrives --- */

static void keep_text(char *out, size_t size, parley_event *e, const char *format, uint32_t i)
{
    char path[64];
    snprintf(path, sizeof path, format, i);
    const char *text = parley_event_text(e, path);
    snprintf(out, size, "%s", text ? text : "");
}

static void keep_choices(struct chat *c, parley_event *e)
{
    c->choices = parley_event_seq(e);
    c->option_count = parley_event_count(e, "item.body.options");
    if (c->option_count > OPTIONS_MAX)
        c->option_count = OPTIONS_MAX;
    for (uint32_t i = 0; i < c->option_count; i++) {
        keep_text(c->options[i].value, sizeof c->options[i].value, e, "item.body.options.%u.value", i);
        keep_text(c->options[i].label, sizeof c->options[i].label, e, "item.body.options.%u.label", i);
    }
}

static void keep_form(struct chat *c, parley_event *e)
{
    char path[64];
    c->form = parley_event_seq(e);
    c->field_count = parley_event_count(e, "item.body.fields");
    if (c->field_count > FIELDS_MAX)
        c->field_count = FIELDS_MAX;
    for (uint32_t i = 0; i < c->field_count; i++) {
        keep_text(c->fields[i].id, sizeof c->fields[i].id, e, "item.body.fields.%u.id", i);
        keep_text(c->fields[i].label, sizeof c->fields[i].label, e, "item.body.fields.%u.label", i);
        snprintf(path, sizeof path, "item.body.fields.%u.required", i);
        c->fields[i].required = parley_event_int(e, path, 0) != 0;
    }
    term_line(c->term, TONE_DIM, "         /form fills it in");
}

static void on_item(struct chat *c, parley_event *e)
{
    const char *kind = parley_event_text(e, "item.kind");
    view_item(&c->view, e, "item");
    if (!kind || !parley_event_int(e, "new", 0))
        return;
    if (strcmp(kind, "choices") == 0)
        keep_choices(c, e);
    else if (strcmp(kind, "form") == 0)
        keep_form(c, e);
    else if (strcmp(kind, "choice") == 0 && parley_event_int(e, "item.body.to", 0) == c->choices)
        c->choices = 0;
    else if (strcmp(kind, "form_answer") == 0 && parley_event_int(e, "item.body.to", 0) == c->form)
        c->form = 0;
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
    } else if (state == PARLEY_OUTBOX_READ) {
        term_line(c->term, TONE_DIM, "  read");
    }
}

static void show_processes(struct chat *c, parley_event *e)
{
    uint32_t count = parley_event_count(e, "data.processes");
    c->process_count = count < PROCESSES_MAX ? count : PROCESSES_MAX;
    if (count == 0)
        term_line(c->term, TONE_DIM, "  Nothing is under way. /process start TYPE begins something.");
    for (uint32_t i = 0; i < c->process_count; i++) {
        char path[64], type[65], step[65], title[257];
        keep_text(c->processes[i].id, sizeof c->processes[i].id, e, "data.processes.%u.process", i);
        keep_text(type, sizeof type, e, "data.processes.%u.type", i);
        keep_text(step, sizeof step, e, "data.processes.%u.step", i);
        keep_text(title, sizeof title, e, "data.processes.%u.title", i);
        snprintf(path, sizeof path, "data.processes.%u.revision", i);
        c->processes[i].revision = parley_event_int(e, path, 0);
        term_line(c->term, TONE_PLAIN, "  %u  %s%s%s%s%s", i + 1, type, *title ? ", " : "", title,
                  *step ? ", at " : "", step);
        snprintf(path, sizeof path, "data.processes.%u.missing", i);
        for (uint32_t m = 0; m < parley_event_count(e, path); m++) {
            char deep[96];
            snprintf(deep, sizeof deep, "data.processes.%u.missing.%u.field", i, m);
            term_line(c->term, TONE_DIM, "     still needs %s", parley_event_text(e, deep));
        }
    }
}

static void on_reply(struct chat *c, parley_event *e)
{
    uint64_t call = parley_event_call(e);
    if (parley_event_status(e) != PARLEY_OK) {
        const char *text = parley_event_text(e, "error.text");
        term_line(c->term, TONE_BAD, "  %s: %s", parley_event_text(e, "type"),
                  text ? text : parley_status_text(parley_event_status(e)));
    } else if (call == c->older_call && parley_event_int(e, "data.start", 0)) {
        term_line(c->term, TONE_DIM, "  This is where it began.");
    } else if (call == c->process_call) {
        show_processes(c, e);
    } else if (parley_event_text(e, "data.process.type")) {
        term_line(c->term, TONE_DIM, "  %s stands at %s, revision %lld", parley_event_text(e, "data.process.type"),
                  parley_event_text(e, "data.process.step") ? parley_event_text(e, "data.process.step") : "its beginning",
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

/* --- what is typed --- */

static void complain(struct chat *c, parley_status st)
{
    if (st != PARLEY_OK)
        term_line(c->term, TONE_BAD, "  %s", parley_status_text(st));
}

/* "key=value" or "key = value": the value as JSON if it is that, else as text. */
static bool split_pair(char *pair, char **out_value)
{
    char *equals = strchr(pair, '=');
    if (!equals || equals == pair)
        return false;
    *out_value = equals + 1 + strspn(equals + 1, " ");
    do
        *equals-- = '\0';
    while (equals > pair && *equals == ' ');
    return true;
}

static char *quoted(const char *text)
{
    struct buf json;
    buf_init(&json, 65536);
    wire_json_put_text(&json, span_str(text));
    buf_add(&json, "", 1);
    char *copy = mem_text(json.status == PARLEY_OK ? json.ptr : "\"\"");
    buf_done(&json);
    return copy;
}

static void do_context(struct chat *c, char *rest)
{
    char *value;
    if (!split_pair(rest, &value)) {
        term_line(c->term, TONE_DIM, "  /context screen=cart tells that; /context screen= takes it back");
        return;
    }
    parley_status st = *value ? parley_context_set(c->client, NULL, rest, value)
                              : parley_context_set(c->client, NULL, rest, NULL);
    if (st == PARLEY_MALFORMED) {
        char *json = quoted(value);
        st = parley_context_set(c->client, NULL, rest, json);
        mem_free(json);
    }
    complain(c, st);
}

/* /process, /process start TYPE, /process N key=value, /process N done */
static void do_process(struct chat *c, char *rest)
{
    char *more = rest + strcspn(rest, " ");
    if (*more)
        *more++ = '\0';
    if (!*rest) {
        complain(c, parley_process_get(c->client, NULL, NULL, &c->process_call));
    } else if (strcmp(rest, "start") == 0 && *more) {
        complain(c, parley_process_start(c->client, NULL, more, NULL, NULL, NULL, NULL, NULL));
    } else if (isdigit((unsigned char)*rest) && atoi(rest) >= 1 && (uint32_t)atoi(rest) <= c->process_count && *more) {
        struct process_of *p = &c->processes[atoi(rest) - 1];
        char *value = NULL, *json = NULL, *data = NULL;
        if (split_pair(more, &value)) {
            json = quoted(more);
            char *quoted_value = quoted(value);
            if (asprintf(&data, "{%s:%s}", json, quoted_value) < 0)
                data = NULL;
            mem_free(quoted_value);
        }
        complain(c, parley_process_step(c->client, NULL, p->id, p->revision++, NULL, value ? NULL : more, data, NULL));
        mem_free(json);
        free(data);
    } else {
        term_line(c->term, TONE_DIM, "  /process lists them; /process start TYPE; /process 1 field=value; /process 1 done");
    }
}

static void do_person(struct chat *c, char *rest)
{
    complain(c, parley_request_human(c->client, NULL, NULL, *rest ? rest : NULL, &c->human_call));
}

static void do_leave(struct chat *c, char *rest)
{
    complain(c, parley_leave_queue(c->client, NULL, &c->leave_call));
}

static void do_older(struct chat *c, char *rest)
{
    complain(c, parley_load_older(c->client, NULL, OLDER, &c->older_call));
}

static void do_form(struct chat *c, char *rest)
{
    if (!c->form || c->field_count == 0) {
        term_line(c->term, TONE_DIM, "  No form is open.");
        return;
    }
    c->filling = true;
    c->field = 0;
    mem_free(c->values);
    c->values = mem_text("{");
}

static void do_quit(struct chat *c, char *rest)
{
    c->quit = true;
}

static void do_help(struct chat *c, char *rest);

static const struct {
    const char *name;
    void (*run)(struct chat *c, char *rest);
    const char *usage, *help;
} commands[] = {
    {"person", do_person, "/person [WHY]", "ask for a person; always possible"},
    {"leave", do_leave, "/leave", "leave the queue"},
    {"older", do_older, "/older", "show what was said before"},
    {"form", do_form, "/form", "fill in the form that is open"},
    {"context", do_context, "/context KEY=VALUE", "what the app shows just now, as agents will see it"},
    {"process", do_process, "/process", "what is under way: list, start TYPE, N field=value"},
    {"help", do_help, "/help", "this"},
    {"quit", do_quit, "/quit", "leave; everything stays where it is"},
};

static void do_help(struct chat *c, char *rest)
{
    term_line(c->term, TONE_DIM, "  Write, and press Enter. A number answers a question. Also:");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        term_line(c->term, TONE_DIM, "  %-20s %s", commands[i].usage, commands[i].help);
}

static void do_command(struct chat *c, char *line)
{
    size_t n = strcspn(line, " ");
    char *rest = line + n + strspn(line + n, " ");
    for (size_t i = 0; n > 0 && i < sizeof commands / sizeof *commands; i++) {
        if (strncmp(commands[i].name, line, n) == 0) {
            commands[i].run(c, rest);
            return;
        }
    }
    term_line(c->term, TONE_BAD, "  /%.*s is nothing I know; /help lists what there is", (int)n, line);
}

/* A number answers the open question; anything else is said. */
static void say(struct chat *c, const char *line)
{
    char *end;
    long n = strtol(line, &end, 10);
    parley_status st;
    if (c->choices && *end == '\0' && n >= 1 && n <= (long)c->option_count) {
        const struct option_of *o = &c->options[n - 1];
        st = parley_tap(c->client, NULL, c->choices, o->value, o->label, NULL);
    } else {
        st = parley_send_text(c->client, NULL, line, NULL);
    }
    complain(c, st);
    if (st == PARLEY_OK && c->state != PARLEY_STATE_ONLINE)
        term_line(c->term, TONE_DIM, "  kept until we are online: %s", line);
}

static void fill_field(struct chat *c, const char *line)
{
    const struct field_of *f = &c->fields[c->field];
    if (!*line && f->required) {
        term_line(c->term, TONE_DIM, "  This one is needed; /quit leaves the form.");
        return;
    }
    if (*line) {
        char *key = quoted(f->id), *value = quoted(line), *more;
        if (asprintf(&more, "%s%s%s:%s", c->values, c->values[1] ? "," : "", key, value) >= 0) {
            mem_free(c->values);
            c->values = mem_text(more);
            free(more);
        }
        mem_free(key);
        mem_free(value);
    }
    if (++c->field < c->field_count)
        return;
    c->filling = false;
    size_t size = strlen(c->values) + 2;
    c->values = mem_resize(c->values, size);
    strcpy(c->values + size - 2, "}");
    complain(c, parley_submit_form(c->client, NULL, c->form, c->values, NULL));
}

static void on_line(struct chat *c, char *line)
{
    if (c->filling && strcmp(line, "/quit") == 0)
        c->filling = false;
    else if (c->filling)
        fill_field(c, line);
    else if (*line == '/')
        do_command(c, line + 1);
    else if (*line)
        say(c, line);
}

/* --- the whole --- */

static void take_events(struct chat *c)
{
    parley_event *e;
    while ((e = parley_next_event(c->client, 0))) {
        on_event(c, e);
        parley_event_free(e);
    }
}

/* Input that ended is a goodbye, but what was said is sent first. */
static bool may_leave(const struct chat *c, bool ended)
{
    return c->quit || (ended && parley_outbox_count(c->client) == 0);
}

static int talk(struct cli *cli, parley_client *client, const struct sign_in *who)
{
    struct chat c = {.client = client, .term = term_open(cli_color(cli)), .who = "hello"};
    c.view = (struct view){.term = c.term, .my_name = who->name};
    bool ended = false;
    if (term_is_interactive(c.term))
        term_line(c.term, TONE_DIM, "%s at %s - /help tells what you can do", who->name, who->url);
    parley_connect(client);
    while (!may_leave(&c, ended)) {
        show_prompt(&c);
        enum term_news news = term_wait(c.term, parley_event_fd(client), TICK_MS);
        if (news == TERM_LINE) {
            char *line = term_take_line(c.term);
            on_line(&c, line);
            free(line);
        }
        ended = ended || news == TERM_END;
        take_events(&c);
    }
    mem_free(c.values);
    term_close(&c.term);
    return c.code;
}

static int chat(struct cli *cli)
{
    struct sign_in who;
    parley_client *client;
    int code = sign_in_customer(cli, &who);
    if (code != CLI_OK)
        return code;
    code = pipe_client(cli, &who, &client);
    if (code == CLI_OK) {
        code = cli_json(cli) ? pipe_run(client) : talk(cli, client, &who);
        parley_client_free(client);
    }
    sign_in_done(&who);
    return code;
}

const struct verb chat_verbs[] = {
    {.name = "chat",
     .operands = "",
     .summary = "talk as a customer, in the terminal",
     .examples = "parley chat --name ana\n"
                 "parley chat --server wss://chat.example/v1/ws --token ana.jwt\n"
                 "echo '{\"type\":\"send\",\"data\":{\"text\":\"hello\"}}' | parley chat --name ana --json",
     .notes = "With `parley dev` started in the same folder, --name is enough. While you chat, /help lists the commands.\n"
              "With --json each event is a line, and each line of input a call: {\"type\":\"send\",\"data\":{...}}.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {SIGN_IN_SERVER,
               {"name", "NAME", "who you are, signed with the key of `parley dev`", false},
               SIGN_IN_TOKEN,
               {"guest", "KEYID", "come as a guest of the app whose key this is", false},
               {"key", "FILE", "sign a token with this private JWK", false},
               {"sub", "ID", "for --key: the app's own id of the customer", false},
               {"plain", NULL, "allow ws:// to another machine", false},
               {"wire-json", NULL, "JSON on the wire instead of MessagePack", false}},
     .run = chat},
    {0},
};
