/* Which request goes where. */
#include "server/api/verb.h"

static const struct verb verbs[FRAME_REQUESTS_END] = {
    [FRAME_hello] = {on_hello, 0, RATE_CHEAP},
    [FRAME_auth] = {on_auth, WHO_ALL, RATE_CHEAP},
    [FRAME_post] = {on_post, WHO_ALL, RATE_POST},
    [FRAME_note] = {on_note, WHO_AGENT, RATE_POST},
    [FRAME_range] = {on_range, WHO_ALL, RATE_READ},
    [FRAME_subscribe] = {on_subscribe, WHO_ALL, RATE_READ},
    [FRAME_unsubscribe] = {on_unsubscribe, WHO_ALL, RATE_CHEAP},
    [FRAME_mark_set] = {on_mark, WHO_CUSTOMER | WHO_AGENT, RATE_CHEAP},
    [FRAME_typing] = {on_typing, WHO_CUSTOMER | WHO_AGENT | WHO_BOT, RATE_TYPING},
    [FRAME_conversations] = {on_conversations, WHO_CUSTOMER | WHO_AGENT, RATE_READ},
    [FRAME_conversation_open] = {on_conversation_open, WHO_CUSTOMER, RATE_READ},
    [FRAME_context_put] = {on_context_put, WHO_CUSTOMER, RATE_CHEAP},
    [FRAME_context_get] = {on_context_get, WHO_ALL, RATE_READ},
    [FRAME_process_start] = {on_process_start, WHO_ALL, RATE_POST},
    [FRAME_process_step] = {on_process_step, WHO_ALL, RATE_POST},
    [FRAME_process_get] = {on_process_get, WHO_ALL, RATE_READ},
    [FRAME_handoff_request] = {on_handoff_request, WHO_CUSTOMER, RATE_CHEAP},
    [FRAME_queue_leave] = {on_queue_leave, WHO_CUSTOMER, RATE_CHEAP},
    [FRAME_upload] = {on_upload, WHO_ALL, RATE_POST},
    [FRAME_download] = {on_download, WHO_ALL, RATE_READ},
    [FRAME_push_set] = {on_push_set, WHO_CUSTOMER, RATE_POST},
    [FRAME_status_set] = {on_status_set, WHO_AGENT, RATE_CHEAP},
    [FRAME_inbox] = {on_inbox, WHO_AGENT, RATE_READ},
    [FRAME_offer_accept] = {on_offer_accept, WHO_AGENT, RATE_CHEAP},
    [FRAME_offer_decline] = {on_offer_decline, WHO_AGENT, RATE_CHEAP},
    [FRAME_transfer] = {on_transfer, WHO_AGENT, RATE_CHEAP},
    [FRAME_release] = {on_release, WHO_AGENT, RATE_CHEAP},
    [FRAME_resolve] = {on_resolve, WHO_AGENT, RATE_CHEAP},
    [FRAME_reopen] = {on_reopen, WHO_AGENT, RATE_CHEAP},
};

const struct verb *verb_of(enum frame_type type)
{
    return frame_is_request(type) ? &verbs[type] : NULL;
}
