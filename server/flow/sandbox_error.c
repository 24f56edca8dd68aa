/* What goes wrong in a sandbox, and where: raised for scripts, and told when nobody caught it. */
#include "server/flow/sandbox_core.h"

#include <stdio.h>

int sandbox_line(lua_State *L, const struct sandbox_part **out_part)
{
    const struct sandbox *box = sandbox_of(L);
    lua_Debug ar;
    *out_part = box->parts;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        for (size_t i = 0; ar.currentline > 0 && i < box->part_count; i++) {
            if (strcmp(ar.source, box->parts[i].chunk) != 0)
                continue;
            *out_part = &box->parts[i];
            return ar.currentline;
        }
    }
    return 0;
}

static void put_place(struct flow_error *e, const struct sandbox_part *part, int line)
{
    snprintf(e->file, sizeof e->file, "%s", part->file);
    e->line = line;
}

/* Raises what stands in box->raised; its text is kept, to be known again when nobody catches it. */
int sandbox_raise_again(lua_State *L)
{
    struct sandbox *box = sandbox_of(L);
    struct flow_error *e = &box->raised;
    const struct sandbox_part *part;
    int line = sandbox_line(L, &part);
    put_place(e, part, line);
    snprintf(box->raised_text, sizeof box->raised_text, "%s:%d: %s [%s]", e->file, e->line, e->text, e->code);
    lua_pushstring(L, box->raised_text);
    return lua_error(L);
}

int sandbox_raise(lua_State *L, const char *code, const char *help, const char *format, ...)
{
    struct sandbox *box = sandbox_of(L);
    va_list args;
    va_start(args, format);
    flow_error_vset(&box->raised, code, format, args);
    va_end(args);
    if (help)
        flow_error_help(&box->raised, "%s", help);
    return sandbox_raise_again(L);
}

/* Takes "file:12: " off the front of a message and gives the 12; 0 when it does not begin so. */
static int split_position(const char *name, struct span *message)
{
    size_t file = strlen(name);
    if (message->len <= file + 1 || memcmp(message->ptr, name, file) != 0 || message->ptr[file] != ':')
        return 0;
    int line = 0;
    size_t at = file + 1;
    for (; at < message->len && message->ptr[at] >= '0' && message->ptr[at] <= '9' && line < 1000000; at++)
        line = line * 10 + (message->ptr[at] - '0');
    if (at + 1 >= message->len || message->ptr[at] != ':')
        return 0;
    *message = span_of(message->ptr + at + 2, message->len - at - 2);
    return line;
}

static int find_position(const struct sandbox *box, struct span *message, const struct sandbox_part **out_part)
{
    int line = 0;
    for (size_t i = 0; line == 0 && i < box->part_count; i++)
        if ((line = split_position(box->parts[i].file, message)) != 0)
            *out_part = &box->parts[i];
    return line;
}

/* Takes the error value as it is: neither __tostring nor __name runs. */
void sandbox_describe(struct sandbox *box, lua_State *L, const char *code)
{
    struct flow_error *e = &box->error;
    const struct sandbox_part *part;
    int line = sandbox_line(L, &part);
    if (lua_type(L, -1) != LUA_TSTRING) {
        flow_error_set(e, code, "error value of type %s", lua_typename(L, lua_type(L, -1)));
        put_place(e, part, line);
        return;
    }
    struct span message;
    message.ptr = lua_tolstring(L, -1, &message.len);
    int named = find_position(box, &message, &part);
    int shown = message.len < FLOW_ERROR_TEXT_MAX ? (int)message.len : FLOW_ERROR_TEXT_MAX - 1;
    flow_error_set(e, code, "%.*s", shown, message.ptr);
    put_place(e, part, named ? named : line);
}

static bool is_last_raised(const struct sandbox *box, lua_State *L)
{
    return lua_type(L, -1) == LUA_TSTRING && box->raised.code[0] && strcmp(lua_tostring(L, -1), box->raised_text) == 0;
}

void sandbox_fail(struct sandbox_run *run, int status)
{
    struct sandbox *box = run->box;
    struct flow_error *e = &box->error;
    *e = (struct flow_error){0};
    if (run->doom == DOOM_TICKS)
        flow_error_set(e, "E401", "more than %lld instructions without waiting", (long long)box->limits.ticks_step);
    else if (run->doom == DOOM_MEMORY || status == LUA_ERRMEM)
        flow_error_set(e, "E402", "more memory than a run may hold");
    else if (is_last_raised(box, run->L))
        *e = box->raised;
    else
        sandbox_describe(box, run->L, "E501");
    if (e->line)
        return;
    const struct sandbox_part *part = run->doom_part;
    int line = run->doom_line ? run->doom_line : sandbox_line(run->L, &part);
    put_place(e, part, line);
}
