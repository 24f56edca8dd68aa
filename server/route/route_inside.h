/* What the parts of the router share: the matching (route.c), offers (offer.c), agents' presence (presence.c), the end
 * of silent sessions (silence.c), bots from outside (bots.c, watchdog.c). All of it lives on the first worker. */
#ifndef SERVER_ROUTE_ROUTE_INSIDE_H
#define SERVER_ROUTE_ROUTE_INSIDE_H

#include "server/base/list.h"
#include "server/base/map.h"
#include "server/base/metric.h"
#include "server/hub/hub.h"
#include "server/hub/peers.h"
#include "server/io/loop.h"
#include "server/io/mailbox.h"
#include "server/route/route.h"
#include "server/store/session_row.h"
#include "server/talk/control.h"
#include "server/talk/directory.h"
#include "server/talk/talk.h"

enum {
    QUEUES_MAX = 1024,
    ORPHAN_MS = 2000, /* an offer seen for this much longer than it may last belongs to a process that is gone */
};

/* Bots from outside. */
struct bots {
    struct map seats;        /* struct bot_seat by bot and device */
    struct map offers;       /* struct bot_offer by session */
    struct uuid asked[1000]; /* seats whose load is being read */
    int asked_count;
    bool reading, again;
    bool watching, gathering;
    int64_t gathered_ms, tidied_ms;
};

struct route {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    struct talk *talk;
    struct directory *directory;
    const struct peers *peers;
    int self;
    struct uuid node;

    struct map offerings;   /* struct offering by session */
    struct map seats;       /* struct seat by agent */
    struct map sighted;     /* struct sighting by session, in the last round of matching */
    struct map sighting;    /* in this round */
    struct map told;        /* the place a waiting session was told last, as a pointer */
    struct list exclusions; /* struct exclusion */
    struct bots bots;
    struct loop_turn turn;
    struct loop_timer sweep;
    bool reading, again;
    int each; /* waiting sessions that are read of a queue */
    int64_t silence_swept_ms;
    bool closing_silent;
    int64_t refreshed_ms;
    bool refreshing; /* the rows of those who are here are being read */
};

/* After a decline or a miss the session goes to others first. */
struct exclusion {
    struct list node;
    struct uuid session, agent;
    int64_t until_ms;
};

/* An agent as this process sees them. */
struct seat {
    struct uuid agent;
    struct route *route;
    uint64_t workers; /* bits: where they have links */
    int offers;       /* held out to them now */
    int64_t lost_at_ms;
    bool writing, rewrite;   /* presence is being written; it has changed since */
    bool unwritten;          /* that did not work */
    unsigned changes, asked; /* to their row, known here; as of when it was last asked for */
    struct loop_timer grace; /* their last link is gone */
};

/* An offer that another process holds out. */
struct sighting {
    struct uuid session, conversation, offer, agent;
    int64_t since_ms;
};

/* One offer, from being proposed until it ends. */
struct offering {
    struct uuid session, conversation, offer, agent;
    struct service service; /* as offered */
    int64_t head;
    struct route *route;
    bool out;       /* committed and held out */
    bool withdrawn; /* by us: the agent did not say no */
    struct loop_timer timer;
};

/* ---- route.c ---- */

/* Matches at the turn's end, however often it is asked for. */
void route_match_soon(struct route *route);

/* For as long as an offer lasts the session is not offered to this agent again. */
void route_exclude(struct route *route, struct uuid session, struct uuid agent);

/* An agent, or a process of a bot by its device. */
bool route_is_excluded(const struct route *route, struct uuid session, struct uuid agent);

/* The agent's status is written: the router hears of it. From any worker. */
void route_told_status(struct route *route, struct uuid agent, enum agent_status status);

/* ---- offer.c ---- */

/* Proposes it; it is held out once it is committed. */
void offering_begin(struct route *route, const struct session_row *session, struct directory_agent *agent);

/* One of another process, which lets it expire if it lives; then the round is over. */
void offering_sighted(struct route *route, const struct session_row *session);
void offerings_sighted_all(struct route *route);

/* This agent is lost: what other processes, or this one before it began anew, held out to them goes back. */
void offerings_sighted_end(struct route *route, struct uuid agent);

/* The session has become another: its offer may be over, and agents have more or less to do. */
void offering_session(struct route *route, const struct session_row *was, const struct session_row *now, int64_t head);

/* These sessions wait: what is held out of others is over. */
void offerings_reconcile(struct route *route, const struct session_row *waiting, int n);

/* To this agent: what is held out is told once more; it is withdrawn. */
void offerings_tell_again(struct route *route, struct uuid agent);
void offerings_of_agent_end(struct route *route, struct uuid agent);
void offerings_free(struct route *route);

/* ---- bots.c ---- */

/* Asks a free process of its bot to take each session that waits. */
void bots_match(struct route *route);

/* The session has become another: its offer may be over, and a process has more or less. */
void bots_session(struct route *route, const struct session_row *was, const struct session_row *now);

/* A process has come, gone, said something of itself, or declined. */
void bots_news(struct route *route, const struct route_seat *news, int worker);

/* What is due. */
void bots_sweep(struct route *route);
void bots_free(struct route *route);

/* ---- watchdog.c ---- */

/* Who did not answer, and which sessions are adrift. */
void watchdog_sweep(struct route *route);

/* ---- silence.c ---- */

/* Ends those that are due, now and then. */
void silence_sweep(struct route *route);

/* ---- presence.c ---- */

/* Made at first use; stays as long as the router. */
struct seat *seat_of(struct route *route, struct uuid agent);

/* Their first link came to a worker, or the last one of it went. */
void seat_presence(struct route *route, struct uuid agent, int worker, bool here);

/* What they have said of themselves, or what became of two missed offers; it is written already. */
void seat_status(struct route *route, struct uuid agent, enum agent_status status);

/* Their desk has changed: status or load. Nothing when they are not here. */
void seat_tell_desk(struct route *route, struct uuid agent);

/* They let an offer expire. */
void seat_missed(struct route *route, struct uuid agent);

/* What is due: offers of who is away, presence that could not be written, agents that are lost, rows that are old. */
void seats_sweep(struct route *route);
void seats_free(struct route *route);

#endif
