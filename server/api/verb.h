/* The table of requests: which permission each needs, in which state of the link, at what rate, and the handler of
 * each. */
#ifndef SERVER_API_VERB_H
#define SERVER_API_VERB_H

#include "protocol/frame.h"
#include "server/hub/link.h"
#include "server/route/desk.h"
#include "server/talk/permission.h"

struct api;

/* Reads the frame, answers it now or later. The frame and what it points to live during the call only. */
typedef void verb_handler(struct api *api, struct link *link, const struct frame *frame);

struct verb {
    verb_handler *handler; /* NULL: not a request of this server */
    unsigned needs;        /* any of these permissions; 0: before welcome */
    enum rate_class rate;
};

const struct verb *verb_of(enum frame_type type);

/* The desk of an agent, or of a process of a bot. */
void api_desk(struct api *api, const struct link *link, desk_done *done, void *arg);

/* The link has closed: contexts that wait for their turn are dropped. */
void context_forget(struct link *link);

verb_handler on_hello, on_auth, on_post, on_note, on_range, on_subscribe, on_unsubscribe, on_mark, on_typing,
    on_conversations, on_conversation_open, on_starts, on_context_put, on_context_get, on_process_start,
    on_process_step, on_process_get, on_handoff_request, on_queue_leave, on_upload, on_download, on_push_set,
    on_status_set, on_inbox, on_offer_accept, on_offer_decline, on_transfer, on_release, on_resolve, on_reopen;

#endif
