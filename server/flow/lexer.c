/* The lexical rules of Lua 5.4 (manual, 3.1). */
#include "server/flow/lexer.h"

#include <ctype.h>
#include <stdlib.h>

static const char *const keywords[] = {"and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                       "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                       "repeat",   "return", "then", "true", "until",  "while"};

/* Longest first. */
static const char *const signs[] = {"...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", ".."};

void lexer_init(struct lexer *lexer, struct span source, struct arena *arena)
{
    *lexer = (struct lexer){.at = source.ptr, .end = source.ptr + source.len, .line = 1, .arena = arena};
}

static char peek(const struct lexer *l, size_t ahead)
{
    return (size_t)(l->end - l->at) > ahead ? l->at[ahead] : '\0';
}

static void skip(struct lexer *l, size_t n)
{
    for (size_t i = 0; i < n && l->at < l->end; i++)
        l->line += *l->at++ == '\n';
}

/* Number of '=' of a long bracket that begins here; -1 when none does. */
static int long_bracket(const struct lexer *l)
{
    int level = 0;
    if (peek(l, 0) != '[')
        return -1;
    while (peek(l, 1 + (size_t)level) == '=')
        level++;
    return peek(l, 1 + (size_t)level) == '[' ? level : -1;
}

static bool closes(const struct lexer *l, int level)
{
    if (peek(l, 0) != ']' || peek(l, 1 + (size_t)level) != ']')
        return false;
    for (int i = 0; i < level; i++)
        if (peek(l, 1 + (size_t)i) != '=')
            return false;
    return true;
}

static struct span read_long(struct lexer *l, int level)
{
    skip(l, (size_t)level + 2);
    if (peek(l, 0) == '\r')
        skip(l, 1);
    if (peek(l, 0) == '\n')
        skip(l, 1);
    const char *start = l->at;
    while (l->at < l->end && !closes(l, level))
        skip(l, 1);
    struct span text = span_of(start, (size_t)(l->at - start));
    skip(l, (size_t)level + 2);
    return text;
}

static void skip_comment(struct lexer *l)
{
    skip(l, 2);
    int level = long_bracket(l);
    if (level >= 0) {
        read_long(l, level);
        return;
    }
    while (l->at < l->end && *l->at != '\n')
        l->at++;
}

static void skip_blank(struct lexer *l)
{
    while (l->at < l->end) {
        if (isspace((unsigned char)*l->at))
            skip(l, 1);
        else if (peek(l, 0) == '-' && peek(l, 1) == '-')
            skip_comment(l);
        else
            return;
    }
}

/* ---- texts ---- */

static size_t put_utf8(char *out, unsigned long c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18 & 0x07));
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static unsigned long digits(struct lexer *l, int base, size_t most)
{
    char text[12] = "";
    size_t n = 0;
    while (n < most && n < sizeof text - 1 &&
           (base == 16 ? isxdigit((unsigned char)peek(l, 0)) : isdigit((unsigned char)peek(l, 0)))) {
        text[n++] = peek(l, 0);
        skip(l, 1);
    }
    return strtoul(text, NULL, base);
}

/* Behind the backslash. Never writes more bytes than it reads, backslash included. */
static size_t read_escape(struct lexer *l, char *out)
{
    static const char letters[] = "abfnrtv", meant[] = "\a\b\f\n\r\t\v";
    char c = peek(l, 0);
    const char *letter = c ? strchr(letters, c) : NULL;
    unsigned long code;
    if (isdigit((unsigned char)c)) {
        out[0] = (char)digits(l, 10, 3);
        return 1;
    }
    skip(l, 1);
    switch (c) {
    case 'x':
        out[0] = (char)digits(l, 16, 2);
        return 1;
    case 'u':
        skip(l, 1);
        code = digits(l, 16, 8);
        skip(l, 1);
        return put_utf8(out, code);
    case 'z':
        while (l->at < l->end && isspace((unsigned char)*l->at))
            skip(l, 1);
        return 0;
    default:
        out[0] = letter ? meant[letter - letters] : c;
        return 1;
    }
}

static struct span read_quoted(struct lexer *l)
{
    char quote = peek(l, 0);
    const char *stop = l->at + 1;
    while (stop < l->end && *stop != quote)
        stop += *stop == '\\' && stop + 1 < l->end ? 2 : 1;
    char *out = arena_alloc(l->arena, (size_t)(stop - l->at) + 4);
    size_t n = 0;
    skip(l, 1);
    while (l->at < l->end && peek(l, 0) != quote) {
        char c = peek(l, 0);
        skip(l, 1);
        if (c != '\\' && out)
            out[n++] = c;
        else if (out)
            n += read_escape(l, out + n);
    }
    skip(l, 1);
    return span_of(out, out ? n : 0);
}

/* ---- numbers, names, signs ---- */

static struct token read_number(struct lexer *l, struct token t)
{
    const char *start = l->at;
    bool hex = peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X');
    while (isalnum((unsigned char)peek(l, 0)) || peek(l, 0) == '.' ||
           ((peek(l, 0) == '+' || peek(l, 0) == '-') && strchr(hex ? "pP" : "eE", l->at[-1])))
        l->at++;
    char text[64];
    size_t n = (size_t)(l->at - start) < sizeof text - 1 ? (size_t)(l->at - start) : sizeof text - 1;
    memcpy(text, start, n);
    text[n] = '\0';
    char *rest;
    t.integer = hex ? (int64_t)strtoull(text, &rest, 16) : strtoll(text, &rest, 10);
    t.type = *rest ? TOKEN_REAL : TOKEN_INT;
    t.real = strtod(text, NULL);
    t.word = span_of(start, (size_t)(l->at - start));
    return t;
}

static struct token read_name(struct lexer *l, struct token t)
{
    const char *start = l->at;
    while (isalnum((unsigned char)peek(l, 0)) || peek(l, 0) == '_')
        l->at++;
    t.word = span_of(start, (size_t)(l->at - start));
    t.type = TOKEN_NAME;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (span_is(t.word, keywords[i]))
            t.type = TOKEN_KEYWORD;
    return t;
}

static struct token read_sign(struct lexer *l, struct token t)
{
    size_t len = 1;
    for (size_t i = 0; i < sizeof signs / sizeof *signs && len == 1; i++)
        if ((size_t)(l->end - l->at) >= strlen(signs[i]) && memcmp(l->at, signs[i], strlen(signs[i])) == 0)
            len = strlen(signs[i]);
    t.type = TOKEN_SIGN;
    t.word = span_of(l->at, len);
    l->at += len;
    return t;
}

static struct token read_token(struct lexer *l)
{
    struct token t = {.type = TOKEN_END, .line = l->line, .from = l->at};
    if (l->at >= l->end)
        return t;
    char c = *l->at;
    int level = long_bracket(l);
    if (c == '"' || c == '\'' || level >= 0) {
        t.type = TOKEN_TEXT;
        t.word = level >= 0 ? read_long(l, level) : read_quoted(l);
        return t;
    }
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)peek(l, 1))))
        return read_number(l, t);
    if (isalpha((unsigned char)c) || c == '_')
        return read_name(l, t);
    return read_sign(l, t);
}

struct token lexer_next(struct lexer *l)
{
    skip_blank(l);
    struct token t = read_token(l);
    t.behind = l->at;
    return t;
}
