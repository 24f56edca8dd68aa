/* The event loop of one worker: timers, watched sockets and what is done once at the end of a turn.
 * Made by main before the thread starts, run and used by that thread only, freed by main after the join.
 *
 * The order that ends it: everyone closes their handles (ws_stop, mailbox_close, loop_watch_close, ...), loop_stop,
 * loop_run returns by itself once the last of them is closed, then the owners are freed, then the loop. */
#ifndef SERVER_IO_LOOP_H
#define SERVER_IO_LOOP_H

#include "protocol/status.h"
#include "server/base/list.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct uv_loop_s;

struct loop *loop_new(void);
void loop_free(struct loop **loop);

/* Returns after loop_stop, when every handle on the loop is closed. */
void loop_run(struct loop *loop);

/* Timers and turns do not run any more from here on. On the loop's thread; once. */
void loop_stop(struct loop *loop);

/* For the few that bring their own handles: mailbox, offload, ws, curl, pg. */
struct uv_loop_s *loop_uv(struct loop *loop);

/* Milliseconds of the loop's clock as of this turn; only forward, never moved by tests. */
int64_t loop_now_ms(const struct loop *loop);

/* ---- timers: one shot, embedded in what they belong to, a zeroed one is not started ---- */

typedef void loop_timer_fn(void *arg);

struct loop_timer {
    struct list node; /* both NULL: not started */
    int64_t due;      /* a tick of the wheel, or a millisecond for an exact one */
    loop_timer_fn *fn;
    void *arg;
};

enum { LOOP_TICK_MS = 50 };

/* Runs fn(arg) after at least delay_ms and at most a tick more; starting a started one moves it.
 * Costs a list insertion: one per connection is fine. Stop it before its memory goes. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, loop_timer_fn *fn, void *arg);

/* To the millisecond, in a sorted list: for the few of a worker, not for one per connection. */
void loop_timer_start_exact(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, loop_timer_fn *fn,
                            void *arg);

/* Harmless when it is not started. */
void loop_timer_stop(struct loop_timer *timer);

static inline bool loop_timer_started(const struct loop_timer *timer)
{
    return timer->node.next != NULL;
}

/* ---- the end of a turn ---- */

typedef void loop_turn_fn(void *arg);

struct loop_turn {
    struct list node; /* both NULL: not marked */
    loop_turn_fn *fn;
    void *arg;
};

/* Runs fn(arg) once after everything that is ready now has been handled, and before the loop sleeps. Marking a
 * marked one does nothing. Hooks run in the order they were marked; one marked by a hook still runs in this turn. */
void loop_at_turn_end(struct loop *loop, struct loop_turn *turn, loop_turn_fn *fn, void *arg);

/* The same after all of those: for output that others need not wait for, so that what they work on leaves first. */
void loop_at_turn_last(struct loop *loop, struct loop_turn *turn, loop_turn_fn *fn, void *arg);

/* Harmless when it is not marked. Before its memory goes. */
void loop_turn_cancel(struct loop_turn *turn);

/* ---- watched descriptors ---- */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop_watch;

/* A broken descriptor reports everything that is wanted, so that the read or write finds out what it is. */
typedef void loop_watch_fn(void *arg, unsigned events);

/* Starts with no events wanted. The descriptor is borrowed: close the watch first. NULL when it cannot be watched. */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn *fn, void *arg);

/* The kernel is told only when the wanted events change. */
void loop_watch_set(struct loop_watch *watch, unsigned events);

/* fn does not run any more; the descriptor may be closed at once. Allowed inside fn. */
void loop_watch_close(struct loop_watch **watch);

/* ---- how late it is ---- */

/* Called every tick, with how many microseconds late that tick was. */
typedef void loop_lag_fn(void *arg, int64_t lag_us);
void loop_on_lag(struct loop *loop, loop_lag_fn *fn, void *arg);

#endif
