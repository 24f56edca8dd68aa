/* One connection of an app, and the weather between: every frame that goes out and every request that comes in passes
 * the rules of the script. Belongs to the mock's list from ws's on_open to its on_close. */
#ifndef SERVER_MOCK_PEER_H
#define SERVER_MOCK_PEER_H

#include "server/mock/mock.h"

struct ws_conn;
struct ws_calls;
struct packet;

struct peer_clock {
    struct loop_timer timer;
    struct peer *peer;
    struct rule *rule;
};

struct peer {
    struct list node;
    struct mock *mock;
    struct ws_conn *conn;
    enum encoding encoding;
    int64_t number;
    struct person *person; /* NULL before welcome */
    char *token;
    int64_t expires_at; /* of the token, by clock_ms; 0: never */
    bool silent;        /* a half-open connection: nothing in, nothing out */
    bool gone;          /* closed from here; on_close is yet to come */
    struct loop_timer expiry, beacon, end;
    int end_code;
    struct peer_clock clocks[RULES_MAX];
    struct list held;           /* frames that others overtake */
    struct uuid refused_post;   /* what was posted behind it is refused too, until it comes again */
    struct uuid refused_behind; /* the first of these */
    parley_status refused_why;
    int64_t refused_until;
    struct arena arena; /* of the message that is read */
};

/* For ws_new; the argument is the mock. */
extern const struct ws_calls peer_calls;

/* `content` is the struct of that type of frame. A rule may change its heads. */
void peer_answer(struct peer *p, const struct frame *request, enum frame_type type, void *content);
void peer_push(struct peer *p, enum frame_type type, void *content);
#define PEER_PUSH(p, name, ...) peer_push(p, FRAME_push_##name, &(struct frame_push_##name){__VA_ARGS__})
#define PEER_ANSWER(p, request, name, ...) peer_answer(p, request, FRAME_##name, &(struct frame_##name){__VA_ARGS__})

/* The request counts for nothing. `text` may be NULL: that of the status; `path` too. */
void peer_refuse(struct peer *p, const struct frame *request, parley_status why, int64_t retry_ms, const char *path,
                 const char *text);

/* It is this person's from now on. */
void peer_welcome(struct peer *p, struct person *person, struct span token);

/* The token is good for so long; 0: for ever. */
void peer_expires(struct peer *p, int64_t ms);

/* Ends it; without a code it just breaks. */
void peer_end(struct peer *p, int code, const char *reason);

const char *peer_who(const struct peer *p);

#endif
