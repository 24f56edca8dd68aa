/* Who serves, in the mock: a bot that answers, and an agent who comes when somebody asks for a person. */
#ifndef SERVER_MOCK_SERVICE_H
#define SERVER_MOCK_SERVICE_H

#include "server/mock/mock.h"

/* A customer's item is about to be stored, and was stored. */
void service_before(struct mock *m, struct talk *t);
void service_after(struct mock *m, struct talk *t, const struct entry *e);

/* PARLEY_WRONG_STATE when somebody waits or is served already; when nobody waits. */
parley_status service_ask(struct mock *m, struct talk *t, struct span reason);
parley_status service_leave(struct mock *m, struct talk *t);

/* Agents whose time has come, in all conversations; milliseconds until the next, -1 for none. */
int64_t service_join(struct mock *m);

#endif
