/* starts: the buttons of the flows that the customer's app reaches. */
#include "server/api/api.h"
#include "server/api/verb.h"
#include "server/flow/start.h"
#include "server/talk/directory.h"

void on_starts(struct api *api, struct link *link, const struct frame *frame)
{
    const struct directory_app *app = directory_app(api->directory, link->who->app);
    const struct directory_flow *flow;
    struct frame_start_button buttons[LIMIT_STARTS];
    struct frame_start_list list = {.starts = buttons};
    for (int i = 0; app && list.starts_count < LIMIT_STARTS && (flow = directory_flow_at(api->directory, i)); i++) {
        struct span button = start_button(&flow->start, frame->starts.language);
        if (button.len && directory_reaches(app, span_str(flow->name)))
            buttons[list.starts_count++] = (struct frame_start_button){
                .flow = span_str(flow->name), .title = span_str(flow->title), .button = button};
    }
    link_reply(link, frame->id, FRAME_start_list, &list);
}
