/* A transition: items and changes of other rows that stand or fall together, in one transaction.
 * Filled by a work's decide on the committed state; its items are numbered as they are added. */
#ifndef SERVER_TALK_MOVE_H
#define SERVER_TALK_MOVE_H

#include "protocol/arena.h"
#include "protocol/item.h"
#include "server/store/bot_row.h"
#include "server/store/handoff_row.h"
#include "server/talk/conversation.h"

struct pg_group;

enum {
    MOVE_ITEMS = 64,
    MOVE_BYTES = 4 << 20,
    MOVE_MISSES_MAX = 2, /* offers missed in a row until an agent is away */
};

/* What becomes of the turn of the bot from outside that serves. */
enum move_turn {
    MOVE_TURN_AS_IS,
    MOVE_TURN_ASK,  /* the customer said something */
    MOVE_TURN_HEAR, /* the session has come back */
    MOVE_TURN_OVER, /* it has answered, or does not serve any more */
    MOVE_TURN_TAKE, /* a process took the session */
    MOVE_TURN_WAIT, /* no process has it any more */
};

enum move_session { MOVE_NO_SESSION, MOVE_OPEN_SESSION, MOVE_CHANGE_SESSION };

struct move {
    const struct conversation *conv;
    struct uuid cause;
    int64_t at_ms;

    struct log_row rows[MOVE_ITEMS];
    int count;
    int own;             /* index of the work's own item in rows; -1: none */
    int64_t public_head; /* after them */
    struct arena arena;  /* what decide makes for it: bodies, texts; until move_done */

    enum move_session session;
    int64_t from_epoch;
    int16_t from_state;
    struct service to;

    struct uuid customer;   /* whose the conversation is from now on; nil: as it was */
    struct uuid take, give; /* agents whose load grows and shrinks; nil: none */
    bool take_anyway;       /* without asking whether they are free */
    bool *missed;           /* missed_agent missed an offer: whether that sets them away; NULL: nobody did */
    struct uuid missed_agent;
    struct handoff_row handoff_new; /* id nil: none; its texts live as long as the work */
    struct uuid handoff_accept;     /* this one is taken by to.agent */
    struct uuid handoff_requeue;    /* this one is nobody's again */
    struct uuid handoff_end;        /* this one is over */
    struct span handoff_outcome, handoff_note;
    enum move_turn turn;
    const struct bot_turn *turn_seen; /* decided on this; NULL: on none */

    /* More statements of the same transaction, after these; NULL: none. */
    void (*add)(void *arg, struct pg_group *group);
    void *arg;
};

void move_init(struct move *move, const struct conversation *conv, struct uuid cause, int64_t at_ms);
void move_done(struct move *move);

/* The number that the next item gets. A change of hands takes the number of its item as its epoch. */
int64_t move_next(const struct move *move);

/* The session as it is to become, starting from as it is. */
struct session_row *move_change(struct move *move);

/* A session to be opened; nothing of it is set but what the conversation knows. */
struct session_row *move_open(struct move *move, struct uuid session);

/* Adds an item of Parley's own; content is its struct frame_<kind>_body. */
void move_item(struct move *move, enum item_kind kind, const void *content);

/* Adds an item that a bot says in this transition, with id and author; its body is borrowed. */
void move_said(struct move *move, const struct log_row *row);

/* Adds the work's own item, with its own id and author; its body is borrowed. */
void move_row(struct move *move, const struct log_row *row);

/* Everything as statements, in lock order: items, handoff, session, what `add` brings, agents. */
void move_statements(const struct move *move, struct pg_group *group);

/* Ids that the server makes: the same cause and part give the same id. */
struct uuid derived_id(struct uuid cause, const char *part, int64_t n);

#endif
