/* What the client knows of one conversation. Made when first heard of, kept as long as the client. */
#ifndef SDK_C_SRC_CONVERSATION_H
#define SDK_C_SRC_CONVERSATION_H

#include "protocol/frame.h"
#include "sdk-c/src/coverage.h"
#include "sdk-c/src/recap.h"
#include "sdk-c/src/service.h"

struct parley_client;

enum { MARKS_MAX = 32, TYPISTS_MAX = 8, CONTEXT_KEYS_MAX = 64 };

struct typist {
    struct uuid id;
    int role;
    int64_t until; /* 0: free */
};

/* One key of the context the app reports. */
struct context_key {
    struct context_key *next;
    char *name;
    char *json;
};

struct context {
    struct context_key *keys;
    bool dirty; /* changed since it was sent */
    bool in_flight;
    int64_t send_at; /* INT64_MAX: nothing to send */
};

struct conversation {
    struct conversation *next;
    struct uuid id; /* nil: the main one, before the server told its id */
    char topic[LIMIT_NAME + 1];
    bool main;
    bool followed;  /* we want to hear of it */
    bool following; /* the present connection brings it */

    int64_t kept;         /* items in the cache, about */
    int64_t row;          /* in the cache; 0: none yet */
    bool dirty;           /* differs from its row */
    struct uuid customer; /* whose it is, for staff; nil: unknown */
    struct coverage held; /* numbers that are in the cache */
    struct coverage told; /* numbers that the app was told in this run; what is below its floor is told on demand */
    int64_t head;         /* the last number there is, as far as we were told */
    int64_t futile;       /* a hole up to here was asked for, and not given; not again before the next word of a head */
    bool was_empty;       /* the server said so: whatever comes first has nothing before it */
    size_t fetching;      /* pages under way */
    bool fetch_singly;    /* one came shorter than asked for: what lies below cannot be told before it is here */
    bool synced;          /* SYNCED was told for what is held */
    int64_t others;       /* the last number by somebody else */
    int64_t acked;        /* the last number that one of our posts was answered with; its item may be on its way */

    size_t posting;     /* posts of the outbox that await their answer */
    bool refusing;      /* one of them is to be repeated: nothing follows before all are answered */
    int64_t hold_until; /* nor before this */

    int64_t epoch; /* of the control seen last; 0: none */
    struct service service;
    bool opening; /* a thread is being taken; its service is told at the end */

    struct frame_mark marks[MARKS_MAX];
    size_t mark_count;
    int64_t unread;          /* items of others that count, as the app was told */
    int64_t read, read_told; /* ours, and what the server knows of it */
    int64_t delivered_told;
    int64_t mark_at; /* when to tell; INT64_MAX */

    struct typist typists[TYPISTS_MAX];
    int64_t typing_at; /* when we said that we type; 0: we do not */

    struct context context;
    struct recap recap;
};

#endif
