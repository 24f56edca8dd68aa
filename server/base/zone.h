/* Time zones: how far a zone's clock is from UTC at a moment, and days of the calendar. Without files: the rules that
 * hold from now on are in zones.def, so what they say of long ago may be wrong. Any thread. */
#ifndef SERVER_BASE_ZONE_H
#define SERVER_BASE_ZONE_H

#include "protocol/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { ZONE_DAY_S = 86400 };

/* What the clocks of a zone do. */
struct zone {
    int32_t standard_s, summer_s; /* east of UTC */
    bool has_summer;
    struct zone_change {
        int month, week, weekday; /* the week-th of that weekday, 5: the last */
        int32_t at_s;             /* by the clock until then; may be of another day */
    } begin, end;
};

/* By its IANA name, as "Europe/Berlin". */
bool zone_find(struct span name, struct zone *out);

/* Seconds that the zone's clock is ahead of UTC. */
int32_t zone_ahead_s(const struct zone *zone, int64_t utc_s);

/* The moment when the zone's clock shows this; what it shows twice, the first time; what it never shows, as if it had
 * not been put forward. */
int64_t zone_utc_s(const struct zone *zone, int64_t clock_s);

struct zone_date {
    int year, month, day; /* from 1 */
    int weekday;          /* 0 is Sunday */
};

/* Days since 1970, and back. */
int64_t zone_days(int year, int month, int day);
struct zone_date zone_date(int64_t days);

/* The days until then, also before 1970. */
static inline int64_t zone_day_of(int64_t seconds)
{
    return seconds >= 0 ? seconds / ZONE_DAY_S : -((ZONE_DAY_S - 1 - seconds) / ZONE_DAY_S);
}

#endif
