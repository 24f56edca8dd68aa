/* What is done about an event, by the files of waiting: wait_event.c, wait_happens.c, wait_again.c. */
#ifndef SERVER_FLOW_WAIT_INSIDE_H
#define SERVER_FLOW_WAIT_INSIDE_H

#include "server/flow/on.h"

struct moment {
    struct flow_run *run;
    const struct flow_event *event;
    struct value args;
    struct arena *arena;
    bool *out_go;
    struct flow_error *error;
};

/* ---- wait_event.c ---- */
/* Into the journal, and what follows from it. */
parley_status moment_tell(struct moment *m, const struct value *told);
parley_status moment_tell_pair(struct moment *m, const char *key, struct value v);
parley_status moment_time_is_up(struct moment *m);
/* The function of on.* that is under way is left, and what it stands above taken up. */
parley_status moment_leave(struct moment *m);
/* Aside for a person: the run waits, and takes up its call again afterwards. */
parley_status moment_give_way(struct moment *m);

/* ---- wait_happens.c; PARLEY_WRONG_STATE: it is nothing of the kind ---- */
/* The customer has been silent for long. */
parley_status moment_idle(struct moment *m);
/* An event of the app or of a back end. */
parley_status moment_event(struct moment *m, const struct value *body);
/* Words that are no answer, whatever was asked: a wish for a person, another topic, the end of one. */
parley_status moment_words(struct moment *m, const struct value *body);

/* ---- wait_again.c ---- */
/* A question is asked again, with all its time; a wait goes on to its old end. */
parley_status moment_take_up(struct moment *m, enum again again);

#endif
