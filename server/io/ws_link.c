/* An open link: joins messages, collects what goes out and writes it once a turn, notices who is slow or gone.
 *
 * libwebsockets keeps what the socket does not take and then calls when that is gone; between the two nothing is
 * written, so that it never holds more than one write of ours. */
#include "protocol/limits.h"
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/packet.h"
#include "server/io/sock.h"
#include "server/io/ws.h"
#include "server/io/ws_inside.h"

#include <libwebsockets.h>

enum {
    FRAGMENTS_MAX = 64,
    QUEUE_FIRST = 4,
    REASON_MAX = 123,
    FAREWELL_MS = 5000, /* from ws_close to the end, whatever the peer does */
    OWN_PING_MS = 1000, /* after one of the caller's was due */
    STALL_CHECKS = 4,   /* a stall is looked for this often within its time */
    CODE_LOST = 1006,
    CODE_GOING = 1001,
    CODE_UNSUPPORTED = 1003,
    CODE_TOO_BIG = 1009,
    CODE_SLOW = 4001,
    CODE_SILENT = 4002
};

struct ws_bye {
    size_t len;
    char reason[REASON_MAX];
    bool sent;
};

static int64_t now_of(const struct ws_conn *conn)
{
    return loop_now_ms(conn->ws->loop);
}

static bool ending(const struct ws_conn *conn)
{
    return conn->bye || conn->dead || conn->closed || conn->peer_closes;
}

/* ---- time ---- */

static void on_link_timer(void *arg);

static void start_timer(struct ws_conn *conn)
{
    int64_t now = now_of(conn), at = conn->ping_at, silent = conn->heard + conn->ws->config.silence_ms;
    if (silent < at)
        at = silent;
    if (conn->blocked && now + conn->ws->config.stall_ms / STALL_CHECKS < at)
        at = now + conn->ws->config.stall_ms / STALL_CHECKS;
    loop_timer_start(conn->ws->loop, &conn->timer, at - now, on_link_timer, conn);
}

/* Whether the peer's kernel has taken anything since the last look; a library's write tells only when all of it went.
 */
static bool stalled(struct ws_conn *conn)
{
    uint64_t acked = sock_acked(lws_get_socket_fd(conn->wsi));
    if (acked != conn->acked) {
        conn->acked = acked;
        conn->progress_at = now_of(conn);
    }
    return now_of(conn) - conn->progress_at >= conn->ws->config.stall_ms;
}

static void queue_push(struct ws_conn *conn, struct packet *packet);

static void on_link_timer(void *arg)
{
    struct ws_conn *conn = arg;
    int64_t now = now_of(conn);
    if (now - conn->heard >= conn->ws->config.silence_ms) {
        ws_kill(conn, CODE_SILENT);
        return;
    }
    if (conn->blocked && stalled(conn)) {
        ws_kill(conn, CODE_SLOW);
        return;
    }
    if (now >= conn->ping_at) {
        conn->ping_at = now + conn->ws->config.ping_ms;
        if (!conn->blocked) /* else something is under way that the peer has to answer for */
            queue_push(conn, packet_ref(conn->ws->ping));
    }
    start_timer(conn);
}

static void on_farewell_late(void *arg)
{
    ws_kill(arg, 0);
}

/* ---- in ---- */

void link_open(struct ws_conn *conn)
{
    struct ws *ws = conn->ws;
    ws_peer_forwarded(conn, conn->wsi);
    struct ws_opened opened = {.text = conn->text, .peer = conn->peer};
    conn->state = WS_LINK;
    conn->message_max = LIMIT_MESSAGE_BEFORE_WELCOME;
    conn->heard = now_of(conn);
    /* spread, or those who come in a storm would be pinged as one */
    conn->ping_at = conn->heard + (int64_t)(ws->count.accepted * 40503 % ws->config.ping_ms);
    start_timer(conn);
    ws->count.links++;
    ws_handshake_over(ws);
    conn->user = ws->calls->on_open(ws->arg, conn, &opened);
}

void link_heard(struct ws_conn *conn)
{
    conn->heard = now_of(conn);
}

static void message_drop(struct ws_conn *conn)
{
    mem_free(conn->message);
    conn->message = NULL;
    conn->message_len = conn->message_cap = 0;
    conn->frames = 0;
}

static int refuse_message(struct ws_conn *conn, int code, const char *why)
{
    message_drop(conn);
    ws_close(conn, code, span_str(why));
    return 0;
}

static void message_add(struct ws_conn *conn, const char *bytes, size_t len, size_t coming)
{
    size_t need = conn->message_len + len + coming;
    if (need > conn->message_cap) {
        conn->message = mem_resize(conn->message, need);
        conn->message_cap = (uint32_t)need;
    }
    if (len)
        memcpy(conn->message + conn->message_len, bytes, len);
    conn->message_len += (uint32_t)len;
}

static void deliver(struct ws_conn *conn, struct span message)
{
    conn->ws->count.messages_in++;
    conn->ws->count.bytes_in += message.len;
    conn->ws->calls->on_message(conn->user, message);
}

/* One piece of a frame, as the library reads it; the length of the frame is known from its first piece on. */
int link_receive(struct ws_conn *conn, const char *bytes, size_t len)
{
    size_t coming = lws_remaining_packet_payload(conn->wsi);
    bool last = lws_is_final_fragment(conn->wsi);
    link_heard(conn);
    if (ending(conn))
        return 0;
    if (!conn->frame_open && conn->frames++ == FRAGMENTS_MAX)
        return refuse_message(conn, CODE_TOO_BIG, "too many fragments in one message");
    conn->frame_open = coming > 0;
    if (coming > conn->message_max || conn->message_len + len + coming > conn->message_max)
        return refuse_message(conn, CODE_TOO_BIG, "the message is longer than its limit");
    if (!!lws_frame_is_binary(conn->wsi) == conn->text)
        return refuse_message(conn, CODE_UNSUPPORTED,
                              conn->text ? "parley.v1.json is text" : "parley.v1.msgpack is binary");
    if (last && !conn->message) {
        conn->frames = 0;
        deliver(conn, span_of(bytes, len));
        return 0;
    }
    message_add(conn, bytes, len, coming);
    if (!last)
        return 0;
    char *message = conn->message;
    size_t message_len = conn->message_len;
    conn->message = NULL;
    message_drop(conn);
    deliver(conn, span_of(message, message_len));
    mem_free(message);
    return 0;
}

void link_peer_closes(struct ws_conn *conn, const unsigned char *payload, size_t len)
{
    if (!conn->code)
        conn->code = len >= 2 ? (uint16_t)(payload[0] << 8 | payload[1]) : 1005;
    conn->peer_closes = true;
}

/* ---- out ---- */

static void queue_grow(struct ws_conn *conn)
{
    if (conn->queue_head) {
        memmove(conn->queue, conn->queue + conn->queue_head, conn->queue_len * sizeof *conn->queue);
        conn->queue_head = 0;
        if (conn->queue_len < conn->queue_cap)
            return;
    }
    conn->queue_cap = conn->queue_cap ? conn->queue_cap * 2 : QUEUE_FIRST;
    conn->queue = mem_resize(conn->queue, conn->queue_cap * sizeof *conn->queue);
}

/* A reader that is not there any more must not hold memory until it is noticed. */
static void check_queue(struct ws_conn *conn)
{
    if (conn->blocked && ws_queued(conn) > conn->ws->config.out_max)
        ws_kill(conn, CODE_SLOW);
}

/* Takes the reference. */
static void queue_push(struct ws_conn *conn, struct packet *packet)
{
    if (conn->queue_head + conn->queue_len == conn->queue_cap)
        queue_grow(conn);
    conn->queue[conn->queue_head + conn->queue_len++] = packet;
    conn->queued += packet_frame(packet).len;
    ws_mark(conn);
    check_queue(conn);
}

/* Forgets the first n packets. An idle link holds no queue. */
static void queue_pop(struct ws_conn *conn, uint32_t n)
{
    for (; n; n--) {
        struct packet **first = &conn->queue[conn->queue_head++];
        conn->queued -= packet_frame(*first).len;
        packet_unref(first);
        conn->queue_len--;
    }
    if (conn->queue_len)
        return;
    mem_free(conn->queue);
    conn->queue = NULL;
    conn->queue_head = conn->queue_cap = 0;
}

/* What goes into the next write: one packet as it is, or as many as the scratch takes, put together there. */
static struct span gather(struct ws_conn *conn, uint32_t *out_packets)
{
    char *scratch = conn->ws->scratch;
    struct span first = packet_frame(conn->queue[conn->queue_head]);
    size_t len = 0;
    uint32_t n = 0;
    *out_packets = 1;
    if (conn->queue_len == 1 || first.len > WS_SCRATCH)
        return first;
    for (; n < conn->queue_len; n++) {
        struct span frame = packet_frame(conn->queue[conn->queue_head + n]);
        if (len + frame.len > WS_SCRATCH)
            break;
        memcpy(scratch + len, frame.ptr, frame.len);
        len += frame.len;
    }
    *out_packets = n;
    return span_of(scratch, len);
}

static void block(struct ws_conn *conn, size_t in_library)
{
    if (!conn->blocked) {
        conn->blocked = conn->drain_due = true;
        conn->acked = sock_acked(lws_get_socket_fd(conn->wsi));
        conn->progress_at = now_of(conn);
        if (!conn->bye)
            start_timer(conn);
    }
    conn->in_library = (uint32_t)in_library;
    check_queue(conn);
}

static bool write_some(struct ws_conn *conn)
{
    uint32_t packets;
    struct span out = gather(conn, &packets);
    /* a raw write leaves the bytes as they are, so that they may be everyone's */
    if (lws_write(conn->wsi, (unsigned char *)out.ptr, out.len, LWS_WRITE_RAW) < 0) {
        ws_kill(conn, CODE_LOST);
        return false;
    }
    conn->ws->count.writes++;
    conn->ws->count.packets_out += packets;
    conn->ws->count.bytes_out += out.len;
    queue_pop(conn, packets);
    if (lws_partial_buffered(conn->wsi)) {
        block(conn, out.len);
        return false;
    }
    return true;
}

/* Puts the library into its closing handshake: it sends the Close frame and waits for the peer's, 5 s at most. */
static void say_goodbye(struct ws_conn *conn)
{
    conn->bye->sent = true;
    lws_close_reason(conn->wsi, (enum lws_close_status)conn->code, (unsigned char *)conn->bye->reason, conn->bye->len);
    lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static void tell_drained(struct ws_conn *conn)
{
    conn->drain_due = false;
    if (conn->ws->calls->on_drained)
        conn->ws->calls->on_drained(conn->user);
}

void link_flush(struct ws_conn *conn)
{
    /* after a Close frame, ours or the library's own, nothing may follow */
    if (conn->peer_closes || (conn->bye && conn->bye->sent) || lws_get_close_length(conn->wsi))
        return;
    if (lws_partial_buffered(conn->wsi)) {
        block(conn, conn->in_library);
        return;
    }
    while (conn->queue_len)
        if (!write_some(conn))
            return;
    if (conn->bye)
        say_goodbye(conn);
    else if (conn->drain_due)
        tell_drained(conn);
}

/* Everything the library held is gone; called as well when it held nothing of ours. */
void link_writeable(struct ws_conn *conn)
{
    if (lws_partial_buffered(conn->wsi))
        return;
    conn->blocked = false;
    conn->in_library = 0;
    if (conn->drain_due)
        ws_mark(conn);
}

/* ---- the end ---- */

void link_closed(struct ws_conn *conn)
{
    struct ws *ws = conn->ws;
    int code = conn->code ? conn->code : ws->stopped ? CODE_GOING : CODE_LOST;
    message_drop(conn);
    if (conn->queue_len)
        queue_pop(conn, conn->queue_len);
    mem_free(conn->bye);
    conn->bye = NULL;
    ws->count.links--;
    ws->calls->on_close(conn->user, code);
}

/* ---- public ---- */

void ws_send(struct ws_conn *conn, struct packet *packet)
{
    if (!ending(conn))
        queue_push(conn, packet_ref(packet));
}

void ws_ping(struct ws_conn *conn)
{
    if (ending(conn))
        return;
    conn->ping_at = now_of(conn) + conn->ws->config.ping_ms + OWN_PING_MS;
    if (!conn->blocked)
        queue_push(conn, packet_ref(conn->ws->ping));
}

size_t ws_queued(const struct ws_conn *conn)
{
    return conn->queued + (conn->blocked ? conn->in_library : 0);
}

void ws_await_drain(struct ws_conn *conn)
{
    if (ending(conn))
        return;
    conn->drain_due = true;
    ws_mark(conn);
}

void ws_set_limit(struct ws_conn *conn, size_t message_max)
{
    conn->message_max = message_max < UINT32_MAX / 2 ? (uint32_t)message_max : UINT32_MAX / 2;
}

void ws_close(struct ws_conn *conn, int code, struct span reason)
{
    if (ending(conn))
        return;
    conn->bye = mem_alloc(sizeof *conn->bye);
    conn->bye->len = reason.len < REASON_MAX ? reason.len : REASON_MAX;
    memcpy(conn->bye->reason, reason.ptr ? reason.ptr : "", conn->bye->len);
    conn->code = (uint16_t)code;
    loop_timer_start(conn->ws->loop, &conn->timer, FAREWELL_MS, on_farewell_late, conn);
    ws_mark(conn);
}

void ws_abort(struct ws_conn *conn, int code)
{
    ws_kill(conn, code);
}
