/* What the mock did, a line each on stdout: for people, or as JSON. The JSON is what tests judge an app by: `stored`
 * lines are the truth that its screen must show in the end. One thread. */
#ifndef SERVER_MOCK_JOURNAL_H
#define SERVER_MOCK_JOURNAL_H

#include "protocol/span.h"
#include "server/base/log.h"

struct entry;
struct talk;

struct journal {
    bool json;
    int64_t lines;
};

/* `peer` is the number of the connection, 0 for none; `who` may be NULL; `fields` ends with LOG_END. */
void journal_write(struct journal *j, const char *what, int64_t peer, const char *who, const struct log_field *fields);
#define JOURNAL(j, what, peer, who, ...)                                                                               \
    journal_write(j, what, peer, who, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = LOG_END}})

/* An item has its number for good. */
void journal_stored(struct journal *j, int64_t peer, const struct talk *t, const struct entry *e);

#endif
