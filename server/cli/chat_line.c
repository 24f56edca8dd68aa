/* What is typed into `parley chat`: words, numbers that answer, commands. */
#include "protocol/wire_json.h"
#include "server/base/mem.h"
#include "server/cli/chat.h"
#include "server/cli/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OLDER = 20 };

void chat_complain(struct chat *c, parley_status st)
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

static void do_context(void *arg, char *rest)
{
    struct chat *c = arg;
    char *value;
    if (!split_pair(rest, &value)) {
        term_line(c->term, TONE_DIM, "  /context screen=cart tells that; /context screen= takes it back");
        return;
    }
    parley_status st =
        *value ? parley_context_set(c->client, NULL, rest, value) : parley_context_set(c->client, NULL, rest, NULL);
    if (st == PARLEY_MALFORMED) {
        char *json = quoted(value);
        st = parley_context_set(c->client, NULL, rest, json);
        mem_free(json);
    }
    chat_complain(c, st);
}

/* A field gets a value, or the process a state. */
static void move_process(struct chat *c, struct chat_process *p, char *what)
{
    char *value = NULL, *data = NULL;
    if (split_pair(what, &value)) {
        char *json_key = quoted(what), *json_value = quoted(value);
        if (asprintf(&data, "{%s:%s}", json_key, json_value) < 0)
            data = NULL;
        mem_free(json_key);
        mem_free(json_value);
    }
    chat_complain(c, parley_process_step(c->client, NULL, p->id, p->revision++, NULL, value ? NULL : what, data, NULL));
    free(data);
}

/* /process, /process start TYPE, /process N key=value, /process N done */
static void do_process(void *arg, char *rest)
{
    struct chat *c = arg;
    char *more = rest + strcspn(rest, " ");
    if (*more)
        *more++ = '\0';
    if (!*rest) {
        chat_complain(c, parley_process_get(c->client, NULL, NULL, &c->process_call));
    } else if (strcmp(rest, "start") == 0 && *more) {
        chat_complain(c, parley_process_start(c->client, NULL, more, NULL, NULL, NULL, NULL, NULL));
    } else if (isdigit((unsigned char)*rest) && atoi(rest) >= 1 && (uint32_t)atoi(rest) <= c->process_count && *more) {
        move_process(c, &c->processes[atoi(rest) - 1], more);
    } else {
        term_line(c->term, TONE_DIM,
                  "  /process lists them; /process start TYPE; /process 1 field=value; /process 1 done");
    }
}

static void do_person(void *arg, char *rest)
{
    struct chat *c = arg;
    chat_complain(c, parley_request_human(c->client, NULL, NULL, *rest ? rest : NULL, &c->human_call));
}

static void do_leave(void *arg, char *rest)
{
    struct chat *c = arg;
    chat_complain(c, parley_leave_queue(c->client, NULL, &c->leave_call));
}

static void do_older(void *arg, char *rest)
{
    struct chat *c = arg;
    chat_complain(c, parley_load_older(c->client, NULL, OLDER, &c->older_call));
}

static void do_form(void *arg, char *rest)
{
    chat_form_begin(arg);
}

static void do_file(void *arg, char *rest)
{
    struct chat *c = arg;
    if (*rest)
        chat_send_file(c, rest);
    else
        term_line(c->term, TONE_DIM, "  /file photo.jpg sends that file");
}

static void do_quit(void *arg, char *rest)
{
    struct chat *c = arg;
    c->quit = true;
}

static void do_help(void *arg, char *rest);

static const struct command commands[] = {
    {"person", do_person, "/person [WHY]", "ask for a person; always possible"},
    {"leave", do_leave, "/leave", "leave the queue"},
    {"older", do_older, "/older", "show what was said before"},
    {"form", do_form, "/form", "fill in the form that is open"},
    {"file", do_file, "/file PATH", "send a picture or file"},
    {"context", do_context, "/context KEY=VALUE", "what the app shows just now, as agents will see it"},
    {"process", do_process, "/process", "what is under way: list, start TYPE, N field=value"},
    {"help", do_help, "/help", "this"},
    {"quit", do_quit, "/quit", "leave; everything stays where it is"},
};

static const struct command_list command_list = {commands, sizeof commands / sizeof *commands};

static void do_help(void *arg, char *rest)
{
    struct chat *c = arg;
    term_line(c->term, TONE_DIM, "  Write, and press Enter. A number answers a question. Also:");
    command_help(&command_list, c->term);
}

/* A number answers the open question; anything else is said. */
static void say(struct chat *c, const char *line)
{
    char *end;
    long n = strtol(line, &end, 10);
    parley_status st;
    bool picks = *end == '\0' && n >= 1 && n <= (long)c->option_count;
    const struct chat_option *o = &c->options[picks ? n - 1 : 0];
    if (picks && c->choices)
        st = parley_tap(c->client, NULL, c->choices, o->value, o->label, NULL);
    else
        st = parley_send_text(c->client, NULL, picks && c->starts_stand ? o->label : line, NULL);
    chat_complain(c, st);
    if (st == PARLEY_OK && c->state != PARLEY_STATE_ONLINE)
        term_line(c->term, TONE_DIM, "  kept until we are online: %s", line);
}

void chat_line(struct chat *c, char *line)
{
    if (c->form.filling && strcmp(line, "/quit") == 0)
        chat_form_leave(c);
    else if (c->form.filling)
        chat_form_line(c, line);
    else if (*line == '/')
        command_run(&command_list, c->term, c, line + 1);
    else if (*line)
        say(c, line);
}
