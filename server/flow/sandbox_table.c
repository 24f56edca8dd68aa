/* Table functions in place of Lua's: raw, bounded, paid for; and an order of keys that is the same everywhere. */
#include "server/flow/sandbox_lib.h"

#include <stdlib.h>

/* ---- keys in order: numbers, text bytewise, false, true ---- */

struct key {
    int index; /* in the unsorted list */
    int type;
    bool whole;
    lua_Integer integer;
    double real; /* of an integer: the nearest */
    struct span text;
};

/* A fraction is never an integer's equal: Lua keeps 2.0 as 2. Only beyond 2^63 does an integer round up to a fraction.
 */
static int compare_numbers(const struct key *a, const struct key *b)
{
    if (a->whole && b->whole)
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->real != b->real)
        return a->real > b->real ? 1 : -1;
    return a->whole ? -1 : b->whole ? 1 : 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->type != b->type)
        return a->type == LUA_TNUMBER || (a->type == LUA_TSTRING && b->type == LUA_TBOOLEAN) ? -1 : 1;
    if (a->type != LUA_TSTRING)
        return compare_numbers(a, b);
    size_t shorter = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = shorter ? memcmp(a->text.ptr, b->text.ptr, shorter) : 0;
    return order ? order : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

/* Whether two runs could disagree on where this key stands. */
static bool has_order(int type)
{
    return type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN;
}

/* The value at the top of the stack. */
static struct key read_key(lua_State *L, const char *who)
{
    struct key k = {.type = lua_type(L, -1)};
    if (!has_order(k.type))
        sandbox_raise(L, "E303", NULL, "%s: a key is a %s, which has no order", who, luaL_typename(L, -1));
    if (k.type == LUA_TSTRING)
        k.text.ptr = lua_tolstring(L, -1, &k.text.len);
    else if (k.type == LUA_TBOOLEAN)
        k.real = lua_toboolean(L, -1);
    else if ((k.whole = lua_isinteger(L, -1)))
        k.real = (double)(k.integer = lua_tointeger(L, -1));
    else
        k.real = lua_tonumber(L, -1);
    return k;
}

static int count_keys(lua_State *L, int table)
{
    int count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        count++;
    }
    return count;
}

/* sorted_keys(t) -> list, count. The scratch is a userdata, so that an error loses nothing. */
static int sorted_keys(lua_State *L)
{
    lua_settop(L, 1);
    int count = count_keys(L, 1);
    struct key *keys = lua_newuserdatauv(L, (size_t)count * sizeof *keys + 1, 0);
    lua_createtable(L, count, 0); /* 3: as they come */
    lua_createtable(L, count, 0); /* 4: in order */
    lua_pushnil(L);
    for (int i = 0; lua_next(L, 1); i++) {
        lua_pop(L, 1);
        keys[i] = read_key(L, "pairs");
        keys[i].index = i + 1;
        lua_pushvalue(L, -1);
        lua_rawseti(L, 3, i + 1);
    }
    qsort(keys, (size_t)count, sizeof *keys, compare_keys);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 3, keys[i].index);
        lua_rawseti(L, 4, i + 1);
    }
    lua_pushinteger(L, count);
    sandbox_charge(sandbox_of(L), (size_t)count * 8);
    return 2;
}

/* next(t, k) by the same order; without state, so each call looks at every key. */
static int table_next(lua_State *L)
{
    lua_settop(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    bool first = lua_isnil(L, 2), found = false;
    struct key last = {0}, best = {0};
    if (!first)
        last = read_key(L, "next");
    size_t looked = 0;
    lua_pushnil(L); /* 3: the best so far */
    lua_pushnil(L);
    for (; lua_next(L, 1); looked++) {
        lua_pop(L, 1);
        struct key k = read_key(L, "next");
        if ((!first && compare_keys(&k, &last) <= 0) || (found && compare_keys(&k, &best) >= 0))
            continue;
        best = k;
        found = true;
        lua_pushvalue(L, -1);
        lua_replace(L, 3);
    }
    sandbox_charge(sandbox_of(L), looked / 4 + 1);
    lua_settop(L, 3);
    if (!found)
        return 1;
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

/* ---- table.* ---- */

static lua_Integer length(lua_State *L, int table)
{
    return (lua_Integer)lua_rawlen(L, table);
}

static int table_insert(lua_State *L)
{
    sandbox_need_table(L, 1, "table.insert");
    lua_Integer n = length(L, 1), at = n + 1;
    if (lua_gettop(L) == 3)
        at = luaL_checkinteger(L, 2);
    else if (lua_gettop(L) != 2)
        return sandbox_raise(L, "E202", NULL, "table.insert: takes a table, a position if you like, and a value");
    if (at < 1 || at > n + 1)
        return sandbox_raise(L, "E204", NULL, "table.insert: position %lld is outside the list", (long long)at);
    for (lua_Integer i = n; i >= at; i--) {
        lua_rawgeti(L, 1, i);
        lua_rawseti(L, 1, i + 1);
    }
    lua_pushvalue(L, lua_gettop(L));
    lua_rawseti(L, 1, at);
    sandbox_charge(sandbox_of(L), (size_t)(n - at + 1) / 4);
    return 0;
}

static int table_remove(lua_State *L)
{
    sandbox_need_table(L, 1, "table.remove");
    lua_Integer n = length(L, 1), at = luaL_optinteger(L, 2, n);
    if (n == 0 && (at == 0 || at == n + 1))
        return 0;
    if (at < 1 || at > n + 1)
        return sandbox_raise(L, "E204", NULL, "table.remove: position %lld is outside the list", (long long)at);
    lua_rawgeti(L, 1, at);
    for (lua_Integer i = at; i < n; i++) {
        lua_rawgeti(L, 1, i + 1);
        lua_rawseti(L, 1, i);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, at > n ? at : n);
    sandbox_charge(sandbox_of(L), at <= n ? (size_t)(n - at) / 4 : 0);
    return 1;
}

/* How many from first to last; raises when it is more than a call may touch. */
static lua_Integer span_of_indices(lua_State *L, const char *who, lua_Integer first, lua_Integer last)
{
    if (first > last)
        return 0;
    lua_Unsigned n = (lua_Unsigned)last - (lua_Unsigned)first;
    if (n >= LIB_ITEMS_MAX)
        sandbox_raise(L, "E405", NULL, "%s: more than %d elements", who, LIB_ITEMS_MAX);
    sandbox_charge(sandbox_of(L), (size_t)n / 4);
    return (lua_Integer)n + 1;
}

static int table_concat(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t between_len;
    const char *between = luaL_optlstring(L, 2, "", &between_len);
    lua_Integer first = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, length(L, 1));
    lua_Integer count = span_of_indices(L, "table.concat", first, last);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (lua_Integer i = 0; i < count; i++) {
        int type = lua_rawgeti(L, 1, first + i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER)
            return sandbox_raise(L, "E203", NULL, "table.concat: element %lld is a %s", (long long)(first + i),
                                 luaL_typename(L, -1));
        luaL_addvalue(&b);
        if (i + 1 < count)
            luaL_addlstring(&b, between, between_len);
        if (luaL_bufflen(&b) > LIB_TEXT_MAX)
            return sandbox_raise(L, "E405", NULL, "table.concat: the result would have more than %d bytes",
                                 LIB_TEXT_MAX);
    }
    luaL_pushresult(&b);
    return 1;
}

static int table_unpack(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer first = luaL_optinteger(L, 2, 1), last = luaL_optinteger(L, 3, length(L, 1));
    lua_Integer count = span_of_indices(L, "table.unpack", first, last);
    if (!lua_checkstack(L, (int)count + 4))
        return sandbox_raise(L, "E405", NULL, "table.unpack: too many elements");
    for (lua_Integer i = 0; i < count; i++)
        lua_rawgeti(L, 1, first + i);
    return (int)count;
}

static int table_pack(lua_State *L)
{
    int n = lua_gettop(L);
    lua_createtable(L, n, 1);
    lua_insert(L, 1);
    for (int i = n; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, n);
    lua_setfield(L, 1, "n");
    return 1;
}

static int table_move(lua_State *L)
{
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, 1, LUA_TTABLE);
    sandbox_need_table(L, to, "table.move");
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3), at = luaL_checkinteger(L, 4);
    lua_Integer count = span_of_indices(L, "table.move", first, last);
    if (count && at > LUA_MAXINTEGER - count)
        return sandbox_raise(L, "E204", NULL, "table.move: the target lies outside");
    bool upwards = at <= first || at >= first + count || to != 1;
    for (lua_Integer i = 0; i < count; i++) {
        lua_Integer k = upwards ? i : count - 1 - i;
        lua_rawgeti(L, 1, first + k);
        lua_rawseti(L, to, at + k);
    }
    lua_pushvalue(L, to);
    return 1;
}

static int raw_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    sandbox_plain(L, 1);
    return 1;
}

const luaL_Reg sandbox_raw_functions[] = {{"sorted_keys", sorted_keys}, {"tostring", raw_tostring}, {NULL, NULL}};

static const luaL_Reg table_functions[] = {{"insert", table_insert},
                                           {"remove", table_remove},
                                           {"concat", table_concat},
                                           {"unpack", table_unpack},
                                           {"pack", table_pack},
                                           {"move", table_move},
                                           {NULL, NULL}};
static const luaL_Reg base_functions[] = {{"next", table_next}, {NULL, NULL}};

void sandbox_open_table(lua_State *L, int lib)
{
    lua_getfield(L, lib, "table");
    luaL_setfuncs(L, table_functions, 0);
    lua_pop(L, 1);
    luaL_setfuncs(L, base_functions, 0);
}
