/* What the parts of the views share: rows, and the events that tell of them. Under the client's lock. */
#ifndef SDK_C_SRC_VIEW_ROW_H
#define SDK_C_SRC_VIEW_ROW_H

#include "sdk-c/src/view.h"

/* A row of a thread; in a list `id` is the conversation, and the rest is unused. */
struct row {
    struct uuid id;
    int64_t seq;    /* 0: its item is not here yet, and it stands after all that are */
    int64_t stored; /* of such a row: the number that the server gave it, 0: none yet */
    int32_t state;
    bool mine;
};

struct view {
    struct view *next;
    uint64_t number;
    bool is_list;
    bool broken; /* to start over */
    struct uuid conversation;
    uint32_t count;          /* rows to begin with */
    int64_t floor;           /* items up to here are not shown; -1: the first that comes decides */
    struct row *room, *rows; /* rows are within the room, with some free on both sides: older ones come at the top */
    size_t len, cap;
};

/* The place of the pointer to it, which is NULL when there is none of that number. */
struct view **view_find(struct parley_client *c, uint64_t number);

/* A VIEW event, and sending it: a view that loses one starts over. */
struct parley_event *view_change(const struct view *v, int32_t change, size_t index);
void view_tell(struct parley_client *c, struct view *v, struct parley_event *e);

/* A row as JSON: begin, more members, and the end with `item` (may be nothing), which puts it into the event. */
void row_begin(struct buf *out, const struct row *r);
void row_end(struct parley_event *e, struct buf *row, struct span item);

/* False without memory; then the view starts over. */
bool row_put(struct view *v, size_t index, struct row row);
void row_remove(struct parley_client *c, struct view *v, size_t index);
size_t row_find(const struct view *v, struct uuid id); /* len when there is none */

/* Threads. */
bool view_shows(const struct parley_client *c, const struct view *v, const struct conversation *conv);
struct row row_of_item(struct parley_client *c, struct conversation *conv, int64_t seq, struct uuid id,
                       struct uuid author);
void view_insert_item(struct parley_client *c, struct view *v, size_t index, struct row row, struct uuid author,
                      struct span json);
void view_fill_thread(struct parley_client *c, struct view *v);

/* Lists. */
bool view_is_listed(const struct conversation *conv);
void view_list_conversation(struct parley_client *c, struct view *v, struct conversation *conv);
void view_fill_list(struct parley_client *c, struct view *v);

#endif
