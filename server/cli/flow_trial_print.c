/* What a trial has found, for people and for programs. */
#include "server/cli/cli.h"
#include "server/cli/flow_trial.h"
#include "server/cli/out.h"

#include <inttypes.h>
#include <stdio.h>

static void json_field(const char *name, const char *text)
{
    printf(",\"%s\":", name);
    out_json_text(text);
}

static void print_json(const struct trial *t, const char *title, bool done)
{
    fputs("{\"name\":", stdout);
    out_json_text(t->flow);
    json_field("title", title);
    printf(",\"version\":\"%.12s\",\"published\":%s,\"runs\":%" PRId64 ",\"go_on\":%" PRId64 ",\"part\":%" PRId64
           ",\"with_person\":%" PRId64 ",\"moved\":%" PRId64 ",\"to_person\":%" PRId64 ",\"parts\":[",
           t->hash, done ? "true" : "false", t->live, t->go_on, t->part, t->with_person, t->moved, t->leave);
    const char *comma = "";
    for (size_t i = 0; i < t->part_count; i++) {
        const struct trial_part *p = &t->parts[i];
        if (!p->count)
            continue;
        printf("%s\n {\"count\":%" PRId64 ",\"step\":%" PRId64 ",\"was_line\":%d,\"line\":%d", comma, p->count,
               p->error.was_step, p->error.was_line, p->error.line);
        json_field("version", p->from);
        json_field("file", p->error.file);
        json_field("code", p->error.code);
        json_field("text", p->error.text);
        json_field("run", p->example);
        fputs("}", stdout);
        comma = ",";
    }
    puts("]}");
}

/* What an agent or customer has chosen is in no text here, but a flow may say anything: no escape sequence gets out. */
static void print_indented(const char *text)
{
    fputs("      ", stdout);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '\n')
            fputs("\n      ", stdout);
        else
            putchar(*p < 0x20 || *p == 0x7f ? ' ' : *p);
    }
    putchar('\n');
}

static void print_parts(const struct trial *t)
{
    for (size_t i = 0; i < t->part_count; i++) {
        const struct trial_part *p = &t->parts[i];
        if (!p->count)
            continue;
        printf("  %6" PRId64 "  of version %s  %s:%d  [%s]  as run %s\n", p->count, p->from, p->error.file,
               p->error.line, p->error.code, p->example);
        print_indented(p->error.text);
    }
}

static void print_words(const struct trial *t, const char *title, bool done)
{
    printf("name: %s\ntitle: %s\nversion: %.12s\n", t->flow, title, t->hash);
    if (!t->live)
        return;
    printf("runs: %" PRId64 " tried, %" PRId64 " %s", t->live, done ? t->moved : t->go_on,
           done ? "go on with it" : "would go on with it");
    if (t->leave)
        printf(", %" PRId64 " go to a person", t->leave);
    if (t->live - (done ? t->moved : t->go_on) - t->leave)
        printf(", %" PRId64 " %s", t->live - (done ? t->moved : t->go_on) - t->leave,
               done ? "stay on their version" : "would part from it");
    if (t->with_person)
        printf(" (%" PRId64 " with a person now)", t->with_person);
    putchar('\n');
    print_parts(t);
    if (t->part)
        puts("  help: what is meant goes into  if since \"a-name\" then ... else ... end");
}

void trial_print(const struct trial *t, const struct cli *cli, const char *title, bool done)
{
    if (cli_json(cli))
        print_json(t, title, done);
    else
        print_words(t, title, done);
}
