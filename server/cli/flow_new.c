/* parley flow new: a flow that works, its test, and the calls for an editor. */
#include "server/cli/cli.h"
#include "server/cli/flow_tools.h"
#include "server/flow/luacats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { DEFINITIONS_MAX = 1 << 20, PATH_ROOM = 256 };

static const char flow_text[] =
    "flow {\n"
    "  id = \"%s\",\n"
    "  title = \"%s\",\n"
    "  escape = { queue = \"support\" }, -- where \"Talk to a person\" leads, at any moment\n"
    "}\n"
    "\n"
    "local name = ask { id = \"name\", text = \"What is your name?\", timeout = \"1d\" }\n"
    "if not name then\n"
    "  return handoff { reason = \"no name\" }\n"
    "end\n"
    "say(\"Hello \" .. name .. \".\")\n";

static const char test_text[] = "flow %s\n"
                                "> Hello\n"
                                "< What is your name?\n"
                                "> Ana\n"
                                "< Hello Ana.\n"
                                "expect context.name == \"Ana\"\n"
                                "expect state == ended\n";

static const char editor_text[] =
    "{\n"
    "  \"runtime.version\": \"Lua 5.4\",\n"
    "  \"workspace.library\": [\"parley.d.lua\"],\n"
    "  \"runtime.builtin\": { \"io\": \"disable\", \"os\": \"disable\", \"debug\": \"disable\", "
    "\"package\": \"disable\", \"coroutine\": \"disable\" }\n"
    "}\n";

static int write_file(struct cli *cli, const char *path, const char *mode, struct span text)
{
    FILE *f = fopen(path, mode);
    if (!f && errno == EEXIST)
        return cli_fail(CLI_CONFLICT, "%s is there already; it is not written over", path);
    bool ok = f && fwrite(text.ptr, 1, text.len, f) == text.len;
    ok = f && fclose(f) == 0 && ok;
    if (!ok)
        return cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
    cli_say(cli, "%s", path);
    return CLI_OK;
}

static int write_named(struct cli *cli, const char *folder, const char *ending, const char *name, struct buf *text)
{
    char path[PATH_ROOM];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return cli_fail(CLI_FAILED, "cannot make %s: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    return write_file(cli, path, "wxe", buf_span(text));
}

/* For editors: written anew each time, because a newer program may have more calls. */
static int write_definitions(struct cli *cli)
{
    struct buf text;
    struct stat there;
    buf_init(&text, DEFINITIONS_MAX);
    luacats_write(&text);
    int code = write_file(cli, "parley.d.lua", "we", buf_span(&text));
    if (code == CLI_OK && stat(".luarc.json", &there) != 0)
        code = write_file(cli, ".luarc.json", "wxe", span_str(editor_text));
    buf_done(&text);
    return code;
}

int flow_new(struct cli *cli)
{
    const char *name = cli_operand(cli, 0);
    struct buf text;
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(name) || strlen(name) > 60)
        return cli_fail(CLI_USAGE, "name the flow in a-z 0-9 - _, as order-status");
    buf_init(&text, 1 << 16);
    buf_printf(&text, flow_text, name, name);
    int code = write_named(cli, "flows", ".lua", name, &text);
    buf_clear(&text);
    buf_printf(&text, test_text, name);
    if (code == CLI_OK)
        code = write_named(cli, "tests", ".chat", name, &text);
    if (code == CLI_OK)
        code = write_definitions(cli);
    if (code == CLI_OK)
        cli_say(cli, "\nparley flow play %s      try it\nparley flow test            test it", name);
    buf_done(&text);
    return code;
}
