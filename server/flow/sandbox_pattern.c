/* Patterns in scripts, which are PCRE2. */
#include "server/flow/sandbox_lib.h"

#include <string.h>

static const struct pattern *pattern_at(lua_State *L, int index, const char *who)
{
    struct sandbox *box = sandbox_of(L);
    struct span text = sandbox_text_at(L, index, who);
    const struct pattern *p = pattern_cached(&box->patterns, text);
    if (p)
        return p;
    char why[PATTERN_WHY_MAX];
    sandbox_charge(box, TICKS_PER_PATTERN);
    if (pattern_compile(&box->patterns, text, &p, why) != PARLEY_OK)
        sandbox_raise(L, "E205", NULL, "%s: the pattern is not right: %s", who, why);
    return p;
}

/* False when there is no match. */
static bool search(lua_State *L, const char *who, const struct pattern *p, struct span text, size_t from,
                   struct pattern_match *m)
{
    size_t before = m->work;
    parley_status st = pattern_search(p, text, from, m);
    sandbox_charge(sandbox_of(L), TICKS_PER_SEARCH + (m->work - before) + text.len / BYTES_PER_TICK);
    switch (st) {
    case PARLEY_OK:
        return true;
    case PARLEY_NOT_FOUND:
        return false;
    case PARLEY_TOO_BIG:
        return sandbox_raise(L, "E405", NULL, "%s: the text has %zu bytes; at most %d are possible", who, text.len,
                             PATTERN_SUBJECT_MAX);
    case PARLEY_LIMIT:
        return sandbox_raise(L, "E406", NULL, "%s: the pattern takes too long on this text", who);
    default:
        return sandbox_raise(L, "E203", NULL, "%s: the text is not UTF-8", who);
    }
}

static void push_group(lua_State *L, struct span group)
{
    if (group.ptr)
        lua_pushlstring(L, group.ptr, group.len);
    else
        lua_pushnil(L);
}

/* The captures, or the whole match where the pattern has none. */
static int push_match(lua_State *L, const struct pattern_match *m)
{
    if (m->groups == 0) {
        push_group(L, m->group[0]);
        return 1;
    }
    luaL_checkstack(L, (int)m->groups, "match");
    for (size_t i = 1; i <= m->groups; i++)
        push_group(L, m->group[i]);
    return (int)m->groups;
}

static int text_match(lua_State *L)
{
    struct span text = sandbox_text_at(L, 1, "match");
    struct pattern_match m = {.work = 0};
    if (search(L, "match", pattern_at(L, 2, "match"), text, 0, &m))
        return push_match(L, &m);
    lua_pushnil(L);
    return 1;
}

/* Where to search on: behind the match, and one character further when it was empty. */
static size_t after(struct span text, struct span match)
{
    size_t at = (size_t)(match.ptr - text.ptr) + match.len;
    if (match.len == 0) {
        at++;
        while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

static int text_match_all(lua_State *L)
{
    struct span text = sandbox_text_at(L, 1, "match_all");
    const struct pattern *p = pattern_at(L, 2, "match_all");
    struct pattern_match m = {.work = 0};
    lua_settop(L, 2);
    lua_newtable(L);
    lua_Integer count = 0;
    for (size_t from = 0; from <= text.len && search(L, "match_all", p, text, from, &m);
         from = after(text, m.group[0])) {
        if (++count > LIB_ITEMS_MAX)
            sandbox_raise(L, "E405", NULL, "match_all: more than %d matches", LIB_ITEMS_MAX);
        push_group(L, m.groups ? m.group[1] : m.group[0]);
        lua_rawseti(L, 3, count);
    }
    return 1;
}

/* $1 to $9 are the captures, $0 the whole match, $$ a dollar. */
static void add_replacement(luaL_Buffer *b, struct span with, const struct pattern_match *m)
{
    for (size_t i = 0; i < with.len; i++) {
        char next = with.ptr[i] == '$' && i + 1 < with.len ? with.ptr[i + 1] : 0;
        if (next >= '0' && next <= '9') {
            size_t group = (size_t)(next - '0');
            if (group <= m->groups && m->group[group].ptr)
                luaL_addlstring(b, m->group[group].ptr, m->group[group].len);
            i++;
        } else {
            luaL_addchar(b, with.ptr[i]);
            i += next == '$';
        }
    }
}

static int text_replace(lua_State *L)
{
    struct span text = sandbox_text_at(L, 1, "replace"), with = sandbox_text_at(L, 3, "replace");
    const struct pattern *p = pattern_at(L, 2, "replace");
    struct pattern_match m = {.work = 0};
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    size_t copied = 0;
    for (size_t from = 0; from <= text.len && search(L, "replace", p, text, from, &m); from = after(text, m.group[0])) {
        size_t start = (size_t)(m.group[0].ptr - text.ptr);
        luaL_addlstring(&b, text.ptr + copied, start - copied);
        add_replacement(&b, with, &m);
        copied = start + m.group[0].len;
        sandbox_need_room(L, "replace", luaL_bufflen(&b) + (text.len - copied));
    }
    luaL_addlstring(&b, text.ptr + copied, text.len - copied);
    luaL_pushresult(&b);
    return 1;
}

/* Parts between a plain separator. */

const luaL_Reg sandbox_pattern_functions[] = {
    {"match", text_match}, {"match_all", text_match_all}, {"replace", text_replace}, {NULL, NULL}};
