/* What an agent needs to know, as lines on a terminal; `at` is where in the event it stands. Single thread. */
#ifndef SERVER_CLI_DOSSIER_VIEW_H
#define SERVER_CLI_DOSSIER_VIEW_H

#include "sdk-c/include/parley/client.h"
#include "server/cli/term.h"

/* One or two lines, for an offer. */
void dossier_brief(struct term *term, parley_event *e, const char *at);

/* Everything, for a session that was taken. */
void dossier_full(struct term *term, parley_event *e, const char *at);

/* A list of processes with what each still needs; a map of context, key by key. */
void dossier_processes(struct term *term, parley_event *e, const char *at);
void dossier_context(struct term *term, parley_event *e, const char *at);

#endif
