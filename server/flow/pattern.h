/* Patterns of flows: PCRE2 on UTF-8, with limits that neither the pattern nor the text can lift.
 * Owned by whoever compiled it. One thread at a time. */
#ifndef SERVER_FLOW_PATTERN_H
#define SERVER_FLOW_PATTERN_H

#include "protocol/span.h"
#include "protocol/status.h"

enum { PATTERN_MAX = 1024, PATTERN_SUBJECT_MAX = 16384, PATTERN_GROUPS = 32, PATTERN_WHY_MAX = 160 };

struct pattern;

/* PARLEY_INVALID with the reason, and where in the pattern, in `why`. */
parley_status pattern_new(struct span text, struct pattern **out, char why[PATTERN_WHY_MAX]);
/* One that the server has written itself, and that nobody can make slow: of any length, and what is done is not
 * counted.
 */
parley_status pattern_new_own(struct span text, struct pattern **out, char why[PATTERN_WHY_MAX]);
void pattern_free(struct pattern **pattern);

struct pattern_match {
    size_t work;   /* that has been done: parts of the pattern and characters gone through, whether or not it matched */
    size_t groups; /* captures; the whole match is group 0 and not counted */
    struct span group[PATTERN_GROUPS + 1]; /* ptr NULL: took no part in the match */
};

/* Searches from the byte `from`; other than from 0 only in a subject that was searched from there before. What has been
 * done counts on in `out`, so that all searches of one call have one limit: 0 before the first.
 * PARLEY_NOT_FOUND, PARLEY_LIMIT when it would take too long, PARLEY_TOO_BIG for a long subject, PARLEY_INVALID for one
 * that is not UTF-8. Groups borrow the subject. */
parley_status pattern_search(const struct pattern *pattern, struct span subject, size_t from,
                             struct pattern_match *out);

#endif
