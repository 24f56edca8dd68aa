/* Which request goes where. */
#include "server/api/verb.h"

enum { SERVING = PERMISSION_SERVE | PERMISSION_SPEAK };
enum { ANYBODY = PERMISSION_OWN | PERMISSION_SERVE | PERMISSION_SPEAK | PERMISSION_POST };

static const struct verb verbs[FRAME_REQUESTS_END] = {
    [FRAME_hello] = {on_hello, 0, RATE_CHEAP},
    [FRAME_auth] = {on_auth, ANYBODY, RATE_CHEAP},
    [FRAME_post] = {on_post, ANYBODY, RATE_POST},
    [FRAME_note] = {on_note, PERMISSION_SERVE, RATE_POST},
    [FRAME_range] = {on_range, ANYBODY, RATE_READ},
    [FRAME_subscribe] = {on_subscribe, ANYBODY, RATE_READ},
    [FRAME_unsubscribe] = {on_unsubscribe, ANYBODY, RATE_CHEAP},
    [FRAME_mark_set] = {on_mark, PERMISSION_OWN | SERVING, RATE_CHEAP},
    [FRAME_typing] = {on_typing, PERMISSION_OWN | SERVING, RATE_TYPING},
    [FRAME_conversations] = {on_conversations, PERMISSION_OWN | PERMISSION_SERVE, RATE_READ},
    [FRAME_conversation_open] = {on_conversation_open, PERMISSION_OWN, RATE_READ},
    [FRAME_starts] = {on_starts, PERMISSION_OWN, RATE_READ},
    [FRAME_context_put] = {on_context_put, PERMISSION_OWN, RATE_CHEAP},
    [FRAME_context_get] = {on_context_get, ANYBODY, RATE_READ},
    [FRAME_process_start] = {on_process_start, ANYBODY, RATE_POST},
    [FRAME_process_step] = {on_process_step, ANYBODY, RATE_POST},
    [FRAME_process_get] = {on_process_get, ANYBODY, RATE_READ},
    [FRAME_handoff_request] = {on_handoff_request, PERMISSION_OWN | PERMISSION_SPEAK, RATE_CHEAP},
    [FRAME_queue_leave] = {on_queue_leave, PERMISSION_OWN, RATE_CHEAP},
    [FRAME_upload] = {on_upload, ANYBODY, RATE_POST},
    [FRAME_download] = {on_download, ANYBODY, RATE_READ},
    [FRAME_push_set] = {on_push_set, PERMISSION_OWN, RATE_POST},
    [FRAME_status_set] = {on_status_set, SERVING, RATE_CHEAP},
    [FRAME_inbox] = {on_inbox, SERVING, RATE_READ},
    [FRAME_offer_accept] = {on_offer_accept, SERVING, RATE_CHEAP},
    [FRAME_offer_decline] = {on_offer_decline, SERVING, RATE_CHEAP},
    [FRAME_transfer] = {on_transfer, PERMISSION_SERVE, RATE_CHEAP},
    [FRAME_release] = {on_release, SERVING, RATE_CHEAP},
    [FRAME_resolve] = {on_resolve, SERVING, RATE_CHEAP},
    [FRAME_reopen] = {on_reopen, PERMISSION_SERVE, RATE_CHEAP},
};

const struct verb *verb_of(enum frame_type type)
{
    return frame_is_request(type) ? &verbs[type] : NULL;
}
