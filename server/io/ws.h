/* The outside of one worker: it listens, speaks WebSocket with links and HTTP with everything else, and hands whole
 * messages and whole requests up through struct ws_calls. It knows nothing of frames, tokens or conversations.
 *
 * Made by main before the threads start, used on the loop's thread, freed by main after the join. A socket speaks
 * WebSocket on /v1/ws with subprotocol parley.v1.msgpack or parley.v1.json, or is good for one HTTP request. */
#ifndef SERVER_IO_WS_H
#define SERVER_IO_WS_H

#include "protocol/span.h"
#include "protocol/status.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct packet;
struct ws;
struct ws_conn;
struct http_exchange;

/* What is known of a link when it opens. */
struct ws_opened {
    bool text;     /* parley.v1.json: messages are text frames */
    uint64_t peer; /* keyed hash of the address (of the /64 for IPv6): for limits, never for logs */
};

/* Upward. All on the loop's thread, none from inside ws_send; a link may be closed in any of them. */
struct ws_calls {
    /* Whether a browser's origin may open a link. A request without one is not asked about. NULL: any. */
    bool (*origin_allowed)(void *arg, struct span origin);

    /* A link opened; what it returns is the user of the calls below. */
    void *(*on_open)(void *arg, struct ws_conn *conn, const struct ws_opened *opened);

    /* One whole message, during the call only. Not any more after ws_close. */
    void (*on_message)(void *user, struct span message);

    /* The socket was full, or ws_await_drain asked, and everything queued has gone since. NULL: not wanted. */
    void (*on_drained)(void *user);

    /* The last call for this link, exactly once; conn is gone when it returns. code is what this side closed with, or
     * the peer's, or 1006 for a lost connection, 4001 for a slow reader, 4002 for a silent one. */
    void (*on_close)(void *user, int code);

    /* The longest body that method and path may bring; 0 for none. NULL: LIMIT_HTTP_BODY. */
    size_t (*body_max)(void *arg, int listener, struct span method, struct span path);

    /* A whole request. http_answer comes exactly once for it, now or later, in any case. NULL: 404 for all. */
    void (*on_request)(void *arg, struct http_exchange *exchange);
};

struct ws_config {
    const struct ws_calls *calls;
    void *arg;
    unsigned connections_max; /* open sockets; more are refused at accept. 0: 16384 */
    unsigned handshakes_max;  /* sockets that are not links yet; accepting waits beyond it. 0: 4096 */
    unsigned rx_buffer;       /* bytes read at once from a link, and held by each. 0: 1024 */
    size_t out_max;  /* bytes waiting for a link whose socket is full; beyond it: 4001. 0: LIMIT_OUT_QUEUE_HARD */
    size_t held_max; /* large bodies and answers at a time. 0: LIMIT_HTTP_HELD */
    unsigned ping_ms, silence_ms, stall_ms; /* 0: LIMIT_PING_MS, LIMIT_SILENCE_MS, LIMIT_OUT_STALL_MS */
    unsigned head_ms, body_ms;              /* 0: LIMIT_HTTP_HEADERS_MS, LIMIT_HTTP_BODY_MS */
    const char *tls_certificate;            /* PEM files; NULL: no listener may ask for TLS */
    const char *tls_key;
    const char *const *proxies; /* networks whose X-Forwarded-For is believed */
    size_t proxies_count;
};

/* PARLEY_INVALID when the certificate or key cannot be used, PARLEY_UNAVAILABLE when the library cannot start. Logged
 * with what to do. The configuration is copied, the calls are borrowed. */
parley_status ws_new(struct loop *loop, const struct ws_config *config, struct ws **out);

struct ws_listener {
    const char *address; /* numeric, IPv4 or IPv6 */
    uint16_t port;       /* 0: any free one */
    bool tls;
    bool links; /* whether /v1/ws is here; without it HTTP only */
    int id;     /* the caller's name for it; body_max gets it */
};

/* Its own SO_REUSEPORT socket; accepting starts with the loop. out_port: the port in use. May be NULL.
 * PARLEY_TAKEN when another program has the port, PARLEY_DENIED, PARLEY_INVALID for the address. */
parley_status ws_listen(struct ws *ws, const struct ws_listener *listener, uint16_t *out_port);

/* New certificate and key from the same files; the old ones stay in use when they are not right. */
parley_status ws_reload_tls(struct ws *ws);

/* Closes the listeners; what is open stays. First step of draining. */
void ws_stop_listening(struct ws *ws);

/* Ends everything that is open: on_close with 1001 for every link, and the loop can end. On the loop's thread. */
void ws_stop(struct ws *ws);

/* After the loop has ended or before it ran; before loop_free. */
void ws_free(struct ws **ws);

struct ws_count {
    unsigned links, sockets;    /* open now; a link is a socket too */
    uint64_t accepted, refused; /* since the start; refused: not let in at accept, in the handshake or as a request */
    uint64_t messages_in, packets_out, bytes_in, bytes_out, writes;
};
struct ws_count ws_count(const struct ws *ws);

/* ---- a link ---- */

/* Queues a reference; it leaves at the end of the turn, with everything else for this link in one write. Ignored after
 * ws_close. */
void ws_send(struct ws_conn *conn, struct packet *packet);

/* A ping that leaves with what else goes out in this turn, so that a phone wakes once for both. Our own pings come only
 * where these stay away. */
void ws_ping(struct ws_conn *conn);

/* Bytes that wait, here and in the library; those that the kernel has taken are not counted. Much may wait until the
 * turn's end and then go in one go: no socket was ever full. */
size_t ws_queued(const struct ws_conn *conn);

/* on_drained comes once everything queued has gone, whether the socket was full or not. */
void ws_await_drain(struct ws_conn *conn);

/* The longest message taken from now on; starts with LIMIT_MESSAGE_BEFORE_WELCOME. A longer one closes with 1009. */
void ws_set_limit(struct ws_conn *conn, size_t message_max);

/* Sends a Close frame after everything queued and ends the link once the peer answers it, at the latest after 5 s.
 * reason: at most 123 bytes of UTF-8. on_close comes later, never from inside. */
void ws_close(struct ws_conn *conn, int code, struct span reason);

/* Without a word and without waiting; on_close comes later in this turn. */
void ws_abort(struct ws_conn *conn, int code);

/* ---- a request ---- */

/* As long as the exchange, which http_answer ends. The method is upper case; the path starts with '/', is decoded and
 * free of "..", and holds only letters, digits and -._~:@/ (others are refused); an absent header is empty. */
struct span http_method(const struct http_exchange *exchange);
struct span http_path(const struct http_exchange *exchange);
struct span http_parameter(const struct http_exchange *exchange,
                           const char *name); /* of the query, decoded; NULL ptr when absent */
struct span http_body(const struct http_exchange *exchange);
struct span http_authorization(const struct http_exchange *exchange);
uint64_t http_peer(const struct http_exchange *exchange); /* as in struct ws_opened */

/* Before a large answer is gathered: whether there is room for it. It is held until the exchange ends. */
bool http_hold(struct http_exchange *exchange, size_t bytes);

struct http_header {
    const char *name;
    struct span value;
};

/* Ends the exchange: writes the answer with Connection: close and the security headers, then closes. Everything is
 * copied. content_type may be NULL when there is no body; headers end with a NULL name, or NULL. A header given here
 * replaces the one of the same name that would be sent anyway, such as Cache-Control. */
void http_answer(struct http_exchange *exchange, int status, const char *content_type,
                 const struct http_header *headers, struct span body);

#endif
