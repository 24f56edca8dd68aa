/* Zones by their rules as POSIX writes them: "CET-1CEST,M3.5.0,M10.5.0/3". */
#include "server/base/zone.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *rule, *names;
} rows[] = {
#define ZONE(rule, names) {rule, names},
#include "server/base/zones.def"
#undef ZONE
};

/* ---- days ---- */

int64_t zone_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct zone_date zone_date(int64_t days)
{
    int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct zone_date date = {.day = (int)(of_year - (153 * month + 2) / 5 + 1),
                             .month = (int)(month < 10 ? month + 3 : month - 9),
                             .weekday = (int)((days % 7 + 11) % 7)};
    date.year = (int)(year + era * 400 + (date.month <= 2));
    return date;
}

/* ---- rules ---- */

static int number(const char **at)
{
    int n = 0;
    for (; **at >= '0' && **at <= '9' && n < 100000; ++*at)
        n = n * 10 + (**at - '0');
    return n;
}

/* [+-]h[:mm[:ss]] */
static int32_t clock_of(const char **at)
{
    int sign = **at == '-' ? -1 : 1;
    if (**at == '-' || **at == '+')
        ++*at;
    int32_t s = number(at) * 3600;
    for (int unit = 60; unit && **at == ':'; unit /= 60) {
        ++*at;
        s += number(at) * unit;
    }
    return sign * s;
}

static void skip_name(const char **at)
{
    *at += **at == '<' ? strcspn(*at, ">") + 1 : strcspn(*at, "+-0123456789,");
}

/* ,M3.5.0/3 */
static struct zone_change change_of(const char **at)
{
    struct zone_change c = {.at_s = 7200};
    *at += 2;
    c.month = number(at);
    ++*at;
    c.week = number(at);
    ++*at;
    c.weekday = number(at);
    if (**at == '/') {
        ++*at;
        c.at_s = clock_of(at);
    }
    return c;
}

static void read_rule(const char *rule, struct zone *out)
{
    *out = (struct zone){0};
    skip_name(&rule);
    out->standard_s = -clock_of(&rule); /* POSIX counts to the west */
    if (!*rule)
        return;
    skip_name(&rule);
    out->summer_s = *rule == ',' ? out->standard_s + 3600 : -clock_of(&rule);
    out->has_summer = true;
    out->begin = change_of(&rule);
    out->end = change_of(&rule);
}

static bool has_name(const char *names, struct span name)
{
    for (const char *at = names; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == name.len && memcmp(at, name.ptr, n) == 0)
            return true;
    }
    return false;
}

bool zone_find(struct span name, struct zone *out)
{
    for (size_t i = 0; name.len && i < sizeof rows / sizeof *rows; i++) {
        if (!has_name(rows[i].names, name))
            continue;
        read_rule(rows[i].rule, out);
        return true;
    }
    return false;
}

/* ---- moments ---- */

/* By the clock until then. */
static int64_t change_clock_s(const struct zone_change *c, int year)
{
    int64_t first = zone_days(year, c->month, 1);
    int64_t next = c->month == 12 ? zone_days(year + 1, 1, 1) : zone_days(year, c->month + 1, 1);
    int64_t day = first + (c->weekday - zone_date(first).weekday + 7) % 7 + 7 * (c->week - 1);
    while (day >= next)
        day -= 7;
    return day * ZONE_DAY_S + c->at_s;
}

int32_t zone_ahead_s(const struct zone *z, int64_t utc_s)
{
    if (!z->has_summer)
        return z->standard_s;
    int year = zone_date(zone_day_of(utc_s + z->standard_s)).year;
    int64_t begin = change_clock_s(&z->begin, year) - z->standard_s, end = change_clock_s(&z->end, year) - z->summer_s;
    bool summer = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
    return summer ? z->summer_s : z->standard_s;
}

int64_t zone_utc_s(const struct zone *z, int64_t clock_s)
{
    int32_t high = z->has_summer && z->summer_s > z->standard_s ? z->summer_s : z->standard_s;
    int32_t low = z->has_summer && z->summer_s < z->standard_s ? z->summer_s : z->standard_s;
    if (zone_ahead_s(z, clock_s - high) == high)
        return clock_s - high;
    return clock_s - low;
}
