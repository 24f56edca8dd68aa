/* Looking at a run from outside: each of its lines as it comes, and the variables that can be seen there. Only raw
 * reads: nothing of the script runs for it. */
#include "server/flow/sandbox_core.h"

#include "protocol/buf.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DEPTH_SHOWN = 3,
    ENTRIES_SHOWN = 24,
    TEXT_SHOWN = 200,
    VALUE_MAX = 1 << 14,
    NAMES_SHOWN = 64,
    DEPTH_COUNTED = 250
};

void sandbox_watch(struct sandbox *box, const struct sandbox_watch *watch)
{
    box->watch = watch;
}

void sandbox_hook(struct sandbox_run *run, lua_Hook hook, int count)
{
    lua_sethook(run->L, hook, LUA_MASKCOUNT | (run->box->watch ? LUA_MASKLINE : 0), count);
}

static const struct sandbox_part *part_of(const struct sandbox *box, const char *source)
{
    for (size_t i = 0; i < box->part_count; i++)
        if (strcmp(box->parts[i].chunk, source) == 0)
            return &box->parts[i];
    return NULL;
}

void sandbox_line_comes(lua_State *L, lua_Debug *ar)
{
    struct sandbox *box = sandbox_of(L);
    struct sandbox_run *run = box->current;
    const struct sandbox_part *part = run && lua_getinfo(L, "S", ar) ? part_of(box, ar->source) : NULL;
    if (!part || run->doom != DOOM_NONE)
        return;
    lua_Debug caller;
    int depth = 1;
    while (depth < DEPTH_COUNTED && lua_getstack(L, depth, &caller))
        depth++;
    box->watch->on_line(box->watch->owner, run, part->file, ar->currentline, depth);
}

/* ---- values ---- */

static void add_value(lua_State *L, int index, int depth, struct buf *out);

static void add_text(lua_State *L, int index, struct buf *out)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    buf_add_char(out, '"');
    for (size_t i = 0; i < len && i < TEXT_SHOWN; i++) {
        if (text[i] == '\n')
            buf_add_str(out, "\\n");
        else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned char)text[i]);
        else if (text[i] == '"' || text[i] == '\\')
            buf_printf(out, "\\%c", text[i]);
        else
            buf_add_char(out, text[i]);
    }
    buf_add_str(out, len > TEXT_SHOWN ? "..." : "\"");
}

struct entry {
    char key[48];
    struct buf value;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

/* Numbers of a list need no key. */
static size_t add_list(lua_State *L, int index, int depth, struct buf *out)
{
    size_t n = 0;
    while (n < ENTRIES_SHOWN && lua_rawgeti(L, index, (lua_Integer)n + 1) != LUA_TNIL) {
        buf_add_str(out, n ? ", " : " ");
        add_value(L, lua_gettop(L), depth - 1, out);
        lua_pop(L, 1);
        n++;
    }
    if (n < ENTRIES_SHOWN)
        lua_pop(L, 1);
    return n;
}

static bool take_key(lua_State *L, size_t listed, char key[48])
{
    if (lua_type(L, -2) == LUA_TSTRING)
        snprintf(key, 48, "%.40s", lua_tostring(L, -2));
    else if (lua_isinteger(L, -2) && (lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > (lua_Integer)listed))
        snprintf(key, 48, "[%lld]", (long long)lua_tointeger(L, -2));
    else
        return false;
    return true;
}

static void add_table(lua_State *L, int index, int depth, struct buf *out)
{
    struct entry entries[ENTRIES_SHOWN];
    size_t count = 0, listed;
    buf_add_char(out, '{');
    listed = add_list(L, index, depth, out);
    lua_pushnil(L);
    while (count < ENTRIES_SHOWN && lua_next(L, index)) {
        if (take_key(L, listed, entries[count].key)) {
            buf_init(&entries[count].value, VALUE_MAX);
            add_value(L, lua_gettop(L), depth - 1, &entries[count].value);
            count++;
        }
        lua_pop(L, 1);
    }
    if (count == ENTRIES_SHOWN)
        lua_pop(L, 1);
    qsort(entries, count, sizeof *entries, by_key);
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s = %.*s", i || listed ? ", " : " ", entries[i].key, SPAN_ARG(buf_span(&entries[i].value)));
        buf_done(&entries[i].value);
    }
    buf_add_str(out, count == ENTRIES_SHOWN || listed == ENTRIES_SHOWN ? ", ... }" : count || listed ? " }" : "}");
}

static void add_value(lua_State *L, int index, int depth, struct buf *out)
{
    if (!lua_checkstack(L, 6))
        return;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        add_text(L, index, out);
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            buf_printf(out, "%lld", (long long)lua_tointeger(L, index));
        else
            buf_printf(out, "%.14g", lua_tonumber(L, index));
        return;
    case LUA_TBOOLEAN:
        buf_add_str(out, lua_toboolean(L, index) ? "true" : "false");
        return;
    case LUA_TTABLE:
        if (depth == 0)
            buf_add_str(out, "{...}");
        else
            add_table(L, index, depth, out);
        return;
    default:
        buf_add_str(out, lua_typename(L, lua_type(L, index)));
    }
}

void sandbox_show(lua_State *L, int index, struct buf *out)
{
    add_value(L, index, DEPTH_SHOWN, out);
}

/* ---- variables ---- */

struct telling {
    lua_State *L;
    sandbox_on_variable *each;
    void *owner;
    const char *told[NAMES_SHOWN]; /* inner ones hide outer ones */
    size_t count;
};

/* The value is on top of the stack, and goes. */
static void tell(struct telling *t, const char *name)
{
    struct buf value;
    bool known = *name == '(' || strcmp(name, "_ENV") == 0 || t->count == NAMES_SHOWN;
    for (size_t i = 0; i < t->count; i++)
        known |= strcmp(t->told[i], name) == 0;
    if (!known) {
        t->told[t->count++] = name;
        buf_init(&value, VALUE_MAX);
        add_value(t->L, lua_gettop(t->L), DEPTH_SHOWN, &value);
        t->each(t->owner, name, buf_span(&value));
        buf_done(&value);
    }
    lua_pop(t->L, 1);
}

void sandbox_variables(struct sandbox_run *run, sandbox_on_variable *each, void *owner)
{
    struct telling t = {.L = run->L, .each = each, .owner = owner};
    lua_Debug here;
    const char *name;
    int locals = 0;
    if (!lua_checkstack(run->L, 4) || !lua_getstack(run->L, 0, &here))
        return;
    while (lua_getlocal(run->L, &here, locals + 1)) {
        lua_pop(run->L, 1);
        locals++;
    }
    for (; locals > 0; locals--)
        if ((name = lua_getlocal(run->L, &here, locals)))
            tell(&t, name);
    if (!lua_getinfo(run->L, "f", &here))
        return;
    for (int i = 1; (name = lua_getupvalue(run->L, -1, i)); i++)
        tell(&t, name);
    lua_pop(run->L, 1);
}
