/* Cases made from the tables: for each frame and each kind of item what is right, and every way that one field can be
 * wrong, with the answer that is due. The unit tests run all of them; the golden vectors are the short ones. */
#ifndef TESTS_SUPPORT_FRAME_CASES_H
#define TESTS_SUPPORT_FRAME_CASES_H

#include "protocol/frame.h"

struct frame_case {
    char name[160];
    struct value tree;      /* the whole frame; for an item its body */
    parley_status expected; /* of reading it */
    char path[160];         /* of the refusal */
    bool reads_as_required; /* reads as the case "required fields" does, so it is written back as that */
    bool lossy;             /* read, but not written back the same: a name from a newer peer */
    bool nested;            /* the field at fault is not the frame's own */
};

typedef void frame_case_use(void *arg, const struct frame_case *c);

/* Calls use for every case; the case and its tree are lent for the call. */
void frame_cases(enum frame_type type, frame_case_use *use, void *arg);
void item_cases(int kind, frame_case_use *use, void *arg);

/* A tree as it stands on the wire; what was in `out` is gone. */
void frame_case_put(struct buf *out, enum encoding encoding, const struct value *tree);

/* A request whose reply is of this type; FRAME_none for what is no reply. */
enum frame_type frame_case_awaits(enum frame_type reply);

#endif
