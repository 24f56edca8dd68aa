/* Reading answers: lenient in how people write, exact in what scripts get. */
#include "server/flow/input.h"

#include "protocol/item.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[INPUTS] = {"text", "number", "date", "email", "phone", "boolean", "choice", "file"};

enum input input_of(struct span name)
{
    enum input i = INPUT_TEXT;
    while (i < INPUTS && !span_is(name, names[i]))
        i++;
    return i;
}

const char *input_name(enum input input)
{
    return names[input];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct span s)
{
    size_t n = 0;
    while (n < s.len && is_digit(s.ptr[n]))
        n++;
    return n;
}

static struct span behind(struct span s, size_t n)
{
    return span_of(s.ptr + n, s.len - n);
}

/* ---- numbers: no exponent, no separators of thousands, a point or a comma ---- */

static bool read_number(struct span s, struct value *out)
{
    char text[32];
    size_t sign = s.len && (*s.ptr == '-' || *s.ptr == '+'), whole = digits(behind(s, sign)), at = sign + whole;
    if (whole == 0 || s.len >= sizeof text)
        return false;
    if (at < s.len) {
        size_t part = digits(behind(s, at + 1));
        if ((s.ptr[at] != '.' && s.ptr[at] != ',') || part == 0 || at + 1 + part != s.len)
            return false;
    }
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(s));
    if (at < s.len)
        text[at] = '.';
    double real = strtod(text, NULL);
    bool fits = real > -1e15 && real < 1e15 && (real == 0 || real > 1e-6 || real < -1e-6);
    *out = value_number(real);
    return fits;
}

/* ---- days ---- */

static int take_int(struct span *s, size_t most)
{
    int n = 0;
    size_t count = digits(*s);
    if (count == 0 || count > most)
        return -1;
    for (size_t i = 0; i < count; i++)
        n = n * 10 + (s->ptr[i] - '0');
    *s = behind(*s, count);
    return n;
}

static bool take_sign(struct span *s, char sign)
{
    if (s->len == 0 || *s->ptr != sign)
        return false;
    *s = behind(*s, 1);
    return true;
}

static bool is_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1800 || year > 2999 || month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && leap);
}

/* 2024-02-29, or with the day first 29.2.2024. */
static bool read_date(struct span s, struct arena *arena, struct value *out)
{
    char text[40], sign = '-';
    int first = take_int(&s, 4), year = first, day = 0;
    if (first >= 0 && s.len && *s.ptr == '.')
        sign = '.';
    if (first < 0 || !take_sign(&s, sign))
        return false;
    int month = take_int(&s, 2);
    if (month < 0 || !take_sign(&s, sign))
        return false;
    day = take_int(&s, 4);
    if (sign == '.') {
        year = day;
        day = first;
    }
    if (s.len || !is_day(year, month, day))
        return false;
    snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
    *out = value_text(arena_span(arena, span_str(text)));
    return out->text.ptr;
}

/* ---- addresses ---- */

static bool read_email(struct span s, struct value *out)
{
    const char *at = s.len ? memchr(s.ptr, '@', s.len) : NULL;
    if (!at || at == s.ptr || s.len > 254)
        return false;
    struct span domain = behind(s, (size_t)(at - s.ptr) + 1);
    const char *dot = domain.len ? memrchr(domain.ptr, '.', domain.len) : NULL;
    if (!dot || dot == domain.ptr || domain.ptr + domain.len - dot < 3 || memchr(domain.ptr, '@', domain.len))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || strchr("<>()[],;:\\\"", s.ptr[i]))
            return false;
    *out = value_text(s);
    return true;
}

static bool read_phone(struct span s, struct arena *arena, struct value *out)
{
    char text[20];
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (strchr(" -()/.", c) && c)
            continue;
        if (n == sizeof text || !(is_digit(c) || (c == '+' && n == 0)))
            return false;
        text[n++] = c;
    }
    size_t count = n - (n && *text == '+');
    if (count < 5 || count > 15)
        return false;
    *out = value_text(arena_span(arena, span_of(text, n)));
    return out->text.ptr;
}

/* ---- files ---- */

/* The address is made when a call to the outside carries it: flows_address.c. */
static bool read_file(const struct value *said, struct arena *arena, struct value *out)
{
    struct frame_form_file file;
    struct wire_error ignored;
    char id[UUID_TEXT + 1], url[UUID_TEXT + 16];
    if (said->type != VALUE_MAP || item_read_file(span_str("file"), said, arena, &file, &ignored) != PARLEY_OK ||
        value_map(arena, 5, out) != PARLEY_OK)
        return false;
    uuid_format(file.blob, id);
    snprintf(url, sizeof url, INPUT_FILE_URL "%s}", id);
    value_put(out, span_str("id"), value_text(arena_span(arena, span_str(id))));
    value_put(out, span_str("name"), value_text(file.name));
    value_put(out, span_str("type"), value_text(file.type));
    value_put(out, span_str("size"), value_int(file.bytes));
    value_put(out, span_str("url"), value_text(arena_span(arena, span_str(url))));
    return true;
}

bool input_read(enum input input, const struct value *said, struct arena *arena, struct value *out)
{
    *out = *said;
    if (input == INPUT_FILE)
        return read_file(said, arena, out);
    if (input == INPUT_BOOLEAN)
        return said->type == VALUE_BOOL;
    if (input == INPUT_NUMBER && (said->type == VALUE_INT || said->type == VALUE_REAL))
        return true;
    if (said->type != VALUE_TEXT || said->text.len == 0)
        return false;
    switch (input) {
    case INPUT_NUMBER:
        return read_number(said->text, out);
    case INPUT_DATE:
        return read_date(said->text, arena, out);
    case INPUT_EMAIL:
        return read_email(said->text, out);
    case INPUT_PHONE:
        return read_phone(said->text, arena, out);
    default:
        return true;
    }
}
