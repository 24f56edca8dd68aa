/* Windows on what is known, for screens: the rows of a thread, or of the list of conversations. Each change is a VIEW
 * event with an index, so that an app that applies them in turn has the rows. A view whose event was lost for want of
 * memory starts over. Part of the client, under its lock. */
#ifndef SDK_C_SRC_VIEW_H
#define SDK_C_SRC_VIEW_H

#include "protocol/frame.h"

struct parley_client;
struct conversation;
struct entry;
struct view;

enum { VIEWS_MAX = 64 };

struct views {
    struct view *first;
    size_t count;
    uint64_t last_number;
};

void views_done(struct views *views);

/* PARLEY_LIMIT, PARLEY_NOMEM. A nil conversation is the main one. */
parley_status view_open_thread(struct parley_client *c, struct uuid conversation, uint32_t count, uint64_t *out_view);
parley_status view_open_list(struct parley_client *c, uint64_t *out_view);
void view_close(struct parley_client *c, uint64_t number);

/* More rows at the top of a thread. PARLEY_NOT_FOUND, PARLEY_WRONG_STATE for a list. */
parley_status view_more(struct parley_client *c, uint64_t number, uint32_t count);

/* What happened in a conversation: an item came into the cache, one was erased, an entry of the outbox changed, others
 * have received or read. */
void view_item(struct parley_client *c, struct conversation *conv, const struct frame_item *item, struct span json);
void view_erased(struct parley_client *c, struct conversation *conv, int64_t seq);
void view_entry(struct parley_client *c, const struct entry *e);
void view_marked(struct parley_client *c, struct conversation *conv);

/* Nothing of what was shown is true any more. */
void views_reset(struct parley_client *c);

/* The end of a turn: unread counts, the rows of lists, and views that start over. */
void views_flush(struct parley_client *c);

#endif
