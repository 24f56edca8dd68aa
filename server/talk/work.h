/* Something that wants to change a conversation. Works of one conversation are decided in order, on its state as
 * committed, and decided anew when the state turns out to have moved on. */
#ifndef SERVER_TALK_WORK_H
#define SERVER_TALK_WORK_H

#include "server/base/list.h"
#include "server/store/log.h"

struct conversation;
struct move;
struct work;

/* What decide says is to be done. It may be asked more than once, and changes nothing but `move`. */
enum verdict {
    WORK_PLAIN,  /* store `row`; the caller numbers it */
    WORK_MOVE,   /* carry out `move`, a transaction of its own */
    WORK_DONE,   /* nothing: all is as it should be */
    WORK_REFUSE, /* nothing: `refusal` says why */
};

/* Why a work was refused. Texts are borrowed during finish. */
struct refusal {
    parley_status status;
    const char *text;       /* NULL: the status's own */
    const char *path;       /* the field at fault, or NULL */
    int64_t retry_after_ms; /* 0: not said */
    struct span current;    /* canonical JSON of the state collided with, or empty */
};

/* What became of a work that was not refused. */
struct outcome {
    int64_t seq, at_ms; /* of its own item; 0 when it has none */
    bool duplicate;
    bool stored; /* something was stored just now */
};

/* Fills a refusal. Always WORK_REFUSE. */
enum verdict refuse(struct refusal *refusal, parley_status status, const char *text);

struct work_class {
    enum verdict (*decide)(struct work *work, struct conversation *conv, struct move *move, struct refusal *refusal);

    /* Exactly once; frees the work. Either outcome or refusal is NULL. conv is as committed, and NULL when it could not
     * be loaded. Runs before what was stored is shown to anyone. */
    void (*finish)(struct work *work, struct conversation *conv, const struct outcome *outcome,
                   const struct refusal *refusal);
};

struct work {
    struct list node;
    const struct work_class *class;
    struct uuid conversation;
    struct log_row row; /* the item it wants stored, not numbered; id nil: none. Its body lives as long as the work */
    uint64_t digest;    /* of kind and body: tells a repeat from a conflict while the id is remembered here */
    struct uuid cause;  /* of a transition: its items' ids derive from it, so that repeating it is a repeat */
    int64_t queued_ms;
    size_t bytes;   /* counted against LIMIT_POSTS_WAITING_BYTES */
    bool stale_id;  /* its id may have been stored before, unknown to this worker */
    bool looked_up; /* the settling function said that it was not stored */
    bool reread;    /* its conversation was read anew before it may be refused for how that stands */
    bool doubtful;  /* left once with an unknown outcome: it may not be refused for being late */
};

#endif
