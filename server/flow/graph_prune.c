/* A picture of what happens leaves out what only reckons. */
#include "server/flow/graph_tree.h"

static bool prune_branch(struct graph_tree *tree, struct graph_branch *b);

static bool is_known(const struct graph_tree *tree, struct span name)
{
    for (const struct graph_part *f = tree->functions.first; f; f = f->next)
        if (span_equal(f->text, name))
            return true;
    return false;
}

static bool has_call(const struct graph_branch *b)
{
    for (const struct graph_part *p = b->first; p; p = p->next) {
        if (p->kind == GRAPH_CALL)
            return true;
        for (const struct graph_branch *inner = p->branches; inner; inner = inner->next)
            if (has_call(inner))
                return true;
    }
    return false;
}

/* Whether there is something to show of it. A function that only reckons is none. */
static bool is_shown(struct graph_tree *tree, struct graph_part *part)
{
    bool shown = part->kind == GRAPH_END || part->kind == GRAPH_LEAVE;
    if (part->kind == GRAPH_CALL)
        return !part->own || is_known(tree, part->name);
    for (struct graph_branch *b = part->branches; b; b = b->next) {
        prune_branch(tree, b);
        shown |= part->kind == GRAPH_FUNCTION ? has_call(b) : b->first != NULL;
    }
    return shown;
}

/* Whether something went. */
static bool prune_branch(struct graph_tree *tree, struct graph_branch *b)
{
    struct graph_part **at = &b->first;
    bool changed = false;
    b->last = NULL;
    while (*at) {
        if (is_shown(tree, *at)) {
            b->last = *at;
            at = &(*at)->next;
        } else {
            *at = (*at)->next;
            changed = true;
        }
    }
    return changed;
}

void graph_prune(struct graph_tree *tree)
{
    while (prune_branch(tree, &tree->functions))
        ; /* a function that called only what has gone goes too */
    prune_branch(tree, &tree->flow);
}
