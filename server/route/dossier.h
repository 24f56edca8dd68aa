/* What an agent needs to know before the first word: who, why, what was collected, what the customer was doing, which
 * transactions are half done. Read from Postgres as it stands; nothing is kept. */
#ifndef SERVER_ROUTE_DOSSIER_H
#define SERVER_ROUTE_DOSSIER_H

#include "protocol/frame.h"
#include "server/store/session_row.h"

struct directory;
struct store;

/* dossier is NULL unless status is OK; borrowed for the call. */
typedef void dossier_done(void *arg, parley_status status, const struct frame_dossier *dossier);

void dossier_load(struct store *store, const struct directory *directory, const struct session_row *session,
                  int64_t head, dossier_done *done, void *arg);

#endif
