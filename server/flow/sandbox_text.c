/* Text functions in place of Lua's: each says how much it may make, and pays for it. */
#include "server/base/mem.h"
#include "server/flow/sandbox_lib.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- plain text of values ---- */

void sandbox_plain(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        if (isnan(lua_tonumber(L, index))) {
            lua_pushstring(L, "nan"); /* its sign is the machine's */
            return;
        }
        lua_pushvalue(L, index);
        lua_tolstring(L, -1, NULL);
        return;
    case LUA_TSTRING:
        lua_pushvalue(L, index);
        return;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        return;
    default:
        lua_pushstring(L, luaL_typename(L, index));
    }
}

struct span sandbox_text_at(lua_State *L, int index, const char *who)
{
    if (lua_type(L, index) != LUA_TSTRING)
        sandbox_raise(L, "E203", NULL, "%s: expected text as argument %d, got %s", who, index, luaL_typename(L, index));
    struct span s;
    s.ptr = lua_tolstring(L, index, &s.len);
    return s;
}

void sandbox_need_room(lua_State *L, const char *who, size_t size)
{
    if (size > LIB_TEXT_MAX)
        sandbox_raise(L, "E405", NULL, "%s: the result would have more than %d bytes", who, LIB_TEXT_MAX);
}

/* ---- string.rep ---- */

static int text_rep(lua_State *L)
{
    struct span s = sandbox_text_at(L, 1, "string.rep");
    lua_Integer n = luaL_checkinteger(L, 2);
    struct span between = lua_isnoneornil(L, 3) ? span_of("", 0) : sandbox_text_at(L, 3, "string.rep");
    size_t piece = s.len + between.len;
    if (n <= 0 || piece == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (n > LIB_TEXT_MAX)
        sandbox_need_room(L, "string.rep", SIZE_MAX);
    sandbox_need_room(L, "string.rep", piece * (size_t)n);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (lua_Integer i = 0; i < n; i++) {
        luaL_addlstring(&b, s.ptr, s.len);
        if (i + 1 < n)
            luaL_addlstring(&b, between.ptr, between.len);
    }
    luaL_pushresult(&b);
    sandbox_charge(sandbox_of(L), (size_t)n / 4);
    return 1;
}

/* ---- parts ---- */

static int text_split(lua_State *L)
{
    struct span text = sandbox_text_at(L, 1, "split"), by = sandbox_text_at(L, 2, "split");
    if (by.len == 0)
        return sandbox_raise(L, "E204", NULL, "split: the separator is empty");
    lua_newtable(L);
    lua_Integer count = 0;
    for (const char *at = text.ptr, *end = at + text.len, *stop; at; at = stop ? stop + by.len : NULL) {
        stop = memmem(at, (size_t)(end - at), by.ptr, by.len);
        if (++count > LIB_ITEMS_MAX)
            return sandbox_raise(L, "E405", NULL, "split: more than %d parts", LIB_ITEMS_MAX);
        lua_pushlstring(L, at, (size_t)((stop ? stop : end) - at));
        lua_rawseti(L, -2, count);
    }
    sandbox_charge(sandbox_of(L), (size_t)count + text.len / BYTES_PER_TICK);
    return 1;
}

static int text_trim(lua_State *L)
{
    struct span s = sandbox_text_at(L, 1, "trim");
    const char *space = " \t\r\n\f\v";
    while (s.len && strchr(space, s.ptr[s.len - 1]) && s.ptr[s.len - 1])
        s.len--;
    while (s.len && strchr(space, *s.ptr) && *s.ptr) {
        s.ptr++;
        s.len--;
    }
    lua_pushlstring(L, s.ptr, s.len);
    return 1;
}

static const luaL_Reg text_functions[] = {{"rep", text_rep}, {"format", sandbox_format}, {NULL, NULL}};
static const luaL_Reg base_functions[] = {{"split", text_split}, {"trim", text_trim}, {NULL, NULL}};

void sandbox_open_text(lua_State *L, int lib)
{
    lua_getfield(L, lib, "string");
    luaL_setfuncs(L, text_functions, 0);
    lua_pop(L, 1);
    luaL_setfuncs(L, base_functions, 0);
    luaL_setfuncs(L, sandbox_pattern_functions, 0);
}
