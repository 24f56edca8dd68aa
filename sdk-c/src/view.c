/* Rows mirror what the app was told; each change is told with them. */
#include "sdk-c/src/view.h"

#include "sdk-c/src/client.h"
#include "sdk-c/src/view_row.h"

#include <stdlib.h>

static void view_free(struct view *v)
{
    free(v->room);
    free(v);
}

void views_done(struct views *views)
{
    while (views->first) {
        struct view *next = views->first->next;
        view_free(views->first);
        views->first = next;
    }
    views->count = 0;
}

struct view **view_find(struct parley_client *c, uint64_t number)
{
    struct view **at = &c->views.first;
    while (*at && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

/* --- opening, and the end of a turn --- */

static void fill(struct parley_client *c, struct view *v)
{
    if (v->is_list)
        view_fill_list(c, v);
    else
        view_fill_thread(c, v);
}

static parley_status view_open(struct parley_client *c, struct view view, uint64_t *out_view)
{
    if (c->views.count >= VIEWS_MAX)
        return PARLEY_LIMIT;
    struct view *v = malloc(sizeof *v);
    if (!v)
        return PARLEY_NOMEM;
    *v = view;
    v->number = ++c->views.last_number;
    v->next = c->views.first;
    c->views.first = v;
    c->views.count++;
    *out_view = v->number;
    fill(c, v);
    return PARLEY_OK;
}

parley_status view_open_thread(struct parley_client *c, struct uuid conversation, uint32_t count, uint64_t *out_view)
{
    return view_open(c, (struct view){.conversation = conversation, .count = count, .floor = -1}, out_view);
}

parley_status view_open_list(struct parley_client *c, uint64_t *out_view)
{
    return view_open(c, (struct view){.is_list = true}, out_view);
}

void view_close(struct parley_client *c, uint64_t number)
{
    struct view **at = view_find(c, number), *v = *at;
    if (!v)
        return;
    *at = v->next;
    c->views.count--;
    view_free(v);
}

void views_reset(struct parley_client *c)
{
    for (struct view *v = c->views.first; v; v = v->next)
        v->broken = true;
}

static void start_over(struct parley_client *c, struct view *v)
{
    struct parley_event *e = view_change(v, PARLEY_VIEW_RESET, 0);
    if (events_push(&c->events, e) != PARLEY_OK)
        return; /* tried again at the end of the next turn */
    v->len = 0;
    v->broken = false;
    fill(c, v);
}

static void tell_unread(struct parley_client *c, struct conversation *conv, int64_t unread)
{
    int64_t total = 0;
    conv->unread = unread;
    for (const struct conversation *other = c->inbox.first; other; other = other->next)
        total += other->unread;
    struct parley_event *e = event_new(PARLEY_EVENT_UNREAD, conv->id);
    event_put_int(e, "unread", unread);
    event_put_int(e, "total", total);
    events_push(&c->events, e); /* without memory the next one tells */
}

void views_flush(struct parley_client *c)
{
    for (struct conversation *conv = c->inbox.first; conv; conv = conv->next) {
        if (!conv->dirty || !view_is_listed(conv))
            continue;
        int64_t unread = recap_unread(c, conv);
        if (unread != conv->unread)
            tell_unread(c, conv, unread);
        for (struct view *v = c->views.first; v; v = v->next)
            if (v->is_list && !v->broken)
                view_list_conversation(c, v, conv);
    }
    for (struct view *v = c->views.first; v; v = v->next)
        if (v->broken)
            start_over(c, v);
}
