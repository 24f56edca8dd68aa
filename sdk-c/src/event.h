/* What the app pulls: each event is one line of JSON with a few numbers beside it, in a queue with a descriptor that is
 * readable while it is not empty. The queue belongs to the client and is used under its lock; an event that was pulled
 * belongs to the app. */
#ifndef SDK_C_SRC_EVENT_H
#define SDK_C_SRC_EVENT_H

#include "protocol/frame.h"
#include "sdk-c/include/parley/client.h"

#include <pthread.h>
#include <time.h>

struct parley_event {
    struct parley_event *next;
    int32_t type;
    int32_t state;
    parley_status status;
    uint64_t call;
    int64_t seq;
    struct buf json;
    bool finished;
    bool parsed;
    struct arena arena; /* of root and of the text handed out; made at the first look */
    struct value root;
};

enum { EVENTS_MAX = 8192, EVENTS_BYTES_MAX = 16 << 20, EVENT_LIST_MAX = 1 << 20 };

struct events {
    struct parley_event *first, *last;
    size_t count, bytes;
    int fd[2]; /* a pipe: one byte in it while the queue is not empty */
    pthread_cond_t some;
    bool ended;    /* nothing comes any more unless somebody acts */
    bool wake_due; /* the first event after none: told once the lock is released */
    void (*wakeup)(void *user);
    void *wakeup_user;
};

parley_status events_init(struct events *q);

/* Whose times are those of a clock that only goes forward. 0, or it could not be made. */
int events_condition(pthread_cond_t *cond);
struct timespec events_after(int64_t ms); /* from now, by its clock */
void events_done(struct events *q);

/* Whether the app is so far behind that nothing more may be read from the server. */
bool events_full(const struct events *q);

/* A new event, NULL without memory; `conversation` may be nil. Writers accept NULL and remember a failure. */
struct parley_event *event_new(int32_t type, struct uuid conversation);
void event_put_text(struct parley_event *e, const char *name, struct span text);
void event_put_word(struct parley_event *e, const char *name, const char *text); /* nothing when NULL */
void event_put_int(struct parley_event *e, const char *name, int64_t v);
void event_put_bool(struct parley_event *e, const char *name, bool v);
void event_put_id(struct parley_event *e, const char *name, struct uuid id);
void event_put_json(struct parley_event *e, const char *name, struct span json);

/* A list that was written into a buf, which is freed. */
void event_put_list(struct parley_event *e, const char *name, struct buf *list);

/* The JSON of the record that stands last in a frame: `before` has the length of what stands before it. */
void event_record(struct buf *out, enum frame_type type, const void *content, const char *before);

/* An ITEM event of an item that is JSON already. */
struct parley_event *event_item(const struct parley_client *c, struct uuid conversation, struct span item,
                                struct uuid author, bool fresh);

/* The id in such JSON; false when there is none. */
bool event_item_id(struct span item, struct uuid *out);

/* The fields of a push, or `data` or `error` of a reply. */
void event_put_frame(struct parley_event *e, enum frame_type type, const void *content);

/* Whether it was written whole; writes no more. NULL: PARLEY_NOMEM. */
parley_status event_finish(struct parley_event *e);

/* The event if it was written whole, else NULL. */
struct parley_event *event_checked(struct parley_event *e);

/* Finishes and queues it, or frees it and says why not; one that was finished is always queued. */
parley_status events_push(struct events *q, struct parley_event *e);

/* NULL when there is none. */
struct parley_event *events_take(struct events *q);

#endif
