/* Paths are short: a longer one finds nothing. */
#include "server/cli/field.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PATH = 256, DEEP = 64 };

#define PUT_TOGETHER(room, format)                                                                                     \
    char room[PATH];                                                                                                   \
    va_list args;                                                                                                      \
    va_start(args, format);                                                                                            \
    vsnprintf(room, sizeof room, format, args);                                                                        \
    va_end(args)

const char *field_text_or_null(parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    return parley_event_text(e, whole);
}

const char *field_text(parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    const char *text = parley_event_text(e, whole);
    return text ? text : "";
}

int64_t field_int(parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    return parley_event_int(e, whole, 0);
}

double field_real(parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    return parley_event_real(e, whole, 0);
}

uint32_t field_count(parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    return parley_event_count(e, whole);
}

void field_copy(char *out, size_t size, parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    const char *text = parley_event_text(e, whole);
    snprintf(out, size, "%s", text ? text : "");
}

const char *field_key(parley_event *e, uint32_t i, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    return parley_event_key(e, whole, i);
}

/* "sku 17, price 4.5" for a map; the entries of a list of maps stand apart by semicolons. */
static void list_words(char *out, size_t size, parley_event *e, const char *path, uint32_t count)
{
    size_t n = 0;
    for (uint32_t i = 0; i < count && n < size; i++) {
        char index[16], words[256] = "...";
        const char *key = parley_event_key(e, path, i);
        snprintf(index, sizeof index, "%u", i);
        bool is_list = field_count(e, "%s.%s", path, key ? key : index) > 0;
        if (!is_list || strlen(path) < DEEP)
            field_words(words, sizeof words, e, "%s.%s", path, key ? key : index);
        n += (size_t)snprintf(out + n, size - n, "%s%s%s%s",
                              i == 0    ? ""
                              : is_list ? "; "
                                        : ", ",
                              key ? key : "", key ? " " : "", words);
    }
}

void field_words(char *out, size_t size, parley_event *e, const char *path, ...)
{
    PUT_TOGETHER(whole, path);
    const char *text = parley_event_text(e, whole);
    uint32_t count = parley_event_count(e, whole);
    if (text)
        snprintf(out, size, "%s", text);
    else if (count)
        list_words(out, size, e, whole, count);
    else
        snprintf(out, size, "%g", parley_event_real(e, whole, 0));
}
