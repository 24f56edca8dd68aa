/* What one worker sends to another. A mail is embedded in what it carries and moves: the sender forgets it.
 * Each sender's mails arrive in the order they were sent. */
#ifndef SERVER_IO_MAILBOX_H
#define SERVER_IO_MAILBOX_H

struct loop;
struct mailbox;

struct mail {
    struct mail *next;
    /* On the receiver's thread; the mail is the receiver's from here on. */
    void (*open)(struct mail *mail, void *receiver);
    /* Instead of open when the mailbox is closed, on the sender's or the freeing thread. NULL: mem_free(mail). */
    void (*discard)(struct mail *mail);
};

/* Before the threads start. The receiver is what every open is given. */
struct mailbox *mailbox_new(struct loop *loop, void *receiver);

/* From any thread that is joined before mailbox_free. Never blocks, never fails. */
void mailbox_send(struct mailbox *box, struct mail *mail);

/* Discards what waits and what comes from here on. On the receiver's thread; the loop can end after this. */
void mailbox_close(struct mailbox *box);

/* After the loop has ended, or before it ever ran, and before loop_free. */
void mailbox_free(struct mailbox **box);

#endif
