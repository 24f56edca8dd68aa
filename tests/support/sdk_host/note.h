/* What the app did and saw, a line of JSON each, written at once: a process that is killed has told all it did. And the
 * named points at which it is killed. */
#ifndef TESTS_SUPPORT_SDK_HOST_NOTE_H
#define TESTS_SUPPORT_SDK_HOST_NOTE_H

#include <stdint.h>

/* Every place that is passed on the way of a message, in both directions. */
#define POINTS(X)                                                                                                      \
    X(write) /* SQLite is about to write into a file */                                                                \
    X(written)                                                                                                         \
    X(sync) /* ... to wait for the disk */                                                                             \
    X(synced)                                                                                                          \
    X(send) /* a message is about to be given to the socket */                                                         \
    X(sent)                                                                                                            \
    X(got) /* a message of the server is here, and the library has not seen it */                                      \
    X(taken)                                                                                                           \
    X(typed)  /* the call that says something has returned */                                                          \
    X(pulled) /* an event was taken and not looked at */                                                               \
    X(step)   /* between two steps */

enum point {
#define POINT(name) POINT_##name,
    POINTS(POINT)
#undef POINT
        POINT_COUNT
};
extern const char *const point_names[POINT_COUNT];

/* Lines are appended to this file; `who` and the number of the life stand in each. */
void note_open(int fd, const char *who, int life);

/* `more` is the rest of the line, with its comma in front. */
void note(const char *what, const char *more_format, ...) __attribute__((format(printf, 2, 3)));

/* The process kills itself at the n-th pass from now on; -1: never. `counts` gets how often each point was fatal. */
void point_plan(enum point point, int n, uint32_t *counts);
void point(enum point point);

#endif
