/* Requests and their answers: numbered, kept until answered, repeated on the next connection where that is safe. Part
 * of the client, under its lock. */
#ifndef SDK_C_SRC_REQUEST_H
#define SDK_C_SRC_REQUEST_H

#include "protocol/frame.h"

struct parley_client;
struct request;

enum { REQUEST_MS = 30000, REQUESTS_WAITING_MAX = 1024 };

/* What becomes of it when the connection is lost before the answer. */
enum request_care {
    REQUEST_REPEAT, /* sent again */
    REQUEST_ONCE,   /* answered PARLEY_UNCERTAIN if it had been sent, else sent later */
    REQUEST_DROP,   /* forgotten without a word: whoever made it makes another */
};

/* The answer. frame is FRAME_error or the reply; when there was none, status says why, and frame is the same as an
 * error of ours. Borrowed for the call. PARLEY_NOMEM ends the connection, and a request that may be repeated is kept.
 */
struct answer {
    parley_status status;
    const struct frame *frame;
};
typedef parley_status request_done(struct parley_client *c, const struct request *r, const struct answer *answer);

struct request {
    struct request *next;
    uint64_t id;
    enum frame_type type;
    enum request_care care;
    bool sent;
    int64_t deadline; /* INT64_MAX: its maker watches */
    request_done *done;
    struct uuid subject; /* for its maker: a conversation, an outbox entry */
    int64_t number;      /* the same */
    int64_t floor;       /* the same */
    struct buf bytes;
};

struct requests {
    struct request *first, **end; /* in the order they were made */
    uint64_t last_id;
    size_t count, in_flight;
};

void requests_init(struct requests *q);
void requests_done(struct requests *q);

/* Makes and queues it; it is sent when the loop comes by. content is a struct frame_<name> of the type, borrowed. *out
 * may be NULL; borrowed for the call that makes it. PARLEY_NOMEM; PARLEY_TOO_BIG; PARLEY_LIMIT when too many wait: then
 * done is never called. */
parley_status request_make(struct parley_client *c, enum frame_type type, const void *content, enum request_care care,
                           request_done *done, struct request **out);

/* As request_make for a call of the app: its answer is a REPLY event. */
parley_status request_call(struct parley_client *c, enum frame_type type, const void *content, uint64_t *out_call);

/* The number of a call that needs no request. */
uint64_t request_number(struct parley_client *c);

/* Whether this is made again without harm when its answer was lost. */
enum request_care request_care_of(enum frame_type type);

/* Whether one of this type about this subject is made and not sent: its answer will know all that has come so far. */
bool request_waits(const struct parley_client *c, enum frame_type type, struct uuid subject);

/* Whether one waits to be sent that may be. */
bool requests_may_go(const struct parley_client *c);

/* Sends what may be sent now; may end the connection. */
void requests_flush(struct parley_client *c);

/* The connection is gone. */
void requests_lost(struct parley_client *c);

/* Every one is answered with the status. */
void requests_cancel(struct parley_client *c, parley_status st);

/* FRAME_none when there is no such request. */
enum frame_type request_awaited(struct parley_client *c, int64_t id);
parley_status request_answered(struct parley_client *c, const struct frame *frame);

void requests_tick(struct parley_client *c, int64_t now);
int64_t requests_due(const struct parley_client *c);

/* For requests of our own whose answer is of use by itself. */
parley_status request_learn(struct parley_client *c, const struct request *r, const struct answer *answer);

/* The REPLY event of a call. */
parley_status request_reply(struct parley_client *c, const struct request *r, const struct answer *answer);

#endif
