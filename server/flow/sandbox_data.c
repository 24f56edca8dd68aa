/* Values in and out of Lua. What goes out of a script is copied raw, bounded, and is then the JSON data model. */
#include "protocol/text.h"
#include "server/flow/sandbox_core.h"

#include <math.h>

struct taking {
    lua_State *L;
    struct arena *arena;
    struct flow_error *error;
    size_t nodes;
    int depth;
};

static parley_status take(struct taking *t, int index, struct value *out);

static parley_status refuse(struct taking *t, const char *what)
{
    flow_error_set(t->error, "E207", "%s", what);
    return PARLEY_INVALID;
}

static parley_status take_number(struct taking *t, int index, struct value *out)
{
    if (lua_isinteger(t->L, index)) {
        *out = value_int(lua_tointeger(t->L, index));
        return PARLEY_OK;
    }
    double real = lua_tonumber(t->L, index), size = fabs(real);
    if (!isfinite(real) || (size != 0 && (size < 1e-6 || size >= 1e21)))
        return refuse(t, "a number is not finite, or outside 1e-6 to 1e21");
    *out = value_number(real);
    return PARLEY_OK;
}

static parley_status take_text(struct taking *t, int index, struct value *out)
{
    struct span text;
    text.ptr = lua_tolstring(t->L, index, &text.len);
    if (text_valid(text) != text.len)
        return refuse(t, "a text is not UTF-8, or has a zero byte in it");
    struct span copy = arena_span(t->arena, text);
    if (!copy.ptr)
        return refuse(t, "too large a value");
    *out = value_text(copy);
    return PARLEY_OK;
}

/* Counts the entries; whether the keys are 1..n is seen by their number and the largest. */
static size_t survey(lua_State *L, int table, bool *out_array)
{
    size_t count = 0;
    lua_Integer largest = 0;
    bool whole = true;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        count++;
        if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1)
            whole = false;
        else if (lua_tointeger(L, -1) > largest)
            largest = lua_tointeger(L, -1);
        if (count > SANDBOX_NODES) {
            lua_pop(L, 1);
            break;
        }
    }
    *out_array = whole && count > 0 && (size_t)largest == count;
    return count;
}

static parley_status take_array(struct taking *t, int table, size_t count, struct value *out)
{
    if (value_array(t->arena, count, out) != PARLEY_OK)
        return refuse(t, "too large a value");
    for (size_t i = 1; i <= count; i++) {
        struct value item;
        lua_rawgeti(t->L, table, (lua_Integer)i);
        parley_status st = take(t, lua_gettop(t->L), &item);
        lua_pop(t->L, 1);
        if (st != PARLEY_OK)
            return st;
        value_push(out, item);
    }
    return PARLEY_OK;
}

static parley_status take_member(struct taking *t, struct value_member *member)
{
    struct value key;
    if (lua_type(t->L, -2) != LUA_TSTRING)
        return refuse(t, "a table is either a list (1, 2, 3 ...) or has text as keys");
    parley_status st = take_text(t, lua_gettop(t->L) - 1, &key);
    if (st != PARLEY_OK)
        return st;
    member->key = key.text;
    return take(t, lua_gettop(t->L), &member->value);
}

static parley_status take_map(struct taking *t, int table, size_t count, struct value *out)
{
    if (value_map(t->arena, count, out) != PARLEY_OK)
        return refuse(t, "too large a value");
    lua_pushnil(t->L);
    while (lua_next(t->L, table)) {
        parley_status st = take_member(t, &out->members[out->count]);
        if (st != PARLEY_OK)
            return st;
        lua_pop(t->L, 1);
        out->count++;
    }
    value_sort(out);
    return PARLEY_OK;
}

static parley_status take_table(struct taking *t, int index, struct value *out)
{
    if (t->depth == SANDBOX_DEPTH)
        return refuse(t, "a table is nested too deep, or holds itself");
    bool array;
    size_t count = survey(t->L, index, &array);
    if (t->nodes + count > SANDBOX_NODES)
        return refuse(t, "a table has too many entries");
    t->nodes += count;
    t->depth++;
    parley_status st = array ? take_array(t, index, count, out) : take_map(t, index, count, out);
    t->depth--;
    return st;
}

static parley_status take(struct taking *t, int index, struct value *out)
{
    if (!lua_checkstack(t->L, 8))
        return refuse(t, "no room to copy the value");
    switch (lua_type(t->L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        *out = (struct value){.type = VALUE_NULL};
        return PARLEY_OK;
    case LUA_TBOOLEAN:
        *out = value_bool(lua_toboolean(t->L, index));
        return PARLEY_OK;
    case LUA_TNUMBER:
        return take_number(t, index, out);
    case LUA_TSTRING:
        return take_text(t, index, out);
    case LUA_TTABLE:
        return take_table(t, index, out);
    case LUA_TLIGHTUSERDATA: /* only the prelude has one */
        *out = (struct value){.type = VALUE_BYTES};
        return PARLEY_OK;
    default:
        return refuse(t, lua_isfunction(t->L, index) ? "a function cannot be passed on" : "this cannot be passed on");
    }
}

parley_status sandbox_take(lua_State *L, int index, struct arena *arena, struct value *out, struct flow_error *error)
{
    int top = lua_gettop(L);
    struct taking t = {.L = L, .arena = arena, .error = error};
    parley_status st = take(&t, index, out);
    lua_settop(L, top);
    sandbox_charge(sandbox_of(L), t.nodes * 2);
    return st;
}

static void push_array(lua_State *L, const struct value *v)
{
    lua_createtable(L, (int)v->count, 0);
    for (uint32_t i = 0; i < v->count; i++) {
        sandbox_push(L, &v->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_map(lua_State *L, const struct value *v)
{
    lua_createtable(L, 0, (int)v->count);
    for (uint32_t i = 0; i < v->count; i++) {
        lua_pushlstring(L, v->members[i].key.ptr, v->members[i].key.len);
        sandbox_push(L, &v->members[i].value);
        lua_rawset(L, -3);
    }
}

void sandbox_push(lua_State *L, const struct value *v)
{
    luaL_checkstack(L, 4, "value");
    switch (v->type) {
    case VALUE_NULL:
        lua_pushnil(L);
        return;
    case VALUE_BOOL:
        lua_pushboolean(L, v->boolean);
        return;
    case VALUE_INT:
        lua_pushinteger(L, v->integer);
        return;
    case VALUE_REAL:
        lua_pushnumber(L, v->real);
        return;
    case VALUE_TEXT:
    case VALUE_BYTES:
        lua_pushlstring(L, v->text.ptr ? v->text.ptr : "", v->text.len);
        return;
    case VALUE_ARRAY:
        push_array(L, v);
        return;
    case VALUE_MAP:
        push_map(L, v);
        return;
    }
}
