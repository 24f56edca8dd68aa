/* string.format, without what would show an address or depend on the machine. */
#include "server/flow/sandbox_lib.h"

#include <math.h>
#include <string.h>

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
    double n = lua_tonumber(L, arg);
    snprintf(spec, sizeof spec, "%s%c", s->text, s->letter);
    luaL_addlstring(b, out,
                    (size_t)snprintf(out, sizeof out, spec, isnan(n) ? NAN : n)); /* its sign is the machine's */
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

int sandbox_format(lua_State *L)
{
    struct span format = sandbox_text_at(L, 1, "string.format");
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
        sandbox_need_room(L, "string.format", luaL_bufflen(&b));
    }
    luaL_pushresult(&b);
    sandbox_charge(sandbox_of(L), format.len / 4);
    return 1;
}
