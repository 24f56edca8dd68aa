/* Bots from outside: their processes (seats), and what they have to do (turns). The bots themselves are in app_row. */
#ifndef SERVER_STORE_BOT_ROW_H
#define SERVER_STORE_BOT_ROW_H

#include "server/store/session_row.h"

enum bot_turn_why {
    BOT_TURN_ANSWER = 1, /* the customer waits for an answer */
    BOT_TURN_HEAR = 2,   /* the session has come back: the bot is told what came of it */
};

struct bot_turn {
    struct uuid session, conversation, bot;
    enum bot_turn_why why;
    bool waiting; /* no process has it */
    int32_t tries;
    int64_t asked_at_ms, due_ms;
};

/* ---- in a transition, after everything else ---- */

/* There is something to do, if there was nothing before; an answer comes before hearing. */
void bot_turn_ask(struct pg_group *group, const struct bot_turn *turn);

/* There is nothing to do any more. */
void bot_turn_over(struct pg_group *group, struct uuid session);

/* A process has it now: hearing is done by that, an answer is due by then. */
void bot_turn_take(struct pg_group *group, struct uuid session, int64_t due_ms, int64_t longest_ms);

/* No process has it any more. One has until the old end to take it, or until the new one if that is past. */
void bot_turn_wait(struct pg_group *group, struct uuid session, int64_t now_ms, int64_t due_ms, int64_t longest_ms);

/* STALE unless it still stands as it was seen. */
void bot_turn_still(struct pg_group *group, const struct bot_turn *seen);

/* ---- outside of one ---- */

/* The process works on it, and has until then: of what it holds in this conversation. */
parley_status bot_turn_extend(struct store *store, struct uuid conversation, struct uuid bot, struct uuid device,
                              int64_t due_ms, int64_t longest_ms, pg_done *done, void *arg);

/* Nobody came to hear it. */
parley_status bot_turn_unheard(struct store *store, const struct bot_turn *seen, pg_done *done, void *arg);

/* A session, and its turn or why it is adrift. */
struct bot_work {
    struct session_row session;
    struct bot_turn turn; /* of bot_waiting and bot_overdue */
    int64_t head;         /* of bot_waiting and bot_overdue: the last number */
    struct span why;      /* of bot_adrift: lost, idle */
};

/* rows are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void bot_works(void *arg, parley_status status, const struct bot_work *rows, int n);

/* Turns of these bots that no process has, soonest due first; those of all whose time is over. */
parley_status bot_waiting(struct store *store, const struct uuid *bots, int nbots, int limit, bot_works *done,
                          void *arg);
parley_status bot_overdue(struct store *store, int64_t now_ms, int limit, bot_works *done, void *arg);

/* Sessions whose process has no connection for longer than grace, or in which nothing has happened for so long. */
parley_status bot_adrift(struct store *store, int64_t grace_ms, int64_t idle_since_ms, int limit, bot_works *done,
                         void *arg);

typedef void bot_sessions(void *arg, parley_status status, const struct session_row *rows, int n);

/* What a process has, longest first. */
parley_status bot_held(struct store *store, struct uuid bot, struct uuid device, bot_sessions *done, void *arg);

/* How many each process has, in the order of the ids. */
typedef void bot_seats_loaded(void *arg, parley_status status, const int64_t *loads, int n);
parley_status bot_seat_loads(struct store *store, const struct uuid *bots, const struct uuid *devices, int n,
                             bot_seats_loaded *done, void *arg);

/* ---- seats ---- */

parley_status bot_seat_here(struct store *store, struct uuid bot, struct uuid device, struct uuid node, pg_done *done,
                            void *arg);
parley_status bot_seat_lost(struct store *store, struct uuid bot, struct uuid device, struct uuid node, pg_done *done,
                            void *arg);

/* Forgets seats that were lost long ago and have nothing. */
parley_status bot_seat_tidy(struct store *store, int64_t grace_ms, pg_done *done, void *arg);

#endif
