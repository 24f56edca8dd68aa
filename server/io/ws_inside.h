/* What the parts of ws share, and nobody else includes: ws (life and libwebsockets' callbacks), ws_accept (listeners),
 * ws_peer (whose connection it is), ws_check (what a request may look like), ws_link (an open link), ws_http (a
 * request), ws_answer (its answer). */
#ifndef SERVER_IO_WS_INSIDE_H
#define SERVER_IO_WS_INSIDE_H

#include "protocol/buf.h"
#include "protocol/limits.h"
#include "server/base/list.h"
#include "server/io/loop.h"
#include "server/io/ws.h"

struct lws;
struct lws_context;
struct network;
struct lws_vhost;
struct sockaddr;
struct ws_bye;
struct ws_answer;

enum { WS_SCRATCH = 64 * 1024 }; /* the most that small packets are collected to for one write */

struct ws {
    struct loop *loop;
    const struct ws_calls *calls;
    void *arg;
    struct ws_config config;
    char *tls_certificate, *tls_key;

    struct lws_context *context;
    struct lws_vhost *plain, *tls;
    void *ssl_ctx;
    bool adopted; /* the library has made something of the socket it was given last */
    bool listening_stopped;
    bool stopped;

    struct network *proxies;
    size_t proxies_count;

    struct list listeners; /* of struct ws_port */
    struct list dirty;     /* of struct ws_conn: something to write or to end at this turn's end */
    struct loop_turn flush;
    struct packet *ping;
    char *scratch;
    struct ws_count count;
    unsigned handshakes; /* sockets that are not links yet */
    size_t held;         /* bytes of large bodies and answers */
};

enum ws_state {
    WS_HEAD,   /* TLS handshake, request line and headers */
    WS_BODY,   /* the body of a request */
    WS_ASKED,  /* the upper floor has the request */
    WS_ANSWER, /* the answer is on its way, or what the peer still sends is being discarded */
    WS_LINK,   /* a link */
};

/* A socket, from accept until libwebsockets has let go of it. */
struct ws_conn {
    struct ws *ws;
    struct lws *wsi; /* NULL once it is closed */
    struct list dirty;
    struct loop_timer timer; /* the deadline of the state; of a link: ping, silence, stall, farewell */
    uint64_t peer;
    int16_t listener_id;
    uint8_t state;
    bool tls, links_allowed, dead, closed;
    bool proxied; /* peer is a proxy of ours, until its headers tell more */

    /* WS_LINK */
    bool text, blocked, frame_open, peer_closes, drain_due;
    uint8_t frames; /* of the message that is being joined */
    uint16_t code;  /* of the close, whoever began it */
    uint32_t message_max;
    uint32_t message_len, message_cap;
    uint32_t queue_head, queue_len, queue_cap;
    uint32_t in_library; /* bytes of the last write while blocked */
    size_t queued;
    void *user;
    char *message;
    struct packet **queue;
    struct ws_bye *bye;
    int64_t heard, ping_at, progress_at;
    uint64_t acked;

    /* the others */
    struct http_exchange *exchange; /* until it is answered */
    struct ws_answer *answer;
};

/* ---- ws ---- */

/* Something is to be written or ended at this turn's end. */
void ws_mark(struct ws_conn *conn);

/* A socket became a link, or closed before it was one: accepting may go on. */
void ws_handshake_over(struct ws *ws);

/* Ends the connection at this turn's end, without a word. */
void ws_kill(struct ws_conn *conn, int code);

/* What is to be counted of so many bytes. */
static inline size_t ws_weight(size_t bytes)
{
    return bytes > LIMIT_HTTP_SMALL ? bytes : 0;
}

static inline bool ws_has_room(const struct ws *ws, size_t bytes)
{
    return !ws_weight(bytes) || ws->held + bytes <= ws->config.held_max;
}

/* ---- ws_accept ---- */

/* The last socket the library was given belongs to this connection. */
struct ws_conn *ws_conn_new(struct ws *ws, int listener_id, bool tls, bool links, const struct sockaddr *peer);
void ws_accept_again(struct ws *ws);

/* ---- ws_peer ---- */

void ws_peer_networks(struct ws *ws, const char *const *texts, size_t count);
void ws_peer_accepted(struct ws_conn *conn, const struct sockaddr *peer);

/* The headers are complete. */
void ws_peer_forwarded(struct ws_conn *conn, struct lws *wsi);

/* ---- ws_check ---- */

struct ws_refusal {
    int status; /* 0: not refused */
    const char *text;
};

/* A request as it was checked and copied. The spans point into text. */
struct ws_request {
    struct span method, path, query;
    struct span authorization;
    size_t body_len;
    bool expects_continue;
    struct buf text;
};

/* Whether an upgrade is exactly what a link needs. Never looks at anything but the header table. */
struct ws_refusal ws_check_upgrade(struct ws_conn *conn, struct lws *wsi);

/* Whether a request may come in; fills out, whose text the caller frees in any case. */
struct ws_refusal ws_check_request(struct ws_conn *conn, struct lws *wsi, struct ws_request *out);

/* ---- ws_link ---- */

void link_open(struct ws_conn *conn);
int link_receive(struct ws_conn *conn, const char *bytes, size_t len);
void link_heard(struct ws_conn *conn);
void link_peer_closes(struct ws_conn *conn, const unsigned char *payload, size_t len);
void link_writeable(struct ws_conn *conn);
void link_flush(struct ws_conn *conn);
void link_closed(struct ws_conn *conn);

/* ---- ws_http ---- */

/* The headers are complete. Non-zero ends the connection now. */
int http_request(struct ws_conn *conn);
void http_body_part(struct ws_conn *conn, const char *bytes, size_t len);
void http_body_end(struct ws_conn *conn);
void http_closed(struct ws_conn *conn);

/* ---- ws_answer ---- */

/* Writes, in its own time, and ends the connection. */
void answer_start(struct ws_conn *conn, int status, const char *content_type, const struct http_header *headers,
                  struct span body, bool head_only);
void answer_refuse(struct ws_conn *conn, struct ws_refusal refusal);

/* A short answer straight to the socket, before the connection is ended by the caller. */
void answer_refuse_now(struct ws_conn *conn, struct lws *wsi, struct ws_refusal refusal);

/* A few bytes that are not the answer yet. */
void answer_interim(struct ws_conn *conn, struct span bytes);
void answer_free(struct ws_conn *conn);

#endif
