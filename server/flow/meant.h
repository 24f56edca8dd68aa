/* Putting an earlier answer right: "no, I meant the 5th", another choice of an older question, a sheet sent once more.
 *
 * An answer to a question that says `correct` is remembered until something has gone out because of it: a call that
 * changes something outside, a process, a person, a wait. While it is, a correction takes the run back: the journal
 * ends before that answer, and the script is run again over what is left, to the question. There it is told the same
 * words, and goes on from the new answer. Owned by the run. */
#ifndef SERVER_FLOW_MEANT_H
#define SERVER_FLOW_MEANT_H

#include "server/flow/wait_inside.h"

/* The call that stands has been answered with what is told here, by the newest entry of the journal. */
void meant_note(struct flow_run *run, const struct value *args, const struct value *told);

/* What has been answered so far stays as it is. */
void meant_forget(struct flow_run *run);
void meant_free(struct flow_run *run);

/* Whether a call of this kind lets something out that cannot be taken back. */
bool meant_seals(enum flow_function_id function);

/* What the script is told of an answer, so that it can be found again: `meant` is the part of the words in `body` that
 * was meant; empty: all of it. */
bool meant_told(struct moment *m, const struct value *body, struct span meant, struct value answer, struct value *out);

/* The words behind "no, I meant", as a body of their own. False: they do not begin so. */
bool meant_words(struct moment *m, const struct value *body, struct value *out);

/* The run goes back to the question that this is meant for. PARLEY_WRONG_STATE: to none. */
parley_status meant_go_back(struct moment *m, const struct value *body);

#endif
