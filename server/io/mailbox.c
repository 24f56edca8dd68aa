/* A lock-free stack that many push on and one takes whole and turns round. Only the push onto the empty stack wakes
 * the receiver's loop, so a burst costs one wake. */
#include "server/io/mailbox.h"

#include "server/base/mem.h"
#include "server/io/loop.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

struct mailbox {
    _Atomic(struct mail *) top; /* newest first; &closed when nobody opens any more */
    uv_async_t wake;
    void *receiver;
    bool closed;
    bool handle_closed;
    bool freed;
};

static struct mail closed_mark;

static void mail_discard(struct mail *mail)
{
    if (mail->discard)
        mail->discard(mail);
    else
        mem_free(mail);
}

/* All that waits, oldest first. */
static struct mail *take_all(struct mailbox *box, struct mail *leave)
{
    struct mail *newest = atomic_exchange_explicit(&box->top, leave, memory_order_acquire), *oldest = NULL;
    if (newest == &closed_mark)
        return NULL;
    while (newest) {
        struct mail *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

static void discard_all(struct mailbox *box)
{
    struct mail *mail = take_all(box, &closed_mark);
    while (mail) {
        struct mail *next = mail->next;
        mail_discard(mail);
        mail = next;
    }
}

static void on_wake(uv_async_t *handle)
{
    struct mailbox *box = handle->data;
    struct mail *mail = take_all(box, NULL);
    while (mail) {
        struct mail *next = mail->next;
        if (box->closed) /* by one that was just opened */
            mail_discard(mail);
        else
            mail->open(mail, box->receiver);
        mail = next;
    }
}

struct mailbox *mailbox_new(struct loop *loop, void *receiver)
{
    struct mailbox *box = mem_alloc(sizeof *box);
    box->receiver = receiver;
    box->wake.data = box;
    uv_async_init(loop_uv(loop), &box->wake, on_wake);
    return box;
}

void mailbox_send(struct mailbox *box, struct mail *mail)
{
    struct mail *top = atomic_load_explicit(&box->top, memory_order_relaxed);
    do {
        if (top == &closed_mark) {
            mail_discard(mail);
            return;
        }
        mail->next = top;
    } while (!atomic_compare_exchange_weak_explicit(&box->top, &top, mail, memory_order_release, memory_order_relaxed));
    if (!top)
        uv_async_send(&box->wake);
}

static void on_closed(uv_handle_t *handle)
{
    struct mailbox *box = handle->data;
    box->handle_closed = true;
    if (box->freed)
        mem_free(box);
}

void mailbox_close(struct mailbox *box)
{
    if (box->closed)
        return;
    box->closed = true;
    discard_all(box);
    uv_close((uv_handle_t *)&box->wake, on_closed);
}

void mailbox_free(struct mailbox **at)
{
    struct mailbox *box = *at;
    if (!box)
        return;
    mailbox_close(box);
    box->freed = true;
    if (box->handle_closed)
        mem_free(box);
    *at = NULL;
}
