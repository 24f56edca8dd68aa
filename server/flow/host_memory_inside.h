/* What the two parts of host_memory share: what there is (host_memory.c), and what happens (host_memory_loop.c). */
#ifndef SERVER_FLOW_HOST_MEMORY_INSIDE_H
#define SERVER_FLOW_HOST_MEMORY_INSIDE_H

#include "server/flow/host_memory.h"
#include "server/flow/memory_outside.h"

enum pending { PENDING_NONE, PENDING_COMMIT, PENDING_READ, PENDING_DEFER };

struct host_memory {
    struct flow_host host; /* first: the engine hands it back */
    struct memory_options options;
    struct flow_engine *engine;
    struct flow_run *run; /* NULL: not in memory */
    char *file, *source, *customer, *context, *queues;
    int64_t now_ms;

    struct memory_rows rows;

    /* what the engine has asked for */
    enum pending pending;
    const struct flow_step *commit;
    const struct flow_read *read;
    struct memory_outside outside;
    bool crashed, spared; /* spared: this attempt goes through */
    size_t rebuilt;
    struct flow_error error;
};

/* The host's functions. */
extern const struct flow_host host_memory_functions;

#endif
