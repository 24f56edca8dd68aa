/* Canonical JSON. What it writes is what jsonb prints, spaces apart. */
#include "protocol/text.h"
#include "protocol/wire_json.h"

#include <stdio.h>
#include <stdlib.h>

void wire_json_put_int(struct buf *out, int64_t v)
{
    char digits[24], *p = digits + sizeof digits;
    uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--p = (char)('0' + size % 10);
    while (size /= 10);
    if (v < 0)
        *--p = '-';
    buf_add(out, p, (size_t)(digits + sizeof digits - p));
}

/* The fewest digits that read back the same, without trailing zeros, and the power of ten of the first. Skips whatever
 * the locale has for a point. */
static size_t shortest_digits(double v, char digits[24], int *out_power)
{
    char text[40];
    for (int precision = 14; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    size_t n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    *out_power = atoi(p + 1);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

static void put_zeros(struct buf *out, int n)
{
    while (n-- > 0)
        buf_add_char(out, '0');
}

void wire_json_put_real(struct buf *out, double v)
{
    struct value number = value_number(v);
    if (number.type == VALUE_INT) {
        wire_json_put_int(out, number.integer);
        return;
    }
    char digits[24];
    int power, count = (int)shortest_digits(v, digits, &power), whole = power + 1;
    if (v < 0)
        buf_add_char(out, '-');
    if (whole <= 0) {
        buf_add(out, "0.", 2);
        put_zeros(out, -whole);
        buf_add(out, digits, (size_t)count);
    } else if (whole >= count) {
        buf_add(out, digits, (size_t)count);
        put_zeros(out, whole - count);
        buf_add(out, ".0", 2);
    } else {
        buf_add(out, digits, (size_t)whole);
        buf_add_char(out, '.');
        buf_add(out, digits + whole, (size_t)(count - whole));
    }
}

static void put_escape(struct buf *out, unsigned char c)
{
    static const char short_form[32] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char escape[6] = {'\\', (char)c};
    if (c >= 32) {
        buf_add(out, escape, 2);
    } else if (short_form[c]) {
        escape[1] = short_form[c];
        buf_add(out, escape, 2);
    } else {
        static const char hex[] = "0123456789abcdef";
        memcpy(escape + 1, "u00", 3);
        escape[4] = hex[c >> 4];
        escape[5] = hex[c & 15];
        buf_add(out, escape, 6);
    }
}

void wire_json_put_text(struct buf *out, struct span text)
{
    buf_add_char(out, '"');
    for (size_t at = 0; at < text.len;) {
        size_t plain = text_plain(span_of(text.ptr + at, text.len - at));
        buf_add(out, text.ptr + at, plain);
        at += plain;
        if (at < text.len)
            put_escape(out, (unsigned char)text.ptr[at++]);
    }
    buf_add_char(out, '"');
}

void wire_json_put_id(struct buf *out, struct uuid id)
{
    char text[UUID_TEXT + 1];
    uuid_format(id, text);
    buf_add_char(out, '"');
    buf_add(out, text, UUID_TEXT);
    buf_add_char(out, '"');
}

static void put_array(struct buf *out, const struct value *v)
{
    buf_add_char(out, '[');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        wire_json_put_value(out, &v->items[i]);
    }
    buf_add_char(out, ']');
}

static void put_map(struct buf *out, const struct value *v)
{
    buf_add_char(out, '{');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        wire_json_put_text(out, v->members[i].key);
        buf_add_char(out, ':');
        wire_json_put_value(out, &v->members[i].value);
    }
    buf_add_char(out, '}');
}

void wire_json_put_value(struct buf *out, const struct value *v)
{
    struct uuid id;
    switch (v->type) {
    case VALUE_NULL:
        buf_add(out, "null", 4);
        break;
    case VALUE_BOOL:
        buf_add_str(out, v->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        wire_json_put_int(out, v->integer);
        break;
    case VALUE_REAL:
        wire_json_put_real(out, v->real);
        break;
    case VALUE_TEXT:
        wire_json_put_text(out, v->text);
        break;
    case VALUE_BYTES:
        memcpy(id.b, v->text.ptr, sizeof id.b);
        wire_json_put_id(out, id);
        break;
    case VALUE_ARRAY:
        put_array(out, v);
        break;
    case VALUE_MAP:
        put_map(out, v);
        break;
    }
}

static size_t text_size(struct span text)
{
    size_t size = text.len + 2;
    for (size_t at = 0; (at += text_plain(span_of(text.ptr + at, text.len - at))) < text.len; at++)
        size += strchr("\"\\\b\f\n\r\t", text.ptr[at]) ? 1 : 5;
    return size;
}

static size_t number_size(const struct value *v, bool exact)
{
    if (v->type == VALUE_REAL && !exact)
        return 32;
    char memory[64];
    struct buf out = {.ptr = memory, .cap = sizeof memory, .max = sizeof memory};
    wire_json_put_value(&out, v);
    return out.len;
}

size_t wire_json_size(const struct value *v, bool exact)
{
    size_t size = 2 + (v->count > 0 ? v->count - 1 : 0);
    switch (v->type) {
    case VALUE_NULL:
        return 4;
    case VALUE_BOOL:
        return v->boolean ? 4 : 5;
    case VALUE_INT:
    case VALUE_REAL:
        return number_size(v, exact);
    case VALUE_TEXT:
        return text_size(v->text);
    case VALUE_BYTES:
        return UUID_TEXT + 2;
    case VALUE_ARRAY:
        for (uint32_t i = 0; i < v->count; i++)
            size += wire_json_size(&v->items[i], exact);
        break;
    case VALUE_MAP:
        for (uint32_t i = 0; i < v->count; i++)
            size += text_size(v->members[i].key) + 1 + wire_json_size(&v->members[i].value, exact);
        break;
    }
    return size;
}

/* Length of the string at a quote, with both quotes, as far as the text goes. */
static size_t string_length(struct span text)
{
    size_t at = 1;
    while (at < text.len) {
        at += text_plain(span_of(text.ptr + at, text.len - at));
        if (at < text.len && text.ptr[at] == '"')
            return at + 1;
        at += 2;
    }
    return text.len;
}

void wire_json_put_compact(struct buf *out, struct span json)
{
    size_t from = 0, at = 0;
    while (at < json.len) {
        if (json.ptr[at] == '"') {
            at += string_length(span_of(json.ptr + at, json.len - at));
            continue;
        }
        size_t space = wire_json_space(span_of(json.ptr + at, json.len - at));
        if (space > 0) {
            buf_add(out, json.ptr + from, at - from);
            from = at += space;
            continue;
        }
        at++;
    }
    buf_add(out, json.ptr + from, at - from);
}
