/* Which of the published flows begins in a conversation of this worker: by what is posted where nobody serves. */
#include "protocol/item.h"
#include "protocol/wire_json.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/flow/flows_inside.h"
#include "server/flow/json.h"
#include "server/flow/run.h"
#include "server/flow/starts.h"
#include "server/talk/directory.h"
#include "server/talk/move.h"

enum { ARENA = 4 << 20 };

void flows_read_starts(struct flows *flows)
{
    const struct directory_flow *flow;
    starts_free(&flows->starts);
    flows->starts = starts_new();
    for (int i = 0; (flow = directory_flow_at(flows->directory, i)); i++)
        starts_add(flows->starts, span_str(flow->name), &flow->start);
}

static bool reaches(const void *app, struct span flow)
{
    return directory_reaches(app, flow);
}

static const struct directory_flow *named(const struct flows *flows, const char *name)
{
    return name ? directory_flow(flows->directory, span_str(name)) : NULL;
}

/* Words, or what was tapped as it was shown. */
static struct span words_of(int kind, const struct value *body)
{
    struct span text = kind == ITEM_text || kind == ITEM_choice ? json_text(body, "text") : (struct span){0};
    return kind == ITEM_choice && text.len == 0 ? json_text(body, "value") : text;
}

static const char *by_item(const struct flows *flows, const struct directory_app *app, int kind,
                           const struct value *body)
{
    struct value data = event_data(body);
    return kind == ITEM_custom ? starts_by_event(flows->starts, json_text(body, "type"), &data, reaches, app)
                               : starts_by_words(flows->starts, words_of(kind, body), reaches, app);
}

const struct directory_flow *flows_begins(void *arg, const struct directory_app *app, const struct log_row *row)
{
    const struct flows *flows = arg;
    const char *name = NULL;
    struct arena arena;
    struct value body;
    arena_init(&arena, ARENA);
    if (wire_json_read_stored(&arena, row->body, &body) == PARLEY_OK)
        name = by_item(flows, app, row->kind, &body);
    arena_done(&arena);
    return named(flows, name);
}

void flows_note_event(struct flows *flows, const struct conversation *conv, const struct log_row *row)
{
    const struct directory_app *app = directory_app(flows->directory, conv->app);
    bool began = uuid_equal(conv->service.row.run, derived_id(row->id, "run", 0));
    const struct directory_flow *flow =
        app && conversation_serving(conv) && !began ? flows_begins(flows, app, row) : NULL;
    if (!flow)
        return;
    metric_add(METRIC_flow_events_served_total, 1);
    log_info(NULL, "an event began no flow, since somebody serves", LOG_STR("flow", flow->name),
             LOG_UUID("conversation", conv->id));
}

const struct directory_flow *flows_else_begins(void *arg, const struct directory_app *app)
{
    const struct flows *flows = arg;
    return named(flows, starts_otherwise(flows->starts, reaches, app));
}
