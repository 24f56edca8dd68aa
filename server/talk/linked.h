/* A guest turns out to be a known customer: nothing is merged or renumbered, the guest's conversations change their
 * owner, and an item `linked` in each of them names the customer's main one, and there names the guest's. */
#ifndef SERVER_TALK_LINKED_H
#define SERVER_TALK_LINKED_H

#include "server/talk/call.h"

struct linking {
    struct uuid guest, customer;
    struct uuid from, main; /* the guest's main conversation, and the customer's */
};

/* An item in each conversation, the guest's main one last: with it all of them change their owner, which is refused
 * while one has no item. Asked once more after a crash in between it does the rest. STALE when the guest has become
 * somebody else meanwhile. */
typedef void linked_done(void *arg, parley_status status);
void linked_ask(struct talk *talk, const struct linking *linking, linked_done *done, void *arg);

#endif
