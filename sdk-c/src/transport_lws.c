/* WebSocket through libwebsockets: one context, and one connection at a time. What the loop is told to send waits in a
 * list until the socket is writeable; what arrives is put together and reported whole. */
#include "sdk-c/src/transport_lws.h"

#include "sdk-c/src/url.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RX_BYTES = 16384,
    MESSAGE_MAX = 1 << 20,
    OPEN_S = 15,
    GOODBYE_MS = 300,
    REASON_MAX = 128,
    FDS_MAX = 32,
    SWEEPS_MAX = 8,
    CLOSING_S = 2,
    AFTER_MS = 5000 /* from there until nothing of the connection before is left in the library */
};

struct chunk {
    struct chunk *next;
    size_t len;
    bool binary;
    unsigned char bytes[]; /* LWS_PRE free, then the message */
};

struct lws_transport {
    parley_client *client;
    struct lws_context *context;
    struct lws *wsi; /* the present connection; others that still close are strangers */
    uint64_t socket;
    bool open;
    bool active;        /* something arrived, or a connection changed, in this sweep */
    lws_usec_t changed; /* when the last connection began or ended */
    int nudge[2];       /* a pipe: wakes a doze */
    bool reported;      /* that it closed */
    int close_code;     /* ours, 0: none asked for */
    int peer_code;
    char reason[REASON_MAX];
    struct chunk *out, **out_end;
    char *in;
    size_t in_len, in_cap;
    lws_sorted_usec_list_t timer;
};

static void forget(struct lws_transport *t)
{
    while (t->out) {
        struct chunk *next = t->out->next;
        free(t->out);
        t->out = next;
    }
    t->out_end = &t->out;
    t->in_len = 0;
    t->wsi = NULL;
    t->open = false;
    t->changed = lws_now_usecs();
    t->close_code = t->peer_code = 0;
    t->reason[0] = '\0';
}

static void set_reason(struct lws_transport *t, const void *text, size_t length)
{
    size_t n = length < REASON_MAX - 1 ? length : REASON_MAX - 1;
    if (text)
        memcpy(t->reason, text, n);
    t->reason[text ? n : 0] = '\0';
}

/* The end of the present connection, told once. */
static void ended(struct lws_transport *t)
{
    char reason[REASON_MAX];
    memcpy(reason, t->reason, sizeof reason);
    int code = t->peer_code;
    uint64_t socket = t->socket;
    bool tell = !t->reported;
    t->reported = true;
    forget(t);
    if (tell)
        parley_transport_closed(t->client, socket, code, reason);
}

static bool in_room(struct lws_transport *t, size_t more)
{
    if (t->in_len + more <= t->in_cap)
        return true;
    size_t cap = t->in_cap ? t->in_cap : 4096;
    while (cap < t->in_len + more)
        cap *= 2;
    char *in = cap > 2 * MESSAGE_MAX ? NULL : realloc(t->in, cap);
    if (!in)
        return false;
    t->in = in;
    t->in_cap = cap;
    return true;
}

static int receive(struct lws_transport *t, const void *bytes, size_t length)
{
    if (t->in_len + length > MESSAGE_MAX || !in_room(t, length)) {
        set_reason(t, "message too big", 15);
        return -1;
    }
    memcpy(t->in + t->in_len, bytes, length);
    t->in_len += length;
    if (!lws_is_final_fragment(t->wsi) || lws_remaining_packet_payload(t->wsi))
        return 0;
    size_t whole = t->in_len;
    t->in_len = 0;
    return parley_transport_received(t->client, t->socket, (const uint8_t *)t->in, whole) == PARLEY_OK ? 0 : -1;
}

static int send_next(struct lws_transport *t)
{
    struct chunk *c = t->out;
    if (!c) {
        if (!t->close_code)
            return 0;
        lws_close_reason(t->wsi, (enum lws_close_status)t->close_code, NULL, 0);
        return -1;
    }
    int written = lws_write(t->wsi, c->bytes + LWS_PRE, c->len, c->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    if (written < (int)c->len)
        return -1;
    t->out = c->next;
    if (!t->out)
        t->out_end = &t->out;
    free(c);
    if (t->out || t->close_code)
        lws_callback_on_writable(t->wsi);
    return 0;
}

/* The library's words where they tell something. */
static void explain(struct lws_transport *t, const char *text, size_t length)
{
    static const char tls[] = "TLS failed: the certificate is not trusted, is for another name, or has expired";
    static const char other[] = "what answers there is no Parley; check the address: it ends in /v1/ws";
    if (text && memmem(text, length, "SSL", 3))
        set_reason(t, tls, sizeof tls - 1);
    else if (text && memmem(text, length, "HS: ", 4)) /* of the handshake: it answered, but not as due */
        set_reason(t, other, sizeof other - 1);
    else
        set_reason(t, text, length);
}

static int callback(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
    struct lws_transport *t = user;
    if (!t || wsi != t->wsi)
        return why == LWS_CALLBACK_CLIENT_WRITEABLE || why == LWS_CALLBACK_CLIENT_ESTABLISHED ? -1 : 0;

    t->active = true;
    switch (why) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        t->open = true;
        parley_transport_opened(t->client, t->socket);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(t, in, len);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return send_next(t);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (len >= 2) {
            const unsigned char *p = in;
            t->peer_code = p[0] << 8 | p[1];
            set_reason(t, p + 2, len - 2);
        }
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        explain(t, in, in ? strnlen(in, len) : 0);
        ended(t);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        ended(t);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "parley", .callback = callback, .rx_buffer_size = RX_BYTES, .tx_packet_size = MESSAGE_MAX},
    {0},
};

static parley_status transport_open(void *user, parley_client *client, uint64_t socket, const char *text,
                                    const char *subprotocol)
{
    struct lws_transport *t = user;
    struct url url;
    parley_status st = url_parse(text, &url);
    if (st != PARLEY_OK)
        return st;

    forget(t);
    t->socket = socket;
    t->reported = false;
    struct lws_client_connect_info info = {
        .context = t->context,
        .address = url.host,
        .host = url.host,
        .port = url.port,
        .path = url.path,
        .protocol = subprotocol,
        .local_protocol_name = protocols[0].name,
        .ietf_version_or_minus_one = -1,
        .userdata = t,
        .pwsi = &t->wsi,
        .ssl_connection = url.tls ? LCCSCF_USE_SSL : 0,
        .alpn = url.tls ? "http/1.1" : NULL,
    };
    static const char unreachable[] = "the server's name is not known, or it cannot be reached";
    struct lws *wsi = lws_client_connect_via_info(&info);
    if (!wsi && !t->reported) {
        set_reason(t, unreachable, sizeof unreachable - 1);
        ended(t);
    }
    return PARLEY_OK;
}

static parley_status transport_send(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary)
{
    struct lws_transport *t = user;
    if (!t->wsi || socket != t->socket)
        return PARLEY_CLOSED;
    struct chunk *c = malloc(sizeof *c + LWS_PRE + length);
    if (!c)
        return PARLEY_NOMEM;
    *c = (struct chunk){.len = length, .binary = binary};
    memcpy(c->bytes + LWS_PRE, bytes, length);
    *t->out_end = c;
    t->out_end = &c->next;
    lws_callback_on_writable(t->wsi);
    return PARLEY_OK;
}

static void transport_close(void *user, uint64_t socket, int32_t code)
{
    struct lws_transport *t = user;
    if (!t->wsi || socket != t->socket)
        return;
    t->reported = true;
    t->close_code = code;
    /* one that never opened is not writeable: it ends by its own time-out, or when the next one takes its place */
    lws_callback_on_writable(t->wsi);
    lws_set_timeout(t->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CLOSING_S);
}

parley_transport lws_transport_table(struct lws_transport *t)
{
    return (parley_transport){.size = sizeof(parley_transport),
                              .user = t,
                              .open = transport_open,
                              .send = transport_send,
                              .close = transport_close};
}

/* One that is due before the library comes to wait is run first, and would be slept over then. */
static void on_timer(lws_sorted_usec_list_t *timer)
{
    lws_cancel_service(lws_container_of(timer, struct lws_transport, timer)->context);
}

/* The library's own wait; 0: it looks, and does not wait. */
static void serve(struct lws_transport *t, int32_t timeout_ms)
{
    if (timeout_ms == 0)
        lws_cancel_service(t->context);
    else if (timeout_ms > 0)
        lws_sul_schedule(t->context, 0, &t->timer, on_timer, (lws_usec_t)timeout_ms * LWS_US_PER_MS);
    lws_service(t->context, 0);
    lws_sul_schedule(t->context, 0, &t->timer, on_timer, LWS_SET_TIMER_USEC_CANCEL);
}

/* In its own wait the library wakes for itself every 30 s. So it is left to it only while a connection opens, closes or
 * has something to send; else there is nothing that it could do before the socket or our pipe says so. */
static bool is_calm(struct lws_transport *t)
{
    if (lws_now_usecs() - t->changed <= AFTER_MS * LWS_US_PER_MS)
        return false;
    return !t->wsi || (t->open && !t->out && !t->close_code && lws_service_adjust_timeout(t->context, 1, 0));
}

static void doze(struct lws_transport *t, int32_t timeout_ms)
{
    char drained[64];
    struct pollfd fds[] = {{.fd = t->nudge[0], .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (t->wsi)
        fds[1].fd = lws_get_socket_fd(t->wsi);
    poll(fds, 2, timeout_ms);
    while (fds[0].revents && read(t->nudge[0], drained, sizeof drained) > 0)
        ;
}

/* What is there is read, and what that asks for - the answer to a ping - is written in the round after the last that
 * read something. */
static void sweep(struct lws_transport *t)
{
    int left = SWEEPS_MAX;
    do {
        t->active = false;
        serve(t, 0);
    } while (t->active && --left > 0);
    serve(t, 0);
}

void lws_transport_wait(struct lws_transport *t, int32_t timeout_ms)
{
    if (is_calm(t)) {
        doze(t, timeout_ms);
        sweep(t);
    } else {
        serve(t, timeout_ms < 0 || timeout_ms > AFTER_MS ? AFTER_MS : timeout_ms);
    }
}

void lws_transport_wake(struct lws_transport *t)
{
    if (write(t->nudge[1], "", 1) < 0) {
        /* a full pipe wakes too */
    }
    lws_cancel_service(t->context);
}

/* The library logs to stderr by default, which is the app's. */
static void silence(void)
{
    lws_set_log_level(0, NULL);
}

static struct lws_context *make_context(bool tls, bool local, const char *ca_file)
{
    static const lws_retry_bo_t no_pings = {0};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence);

    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .count_threads = 1,
        .fd_limit_per_thread = FDS_MAX, /* else it has a table of all that the process may open */
        .timeout_secs = OPEN_S,
        .connect_timeout_secs = OPEN_S,
        .retry_and_idle_policy = &no_pings,
        .client_ssl_ca_filepath = ca_file,
        .http_proxy_address = local ? "" : NULL, /* never through a proxy to ourselves */
        .options = LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
    };
    info.options |= tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
    return lws_create_context(&info);
}

static parley_status make_nudge(int *nudge)
{
    if (pipe(nudge) != 0)
        return PARLEY_LIMIT;
    for (int i = 0; i < 2; i++) {
        fcntl(nudge[i], F_SETFL, O_NONBLOCK);
        fcntl(nudge[i], F_SETFD, FD_CLOEXEC);
    }
    return PARLEY_OK;
}

static void close_nudge(const int *nudge)
{
    close(nudge[0]);
    close(nudge[1]);
}

parley_status lws_transport_new(parley_client *client, const char *text, const char *ca_file,
                                struct lws_transport **out)
{
    struct url url;
    parley_status st = url_parse(text, &url);
    if (st != PARLEY_OK)
        return st;
    if (ca_file && access(ca_file, R_OK) != 0)
        return PARLEY_NOT_FOUND;
    struct lws_transport *t = calloc(1, sizeof *t);
    if (!t)
        return PARLEY_NOMEM;
    t->client = client;
    t->reported = true;
    forget(t);
    t->changed = 0; /* there was none */
    st = make_nudge(t->nudge);
    if (st == PARLEY_OK && !(t->context = make_context(url.tls, url_is_local(&url), ca_file))) {
        close_nudge(t->nudge);
        st = PARLEY_INTERNAL;
    }
    if (st == PARLEY_OK)
        *out = t;
    else
        free(t);
    return st;
}

/* Lets the goodbye out, if the socket takes it at once. */
static void say_goodbye(struct lws_transport *t)
{
    for (int left = GOODBYE_MS; left > 0 && t->wsi && t->close_code; left -= GOODBYE_MS / 10)
        lws_transport_wait(t, GOODBYE_MS / 10);
}

void lws_transport_free(struct lws_transport **transport)
{
    struct lws_transport *t = *transport;
    if (!t)
        return;
    say_goodbye(t);
    t->reported = true;
    lws_context_destroy(t->context);
    close_nudge(t->nudge);
    forget(t);
    free(t->in);
    free(t);
    *transport = NULL;
}
