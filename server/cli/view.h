/* A conversation as lines on a terminal, for `parley chat` and `parley desk`: who said what, and what happened.
 * Single thread. */
#ifndef SERVER_CLI_VIEW_H
#define SERVER_CLI_VIEW_H

#include "sdk-c/include/parley/client.h"
#include "server/cli/term.h"

#include <stdbool.h>

enum { VIEW_PEOPLE = 256, VIEW_NAME = 64 };

struct view {
    struct term *term;
    const char *my_name;  /* borrowed */
    const char *customer; /* for staff: whose conversation is shown; borrowed, or NULL */
    char me[37];
    char at[64]; /* where in the event the item is that is being shown */
    bool staff;  /* shows what only staff see, and a customer by name */
    struct {
        char id[37];
        char name[VIEW_NAME];
    } people[VIEW_PEOPLE];
    size_t people_count;
};

/* Remembers a name for an author's id. */
void view_person(struct view *v, const char *id, const char *name);

/* The item at a path of an event, as lines: "item" of an ITEM event, "data.thread.items.3" of a REPLY. */
void view_item(struct view *v, parley_event *e, const char *at);

/* A map, a line for each key; the label stands before the first. */
void view_map(struct term *term, const char *label, parley_event *e, const char *at);

/* "3 min", "40 s", "2 h". Borrowed until the next but one call. */
const char *view_duration(int64_t ms);

#endif
