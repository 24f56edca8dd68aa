/* Marks and typing, both ways: how far others have come, and telling them how far we have. Under the client's lock. */
#ifndef SDK_C_SRC_RECEIPT_H
#define SDK_C_SRC_RECEIPT_H

#include "sdk-c/src/conversation.h"

enum { MARK_DELAY_MS = 300, TYPING_EVERY_MS = 3000, TYPING_LASTS_MS = 6000 };

/* A mark as the server tells it; an event if it grew. */
parley_status receipt_mark(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark);

/* How far an item of ours has come: PARLEY_OUTBOX_SENT, _DELIVERED, _READ. */
int32_t receipt_state(const struct parley_client *c, const struct conversation *conv, int64_t seq);

/* The MARK event. */
parley_status receipt_tell(struct parley_client *c, struct conversation *conv, const struct frame_mark *mark);

/* Something was received, or read: told soon. */
void receipt_due(struct parley_client *c, struct conversation *conv);

parley_status receipt_typing(struct parley_client *c, struct conversation *conv, const struct frame_push_typing *push);

/* Who says something no longer types. */
void receipt_said(struct parley_client *c, struct conversation *conv, struct uuid author);

/* The user types here. */
void receipt_type(struct parley_client *c, struct conversation *conv, bool on);

void receipt_tick(struct parley_client *c, struct conversation *conv, int64_t now);
int64_t receipt_due_at(const struct conversation *conv);

#endif
