/* What differs between two texts, line by line. Single thread. */
#ifndef SERVER_BASE_LINE_DIFF_H
#define SERVER_BASE_LINE_DIFF_H

#include "protocol/buf.h"

/* Appends the hunks, as `diff -u` writes them but for the names. False when the texts are the same. */
bool line_diff(struct span from, struct span to, struct buf *out);

#endif
