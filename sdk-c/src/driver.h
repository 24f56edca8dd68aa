/* Between the machine and the world: the queue of what is to be done, the queue of what was reported, and the loop that
 * empties both - on a thread of our own, or in the host's hands. Fields are used under the client's lock; the loop
 * itself runs without it. */
#ifndef SDK_C_SRC_DRIVER_H
#define SDK_C_SRC_DRIVER_H

#include "protocol/span.h"
#include "protocol/status.h"
#include "sdk-c/include/parley/client.h"

#include <pthread.h>
#include <stdbool.h>

struct lws_transport;
struct action;
struct report;

enum { REPORTS_BYTES_MAX = 4 << 20, MESSAGE_IN_MAX = 1 << 20 };

struct driver {
    parley_transport transport;
    struct lws_transport *builtin; /* NULL with a transport of the host */
    struct action *actions, **actions_end;
    struct report *reports, **reports_end;
    size_t report_bytes;
    int64_t due;         /* when the loop looks again by itself, as far as it knows */
    pthread_cond_t work; /* something to do, for a loop that waits without a built-in transport */
    bool kick_due;       /* something to do: the loop is told when the lock is released */
    bool kicked;         /* it was told, and has not looked yet */
    bool stop;
    bool has_thread;
    pthread_t thread;
};

parley_status driver_init(struct parley_client *c, const parley_config *config);
/* Joins. The last thing the loop does is to close the socket. */
void driver_done(struct parley_client *c);

/* To be done soon. PARLEY_NOMEM: it will not be. */
parley_status driver_open(struct parley_client *c, uint64_t socket);
parley_status driver_send(struct parley_client *c, uint64_t socket, struct span bytes);
void driver_close(struct parley_client *c, uint64_t socket, int code);

/* Whether there is more to do than the loop knows of, or sooner: what makes no difference to it wakes nobody. */
bool driver_is_late(struct parley_client *c);

/* Wakes the loop; without the lock. */
void driver_kick(struct parley_client *c);

#endif
