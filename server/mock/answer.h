/* What the mock answers when nothing goes wrong: as the server would, as far as one app can see. */
#ifndef SERVER_MOCK_ANSWER_H
#define SERVER_MOCK_ANSWER_H

#include "server/mock/peer.h"

/* The request was read and no rule has stopped it. Answers, now. */
void answer(struct peer *p, const struct frame *f);

#endif
