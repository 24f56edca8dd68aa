/* Parsers of single values; strtoll does the digits and everything around it is checked here. */
#include "server/base/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Digits at the start; *out_rest is what follows them. */
static parley_status parse_digits(const char *text, int64_t *out, const char **out_rest)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return PARLEY_INVALID;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno)
        return PARLEY_INVALID;
    *out = n;
    *out_rest = end;
    return PARLEY_OK;
}

/* A number and the unit behind it; NULL where either is wrong. */
static const struct unit *parse_unit(const char *text, const struct unit *units, int64_t *out)
{
    const char *rest;
    if (parse_digits(text, out, &rest) != PARLEY_OK)
        return NULL;
    for (const struct unit *u = units; u->name; u++)
        if (strcmp(rest, u->name) == 0)
            return u;
    return NULL;
}

/* Nothing is nothing in any unit. */
static bool is_zero(const char *text)
{
    return *text && text[strspn(text, "0")] == '\0';
}

static parley_status parse_scaled(const char *text, const struct unit *units, int64_t *out)
{
    int64_t n;
    const struct unit *unit = parse_unit(text, units, &n);
    if (unit ? __builtin_mul_overflow(n, unit->factor, &n) : !is_zero(text))
        return PARLEY_INVALID;
    *out = unit ? n : 0;
    return PARLEY_OK;
}

parley_status conf_parse_int(const char *text, int64_t *out)
{
    int64_t n;
    const char *rest;
    bool minus = *text == '-';
    if (parse_digits(text + minus, &n, &rest) != PARLEY_OK || *rest)
        return PARLEY_INVALID;
    *out = minus ? -n : n;
    return PARLEY_OK;
}

parley_status conf_parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"yes", true}, {"on", true},   {"true", true},   {"1", true},
                 {"no", false}, {"off", false}, {"false", false}, {"0", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i].word) != 0)
            continue;
        *out = words[i].value;
        return PARLEY_OK;
    }
    return PARLEY_INVALID;
}

parley_status conf_parse_time(const char *text, int64_t *out_ms)
{
    static const struct unit units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    return parse_scaled(text, units, out_ms);
}

parley_status conf_parse_size(const char *text, int64_t *out_bytes)
{
    static const struct unit units[] = {{"", 1}, {"K", 1ll << 10}, {"M", 1ll << 20}, {"G", 1ll << 30}, {NULL, 0}};
    return parse_scaled(text, units, out_bytes);
}

parley_status conf_parse_rate(const char *text, struct conf_rate *out)
{
    static const struct unit units[] = {{"/s", 1000}, {"/m", 60000}, {"/h", 3600000}, {"/d", 86400000}, {NULL, 0}};
    int64_t n;
    const struct unit *unit = parse_unit(text, units, &n);
    if (!unit)
        return PARLEY_INVALID;
    *out = (struct conf_rate){.count = n, .per_ms = unit->factor};
    return PARLEY_OK;
}

static bool is_host(const char *text, size_t len)
{
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || len > 255)
        return false;
    if (len == 1 && text[0] == '*')
        return true;
    for (size_t i = bracketed; i < len - bracketed; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(bracketed ? ":.%" : ".-_", text[i]))
            return false;
    return true;
}

parley_status conf_check_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (conf_parse_int(colon ? colon + 1 : text, &port) != PARLEY_OK || port < 0 || port > 65535)
        return PARLEY_INVALID;
    if (colon && !is_host(text, (size_t)(colon - text)))
        return PARLEY_INVALID;
    return PARLEY_OK;
}

parley_status conf_check_url(const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : strncmp(text, "http://", 7) == 0 ? text + 7 : "";
    size_t len = strcspn(host, "/?#");
    if (len == 0 || memchr(host, '@', len) || host[0] == ':')
        return PARLEY_INVALID;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return PARLEY_INVALID;
    return PARLEY_OK;
}

parley_status conf_parse_choice(const char *text, const char *choices, int *out)
{
    size_t len = strlen(text);
    for (int place = 0; *choices; place++) {
        size_t n = strcspn(choices, "|");
        if (n == len && memcmp(choices, text, n) == 0) {
            *out = place;
            return PARLEY_OK;
        }
        choices += n + (choices[n] == '|');
    }
    return PARLEY_INVALID;
}
