/* Kinds of items: one row for each entry of items.def. */
#ifndef PROTOCOL_ITEM_H
#define PROTOCOL_ITEM_H

#include "protocol/frame.h"

/* ITEM_text = 1 and so on: the numbers that the database keeps. From ITEM_MOVES on a kind moves the state of service.
 */
enum item_kind {
    ITEM_none,
#define ITEM_BEGIN(name, number, wire, audience, moves, posters, doc) ITEM_##name = number,
#include "protocol/items.def"
    ITEM_MOVES = 64
};

/* Who may post a kind, as bits. */
enum item_poster {
    POSTER_CUSTOMER = 1, /* customers and guests */
    POSTER_AGENT = 2,    /* agents in control */
    POSTER_STAFF = 4,    /* any staff */
    POSTER_BOT = 8,      /* bots in control */
    POSTER_BACKEND = 16
};

struct item_row {
    int kind;
    const char *name;
    enum audience audience;
    bool moves;
    unsigned posters; /* 0: only the server makes it */
};

/* NULL for what this build does not know. */
const struct item_row *item_row(int kind);

/* ITEM_none for a name that is unknown. */
int item_kind_of(struct span name);
const char *item_kind_name(int kind);

/* Whether a kind moves the state of service; right even for kinds that this build does not know. */
static inline bool item_moves(int kind)
{
    return kind >= ITEM_MOVES;
}

/* Checks the fields that the kind lists, and depth and size; others are kept. PARLEY_UNKNOWN_KIND for a kind this build
 * does not know. Paths begin with `data.body`, as in the frame it came in. */
parley_status item_validate_body(int kind, const struct value *body, struct wire_error *error);

/* Reads the fields of a body into its struct frame_<kind>_body; what is read borrows body and arena. */
parley_status item_read_body(int kind, const struct value *body, struct arena *arena, void *out,
                             struct wire_error *error);

/* Whether a value of a form_answer names a file: a map with `blob`. */
bool item_is_file(const struct value *v);
/* What it says of the file; `field` is its key in the values. */
parley_status item_read_file(struct span field, const struct value *v, struct arena *arena, struct frame_form_file *out,
                             struct wire_error *error);

/* The canonical form, as it is stored, sent and digested. */
void item_canonical(const struct value *body, struct buf *out);

/* The canonical body of a kind, made of its struct frame_<kind>_body. */
void item_put_body(struct buf *out, int kind, const void *body);

/* The type of a custom item that says "I want a person" to a flow which has its own way to one. */
#define ITEM_WISH "person.wanted"

#endif
