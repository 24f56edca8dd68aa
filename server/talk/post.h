/* Posting: the one way in which somebody's words enter a conversation. */
#ifndef SERVER_TALK_POST_H
#define SERVER_TALK_POST_H

#include "server/talk/call.h"

struct draft {
    struct uuid conversation, id;
    int16_t kind;
    struct span body; /* canonical, valid for its kind; copied */
    int64_t epoch;    /* 0: not said */
    bool stale_id;    /* the id was made before the author connected: it may have been stored before */
};

/* done as for call_submit; result has seq, at_ms, duplicate. */
void talk_post(struct talk *talk, const struct draft *draft, const struct caller *caller, call_done *done, void *arg);

#endif
