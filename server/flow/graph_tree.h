/* What a picture of a flow is made of, before it has places. Lives in an arena. */
#ifndef SERVER_FLOW_GRAPH_TREE_H
#define SERVER_FLOW_GRAPH_TREE_H

#include "protocol/arena.h"
#include "protocol/span.h"
#include "protocol/status.h"

enum graph_kind {
    GRAPH_CALL,     /* name and words of a call */
    GRAPH_FORK,     /* branches side by side */
    GRAPH_LOOP,     /* one branch, again and again */
    GRAPH_FUNCTION, /* one branch, for whoever calls it */
    GRAPH_END       /* nothing comes behind it */
};

struct graph_part;

struct graph_branch {
    struct graph_branch *next;
    struct span label;
    struct graph_part *first, *last;
    int width, height;
};

struct graph_part {
    struct graph_part *next;
    enum graph_kind kind;
    struct span name, text;
    int line;
    struct graph_branch *branches, *last_branch;
    int width, height;
};

parley_status graph_tree(struct span source, struct arena *arena, struct graph_branch *out);

#endif
