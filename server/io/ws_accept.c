/* Listening sockets of our own: the packaged library cannot share a port between workers. Accepting stops while too
 * many handshakes are under way or the process is out of descriptors, so that neither is a busy loop. */
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/io/sock.h"
#include "server/io/ws.h"
#include "server/io/ws_inside.h"

#include <errno.h>
#include <libwebsockets.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_A_WAKE = 64, NO_DESCRIPTORS_MS = 100 };

struct ws_port {
    struct list node;
    struct ws *ws;
    struct ws_listener is;
    int fd;
    struct loop_watch *watch;
    struct loop_timer again;
};

/* ---- accepting ---- */

static void on_head_late(void *arg)
{
    ws_kill(arg, 0);
}

struct ws_conn *ws_conn_new(struct ws *ws, int listener_id, bool tls, bool links, const struct sockaddr *peer)
{
    struct ws_conn *conn = mem_alloc(sizeof *conn);
    conn->ws = ws;
    conn->tls = tls;
    conn->links_allowed = links;
    conn->listener_id = (int16_t)listener_id;
    ws_peer_accepted(conn, peer);
    list_init(&conn->dirty);
    loop_timer_start(ws->loop, &conn->timer, ws->config.head_ms, on_head_late, conn);
    return conn;
}

static void adopt(struct ws_port *port, int fd, const struct sockaddr *peer)
{
    struct ws *ws = port->ws;
    struct ws_conn *conn = ws_conn_new(ws, port->is.id, port->is.tls, port->is.links, peer);
    lws_adopt_desc_t desc = {
        .vh = port->is.tls ? ws->tls : ws->plain,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd.sockfd = fd,
        .opaque = conn,
    };
    ws->adopted = false;
    ws->handshakes++;
    ws->count.sockets++;
    ws->count.accepted++;
    if (lws_adopt_descriptor_vhost_via_info(&desc) || ws->adopted)
        return; /* made, or made and already being destroyed: then the library tells */
    loop_timer_stop(&conn->timer);
    mem_free(conn);
    ws->handshakes--;
    ws->count.sockets--;
    ws->count.refused++;
}

static bool handshakes_full(const struct ws *ws)
{
    return ws->handshakes >= ws->config.handshakes_max;
}

static void listen_again(void *arg)
{
    struct ws_port *port = arg;
    if (port->watch && !handshakes_full(port->ws))
        loop_watch_set(port->watch, LOOP_READ);
}

static void pause_accepting(struct ws_port *port)
{
    log_warn(NULL, "no file descriptors left to accept with; raise the limit of open files",
             LOG_U64("sockets", port->ws->count.sockets));
    loop_watch_set(port->watch, 0);
    loop_timer_start(port->ws->loop, &port->again, NO_DESCRIPTORS_MS, listen_again, port);
}

static bool out_of_descriptors(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_acceptable(void *arg, unsigned events)
{
    struct ws_port *port = arg;
    struct ws *ws = port->ws;
    for (int i = 0; i < ACCEPTS_A_WAKE && !handshakes_full(ws); i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int fd = accept4(port->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && out_of_descriptors(errno))
            pause_accepting(port);
        if (fd < 0)
            return;
        if (ws->count.sockets < ws->config.connections_max) {
            adopt(port, fd, (struct sockaddr *)&peer);
            continue;
        }
        ws->count.refused++;
        close(fd);
    }
    if (handshakes_full(ws))
        loop_watch_set(port->watch, 0);
}

void ws_accept_again(struct ws *ws)
{
    if (ws->stopped || handshakes_full(ws))
        return;
    LIST_EACH(&ws->listeners, node)
    {
        struct ws_port *port = LIST_ITEM(node, struct ws_port, node);
        if (!loop_timer_started(&port->again))
            listen_again(port);
    }
}

/* ---- listeners ---- */

parley_status ws_listen(struct ws *ws, const struct ws_listener *listener, uint16_t *out_port)
{
    int fd = -1;
    if (listener->tls && !ws->tls)
        return PARLEY_INVALID;
    parley_status st = sock_listen(listener->address, listener->port, &fd);
    if (st != PARLEY_OK) {
        log_error(NULL, "cannot listen here; check address and port, and that no other program has it",
                  LOG_STR("address", listener->address), LOG_U64("port", listener->port), LOG_STATUS(st));
        return st;
    }
    struct ws_port *port = mem_alloc(sizeof *port);
    port->ws = ws;
    port->is = *listener;
    port->is.address = NULL; /* the caller's */
    port->fd = fd;
    port->watch = loop_watch_new(ws->loop, fd, on_acceptable, port);
    loop_watch_set(port->watch, LOOP_READ);
    list_push(&ws->listeners, &port->node);
    if (out_port)
        *out_port = sock_port(fd);
    return PARLEY_OK;
}

void ws_stop_listening(struct ws *ws)
{
    LIST_EACH(&ws->listeners, node)
    {
        struct ws_port *port = LIST_ITEM(node, struct ws_port, node);
        list_remove(node);
        loop_timer_stop(&port->again);
        loop_watch_close(&port->watch);
        close(port->fd);
        mem_free(port);
    }
}
