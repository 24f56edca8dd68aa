/* Context: what the app reports the customer is doing, stored once by content; a change is an item of the staff side.
 */
#ifndef SERVER_TALK_CONTEXT_H
#define SERVER_TALK_CONTEXT_H

#include "server/talk/call.h"

/* Stores a snapshot (canonical JSON, copied) and the item that puts it in force. result->seq is the item's; 0: the same
 * was put in force by the one before. */
void context_ask(struct talk *talk, struct uuid conversation, struct span snapshot, struct span screen,
                 const struct caller *caller, call_done *done, void *arg);

/* SHA-256 of the canonical form. */
void context_hash(struct span snapshot, uint8_t out[32]);

#endif
