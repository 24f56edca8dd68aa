/* Looking at a run that stands or has failed: its variables as text, innermost function first. Nothing of the script
 * runs, and nothing is allocated in its state. */
#include "server/flow/sandbox_core.h"

#include <stdio.h>

enum { VALUE_SHOWN = 1000, STACK_ROOM = 16, LEVELS = 100 };

struct look {
    lua_State *L;
    sandbox_seen *seen;
    void *arg;
};

static void show(const struct look *look, const struct sandbox_part *part, int line, const char *name)
{
    char text[VALUE_SHOWN + 4];
    struct buf out;
    buf_init(&out, 1 << 20);
    sandbox_show(look->L, lua_gettop(look->L), &out);
    bool whole = out.len <= VALUE_SHOWN;
    snprintf(text, sizeof text, "%.*s%s", whole ? (int)out.len : VALUE_SHOWN, out.ptr, whole ? "" : "...");
    buf_done(&out);
    look->seen(look->arg, &(struct sandbox_variable){part->file, line, name, text});
}

static void show_locals(const struct look *look, lua_Debug *ar, const struct sandbox_part *part)
{
    const char *name;
    for (int n = 1; (name = lua_getlocal(look->L, ar, n)); n++) {
        if (*name != '(' && strcmp(name, "_ENV") != 0)
            show(look, part, ar->currentline, name);
        lua_pop(look->L, 1);
    }
}

/* What the script has set without `local`; the function is on top of the stack. */
static void show_globals(const struct look *look, const struct sandbox_part *part)
{
    lua_State *L = look->L;
    const char *name;
    int n = 1;
    while ((name = lua_getupvalue(L, -1, n++)) && strcmp(name, "_ENV") != 0)
        lua_pop(L, 1);
    if (!name)
        return;
    lua_pushnil(L);
    while (lua_type(L, -2) == LUA_TTABLE && lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING)
            show(look, part, 0, lua_tostring(L, -2));
        lua_pop(L, 1);
    }
    lua_settop(L, -2);
}

static const struct sandbox_part *part_of(const struct sandbox *box, const char *source)
{
    for (size_t i = 0; i < box->part_count; i++)
        if (strcmp(source, box->parts[i].chunk) == 0)
            return &box->parts[i];
    return NULL;
}

void sandbox_look(const struct sandbox_run *run, sandbox_seen *seen, void *arg)
{
    lua_State *L = run->L;
    struct look look = {L, seen, arg};
    lua_Debug ar, next;
    if (!lua_checkstack(L, STACK_ROOM))
        return;
    int top = lua_gettop(L);
    for (int level = 0; level < LEVELS && lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Slf", &ar);
        const struct sandbox_part *part = ar.currentline > 0 ? part_of(run->box, ar.source) : NULL;
        if (part)
            show_locals(&look, &ar, part);
        if (part && !lua_getstack(L, level + 2, &next)) /* under it are only those that began the run */
            show_globals(&look, part);
        lua_settop(L, top);
    }
}
