/* Work that blocks - hashing a password, looking a name up, reading a file - done by a few helper threads, and answered
 * by mail to the worker that asked. One pool a process, made by main; the only place with a lock of its own. */
#ifndef SERVER_IO_OFFLOAD_H
#define SERVER_IO_OFFLOAD_H

#include "protocol/status.h"
#include "server/io/mailbox.h"

struct offload;
struct offload_job;

typedef void offload_fn(struct offload_job *job);

/* Embedded in what the work needs; from offload_start on it belongs to the pool, from done or drop on to the owner. */
struct offload_job {
    struct mail mail; /* the pool's */
    struct mailbox *home;
    offload_fn *work; /* on a helper thread: touches nothing but the job */
    offload_fn *done; /* on the thread of home */
    offload_fn *drop; /* instead of done, on any thread, when pool or mailbox end first: frees the job */
};

enum { OFFLOAD_THREADS = 2, OFFLOAD_QUEUE = 64 };

struct offload *offload_new(void);

/* Drops what has not begun, waits for what has. Before the mailboxes are freed. */
void offload_free(struct offload **offload);

/* PARLEY_BUSY when OFFLOAD_QUEUE jobs wait: then the job is still the caller's. Any thread. */
parley_status offload_start(struct offload *offload, struct offload_job *job);

#endif
