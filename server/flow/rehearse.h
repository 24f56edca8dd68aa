/* A run's way so far, gone once more through any version of its flow: would it come to where it stands? Nothing is
 * stored, called or said; the run itself is not touched. One thread; one run in memory at a time. */
#ifndef SERVER_FLOW_REHEARSE_H
#define SERVER_FLOW_REHEARSE_H

#include "server/flow/engine.h"
#include "server/flow/sandbox.h"

struct rehearsal;

struct rehearsal *rehearsal_new(const struct flow_limits *limits);
void rehearsal_free(struct rehearsal **rehearsal);

/* The version that is tried from now on; those before are forgotten. PARLEY_SCRIPT with the error. */
parley_status rehearsal_use(struct rehearsal *rehearsal, const char *file, struct span source,
                            struct flow_error *error);

/* PARLEY_OK: it comes to where it stands. PARLEY_CONFLICT: it goes another way, or fails, and the error says where.
 * PARLEY_WRONG_STATE for a run that is over, PARLEY_INVALID for a journal that cannot be read. */
parley_status rehearsal_try(struct rehearsal *rehearsal, const struct flow_saved *saved, struct flow_error *error);

/* The same of a run that failed, but for the entry that says so, and of any other: calls `seen` with what the script
 * knows where it fails again, goes another way, or stands. PARLEY_OK when it stands. */
parley_status rehearsal_look(struct rehearsal *rehearsal, const struct flow_saved *saved, sandbox_seen *seen, void *arg,
                             struct flow_error *error);

#endif
