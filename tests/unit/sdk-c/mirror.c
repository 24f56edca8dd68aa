/* Rows of a view, as an app keeps them. */
#include "tests/unit/sdk-c/mirror.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, const char *text)
{
    if (text)
        snprintf(out, size, "%s", text);
}

static void fill(struct mirror_row *r, parley_event *e)
{
    const char *text = parley_event_text(e, "row.item.body.text");
    copy(r->id, sizeof r->id, parley_event_text(e, "row.id"));
    copy(r->id, sizeof r->id, parley_event_text(e, "row.conversation"));
    copy(r->state, sizeof r->state, parley_event_text(e, "row.state"));
    copy(r->text, sizeof r->text, text ? text : parley_event_text(e, "row.last.body.text"));
    r->seq = parley_event_int(e, "row.seq", r->seq);
}

void mirror_take(struct mirror *m, parley_event *e)
{
    int64_t at = parley_event_seq(e);
    int32_t change = parley_event_state(e);
    if (parley_event_type(e) != PARLEY_EVENT_VIEW || parley_event_call(e) != m->view)
        return;
    if (change <= PARLEY_VIEW_REMOVE)
        assert_true(at >= 0 && at < m->len + (change == PARLEY_VIEW_INSERT));
    if (change == PARLEY_VIEW_INSERT) {
        assert_true(m->len < MIRROR_MAX);
        memmove(m->rows + at + 1, m->rows + at, (size_t)(m->len++ - at) * sizeof *m->rows);
        memset(m->rows + at, 0, sizeof *m->rows);
    }
    if (change == PARLEY_VIEW_INSERT || change == PARLEY_VIEW_UPDATE)
        fill(&m->rows[at], e);
    if (change == PARLEY_VIEW_REMOVE)
        memmove(m->rows + at, m->rows + at + 1, (size_t)(--m->len - at) * sizeof *m->rows);
    if (change == PARLEY_VIEW_RESET)
        m->len = 0;
    m->older += change == PARLEY_VIEW_OLDER;
}

const char *mirror_text(const struct mirror *m)
{
    static char text[65536];
    size_t n = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < m->len && n < sizeof text - 128; i++) {
        const struct mirror_row *r = &m->rows[i];
        if (r->seq)
            n += (size_t)snprintf(text + n, 128, "%s%lld %s%s%s", n ? "|" : "", (long long)r->seq, r->text,
                                  *r->state ? " " : "", r->state);
        else
            n += (size_t)snprintf(text + n, 128, "%s%s %s", n ? "|" : "", r->state, r->text);
    }
    return text;
}
