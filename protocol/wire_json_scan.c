/* The scan of JSON: depth, count, text and range of numbers, before jansson builds anything. Grammar is jansson's. */
#include "protocol/text.h"
#include "protocol/wire_json.h"
#include "protocol/wire_scan.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t wire_json_space(struct span text)
{
    size_t at = 0;
    while (at < text.len && is_space(text.ptr[at]))
        at++;
    return at;
}

/* Length of the string that starts at a quote, with both quotes; 0 when it does not end. */
static size_t string_length(struct span text)
{
    for (size_t at = 1; at < text.len; at++) {
        at += text_plain(span_of(text.ptr + at, text.len - at));
        if (at < text.len && text.ptr[at] == '"')
            return at + 1;
        if (at < text.len && text.ptr[at] == '\\')
            at++;
    }
    return 0;
}

size_t wire_json_skip(struct span text)
{
    size_t depth = 0, at = 0;
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            size_t n = string_length(span_of(text.ptr + at, text.len - at));
            if (n == 0)
                return 0;
            at += n;
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']' || c == '}'))
            return at;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        at++;
    }
    return depth == 0 ? at : 0;
}

bool wire_json_array(struct span text, size_t *out_header)
{
    size_t at = wire_json_space(text);
    if (at == text.len || text.ptr[at] != '[')
        return false;
    *out_header = at + 1;
    return true;
}

static bool read_int(struct span text, int64_t *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative;
    uint64_t v = 0;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
        unsigned digit = (unsigned)(text.ptr[at] - '0');
        if (v > (INT64_MAX - digit + (uint64_t)negative) / 10)
            return false;
        v = v * 10 + digit;
    }
    if (at == negative || (at < text.len && memchr(".eE", text.ptr[at], 3)))
        return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool wire_json_peek_int(struct span text, struct span key, int64_t *out)
{
    size_t at = wire_json_space(text);
    if (at == text.len || text.ptr[at] != '{')
        return false;
    for (at++; at < text.len; at++) {
        at += wire_json_space(span_of(text.ptr + at, text.len - at));
        if (at == text.len || text.ptr[at] != '"')
            return false;
        struct span name = span_of(text.ptr + at + 1, string_length(span_of(text.ptr + at, text.len - at)));
        if (name.len < 2)
            return false;
        at += name.len;
        name.len -= 2;
        at += wire_json_space(span_of(text.ptr + at, text.len - at));
        if (at == text.len || text.ptr[at++] != ':')
            return false;
        at += wire_json_space(span_of(text.ptr + at, text.len - at));
        if (span_equal(name, key))
            return read_int(span_of(text.ptr + at, text.len - at), out);
        at += wire_json_skip(span_of(text.ptr + at, text.len - at));
        if (at >= text.len || text.ptr[at] != ',')
            return false;
    }
    return false;
}

struct level {
    struct wire_path path; /* of the value that is read at this level */
    bool map;
};

struct scan {
    struct span text;
    size_t at;
    size_t values;
    bool key_due;
    int depth;
    const struct wire_limits *limits;
    struct wire_error *error;
    struct level levels[WIRE_DEPTH_MAX + 1];
};

static const struct wire_path *here(const struct scan *s)
{
    return s->depth ? &s->levels[s->depth].path : NULL;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int c = p[i], digit = c >= '0' && c <= '9'                 ? c - '0'
                              : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                   : -1;
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* Checks the escape at p, which is a backslash; sets its length. */
static parley_status scan_escape(struct scan *s, const char *p, size_t left, size_t *out_length)
{
    *out_length = 2;
    if (left < 2 || p[1] != 'u')
        return PARLEY_OK;
    int unit = left >= 6 ? hex4(p + 2) : -1;
    if (unit < 0)
        return wire_refuse(s->error, PARLEY_MALFORMED, here(s), "the escape at byte %zu wants 4 hexadecimal digits",
                           s->at);
    if (unit == 0)
        return wire_refuse(s->error, PARLEY_INVALID, here(s), "holds U+0000; leave it out");
    *out_length = 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return PARLEY_OK;
    int low = unit <= 0xdbff && left >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
    *out_length = 12;
    if (low >= 0xdc00 && low <= 0xdfff)
        return PARLEY_OK;
    return wire_refuse(s->error, PARLEY_INVALID, here(s), "holds half a surrogate pair, \\u%04x; send whole characters",
                       unit);
}

static parley_status scan_string(struct scan *s)
{
    size_t begin = s->at, length = string_length(span_of(s->text.ptr + begin, s->text.len - begin));
    if (length == 0)
        return wire_refuse(s->error, PARLEY_MALFORMED, here(s), "the string at byte %zu has no closing quote", begin);
    if (s->key_due)
        s->levels[s->depth].path.key = span_of(s->text.ptr + begin + 1, length - 2);
    else
        s->values++;

    size_t end = begin + length - 1;
    for (s->at = begin + 1; s->at < end;) {
        s->at += text_plain(span_of(s->text.ptr + s->at, end - s->at));
        if (s->at == end)
            break;
        if (s->text.ptr[s->at] != '\\')
            return wire_refuse(s->error, PARLEY_MALFORMED, here(s), "byte %zu is a control character; escape it",
                               s->at);
        size_t n;
        parley_status st = scan_escape(s, s->text.ptr + s->at, end - s->at, &n);
        if (st != PARLEY_OK)
            return st;
        s->at += n;
    }
    s->at = end + 1;
    return PARLEY_OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The power of ten of the first digit that is not 0; *out_zero when all are. Written exponents are cut at 9999. */
static int magnitude(struct span token, bool *out_zero)
{
    int before = 0, lead = 0, exponent = 0;
    bool found = false, point = false;
    size_t at = token.ptr[0] == '-';
    for (; at < token.len && (is_digit(token.ptr[at]) || token.ptr[at] == '.'); at++) {
        if (token.ptr[at] == '.') {
            point = true;
            continue;
        }
        if (!found && token.ptr[at] != '0')
            found = true;
        if (!point && found)
            before++;
        else if (point && !found)
            lead++;
    }
    *out_zero = !found;
    bool negative = at + 1 < token.len && token.ptr[at + 1] == '-',
         sign = negative || (at + 1 < token.len && token.ptr[at + 1] == '+');
    for (at += 1 + sign; at < token.len && is_digit(token.ptr[at]); at++)
        if (exponent < 9999)
            exponent = exponent * 10 + (token.ptr[at] - '0');
    return (before > 0 ? before - 1 : -lead - 1) + (negative ? -exponent : exponent);
}

static parley_status scan_number(struct scan *s)
{
    size_t begin = s->at;
    bool real = false;
    for (char c; s->at < s->text.len && (is_digit(c = s->text.ptr[s->at]) || memchr("+-.eE", c, 5)); s->at++)
        real |= c == '.' || c == 'e' || c == 'E';
    struct span token = span_of(s->text.ptr + begin, s->at - begin);
    s->values++;

    bool zero;
    int64_t integer;
    int size = magnitude(token, &zero);
    struct span shown = span_of(token.ptr, token.len < 40 ? token.len : 40);
    if (real && !zero && (size < -6 || size > 20))
        return wire_refuse(s->error, PARLEY_INVALID, here(s), "%.*s is not 0 and not within 1e-6 <= |x| < 1e21",
                           SPAN_ARG(shown));
    if (!real && !read_int(token, &integer) && size >= 18)
        return wire_refuse(s->error, PARLEY_INVALID, here(s), "%.*s has no place in 64 bits; send it as text",
                           SPAN_ARG(shown));
    return PARLEY_OK;
}

static parley_status scan_open(struct scan *s, bool map)
{
    if (s->depth >= s->limits->depth)
        return wire_refuse(s->error, PARLEY_TOO_DEEP, here(s), "nested deeper than %d levels", s->limits->depth);
    const struct wire_path *up = here(s);
    s->values++;
    s->at++;
    s->levels[++s->depth] = (struct level){.map = map, .path = {.up = up, .key = {map ? "" : NULL, 0}}};
    s->key_due = map;
    return PARLEY_OK;
}

static parley_status scan_token(struct scan *s)
{
    struct level *level = &s->levels[s->depth];
    char c = s->text.ptr[s->at];
    if (c == '{' || c == '[')
        return scan_open(s, c == '{');
    if (c == '"')
        return scan_string(s);
    if (c == '-' || is_digit(c))
        return scan_number(s);
    s->at++;
    if (c >= 'a' && c <= 'z') {
        while (s->at < s->text.len && s->text.ptr[s->at] >= 'a' && s->text.ptr[s->at] <= 'z')
            s->at++;
        s->values++;
    } else if ((c == '}' || c == ']') && s->depth > 0) {
        s->depth--;
        s->key_due = false;
    } else if (c == ',' && s->depth > 0) {
        level->path.index++;
        s->key_due = level->map;
    } else if (c == ':') {
        s->key_due = false;
    } else {
        return wire_refuse(s->error, PARLEY_MALFORMED, here(s), "byte %zu begins nothing that JSON knows", s->at - 1);
    }
    return PARLEY_OK;
}

parley_status wire_json_scan(struct span text, const struct wire_limits *limits, struct wire_error *error)
{
    struct scan s = {.text = text, .limits = limits, .error = error};
    size_t valid = text_valid(text);
    if (valid < text.len)
        return wire_refuse(error, PARLEY_MALFORMED, NULL, "not UTF-8 at byte %zu", valid);

    while ((s.at += wire_json_space(span_of(text.ptr + s.at, text.len - s.at))) < text.len) {
        parley_status st = scan_token(&s);
        if (st != PARLEY_OK)
            return st;
        if (s.values > limits->nodes)
            return wire_refuse(error, PARLEY_TOO_MANY, here(&s), "more than %zu values in one frame", limits->nodes);
    }
    return PARLEY_OK;
}
