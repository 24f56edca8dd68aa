/* Text functions in place of Lua's: each says how much it may make, and pays for it. Patterns are PCRE2. */
#include "server/base/mem.h"
#include "server/flow/sandbox_lib.h"

#include <stdio.h>
#include <string.h>

/* ---- plain text of values ---- */

void sandbox_plain(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
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

static struct span text_at(lua_State *L, int index, const char *who)
{
    if (lua_type(L, index) != LUA_TSTRING)
        sandbox_raise(L, "E203", NULL, "%s: expected text as argument %d, got %s", who, index, luaL_typename(L, index));
    struct span s;
    s.ptr = lua_tolstring(L, index, &s.len);
    return s;
}

static void need_room(lua_State *L, const char *who, size_t size)
{
    if (size > LIB_TEXT_MAX)
        sandbox_raise(L, "E405", NULL, "%s: the result would have more than %d bytes", who, LIB_TEXT_MAX);
}

/* ---- string.rep ---- */

static int text_rep(lua_State *L)
{
    struct span s = text_at(L, 1, "string.rep");
    lua_Integer n = luaL_checkinteger(L, 2);
    struct span between = lua_isnoneornil(L, 3) ? span_of("", 0) : text_at(L, 3, "string.rep");
    size_t piece = s.len + between.len;
    if (n <= 0 || piece == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (n > LIB_TEXT_MAX)
        need_room(L, "string.rep", SIZE_MAX);
    need_room(L, "string.rep", piece * (size_t)n);
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

/* ---- string.format ---- */

struct spec {
    char text[16]; /* "%-08.3" as it was written */
    char letter;
    bool left;
    int width, precision; /* precision -1: none */
};

static int two_digits(const char **at, const char *end)
{
    int n = 0;
    for (int i = 0; i < 2 && *at < end && **at >= '0' && **at <= '9'; i++)
        n = n * 10 + (*(*at)++ - '0');
    return n;
}

/* From behind the '%'. False for what is no specification. */
static bool read_spec(const char **at, const char *end, struct spec *s)
{
    const char *start = *at;
    *s = (struct spec){.precision = -1};
    while (*at < end && strchr("-+ #0", **at) && **at && *at - start < 5)
        s->left |= *(*at)++ == '-';
    s->width = two_digits(at, end);
    if (*at < end && **at == '.') {
        (*at)++;
        s->precision = two_digits(at, end);
    }
    if (*at >= end)
        return false;
    size_t len = (size_t)(*at - start);
    s->text[0] = '%';
    memcpy(s->text + 1, start, len);
    s->letter = *(*at)++;
    return true;
}

static void add_padded(luaL_Buffer *b, const struct spec *s, const char *text, size_t len)
{
    if (s->precision >= 0 && (size_t)s->precision < len)
        len = (size_t)s->precision;
    size_t pad = (size_t)s->width > len ? (size_t)s->width - len : 0;
    for (size_t i = 0; !s->left && i < pad; i++)
        luaL_addchar(b, ' ');
    luaL_addlstring(b, text, len);
    for (size_t i = 0; s->left && i < pad; i++)
        luaL_addchar(b, ' ');
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                                         \
    "-Wformat-nonliteral" /* the text comes from read_spec, which knows what it lets through */

static void add_integer(lua_State *L, luaL_Buffer *b, const struct spec *s, int arg)
{
    int whole;
    lua_Integer n = lua_tointegerx(L, arg, &whole);
    if (lua_type(L, arg) != LUA_TNUMBER || !whole)
        sandbox_raise(L, "E203", NULL, "string.format: %%%c expects a whole number, got %s", s->letter,
                      luaL_typename(L, arg));
    char spec[24], out[160];
    snprintf(spec, sizeof spec, "%sll%c", s->text, s->letter);
    luaL_addlstring(b, out, (size_t)snprintf(out, sizeof out, spec, (long long)n));
}

static void add_real(lua_State *L, luaL_Buffer *b, const struct spec *s, int arg)
{
    if (lua_type(L, arg) != LUA_TNUMBER)
        sandbox_raise(L, "E203", NULL, "string.format: %%%c expects a number, got %s", s->letter,
                      luaL_typename(L, arg));
    char spec[24], out[512]; /* %99.99f of 1e308 */
    sandbox_charge(sandbox_of(L), 100);
    snprintf(spec, sizeof spec, "%s%c", s->text, s->letter);
    luaL_addlstring(b, out, (size_t)snprintf(out, sizeof out, spec, lua_tonumber(L, arg)));
}

#pragma GCC diagnostic pop

/* The text of an argument lies at its own place on the stack, because a buffer wants the top for itself. */
static void add_argument(lua_State *L, luaL_Buffer *b, const struct spec *s, int arg, int top)
{
    if (arg > top)
        sandbox_raise(L, "E202", NULL, "string.format: no argument for %%%c", s->letter);
    if (strchr("dixXoc", s->letter) && s->letter)
        add_integer(L, b, s, arg);
    else if (strchr("eEfFgG", s->letter) && s->letter)
        add_real(L, b, s, arg);
    else if (s->letter == 's')
        add_padded(b, s, lua_tostring(L, arg), lua_rawlen(L, arg));
    else
        sandbox_raise(L, "E203", NULL, "string.format: there is no %%%c; use d i x X o c e f g s %%", s->letter);
}

/* Arguments of %s become text in place first, so that nothing but the buffer moves the stack later. */
static void texts_in_place(lua_State *L, const char *at, const char *end, int top)
{
    struct spec s;
    for (int arg = 1; at < end;) {
        if (*at++ != '%' || (at < end && *at == '%' && at++))
            continue;
        if (!read_spec(&at, end, &s) || ++arg > top)
            return;
        if (s.letter == 's') {
            sandbox_plain(L, arg);
            lua_replace(L, arg);
        }
    }
}

static int text_format(lua_State *L)
{
    struct span format = text_at(L, 1, "string.format");
    const char *at = format.ptr, *end = at + format.len;
    int top = lua_gettop(L), arg = 1;
    texts_in_place(L, at, end, top);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    while (at < end) {
        if (*at != '%') {
            luaL_addchar(&b, *at++);
        } else if (at + 1 < end && at[1] == '%') {
            luaL_addchar(&b, '%');
            at += 2;
        } else {
            struct spec s;
            at++;
            if (!read_spec(&at, end, &s))
                sandbox_raise(L, "E203", NULL, "string.format: the text ends inside a %%");
            add_argument(L, &b, &s, ++arg, top);
        }
        need_room(L, "string.format", luaL_bufflen(&b));
    }
    luaL_pushresult(&b);
    sandbox_charge(sandbox_of(L), format.len / 4);
    return 1;
}

/* ---- patterns ---- */

static void forget(struct kept_pattern *kept)
{
    pattern_free(&kept->pattern);
    mem_free(kept->text);
    *kept = (struct kept_pattern){0};
}

void sandbox_forget_patterns(struct sandbox *box)
{
    for (size_t i = 0; i < PATTERNS_KEPT; i++)
        forget(&box->patterns[i]);
}

/* The last few patterns stay compiled; the oldest makes room. */
static const struct pattern *pattern_at(lua_State *L, int index, const char *who)
{
    struct sandbox *box = sandbox_of(L);
    struct span text = text_at(L, index, who);
    for (size_t i = 0; i < PATTERNS_KEPT; i++)
        if (box->patterns[i].pattern && span_equal(span_of(box->patterns[i].text, box->patterns[i].len), text))
            return box->patterns[i].pattern;

    char why[PATTERN_WHY_MAX];
    struct pattern *made;
    sandbox_charge(box, TICKS_PER_PATTERN);
    if (pattern_new(text, &made, why) != PARLEY_OK)
        sandbox_raise(L, "E205", NULL, "%s: the pattern is not right: %s", who, why);
    struct kept_pattern *kept = &box->patterns[box->pattern_next++ % PATTERNS_KEPT];
    forget(kept);
    *kept = (struct kept_pattern){.text = mem_span(text), .len = text.len, .pattern = made};
    return made;
}

/* False when there is no match. */
static bool search(lua_State *L, const char *who, const struct pattern *p, struct span text, size_t from,
                   struct pattern_match *m)
{
    sandbox_charge(sandbox_of(L), TICKS_PER_PATTERN + text.len / BYTES_PER_TICK);
    switch (pattern_search(p, text, from, m)) {
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
    struct span text = text_at(L, 1, "match");
    struct pattern_match m;
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
    struct span text = text_at(L, 1, "match_all");
    const struct pattern *p = pattern_at(L, 2, "match_all");
    struct pattern_match m;
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
    struct span text = text_at(L, 1, "replace"), with = text_at(L, 3, "replace");
    const struct pattern *p = pattern_at(L, 2, "replace");
    struct pattern_match m;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    size_t copied = 0;
    for (size_t from = 0; from <= text.len && search(L, "replace", p, text, from, &m); from = after(text, m.group[0])) {
        size_t start = (size_t)(m.group[0].ptr - text.ptr);
        luaL_addlstring(&b, text.ptr + copied, start - copied);
        add_replacement(&b, with, &m);
        copied = start + m.group[0].len;
        need_room(L, "replace", luaL_bufflen(&b) + (text.len - copied));
    }
    luaL_addlstring(&b, text.ptr + copied, text.len - copied);
    luaL_pushresult(&b);
    return 1;
}

/* Parts between a plain separator. */
static int text_split(lua_State *L)
{
    struct span text = text_at(L, 1, "split"), by = text_at(L, 2, "split");
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
    struct span s = text_at(L, 1, "trim");
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

static const luaL_Reg text_functions[] = {{"rep", text_rep}, {"format", text_format}, {NULL, NULL}};
static const luaL_Reg base_functions[] = {{"match", text_match},     {"match_all", text_match_all},
                                          {"replace", text_replace}, {"split", text_split},
                                          {"trim", text_trim},       {NULL, NULL}};

void sandbox_open_text(lua_State *L, int lib)
{
    lua_getfield(L, lib, "string");
    luaL_setfuncs(L, text_functions, 0);
    lua_pop(L, 1);
    luaL_setfuncs(L, base_functions, 0);
}
