/* The library that scripts see: what of Lua's is safe, our own in place of what is not, all of it frozen. */
#include "server/flow/sandbox_lib.h"
#include "server/base/suggest.h"
#include "server/flow/prelude.h"

#include <lualib.h>

static const char frozen_mark; /* its address marks the metatables that guard the library */

/* ---- names that are not there ---- */

static const struct removed {
    const char *name, *instead;
} removed[] = {
#define REMOVED(name, instead) {name, instead},
#include "server/flow/removed.def"
#undef REMOVED
};

/* What to use instead of a part of Lua that flows do not have; NULL when it is no such part. */
static const char *instead_of(const char *name)
{
    for (size_t i = 0; i < sizeof removed / sizeof *removed; i++)
        if (strcmp(removed[i].name, name) == 0)
            return removed[i].instead;
    return NULL;
}

/* Keys of the table at the index, the nearest to the word. */
static const char *nearest_key(lua_State *L, int table, const char *word)
{
    struct suggest s;
    suggest_init(&s, word);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            suggest_offer(&s, lua_tostring(L, -1));
    }
    return s.best;
}

static int missing(lua_State *L, const char *prefix)
{
    if (lua_type(L, 2) != LUA_TSTRING)
        return sandbox_raise(L, "E102", NULL, "%s has text as keys only", prefix[0] ? prefix : "the library");
    char name[96];
    snprintf(name, sizeof name, "%s%s%.48s", prefix, prefix[0] ? "." : "", lua_tostring(L, 2));
    const char *instead = instead_of(name);
    if (instead)
        return sandbox_raise(L, "E107", NULL, "flows have no %s; use %s", name, instead);
    const char *near = nearest_key(L, 1, lua_tostring(L, 2));
    if (near)
        return sandbox_raise(L, "E102", NULL, "undefined name '%s', did you mean '%s%s%s'?", name, prefix,
                             prefix[0] ? "." : "", near);
    return sandbox_raise(L, "E102", NULL, "undefined name '%s'", name);
}

static int missing_global(lua_State *L)
{
    return missing(L, "");
}

static int missing_field(lua_State *L)
{
    return missing(L, lua_tostring(L, lua_upvalueindex(1)));
}

/* ---- frozen tables, globals ---- */

static int frozen(lua_State *L)
{
    return sandbox_raise(L, "E304", NULL, "'%s' belongs to the library and cannot be changed",
                         lua_tostring(L, lua_upvalueindex(1)));
}

static int set_global(lua_State *L)
{
    struct sandbox *box = sandbox_of(L);
    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, box->lib);
        lua_pushvalue(L, 2);
        if (lua_rawget(L, -2) != LUA_TNIL)
            return sandbox_raise(L, "E304", NULL, "'%s' belongs to the library; choose another name",
                                 lua_tostring(L, 2));
        lua_pop(L, 2);
    }
    lua_rawset(L, 1);
    return 0;
}

static bool is_frozen(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index))
        return false;
    bool is = lua_rawgetp(L, -1, &frozen_mark) != LUA_TNIL;
    lua_pop(L, 2);
    return is;
}

void sandbox_need_table(lua_State *L, int index, const char *who)
{
    if (!lua_istable(L, index))
        sandbox_raise(L, "E203", NULL, "%s: expected a table, got %s", who, luaL_typename(L, index));
    if (is_frozen(L, index))
        sandbox_raise(L, "E304", NULL, "%s: this table belongs to the library", who);
}

/* ---- putting it together ---- */

/* One of Lua's own functions, with the length of its first argument paid for. */
static int charged(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        sandbox_charge(sandbox_of(L), lua_rawlen(L, 1) / 16);
    lua_CFunction stock = lua_tocfunction(L, lua_upvalueindex(1));
    return stock(L);
}

/* pcall must stay itself, because it is resumed; the others neither wait nor have upvalues. */
static void keep(lua_State *L, int from, int to, const char *const *names)
{
    for (; *names; names++) {
        lua_getfield(L, from, *names);
        assert(!lua_isnil(L, -1));
        if (lua_iscfunction(L, -1) && strcmp(*names, "pcall") != 0)
            lua_pushcclosure(L, charged, 1);
        lua_setfield(L, to, *names);
    }
}

/* The named functions of one of Lua's own libraries, as a new field of lib or, without a field name, in lib itself. */
static void take_stock(lua_State *L, int lib, lua_CFunction open, const char *field, const char *const *names)
{
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    int from = lua_gettop(L);
    if (field)
        lua_newtable(L);
    else
        lua_pushvalue(L, lib);
    keep(L, from, from + 1, names);
    if (field)
        lua_setfield(L, lib, field);
    lua_settop(L, from - 1);
}

static void open_stock(lua_State *L, int lib)
{
    static const char *const base[] = {"assert", "error",  "pcall",    "rawequal", "rawlen",
                                       "rawget", "select", "tonumber", "type",     NULL};
    static const char *const text[] = {"byte", "char", "len", "lower", "upper", "reverse", "sub", NULL};
    /* what every processor rounds the same: exp, sin and the like differ in the last digit between machines */
    static const char *const math[] = {"abs",       "ceil", "floor", "max", "min",  "sqrt",       "fmod",       "modf",
                                       "tointeger", "type", "ult",   "pi",  "huge", "maxinteger", "mininteger", NULL};
    static const char *const utf8[] = {"char", "codepoint", "codes", "len", "offset", NULL};
    take_stock(L, lib, luaopen_base, NULL, base);
    take_stock(L, lib, luaopen_string, "string", text);
    take_stock(L, lib, luaopen_math, "math", math);
    take_stock(L, lib, luaopen_utf8, "utf8", utf8);
    lua_newtable(L);
    lua_setfield(L, lib, "table");
}

/* A flow that came with this one, as a function. */
static int called_flow(lua_State *L)
{
    const struct sandbox *box = sandbox_of(L);
    const char *name = lua_tostring(L, 1);
    struct suggest s;
    suggest_init(&s, name ? name : "");
    for (size_t i = 1; name && i < box->part_count; i++) {
        if (strcmp(box->parts[i].name, name) == 0) {
            sandbox_push_part(L, &box->parts[i]);
            return 1;
        }
        suggest_offer(&s, box->parts[i].name);
    }
    return sandbox_raise(L, "E109", NULL, "there is no flow '%s'%s%s%s", name ? name : "?",
                         s.best ? ", did you mean '" : "", s.best ? s.best : "", s.best ? "'?" : "");
}

/* Leaves the prelude's raw.index on the stack. */
static void run_prelude(lua_State *L, int lib)
{
    lua_newtable(L);
    int index = lua_gettop(L);
    if (luaL_loadbufferx(L, flow_prelude, sizeof flow_prelude - 1, "=[parley]", "t") != LUA_OK)
        lua_error(L);
    lua_pushvalue(L, lib);
    lua_newtable(L);
    luaL_setfuncs(L, sandbox_meta_raw, 0);
    luaL_setfuncs(L, sandbox_raw_functions, 0);
    lua_pushcfunction(L, called_flow);
    lua_setfield(L, -2, "flow");
    lua_pushcfunction(L, sandbox_offer);
    lua_setfield(L, -2, "keep");
    lua_pushvalue(L, index);
    lua_setfield(L, -2, "index");
    lua_call(L, 2, 0);
}

/* Puts in place of the library's table an empty one that reads through to it. */
static void freeze(lua_State *L, int lib, int index, const char *name)
{
    lua_getfield(L, lib, name);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, name);
    lua_pushcclosure(L, missing_field, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);

    lua_newtable(L);
    lua_createtable(L, 0, 4);
    if (lua_getfield(L, index, name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushvalue(L, -3);
    }
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_pushcclosure(L, frozen, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, true);
    lua_rawsetp(L, -2, &frozen_mark);
    lua_setmetatable(L, -2);
    lua_setfield(L, lib, name);
    lua_pop(L, 1);
}

static void freeze_all(lua_State *L, int lib, int index)
{
    lua_newtable(L);
    int names = lua_gettop(L), count = 0;
    lua_pushnil(L);
    while (lua_next(L, lib)) {
        if (lua_istable(L, -1)) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, names, ++count);
        }
        lua_pop(L, 1);
    }
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, names, i);
        freeze(L, lib, index, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_settop(L, names - 1);
}

/* Text has methods, but no arithmetic: "10" + 1 is a mistake, not 11. */
static void set_text_methods(lua_State *L, int lib)
{
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_getfield(L, lib, "string");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

void sandbox_open_library(lua_State *L)
{
    int lib = lua_gettop(L);
    open_stock(L, lib);
    lua_settop(L, lib);
    luaL_setfuncs(L, sandbox_meta_functions, 0);
    sandbox_open_text(L, lib);
    sandbox_open_table(L, lib);
    run_prelude(L, lib);
    set_text_methods(L, lib);
    freeze_all(L, lib, lib + 1);
    lua_settop(L, lib);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, missing_global);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, lib);

    lua_createtable(L, 0, 3);
    lua_pushvalue(L, lib);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, set_global);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
}

struct lookup {
    const char *table, *name;
};

/* Tables that ask the host know their names themselves. */
static int look_up(lua_State *L)
{
    const struct lookup *wanted = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, sandbox_of(L)->lib);
    if (wanted->table[0] && lua_getfield(L, -1, wanted->table) != LUA_TTABLE)
        return 0;
    if (strcmp(wanted->table, "customer") != 0 && strcmp(wanted->table, "started") != 0)
        lua_getfield(L, -1, wanted->name);
    return 0;
}

bool sandbox_lookup(struct sandbox *box, const char *table, const char *name, struct flow_error *error)
{
    struct lookup wanted = {table, name};
    lua_pushcfunction(box->L, look_up);
    lua_pushlightuserdata(box->L, &wanted);
    bool found = lua_pcall(box->L, 1, 0, 0) == LUA_OK;
    lua_settop(box->L, 0);
    if (!found)
        *error = box->raised;
    return found;
}
