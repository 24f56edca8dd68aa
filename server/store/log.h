/* The log: items appended, loaded and read. The home worker numbers; the key (conversation, seq) arbitrates. */
#ifndef SERVER_STORE_LOG_H
#define SERVER_STORE_LOG_H

#include "server/store/mark_row.h"
#include "server/store/session_row.h"
#include "server/store/store.h"

struct log_row {
    struct uuid conversation, id, author;
    int64_t seq;      /* log_append: given; settle: ignored, the answer has it */
    int64_t prev;     /* the last public number below seq */
    int64_t at_ms;    /* by the server's clock */
    int64_t basis;    /* settle: the last state-moving number it was decided on */
    int16_t kind;     /* items.def; 64 and above move state */
    int16_t role;     /* the author's, frames.def */
    int16_t audience; /* 0 public, 1 staff */
    int32_t group;    /* settle: rows of one conversation and group stand or fall together */
    struct span body; /* canonical JSON */
};

/* At most this many rows at once. */
enum { LOG_APPEND_MAX = 1024 };

/* One plain insert under its own sync; rows in order of (conversation, seq), n > 0. CONFLICT, TIMEOUT, BUSY or
 * UNCERTAIN: the batch goes to settle. */
parley_status log_append(struct store *store, const struct log_row *rows, int n, pg_done *done, void *arg);

/* The same inside a transition's group. The item comes first in it: items are locked before sessions. */
void log_append_to(struct pg_group *group, const struct log_row *rows, int n);

/* The statement behind both, for the baseline of the benchmarks. */
extern const struct pg_statement log_append_statement;

/* ---- opening a conversation: one statement, one snapshot, a cost that does not depend on its length ---- */

enum { LOG_MARKS = 32 };

struct log_state {
    bool found; /* false: there is no such conversation, and nothing below is set */
    struct uuid conversation, customer, app;
    struct span topic;
    int64_t head;        /* last number, 0 for none */
    int64_t head_public; /* last number with audience public */
    int64_t moved;       /* last number of a kind that moves state */
    bool has_session;    /* the open one, else the last */
    struct session_row session;
    struct span person_queue; /* of the flow that serves: where it leads a customer who asks past it */
    bool person_asks;         /* that flow is to be asked first */
    struct mark_row marks[LOG_MARKS];
    int nmarks;
    uint64_t generation; /* of the fast connection that read it; 0 where another one did */
};

/* state is NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void log_loaded(void *arg, parley_status status, const struct log_state *state);

parley_status log_load(struct store *store, struct uuid conversation, log_loaded *done, void *arg);

/* The statement behind it, for the test that reads its plan. */
extern const struct pg_statement log_load_statement;

/* For the two files of the log: the columns of conversation c joined with its head, as log_conversation_of reads them
 * from the first one on. */
#define LOG_HEAD                                                                                                       \
    "(select seq, case audience when 0 then seq else prev end as public from item"                                     \
    "  where conversation = c.id order by seq desc limit 1) h"
#define LOG_CONVERSATION_COLUMNS "c.customer, c.app, c.topic, coalesce(h.seq, 0), coalesce(h.public, 0)"
enum { LOG_CONVERSATION_NCOLUMNS = 5 };

/* Sets found and what the columns tell; without a row nothing. */
void log_conversation_of(const struct pg_result *r, struct log_state *out);

/* ---- reading ---- */

struct log_range {
    struct uuid conversation;
    int64_t after;      /* only greater numbers; 0 for all */
    int64_t before;     /* only smaller ones; 0 for all */
    bool oldest;        /* where not all fit: the oldest of them, instead of the newest */
    bool staff;         /* all items, instead of the public ones */
    struct uuid reader; /* of a view: their own mark comes, however many others have read further; nil: nobody's */
    int limit;          /* items, at most LIMIT_PAGE_ITEMS */
    size_t bytes;       /* of bodies, at most LIMIT_PAGE_BYTES; the first one always comes */
};

struct log_page {
    const struct log_row *rows; /* ascending; basis and group are not set; body as Postgres prints jsonb */
    int n;
    bool more; /* the limits cut it: before the first row, or with `oldest` after the last one */
};

/* page is NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void log_ranged(void *arg, parley_status status, const struct log_page *page);

parley_status log_range(struct store *store, const struct log_range *range, log_ranged *done, void *arg);

/* For a reader: the state but `moved`, then a page, in one round trip that no append waits behind. The page may be
 * newer than the state. Both are NULL unless status is PARLEY_OK; borrowed for the call. */
typedef void log_viewed(void *arg, parley_status status, const struct log_state *state, const struct log_page *page);

parley_status log_view(struct store *store, const struct log_range *range, log_viewed *done, void *arg);

/* ---- heads of many conversations ---- */

struct log_head {
    struct uuid conversation;
    int64_t head, head_public;
};

/* In no particular order; a conversation without items is left out. heads is NULL unless status is PARLEY_OK. */
typedef void log_headed(void *arg, parley_status status, const struct log_head *heads, int n);

parley_status log_heads(struct store *store, const struct uuid *conversations, int n, log_headed *done, void *arg);

#endif
