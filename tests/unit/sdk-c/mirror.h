/* What a screen shows that applies the changes of a view in turn. */
#ifndef TESTS_UNIT_SDK_C_MIRROR_H
#define TESTS_UNIT_SDK_C_MIRROR_H

#include "sdk-c/include/parley/client.h"

enum { MIRROR_MAX = 8192 };

struct mirror {
    uint64_t view;
    struct mirror_row {
        char id[37];
        int64_t seq;
        char state[16];
        char text[48];
    } rows[MIRROR_MAX];
    int64_t len;
    int older; /* how often older rows were through */
};

/* Takes the event if it is of the view. An index beyond the rows fails the test. */
void mirror_take(struct mirror *m, parley_event *e);

/* The rows as text: "1 a|2 b|queued c". Borrowed until the next call. */
const char *mirror_text(const struct mirror *m);

#endif
