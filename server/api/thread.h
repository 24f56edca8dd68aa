/* A conversation as one reader may see it: read, shaped into a frame, and followed from there on without a seam.
 * What is stored while it is read is held by the subscription and sent after the answer. */
#ifndef SERVER_API_THREAD_H
#define SERVER_API_THREAD_H

#include "server/api/api.h"

struct thread_wish {
    struct uuid conversation;
    int64_t have;   /* follow: the highest number known; -1: nothing is */
    int64_t after;  /* range: oldest above; 0 with before 0: newest */
    int64_t before; /* range: newest below */
    int limit;      /* items; 0: 50 */
    size_t bytes;   /* of bodies; 0: LIMIT_PAGE_BYTES */
    bool follow;    /* subscribe; else only read */
    bool admitted;  /* that the link may see it is known already; else the reading tells */
    bool any_range; /* after is given, though it may be 0 */
    size_t recap;   /* bytes of processes in its recap; 0: no recap */
};

/* A thread that was read, until thread_release. */
struct thread_read;

/* Comes once, later or at once. Whatever the status, thread_release follows when the answer is queued. */
typedef void thread_done(void *arg, parley_status status, struct thread_read *read);

void thread_load(struct api *api, struct link *link, const struct thread_wish *wish, thread_done *done, void *arg);

/* Borrowed until the release; only when the status was OK. */
const struct frame_thread *thread_frame(const struct thread_read *read);

/* The session as it was read, open or closed. */
const struct session_row *thread_session(const struct thread_read *read);

/* Frees it; what was held back by the subscription goes out now. */
void thread_release(struct thread_read *read);

/* The answer could not be made after all: then it is not followed either. Before the release. */
void thread_fail(struct thread_read *read, parley_status status);

/* Answers offer.accept: thread and dossier. Takes the ask. */
void thread_accepted(struct ask *ask, struct uuid conversation);

#endif
