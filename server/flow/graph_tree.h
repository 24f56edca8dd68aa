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
    GRAPH_FUNCTION, /* one branch: what an expression is given */
    GRAPH_END,      /* the flow or function ends */
    GRAPH_LEAVE     /* break, goto: it goes on elsewhere */
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
    bool own;               /* a call of a function of the script */
    struct span name, text; /* of a call; text: the label of what has branches */
    struct span more;       /* what can be chosen or filled in, to whom it goes */
    int line;
    struct graph_branch *branches, *last_branch;
    int width, height;
};

struct graph_tree {
    struct graph_branch flow;      /* from flow{} to its end */
    struct graph_branch functions; /* a part each: those with a name, and what is given to on.* */
};

parley_status graph_tree(struct span source, struct arena *arena, struct graph_tree *out);

/* Takes out what has nothing to show: branches around nothing, functions that say nothing, and their calls. */
void graph_prune(struct graph_tree *tree);

#endif
