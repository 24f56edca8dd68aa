/* The tables as they were read: directory reads them, directory_find looks things up. */
#ifndef SERVER_TALK_DIRECTORY_INSIDE_H
#define SERVER_TALK_DIRECTORY_INSIDE_H

#include "protocol/arena.h"
#include "server/talk/directory.h"

struct store;

struct tables {
    struct arena arena; /* of everything below but the agents' states, which live with the rows */
    struct directory_app *apps;
    struct directory_key *keys;
    struct directory_api_key *api_keys;
    struct directory_agent *agents;
    struct directory_queue *queues;
    struct directory_flow *flows;
    struct directory_bot *bots;
    struct directory_process_type *types; /* by app, name and version, ascending */
    int napps, nkeys, napi_keys, nagents, nqueues, nflows, ntypes, nbots;
    struct permissions permissions;
};

struct directory {
    struct store *store;
    struct tables now, next;
    bool ready;
    int pending; /* statements of the reading under way */
    bool again;  /* asked for once more meanwhile */
    parley_status status;
    directory_read *done;
    void *arg;
};

#endif
