/* Waking a phone. An item for a customer that they have not received after push.delay is told to the company's push
 * service by a signed webhook: ids only, one for a conversation however much is said, repeated until it is taken.
 *
 * A wish to wake is written as soon as its item has committed, so what a crash can lose is the wake-up for what was
 * stored in the milliseconds before it; the next item of the conversation makes up for that. From then on the row in
 * Postgres is what counts: any worker of any process may take it, one at a time. One a worker; its thread only. */
#ifndef SERVER_ROUTE_PUSH_H
#define SERVER_ROUTE_PUSH_H

#include "server/base/conf.h"

struct loop;
struct peers;
struct push;
struct store;
struct talk;

/* NULL when no push.url is configured; all calls take that. */
struct push *push_new(const struct conf *conf, struct loop *loop, struct store *store, struct talk *talk,
                      const struct peers *peers, int self);

/* Whether every wish is written; for draining. */
bool push_idle(const struct push *push);

/* Sends nothing any more; the loop can end. Before the store closes. */
void push_close(struct push *push);

/* After the store is closed. */
void push_free(struct push **push);

/* How long after the failed attempt of this number, the first being 1, the next one is due; 0: there is none. `chance`
 * of 0 to 999 spreads it. */
int64_t push_next_ms(int attempt, unsigned chance);

#endif
