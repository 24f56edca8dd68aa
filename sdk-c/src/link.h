/* The connection and its states: when to try, when to wait, when to stop trying. Part of the client, under its lock. */
#ifndef SDK_C_SRC_LINK_H
#define SDK_C_SRC_LINK_H

#include "protocol/frame.h"
#include "sdk-c/src/backoff.h"

#include <stdbool.h>
#include <stdint.h>

struct parley_client;

enum {
    LINK_CONNECT_MS = 15000,
    LINK_HELLO_MS = 15000,
    LINK_PROBE_MS = 10000, /* silence after a question that means the end */
    LINK_DOUBT_MS = 3000,  /* the same when there is reason for doubt */
    LINK_FULL_MS = 1000,
    LINK_EXPIRY_MS = 60000, /* a token is said to expire this long before */
};

#define LINK_FAR_MS ((int64_t)1 << 40) /* 35 years: no clock reaches further */

struct link {
    int32_t state; /* PARLEY_STATE_* */
    parley_status reason;
    bool wanted; /* parley_connect was the last word */
    bool foreground;
    bool reachable;
    bool token_refused; /* this very token: never offered again */
    parley_status refusal;
    int refusals;    /* of tokens, one after the other */
    bool renew;      /* a new one is to be offered on the open connection */
    bool renewing;   /* and was, and is not answered */
    uint64_t socket; /* the number of the present attempt; 0 when there is none */
    uint64_t sockets;
    struct backoff backoff;
    int64_t step_by;    /* connecting, syncing: when to give up; backoff: when to try */
    int64_t hurried_at; /* the last time a wait was cut short */
    int64_t not_before; /* what the server asked for: no attempt, whoever wants one */
    int64_t online_at;
    int64_t heard_at;      /* the last byte of the server */
    int64_t probe_after;   /* silence that makes us ask */
    int64_t probe_ms;      /* and how long we wait for the answer */
    int64_t background_at; /* INT64_MAX in the foreground */
    int64_t drain_at;      /* INT64_MAX unless the server said so */
    int64_t expires_at;    /* when to tell of the token; INT64_MAX */
    int64_t token_expires; /* as the server said it */
    uint64_t probe;        /* the request under way, or 0 */
};

void link_init(struct link *link);

/* The app's wishes. */
void link_start(struct parley_client *c);
void link_stop(struct parley_client *c, parley_status reason);
void link_foreground(struct parley_client *c, bool on);
void link_network(struct parley_client *c, bool reachable);
void link_token(struct parley_client *c);

/* Reports of the transport. */
void link_opened(struct parley_client *c);
void link_closed(struct parley_client *c, int code, const char *reason);

/* Gives the connection up and tries again later, not before the time given. */
void link_lost(struct parley_client *c, parley_status reason, const char *text, int64_t at_least_ms);

/* What the server said. */
void link_refused(struct parley_client *c, const struct frame_error *error, parley_status st);
void link_drain(struct parley_client *c, int64_t in_ms);
void link_heard(struct parley_client *c);

/* When the token ends, 0 for never: the app is told before. And: tell it now. */
void link_expiry(struct parley_client *c, int64_t expires_at, int64_t server_time);
void link_token_ends(struct parley_client *c, int64_t expires_at);

/* Tries at once, whatever was waited for; a connection that is there is asked whether it lives. And: back to where the
 * app wants it, in the background at rest. */
void link_wake(struct parley_client *c);
void link_sleep(struct parley_client *c, bool wanted);

/* Into the state that follows from the app's wishes when nothing is under way. The second with a new token: at once,
 * unless those before it were refused, too. */
void link_go(struct parley_client *c);
void link_try_token(struct parley_client *c);

bool link_online(const struct parley_client *c);
bool link_may_post(const struct parley_client *c);

void link_tick(struct parley_client *c, int64_t now);
int64_t link_due(const struct parley_client *c);

#endif
