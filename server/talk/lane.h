/* The ways a work can go once it is decided; between talk (what waits) and the store (what decides). */
#ifndef SERVER_TALK_LANE_H
#define SERVER_TALK_LANE_H

#include "server/talk/move.h"
#include "server/talk/talk.h"

enum {
    BITTEN_MS = 30000, /* after a collision the settling function is asked straight away for this long */
    GIVE_UP_MS = 5000, /* a work that waited so long without leaving is refused with unavailable */
    TRIES_MAX = 8,     /* times a conversation may be decided anew before its first work is refused with busy */
    SETTLE_MAX = 64,   /* works of a conversation that go to the settling function at once */
};

/* Lets the conversation go on: loads, decides, sends, as its lane allows. */
void conversation_pump(struct conversation *conv);

/* The talk's spare move, fresh; whoever lets it leave takes it over. */
struct move *talk_spare_move(struct talk *talk, const struct conversation *conv, const struct work *work);

/* lane_load: reads the state; pumps again once it is there. */
void conversation_load(struct conversation *conv);

/* What is known is not true any more: read what happened since, show it, then go on. */
void conversation_reload(struct conversation *conv);

/* A collision or a wait: the settling function decides for a while. */
void conversation_bitten(struct conversation *conv);

/* lane_fast: lists the conversation for the next batch, which leaves at the turn's end if one may; the same with what
 * is listed already; lets go of what may leave now. */
void batch_soon(struct talk *talk, struct conversation *conv);
void batch_go_on(struct talk *talk);
void batch_leave(struct talk *talk);

/* lane_move: sends what the first work decided. The move is owned by the lane from here on. */
void move_leave(struct conversation *conv, struct work *work, struct move *move);

/* Asks what became of the one in doubt, before anything else is decided; again at the tick when there is no answer. */
void move_probe(struct conversation *conv);

/* Whoever asked for the one in doubt is told so: nobody waits for its outcome any more. */
void move_forget(struct conversation *conv);

/* lane_settle: sends the first works to the settling function; or asks it only whether this one's item is there. */
void settle_leave(struct conversation *conv);
void settle_look_up(struct conversation *conv, struct work *work);

/* ---- ends, common to all lanes ---- */

/* Each takes the work out of the conversation and finishes it. Its item is stored, as this number (0: it has none); it
 * was stored before, or all is as it should be (0); it is refused. */
void work_stored(struct conversation *conv, struct work *work, int64_t seq, int64_t at_ms);
void work_repeat(struct conversation *conv, struct work *work, int64_t seq, int64_t at_ms);
void work_refuse(struct conversation *conv, struct work *work, const struct refusal *refusal);

/* The same for a list of its own: who finishes may ask for something more in this conversation. */
void work_refuse_all(struct conversation *conv, struct list *works, const struct refusal *refusal);

/* Shows an item that is stored, and tells the hooks. */
void item_stored(struct conversation *conv, const struct log_row *row);

/* Whether one of the rows is the work's own item: then it would be stored twice. */
bool work_among(const struct log_row *rows, int n, const struct work *work);

/* Refuses what has waited for longer than GIVE_UP_MS and has not left. */
void work_give_up(struct conversation *conv);

/* Tells the hooks that the session was something else before. */
void tell_served(struct conversation *conv, const struct session_row *was);

#endif
