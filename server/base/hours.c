/* Opening hours: reading them, and asking. */
#include "server/base/hours.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HORIZON_DAYS = 400, EVERY_DAY = 0x7f };

static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* ---- reading ---- */

static struct span trim(struct span s)
{
    while (s.len && isspace((unsigned char)*s.ptr))
        s = span_of(s.ptr + 1, s.len - 1);
    while (s.len && isspace((unsigned char)s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Up to one of these, which is taken away with it. */
static struct span take(struct span *rest, const char *ends)
{
    size_t n = 0;
    while (n < rest->len && !strchr(ends, rest->ptr[n]))
        n++;
    struct span word = trim(span_of(rest->ptr, n));
    *rest = n < rest->len ? span_of(rest->ptr + n + 1, rest->len - n - 1) : span_of(rest->ptr + n, 0);
    return word;
}

/* Digits alone, up to four; -1 for anything else. */
static int number(struct span s)
{
    int n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.len > 4 || !isdigit((unsigned char)s.ptr[i]))
            return -1;
        n = n * 10 + (s.ptr[i] - '0');
    }
    return s.len ? n : -1;
}

static int weekday_of(struct span s)
{
    for (int i = 0; i < 7; i++)
        if (s.len == 3 && strncasecmp(s.ptr, weekdays[i], 3) == 0)
            return i;
    return -1;
}

/* mon or mon-fri, also over the end of the week */
static bool read_weekdays(struct span s, struct hours_rule *rule)
{
    struct span rest = s;
    int from = weekday_of(take(&rest, "-")), to = rest.len ? weekday_of(trim(rest)) : from;
    if (from < 0 || to < 0)
        return false;
    for (int day = from;; day = (day + 1) % 7) {
        rule->weekdays |= (uint8_t)(1u << day);
        if (day == to)
            return true;
    }
}

/* 2026-12-24 or 12-24 */
static bool read_date(struct span s, struct hours_rule *rule)
{
    struct span first = take(&s, "-"), second = take(&s, "-"), third = s;
    bool every_year = first.len <= 2 && third.len == 0;
    rule->year = every_year ? 0 : number(first);
    rule->month = number(every_year ? first : second);
    rule->day = number(every_year ? second : trim(third));
    if (rule->month < 1 || rule->month > 12 || rule->day < 1 || rule->day > 31)
        return false;
    if (every_year)
        return true;
    struct zone_date d = zone_date(zone_days(rule->year, rule->month, rule->day));
    return rule->year >= 1970 && d.month == rule->month && d.day == rule->day;
}

static bool read_days(struct span s, struct hours_rule *rule)
{
    if (s.len == 5 && strncasecmp(s.ptr, "daily", 5) == 0) {
        rule->weekdays = EVERY_DAY;
        return true;
    }
    return s.len && isdigit((unsigned char)*s.ptr) ? read_date(s, rule) : read_weekdays(s, rule);
}

/* 9 or 9:30; up to 24:00 */
static int32_t clock_of(struct span s)
{
    bool has_minute = memchr(s.ptr, ':', s.len) != NULL;
    int hour = number(take(&s, ":")), minute = has_minute ? number(s) : 0;
    bool good = hour >= 0 && minute >= 0 && minute < 60 && hour * 60 + minute <= 24 * 60;
    return good ? hour * 3600 + minute * 60 : -1;
}

static bool read_span(struct span s, struct hours_span *out)
{
    out->from_s = clock_of(take(&s, "-"));
    out->to_s = s.len ? clock_of(trim(s)) : -1;
    if (out->to_s >= 0 && out->to_s <= out->from_s)
        out->to_s += ZONE_DAY_S;
    return out->from_s >= 0 && out->from_s < ZONE_DAY_S && out->to_s >= 0;
}

static bool read_rule(struct span part, struct hours_rule *rule)
{
    struct span rest = part;
    *rule = (struct hours_rule){0};
    if (!read_days(take(&rest, " \t"), rule))
        return false;
    rest = trim(rest);
    if (rest.len == 6 && strncasecmp(rest.ptr, "closed", 6) == 0)
        return true;
    while (rest.len) {
        if (rule->count == HOURS_SPANS || !read_span(take(&rest, " \t"), &rule->spans[rule->count++]))
            return false;
        rest = trim(rest);
    }
    return rule->count > 0;
}

bool hours_read(struct span text, struct span zone, struct hours *out, char why[HOURS_WHY_MAX])
{
    *out = (struct hours){0};
    if (!zone_find(zone.len ? zone : span_str("UTC"), &out->zone)) {
        snprintf(why, HOURS_WHY_MAX, "no time zone is known as \"%.*s\"; one is as \"Europe/Berlin\"",
                 zone.len > 40 ? 40 : (int)zone.len, zone.ptr);
        return false;
    }
    if (text.len > HOURS_TEXT_MAX)
        text.len = 0;
    while (text.len) {
        struct span part = take(&text, ",");
        if (out->count < HOURS_RULES && read_rule(part, &out->rules[out->count])) {
            out->count++;
            continue;
        }
        snprintf(why, HOURS_WHY_MAX, "\"%.*s\" is no part of opening hours", part.len > 60 ? 60 : (int)part.len,
                 part.ptr);
        return false;
    }
    if (!out->count)
        snprintf(why, HOURS_WHY_MAX, "no opening hours; they are as \"mon-fri 9:00-17:00, 12-25 closed\"");
    return out->count > 0;
}

/* ---- asking ---- */

static bool applies(const struct hours_rule *r, const struct zone_date *d)
{
    if (r->weekdays)
        return r->weekdays & (1u << d->weekday);
    return r->month == d->month && r->day == d->day && (!r->year || r->year == d->year);
}

/* What holds on that day; NULL: nothing is said of it. */
static const struct hours_rule *rule_of(const struct hours *h, int64_t day)
{
    struct zone_date d = zone_date(day);
    const struct hours_rule *found = NULL;
    for (int i = 0; i < h->count; i++) {
        const struct hours_rule *r = &h->rules[i];
        bool wins = !found || found->weekdays || !r->weekdays;
        if (wins && applies(r, &d))
            found = r;
    }
    return found;
}

/* The first moment from utc_s on that lies in a span which begins on that day; -1: none. */
static int64_t open_in(const struct hours *h, int64_t day, int64_t utc_s)
{
    const struct hours_rule *r = rule_of(h, day);
    int64_t first = -1;
    for (int i = 0; r && i < r->count; i++) {
        int64_t from = zone_utc_s(&h->zone, day * ZONE_DAY_S + r->spans[i].from_s);
        int64_t to = zone_utc_s(&h->zone, day * ZONE_DAY_S + r->spans[i].to_s);
        int64_t moment = from > utc_s ? from : utc_s;
        if (moment < to && (first < 0 || moment < first))
            first = moment;
    }
    return first;
}

int64_t hours_next(const struct hours *h, int64_t utc_s)
{
    int64_t today = zone_day_of(utc_s + zone_ahead_s(&h->zone, utc_s)), first = -1;
    for (int64_t day = today - 1; day < today + HORIZON_DAYS; day++) {
        int64_t moment = open_in(h, day, utc_s);
        if (moment >= 0 && (first < 0 || moment < first))
            first = moment;
        if (first == utc_s || (first >= 0 && day >= today))
            return first; /* spans of later days begin later */
    }
    return -1;
}

bool hours_open(const struct hours *h, int64_t utc_s)
{
    return hours_next(h, utc_s) == utc_s;
}
