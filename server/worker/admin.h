/* What operators ask over HTTP on a listener of its own: /livez, /readyz, /metrics. On main's loop. */
#ifndef SERVER_WORKER_ADMIN_H
#define SERVER_WORKER_ADMIN_H

#include "server/base/conf.h"
#include "server/worker/worker.h"

struct admin;
struct loop;

struct admin_view {
    struct worker **workers;
    int count;
    bool draining;
};

/* The view is borrowed and read at each request. INVALID or TAKEN when it cannot listen. */
parley_status admin_new(const struct conf *conf, struct loop *loop, const struct admin_view *view, struct admin **out);
void admin_stop(struct admin *admin);
void admin_free(struct admin **admin);

#endif
