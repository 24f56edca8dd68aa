/* What a run has been told, in order, for running its script again to the same place.
 *
 * An entry says which call was answered, and how. Beside the answer stands a digest of the call's arguments and of all
 * that the script said and did since the entry before, so that a script which goes another way is noticed at the next
 * entry, with both sides' lines. Owned by its run while that replays.
 *
 * What was said is not copied: where `told` has the number of an item as `said`, its `value`, `text` and `data` are
 * left out, and made again of that item (recall.c). So when the item is erased, they are. */
#ifndef SERVER_FLOW_JOURNAL_H
#define SERVER_FLOW_JOURNAL_H

#include "protocol/arena.h"
#include "protocol/value.h"
#include "server/flow/error.h"
#include "server/flow/host.h"

struct journal;

/* One call, as the script makes it now. */
struct journal_call {
    const char *name;
    struct span label; /* what a person knows it by: the question's id, a key */
    struct span shown; /* that as it is stored; ptr NULL: as it is (label.c) */
    int line;
    const char *file; /* where that is; NULL: the flow itself, not one that it calls */
    uint64_t digest;
};

/* Copies the rows and reads them. PARLEY_INVALID for rows with a hole or with data that no journal has. */
parley_status journal_open(const struct flow_entry *entries, size_t count, struct journal **out);
void journal_close(struct journal **journal);

/* What the run stands in after the last entry, as its row says; a call that is empty: it does not. Copies. */
void journal_stand(struct journal *journal, int64_t step, const struct value *waiting);

/* Whether every entry has been used and the run stands in this call; its other words may have changed, since what has
 * not been answered is judged by what the call says when it is. */
bool journal_ends_in(const struct journal *journal, const struct journal_call *call);

/* Whether every entry has been used. */
bool journal_at_end(const struct journal *journal);

/* The next entry's answer, if the entry is one of this call. PARLEY_NOT_FOUND at the end; PARLEY_CONFLICT, with the
 * difference in two lines, when the script has gone another way. The answer lives as long as the journal. */
parley_status journal_next(struct journal *journal, const struct journal_call *call, const struct value **out_told,
                           struct flow_error *error);

/* The item that the entry read last refers to, and its kind; NULL: it has been erased. In the journal's arena. */
const struct value *journal_said(const struct journal *journal, int *out_kind);
struct arena *journal_arena(struct journal *journal);

/* The number of the next entry, also when there is none. */
int64_t journal_position(const struct journal *journal);

/* Whether the next entry is one of a call of this name and label. */
bool journal_is_next(const struct journal *journal, const struct journal_call *call);

/* The same error for a script that does something which the journal no longer has, or ends. */
void journal_differs(const struct journal *journal, const struct journal_call *call, struct flow_error *error);

/* The step in which the first entry was written; 0 when there is none. */
int64_t journal_first_step(const struct journal *journal);

/* What a call is known by, as it is stored: into a map with room for two. */
void journal_put_label(struct arena *arena, const struct journal_call *call, struct value *map);

/* What the row has of what was told, as canonical data; ptr NULL when the arena is full. */
struct span journal_data(struct arena *arena, const struct journal_call *call, const struct value *told);

#endif
