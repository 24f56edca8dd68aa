/* Timers are a wheel of slots that one libuv timer turns: starting and stopping is a list operation, and a
 * far one is looked at once a round. libuv 1.44 changes epoll twice for each new set of events, so watches ask only
 * when the set changes. */
#include "server/io/loop.h"

#include "server/base/mem.h"

#include <assert.h>
#include <string.h>
#include <uv.h>

enum {
    SLOTS = 512,   /* a round is 25.6 s: a ping timer is touched about once */
    ROUNDS_MAX = 8 /* of turn hooks that mark hooks; what is left over runs in the next turn */
};

struct loop {
    uv_loop_t uv;
    uv_timer_t wheel;
    uv_timer_t exact;
    uv_prepare_t before_sleep;
    uv_check_t after_sleep;
    uv_idle_t awake;

    struct list slots[SLOTS];
    int64_t tick; /* the last tick that was handled */
    struct list sorted;
    struct list turns;
    struct list last; /* turns that run when no other is left */
    bool stopped;

    loop_lag_fn *on_lag;
    void *on_lag_arg;
};

struct loop_watch {
    uv_poll_t poll;
    unsigned wanted;
    loop_watch_fn *fn;
    void *arg;
};

static int64_t tick_now(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv) / LOOP_TICK_MS;
}

static struct list *slot_of(struct loop *loop, int64_t tick)
{
    return &loop->slots[(uint64_t)tick % SLOTS];
}

static void node_remove(struct list *node)
{
    if (node->next)
        list_remove(node);
    node->prev = node->next = NULL;
}

/* ---- the wheel ---- */

static void fire(struct loop_timer *timer)
{
    node_remove(&timer->node);
    timer->fn(timer->arg);
}

/* Fires what is due in a slot. A timer may stop or start any other, so the slot is moved aside and emptied from the
 * front: a node that is stopped meanwhile leaves the local list by itself. */
static void turn_slot(struct loop *loop, struct list *slot, int64_t tick)
{
    struct list todo;
    list_init(&todo);
    list_move_all(&todo, slot);
    while (!list_empty(&todo) && !loop->stopped) {
        struct loop_timer *timer = LIST_ITEM(todo.next, struct loop_timer, node);
        if (timer->due <= tick) {
            fire(timer);
            continue;
        }
        list_remove(&timer->node);
        list_push(slot, &timer->node);
    }
    list_move_all(slot, &todo);
}

static void report_lag(struct loop *loop)
{
    int64_t due_us = (loop->tick + 1) * LOOP_TICK_MS * 1000, now_us = (int64_t)(uv_hrtime() / 1000);
    if (loop->on_lag)
        loop->on_lag(loop->on_lag_arg, now_us > due_us ? now_us - due_us : 0);
}

static void wheel_start(struct loop *loop);

static void on_wheel(uv_timer_t *handle)
{
    struct loop *loop = handle->data;
    int64_t now = tick_now(loop);
    report_lag(loop);
    if (now - loop->tick > SLOTS) /* after a long sleep one round sees every slot */
        loop->tick = now - SLOTS;
    while (loop->tick < now && !loop->stopped) {
        loop->tick++; /* first: a timer that is started now must not land in the slot that is being emptied */
        turn_slot(loop, slot_of(loop, loop->tick), now);
    }
    if (!loop->stopped)
        wheel_start(loop);
}

static void wheel_start(struct loop *loop)
{
    uint64_t next = (uint64_t)(loop->tick + 1) * LOOP_TICK_MS, now = uv_now(&loop->uv);
    uv_timer_start(&loop->wheel, on_wheel, next > now ? next - now : 0, 0);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, loop_timer_fn *fn, void *arg)
{
    node_remove(&timer->node);
    if (loop->stopped)
        return;
    int64_t at = loop_now_ms(loop) + (delay_ms > 0 ? delay_ms : 0);
    timer->due = (at + LOOP_TICK_MS - 1) / LOOP_TICK_MS;
    if (timer->due <= loop->tick)
        timer->due = loop->tick + 1;
    timer->fn = fn;
    timer->arg = arg;
    list_push(slot_of(loop, timer->due), &timer->node);
}

/* ---- exact timers ---- */

static void exact_start(struct loop *loop);

static void on_exact(uv_timer_t *handle)
{
    struct loop *loop = handle->data;
    int64_t now = loop_now_ms(loop);
    while (!list_empty(&loop->sorted) && !loop->stopped) {
        struct loop_timer *timer = LIST_ITEM(loop->sorted.next, struct loop_timer, node);
        if (timer->due > now)
            break;
        fire(timer);
    }
    if (!loop->stopped)
        exact_start(loop);
}

static void exact_start(struct loop *loop)
{
    if (list_empty(&loop->sorted)) {
        uv_timer_stop(&loop->exact);
        return;
    }
    int64_t due = LIST_ITEM(loop->sorted.next, struct loop_timer, node)->due, now = loop_now_ms(loop);
    uv_timer_start(&loop->exact, on_exact, due > now ? (uint64_t)(due - now) : 0, 0);
}

void loop_timer_start_exact(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, loop_timer_fn *fn, void *arg)
{
    node_remove(&timer->node);
    if (loop->stopped)
        return;
    uv_update_time(&loop->uv);
    timer->due = loop_now_ms(loop) + (delay_ms > 0 ? delay_ms : 0);
    timer->fn = fn;
    timer->arg = arg;
    struct list *before = loop->sorted.next;
    while (before != &loop->sorted && LIST_ITEM(before, struct loop_timer, node)->due <= timer->due)
        before = before->next;
    list_insert(before, &timer->node);
    exact_start(loop);
}

void loop_timer_stop(struct loop_timer *timer)
{
    node_remove(&timer->node);
}

/* ---- the end of a turn ---- */

static void on_awake(uv_idle_t *handle)
{
    /* its being there is enough: the loop polls without sleeping */
}

static bool is_marked(const struct loop *loop)
{
    return !list_empty(&loop->turns) || !list_empty(&loop->last);
}

static void run_marked(struct loop *loop, struct list *turns)
{
    struct list todo;
    list_init(&todo);
    list_move_all(&todo, turns);
    while (!list_empty(&todo) && !loop->stopped) {
        struct loop_turn *turn = LIST_ITEM(todo.next, struct loop_turn, node);
        node_remove(&turn->node);
        turn->fn(turn->arg);
    }
    list_move_all(turns, &todo);
}

static void run_turns(struct loop *loop)
{
    for (int round = 1; round <= ROUNDS_MAX && is_marked(loop) && !loop->stopped; round++) {
        run_marked(loop, &loop->turns);
        if (list_empty(&loop->turns) || round == ROUNDS_MAX)
            run_marked(loop, &loop->last);
    }
    if (loop->stopped)
        return;
    if (!is_marked(loop))
        uv_idle_stop(&loop->awake);
    else
        uv_idle_start(&loop->awake, on_awake);
}

/* Timers run before the loop sleeps and everything else after it, so a turn has an end on either side. */
static void on_before_sleep(uv_prepare_t *handle)
{
    run_turns(handle->data);
}

static void on_after_sleep(uv_check_t *handle)
{
    run_turns(handle->data);
}

static void mark(struct loop *loop, struct list *turns, struct loop_turn *turn, loop_turn_fn *fn, void *arg)
{
    if (turn->node.next || loop->stopped)
        return;
    turn->fn = fn;
    turn->arg = arg;
    list_push(turns, &turn->node);
}

void loop_at_turn_end(struct loop *loop, struct loop_turn *turn, loop_turn_fn *fn, void *arg)
{
    mark(loop, &loop->turns, turn, fn, arg);
}

void loop_at_turn_last(struct loop *loop, struct loop_turn *turn, loop_turn_fn *fn, void *arg)
{
    mark(loop, &loop->last, turn, fn, arg);
}

void loop_turn_cancel(struct loop_turn *turn)
{
    node_remove(&turn->node);
}

/* ---- watches ---- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct loop_watch *watch = handle->data;
    unsigned ready = status < 0 ? watch->wanted : 0;
    if (events & (UV_READABLE | UV_DISCONNECT))
        ready |= LOOP_READ;
    if (events & UV_WRITABLE)
        ready |= LOOP_WRITE;
    if (status < 0) /* libuv has stopped it */
        watch->wanted = 0;
    if (ready)
        watch->fn(watch->arg, ready);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_fn *fn, void *arg)
{
    struct loop_watch *watch = mem_alloc(sizeof *watch);
    if (uv_poll_init(&loop->uv, &watch->poll, fd) != 0) {
        mem_free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->fn = fn;
    watch->arg = arg;
    return watch;
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
    if (watch->wanted == events)
        return;
    watch->wanted = events;
    int mask = (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);
    if (mask)
        uv_poll_start(&watch->poll, mask, on_poll);
    else
        uv_poll_stop(&watch->poll);
}

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void loop_watch_close(struct loop_watch **watch)
{
    if (*watch)
        uv_close((uv_handle_t *)&(*watch)->poll, on_watch_closed);
    *watch = NULL;
}

/* ---- the loop ---- */

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    int failed = uv_loop_init(&loop->uv);
    assert(!failed);
    for (size_t i = 0; i < SLOTS; i++)
        list_init(&loop->slots[i]);
    list_init(&loop->sorted);
    list_init(&loop->turns);
    list_init(&loop->last);
    uv_timer_init(&loop->uv, &loop->wheel);
    uv_timer_init(&loop->uv, &loop->exact);
    uv_prepare_init(&loop->uv, &loop->before_sleep);
    uv_check_init(&loop->uv, &loop->after_sleep);
    uv_idle_init(&loop->uv, &loop->awake);
    loop->wheel.data = loop->exact.data = loop->before_sleep.data = loop->after_sleep.data = loop;
    uv_prepare_start(&loop->before_sleep, on_before_sleep);
    uv_check_start(&loop->after_sleep, on_after_sleep);
    loop->tick = tick_now(loop);
    wheel_start(loop);
    return loop;
}

void loop_free(struct loop **at)
{
    struct loop *loop = *at;
    if (!loop)
        return;
    if (!loop->stopped)
        loop_stop(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&loop->uv);
    assert(!busy); /* an owner left a handle open */
    mem_free(loop);
    *at = NULL;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    assert(!loop->stopped);
    loop->stopped = true;
    uv_handle_t *own[] = {(uv_handle_t *)&loop->wheel, (uv_handle_t *)&loop->exact, (uv_handle_t *)&loop->before_sleep,
                          (uv_handle_t *)&loop->after_sleep, (uv_handle_t *)&loop->awake};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        uv_close(own[i], NULL);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

void loop_on_lag(struct loop *loop, loop_lag_fn *fn, void *arg)
{
    loop->on_lag = fn;
    loop->on_lag_arg = arg;
}
