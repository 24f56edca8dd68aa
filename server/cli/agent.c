/* parley agent: people who serve. Whoever holds the database's URL may make the first admin. */
#include "server/cli/admin.h"
#include "server/cli/cli.h"
#include "server/cli/db.h"
#include "server/cli/list.h"
#include "server/cli/out.h"
#include "server/cli/touch.h"

#include "server/base/conf.h"
#include "server/base/conf_value.h"
#include "server/io/sodium.h"

#include <stdio.h>
#include <string.h>

enum { QUEUES_MAX = 64 };

#define SHOWN_ONCE "\nThis password is shown once; hand it over and forget it."

static int print_agent(struct cli *cli, const struct admin_agent *agent, const char *id, const char *password)
{
    static const char *const columns[] = {"id", "email", "role", "password", NULL};
    struct out *out = out_one(cli, columns);
    out_text(out, id);
    out_text(out, agent->email);
    out_text(out, agent->role);
    out_text(out, *password ? password : NULL);
    out_end(&out);
    if (*password)
        cli_say(cli, SHOWN_ONCE);
    return CLI_OK;
}

static int refuse_agent(struct db *db, parley_status st, const struct admin_agent *agent)
{
    switch (st) {
    case PARLEY_CONFLICT:
        return cli_fail(CLI_CONFLICT, "there is an agent `%s` already", agent->email);
    case PARLEY_NOT_FOUND:
        return cli_fail(CLI_NOT_FOUND, "one of the queues does not exist; `parley queue list` shows them");
    case PARLEY_INVALID:
        if (agent->password && strlen(agent->password) < SODIUM_PASSWORD_MIN)
            return cli_fail(CLI_USAGE, "the password is shorter than %d", SODIUM_PASSWORD_MIN);
        return cli_fail(CLI_USAGE, "`%.80s` is no address like ana@example.com", agent->email);
    default:
        return db_fail(db, st, "cannot add the agent");
    }
}

static int write_agent(struct cli *cli, struct db *db, const struct admin_agent *agent)
{
    char id[UUID_TEXT + 1], password[ADMIN_PASSWORD + 1];
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_add_agent(db, agent, id, password);
    if (st == PARLEY_OK)
        st = db_commit(db, "agent");
    if (st != PARLEY_OK)
        return refuse_agent(db, st, agent);
    return print_agent(cli, agent, id, password);
}

/* One line of stdin: a password has no place among the arguments, which every process can read. */
static int read_password(char *out, size_t size)
{
    if (!fgets(out, (int)size, stdin))
        return cli_fail(CLI_USAGE, "--password-stdin: nothing came");
    out[strcspn(out, "\n")] = '\0';
    return CLI_OK;
}

static int add(struct cli *cli)
{
    const char *queues[QUEUES_MAX + 1] = {0}, *role = cli_flag_or(cli, "role", "agent");
    char password[SODIUM_PASSWORD_MAX + 2];
    struct db *db = NULL;
    const struct conf *conf = cli_conf(cli);
    int known;
    if (!conf)
        return CLI_USAGE;
    struct admin_agent agent = {.email = cli_operand(cli, 0),
                                .name = cli_flag(cli, "name"),
                                .role = role,
                                .capacity = conf->routing.capacity,
                                .queues = queues};
    for (size_t i = 0; i < QUEUES_MAX; i++)
        queues[i] = cli_flag_at(cli, "queue", i);
    if (conf_parse_choice(role, "agent|supervisor|admin", &known) != PARLEY_OK)
        return cli_fail(CLI_USAGE, "no role `%.64s`; there are agent, supervisor and admin", role);
    if (cli_has(cli, "capacity") && (conf_parse_int(cli_flag(cli, "capacity"), &agent.capacity) != PARLEY_OK ||
                                     agent.capacity < 0 || agent.capacity > 100))
        return cli_fail(CLI_USAGE, "--capacity needs a whole number from 0 to 100");
    if (cli_has(cli, "password-stdin")) {
        if (read_password(password, sizeof password) != CLI_OK)
            return CLI_USAGE;
        agent.password = password;
    }
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_agent(cli, db, &agent);
    db_close(&db);
    return code;
}

static const struct touch of_agent = {.column = "email", .noun = "agent", .list = "agent list", .changed = "agent"};

static int disable(struct cli *cli)
{
    struct touch touch = of_agent;
    touch.disabled = true;
    touch.write = admin_disable_agent;
    return touch_row(cli, &touch);
}

static int enable(struct cli *cli)
{
    struct touch touch = of_agent;
    touch.write = admin_enable_agent;
    return touch_row(cli, &touch);
}

static int write_password(struct cli *cli, struct db *db, const char *given)
{
    static const char *const columns[] = {"email", "password", NULL};
    char made[ADMIN_PASSWORD + 1];
    parley_status st = db_begin(db);
    if (st == PARLEY_OK)
        st = admin_set_password(db, cli_operand(cli, 0), given, made);
    if (st == PARLEY_INVALID)
        return cli_fail(CLI_USAGE, "the password is shorter than %d", SODIUM_PASSWORD_MIN);
    if (st == PARLEY_OK)
        st = db_commit(db, "agent");
    if (st != PARLEY_OK)
        return touch_refuse(cli, db, &of_agent, st);
    struct out *out = out_one(cli, columns);
    out_text(out, cli_operand(cli, 0));
    out_text(out, *made ? made : NULL);
    out_end(&out);
    if (*made)
        cli_say(cli, SHOWN_ONCE);
    crypto_wipe(made, sizeof made);
    return CLI_OK;
}

static int set_password(struct cli *cli)
{
    char given[SODIUM_PASSWORD_MAX + 2];
    struct db *db = NULL;
    bool from_stdin = cli_has(cli, "password-stdin");
    if (from_stdin && read_password(given, sizeof given) != CLI_OK)
        return CLI_USAGE;
    int code = db_open_ready(cli, &db);
    if (code == CLI_OK)
        code = write_password(cli, db, from_stdin ? given : NULL);
    db_close(&db);
    crypto_wipe(given, sizeof given);
    return code;
}

static int list(struct cli *cli)
{
    return list_rows(
        cli,
        "select email, name, role, (array['offline', 'away', 'busy', 'online'])[status + 1], capacity, load, "
        "(select string_agg(queue, ',' order by queue) from membership where agent = id), "
        "disabled_at is not null from agent order by email",
        NULL,
        (const char *const[]){"email", "name", "role", "status", "capacity#", "load#", "queues", "disabled?", NULL});
}

const struct verb agent_verbs[] = {
    {.name = "agent add",
     .operands = "EMAIL",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "add an agent and print a one-time password",
     .examples = "parley agent add me@example.com --role admin\n"
                 "parley agent add maria@example.com --name Maria --queue support --queue billing --capacity 4",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"name", "TEXT", "what customers see; else the address up to the @", false},
               {"role", "ROLE", "agent, supervisor or admin", false},
               {"queue", "NAME", "a queue to serve; may be repeated", true},
               {"capacity", "N", "sessions at a time; else routing.capacity", false},
               {"password-stdin", NULL, "take the password from standard input", false}},
     .run = add},
    {.name = "agent disable",
     .operands = "EMAIL",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "sign an agent out for good; their sessions go back to their queues",
     .examples = "parley agent disable maria@example.com",
     .notes =
         "Every connection of theirs is closed within a second or two, in every process, and no sign-in works until\n"
         "`parley agent enable`. What they said and did stays.",
     .uses_conf = true,
     .prints_data = true,
     .run = disable},
    {.name = "agent enable",
     .operands = "EMAIL",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "let a disabled agent sign in again, with the password they had",
     .examples = "parley agent enable maria@example.com",
     .uses_conf = true,
     .prints_data = true,
     .run = enable},
    {.name = "agent password",
     .operands = "EMAIL",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "give an agent another password, and sign them out wherever they are",
     .examples = "parley agent password maria@example.com\n"
                 "parley agent password maria@example.com --password-stdin < password.txt",
     .notes = "Prints a one-time password unless one is given. Every connection of theirs is closed within a second or "
              "two,\nin every process, and what they had signed in with is good for nothing any more.",
     .uses_conf = true,
     .prints_data = true,
     .flags = {{"password-stdin", NULL, "take the password from standard input", false}},
     .run = set_password},
    {.name = "agent list",
     .operands = "",
     .summary = "agents with role, status and queues",
     .examples = "parley agent list\nparley agent list --json",
     .uses_conf = true,
     .prints_data = true,
     .run = list},
    {0},
};
