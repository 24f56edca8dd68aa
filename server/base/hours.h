/* Opening hours as people write them: "mon-fri 9:00-17:00, sat 10:00-14:00, 12-25 closed, 2026-12-24 9:00-12:00".
 *
 * Parts are separated by commas. A part names days - mon, mon-fri, daily, a date, or a date of every year - and then
 * spans, or `closed`. What names a date counts before what names days of the week; of two of a kind the later. A span
 * may end on the next day (22:00-6:00), and belongs to the day on which it begins. Plain data; any thread. */
#ifndef SERVER_BASE_HOURS_H
#define SERVER_BASE_HOURS_H

#include "server/base/zone.h"

enum { HOURS_TEXT_MAX = 2000, HOURS_RULES = 64, HOURS_SPANS = 4, HOURS_WHY_MAX = 128 };

struct hours_rule {
    uint8_t weekdays;     /* bit 0 is Sunday; 0: a date */
    int year, month, day; /* year 0: every year */
    int count;            /* of spans; 0: closed */
    struct hours_span {
        int32_t from_s, to_s; /* of the day; to may be of the next */
    } spans[HOURS_SPANS];
};

struct hours {
    struct zone zone;
    int count;
    struct hours_rule rules[HOURS_RULES];
};

/* False, and why, for what is no such text or no known zone. An empty zone is UTC. */
bool hours_read(struct span text, struct span zone, struct hours *out, char why[HOURS_WHY_MAX]);

bool hours_open(const struct hours *hours, int64_t utc_s);

/* The next moment from this one on at which they are open: this one if they are. -1: none within 400 days. */
int64_t hours_next(const struct hours *hours, int64_t utc_s);

#endif
