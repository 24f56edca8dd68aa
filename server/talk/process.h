/* Processes: transactions under way in a conversation. Each change is an item, made on a stated revision. */
#ifndef SERVER_TALK_PROCESS_H
#define SERVER_TALK_PROCESS_H

#include "server/store/process_row.h"
#include "server/talk/call.h"

struct directory;

/* As frames show it, with the fields that its type requires and that have no value; texts are copied to the arena. */
void process_frame(const struct process_row *row, const struct directory *directory, struct arena *arena,
                   struct frame_process *out);

/* For one that begins: the version that its type has now, and its first step where none is given. Nothing for a type
 * that was not declared. The step is copied to the arena. */
void process_pin(struct process_row *row, const struct directory *directory, struct uuid app, struct arena *arena);

struct process_change {
    struct process_row row; /* as it is to become; id, conversation, type, revision and so on all set. Texts copied */
    int64_t from_revision;  /* 0: it begins */
    struct uuid item;       /* id of the item that records it, made by the client */
    struct span changed;    /* canonical JSON of what this step changed; empty: nothing but the step */
    int64_t epoch;          /* of agents and bots; 0: not said */
    bool stale_id;
};

/* STALE when the revision is not that one any more. */
void process_ask(struct talk *talk, const struct process_change *change, const struct caller *caller, call_done *done,
                 void *arg);

/* Merges by top-level key; null removes. Canonical JSON in the arena, or TOO_BIG. */
parley_status process_merge(struct arena *arena, struct span data, const struct value *patch, struct span *out);

#endif
