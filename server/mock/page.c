/* Pages of items. */
#include "server/mock/page.h"

#include "server/base/clock.h"

enum { ITEM_OVERHEAD = 160 };

struct frame_item page_item(const struct entry *e)
{
    struct frame_item item = {.seq = e->seq, .prev = e->prev, .id = e->id, .role = e->role, .author = e->author};
    item.has_id = item.has_kind = item.has_role = item.has_author = item.has_at = item.has_body = true;
    item.kind = span_str(e->kind);
    item.at = e->at;
    item.body.json = span_str(e->body);
    return item;
}

static const struct entry *public_at(const struct talk *t, int64_t seq)
{
    const struct entry *e = t->entries[seq - 1];
    return e->audience == audience_public ? e : NULL;
}

/* Goes through the numbers in one direction until the page is full; the last number that it came to. */
static int64_t gather(const struct talk *t, const struct page *p, int64_t low, int64_t high, struct frame_item *items,
                      size_t *out_count)
{
    int64_t step = p->oldest ? 1 : -1, seq = p->oldest ? low : high;
    size_t n = 0, bytes = 0;
    for (; seq >= low && seq <= high && n < (size_t)p->limit && bytes < LIMIT_PAGE_BYTES; seq += step) {
        const struct entry *e = public_at(t, seq);
        if (!e)
            continue;
        bytes += strlen(e->body) + ITEM_OVERHEAD;
        items[n++] = page_item(e);
    }
    *out_count = n;
    return seq;
}

static void turn_round(struct frame_item *items, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct frame_item item = items[i];
        items[i] = items[n - 1 - i];
        items[n - 1 - i] = item;
    }
}

static bool any_public(const struct talk *t, int64_t low, int64_t high)
{
    for (int64_t seq = low; seq <= high; seq++)
        if (public_at(t, seq))
            return true;
    return false;
}

static void fill(const struct talk *t, const struct page *p, struct frame_thread *out, struct frame_item *items)
{
    int64_t low = p->above < t->head ? p->above + 1 : t->head + 1,
            high = p->below && p->below - 1 < t->head ? p->below - 1 : t->head;
    size_t n;
    int64_t at = gather(t, p, low, high, items, &n);
    int64_t from = p->oldest ? at : low, to = p->oldest ? high : at;
    if (!p->oldest)
        turn_round(items, n);
    out->items = items;
    out->items_count = n;
    out->has_gap = p->above >= 0 && from <= to && (p->oldest || p->above > 0) && any_public(t, from, to);
    out->gap = (struct frame_gap){.from = from, .to = to};
}

bool page_service(const struct talk *t, struct frame_service *out)
{
    if (uuid_is_nil(t->session))
        return false;
    *out = (struct frame_service){.session = t->session, .state = t->state, .epoch = t->epoch};
    if (t->state == session_state_queued) {
        int64_t left = t->joins_at - clock_mono_ms();
        out->has_queue = out->has_place = out->has_estimate_ms = true;
        out->queue = span_str("mock");
        out->place = 1;
        out->estimate_ms = left > 0 ? left : 0;
    }
    if (t->state == session_state_live) {
        out->has_agent = out->has_agent_name = true;
        out->agent = mock_agent;
        out->agent_name = span_str(MOCK_AGENT_NAME);
    }
    return true;
}

static void add_marks(const struct talk *t, struct frame_thread *out, struct arena *arena)
{
    struct frame_mark *marks = arena_array(arena, 2, sizeof *marks);
    marks[0] = (struct frame_mark){.participant = t->person->id,
                                   .role = t->person->guest ? role_guest : role_customer,
                                   .read = t->read,
                                   .delivered = t->delivered};
    marks[1] = (struct frame_mark){
        .participant = mock_agent, .role = role_agent, .read = t->agent_read, .delivered = t->agent_read};
    out->marks = marks;
    out->marks_count = 2;
}

struct frame_thread page_thread(const struct talk *t, const struct page *page, bool opening, struct arena *arena)
{
    static const struct frame_person people[] = {
        {.id = {.b = {0}}, .role = role_bot, .name = {MOCK_BOT_NAME, sizeof MOCK_BOT_NAME - 1}},
        {.id = {.b = {0}}, .role = role_agent, .name = {MOCK_AGENT_NAME, sizeof MOCK_AGENT_NAME - 1}}};
    struct frame_thread out = {.conversation = t->id, .topic = span_str(t->topic), .head = t->head};
    if (page->limit)
        fill(t, page, &out, arena_array(arena, LIMIT_PAGE_ITEMS, sizeof *out.items));
    add_marks(t, &out, arena);
    if (opening) {
        struct frame_person *named = arena_array(arena, 2, sizeof *named);
        memcpy(named, people, sizeof people);
        named[0].id = mock_bot;
        named[1].id = mock_agent;
        out.people = named;
        out.people_count = 2;
        out.has_service = page_service(t, &out.service);
    }
    return out;
}
