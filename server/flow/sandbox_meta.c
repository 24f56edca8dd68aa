/* Metatables: what a script sets is checked and copied, so that nothing can come into it later. */
#include "server/flow/sandbox_lib.h"

static const char *const events[] = {
    "__index", "__newindex", "__call", "__tostring", "__pairs", "__metatable", "__name", "__add", "__sub",
    "__mul",   "__div",      "__mod",  "__pow",      "__unm",   "__idiv",      "__band", "__bor", "__bxor",
    "__shl",   "__shr",      "__bnot", "__concat",   "__len",   "__eq",        "__lt",   "__le"};
static const char original_key; /* in a copy: the script's own metatable */

/* The table of this run's copies; weak keys, so that a copy lives as long as its original. */
static void push_copies(lua_State *L)
{
    struct sandbox_run *run = sandbox_of(L)->current;
    if (run->metatables != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, run->metatables);
        return;
    }
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    run->metatables = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* A __call that is not a function would be looked up again and again, each time with one more argument to move. */
static void check_metatable(lua_State *L, int meta)
{
    static const char *const refused[] = {"__gc", "__close", "__mode"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, meta) != LUA_TNIL)
            sandbox_raise(L, "E305", NULL, "setmetatable: flows may not have %s", refused[i]);
        lua_pop(L, 1);
    }
    lua_pushliteral(L, "__call");
    int type = lua_rawget(L, meta);
    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        sandbox_raise(L, "E305", NULL, "setmetatable: __call must be a function, got %s", lua_typename(L, type));
    lua_pop(L, 1);
}

/* Lua gets a copy that scripts cannot reach: so __mode or __call cannot come in later. */
static void push_copy(lua_State *L, int meta)
{
    push_copies(L);
    lua_pushvalue(L, meta);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, meta);
        lua_rawsetp(L, -2, &original_key);
        lua_pushvalue(L, meta);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    lua_remove(L, -2);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        lua_pushstring(L, events[i]);
        lua_pushvalue(L, -1);
        lua_rawget(L, meta);
        lua_rawset(L, -3);
    }
}

static int set_metatable(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TTABLE || (lua_type(L, 2) != LUA_TTABLE && lua_type(L, 2) != LUA_TNIL))
        return sandbox_raise(L, "E203", NULL, "setmetatable: expected a table and a table or nil");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return sandbox_raise(L, "E304", NULL, "setmetatable: this table's metatable is protected");
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_setmetatable(L, 1);
        return 1;
    }
    check_metatable(L, 2);
    push_copy(L, 2);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int get_metatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_type(L, 1) != LUA_TTABLE || !lua_getmetatable(L, 1))
        return 0;
    lua_pushliteral(L, "__metatable");
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    lua_rawgetp(L, -2, &original_key);
    return 1;
}

/* For the prelude: an object of ours, whose metatable is not copied. */
static int raw_setmetatable(lua_State *L)
{
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int metafield(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TTABLE || luaL_getmetafield(L, 1, lua_tostring(L, 2)) == LUA_TNIL)
        lua_pushnil(L);
    return 1;
}

const luaL_Reg sandbox_meta_functions[] = {
    {"setmetatable", set_metatable}, {"getmetatable", get_metatable}, {NULL, NULL}};
const luaL_Reg sandbox_meta_raw[] = {{"setmetatable", raw_setmetatable}, {"metafield", metafield}, {NULL, NULL}};
