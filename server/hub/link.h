/* A connected socket and who is behind it: what it follows, what it still owes, how fast it may ask.
 * Made when the socket opens. Requests that wait for an answer hold a reference, so a link outlives its socket until
 * the last of them is back; link_gone tells. One worker's thread only. */
#ifndef SERVER_HUB_LINK_H
#define SERVER_HUB_LINK_H

#include "protocol/frame.h"
#include "server/base/list.h"
#include "server/io/loop.h"

struct hub;
struct packet;
struct topic;
struct ws_conn;

enum link_state { LINK_NEW, LINK_GREETING, LINK_OPEN, LINK_GONE };

/* Who a token says somebody is. */
struct principal {
    enum role role;
    struct uuid id;
    struct uuid app;
    struct uuid device; /* nil: none given */
    int64_t attempt;    /* of the device: grows with each connection it begins; 0: none given */
    int64_t expires_ms; /* 0: never */
    int64_t revision;   /* of the row that grants access; a greater one there withdraws it */
    struct uuid key;    /* of a customer: the id of the key that signed their token (directory_key_id); of a bot: its */
    int status;         /* of a bot's process: enum agent_status, as it said on this link */
    int capacity;       /* of the same: sessions at a time */
    char name[LIMIT_TITLE + 1];
};

enum rate_class { RATE_CHEAP, RATE_POST, RATE_READ, RATE_TYPING, RATE_CONTEXT, RATE_CLASSES };

struct rate {
    float tokens;
    int64_t at_ms;
};

/* type is FRAME_error for a refusal; content is its struct. */
typedef void link_sink(void *arg, enum frame_type type, const void *content);

struct link {
    struct list in_hub;
    struct list in_principal;
    struct list subs;      /* struct sub, what it follows */
    struct list gathering; /* of the floor that answers: contexts that wait for their turn */
    struct hub *hub;
    void *owner;          /* of the floor that answers requests */
    struct ws_conn *conn; /* NULL once gone, and for a request over HTTP */
    link_sink *sink;      /* where the one answer of a request over HTTP goes */
    void *sink_arg;
    enum encoding encoding;
    enum link_state state;
    int refs;
    unsigned topics;
    unsigned strikes; /* messages that could not be read */
    unsigned requests_in_flight;
    unsigned posts_in_flight;
    int64_t opened_ms;     /* ids made earlier may be repeats */
    uint64_t peer;         /* hash of the address, for limits */
    struct principal *who; /* NULL before welcome; owned */
    int64_t admitted_us;   /* by clock_mono_us, when `who` became known */
    struct loop_timer timer;
    struct rate rates[RATE_CLASSES];

    /* After a refusal that may be repeated the author's later posts get it too, so that repeats keep their order. */
    parley_status held;
    struct uuid held_id;
    struct uuid held_behind; /* the first of the later ones: when it comes again, the refused one was given up */
    int64_t held_until_ms;
};

/* Referenced once, by the socket. */
struct link *link_new(struct hub *hub, struct ws_conn *conn, bool text, uint64_t peer);

/* A link without a socket, for one request over HTTP: open from the start, speaks for `who` (taken over), and hands its
 * answer to the sink. */
struct link *link_virtual(struct hub *hub, struct principal *who, link_sink *sink, void *arg);

struct link *link_ref(struct link *link);
void link_unref(struct link **link);

/* The one place where a link changes its state; LINK_GONE leaves all topics and lets go of the socket. */
void link_move(struct link *link, enum link_state state);

static inline bool link_gone(const struct link *link)
{
    return link->state == LINK_GONE;
}

bool link_is_staff(const struct link *link);

/* Takes what one request costs; PARLEY_RATE_LIMITED with the wait in out_retry_ms when there is not enough. The links
 * of a person to this worker, those of HTTP requests too, share what they may spend, and a new link brings nothing new;
 * a program, which speaks for many, has it for each link. */
parley_status link_spend(struct link *link, enum rate_class class, int64_t *out_retry_ms);

/* After a refusal that may be repeated: later posts get it too until this one comes again, or the first of those behind
 * it does (the refused one would have come before it), or the time to repeat it is long over. Any other status holds
 * nothing. */
void link_hold(struct link *link, parley_status status, struct uuid item, int64_t retry_ms);

/* The status that a post with this id is to be refused with; PARLEY_OK: it may go on. */
parley_status link_held(struct link *link, struct uuid item);

/* All of these are ignored once the link is gone. */
void link_reply(struct link *link, int64_t re, enum frame_type type, const void *reply);
void link_refuse(struct link *link, int64_t re, const struct frame_error *error);
void link_push(struct link *link, enum frame_type type, const void *push);
void link_send(struct link *link, struct packet *packet);
void link_ping(struct link *link);

/* Says why with the status's close code, after what is queued. */
void link_close(struct link *link, parley_status why, const char *text);

/* Whether live packets should give way: more is queued than LIMIT_OUT_QUEUE_SOFT. */
bool link_is_slow(const struct link *link);

/* Something gave way: link_catch_up comes once everything queued has gone. */
void link_await_drain(struct link *link);

#endif
