/* What an app reports and what it carries through: context and processes, as the mock keeps them. */
#ifndef SERVER_MOCK_WORK_H
#define SERVER_MOCK_WORK_H

#include "server/mock/peer.h"

void work_context_put(struct peer *p, const struct frame *f);
void work_context_get(struct peer *p, const struct frame *f);
void work_process_start(struct peer *p, const struct frame *f);
void work_process_step(struct peer *p, const struct frame *f);
void work_process_get(struct peer *p, const struct frame *f);

#endif
