/* How far people have received and read, as this worker was told: maxima that only grow, shown to others at once and
 * written in one statement a second. One a worker. */
#ifndef SERVER_API_MARKS_H
#define SERVER_API_MARKS_H

#include "server/store/mark_row.h"

struct hub;
struct loop;
struct marks;
struct store;

struct marks *marks_new(struct loop *loop, struct store *store, struct hub *hub);
void marks_free(struct marks **marks);

/* Grows the mark and writes it within a second or two; tell says whether those who follow hear of it. */
void marks_put(struct marks *marks, const struct mark_row *row, bool tell);

/* Writes what is gathered now: before the end. */
void marks_flush(struct marks *marks);

#endif
