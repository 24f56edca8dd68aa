/* What one worker's sockets can do: echo, fan-out, and what an idle link holds.
 *   bench_ws [NAME] [--json]
 * The server runs in a process of its own, so that its CPU time and memory are its own; rates are divided by the CPU
 * time it used. Plain TCP, loopback, binary messages of 200 bytes. */
#include "server/base/mem.h"
#include "server/io/loop.h"
#include "server/io/packet.h"
#include "server/io/ws.h"
#include "tests/bench/cpu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    PAYLOAD = 200,
    FRAME_OUT = PAYLOAD + 8,
    FRAME_IN = PAYLOAD + 4,
    LINKS = 1000,
    IDLE = 10000,
    LINKS_MAX = 20000,
    PING_FRAME = 3,
    PINGS = 2000
};

static bool json;

/* ---- the server ---- */

struct hub {
    struct ws_conn *conns[LINKS_MAX];
    int len;
};

struct link {
    struct hub *hub;
    struct ws_conn *conn;
    int at;
};

static void *on_open(void *arg, struct ws_conn *conn, const struct ws_opened *opened)
{
    struct hub *hub = arg;
    struct link *link = mem_alloc(sizeof *link);
    *link = (struct link){.hub = hub, .conn = conn, .at = hub->len};
    hub->conns[hub->len++] = conn;
    return link;
}

/* 'f': to everybody else; anything else: back. */
static void on_message(void *user, struct span message)
{
    struct link *link = user;
    struct packet *packet = packet_new(message, false);
    if (message.len && message.ptr[0] == 'f') {
        for (int i = 0; i < link->hub->len; i++)
            if (i != link->at)
                ws_send(link->hub->conns[i], packet);
    } else
        ws_send(link->conn, packet);
    packet_unref(&packet);
}

static void on_close(void *user, int code)
{
    mem_free(user);
}

static const struct ws_calls CALLS = {.on_open = on_open, .on_message = on_message, .on_close = on_close};

static void serve(int tell)
{
    static struct hub hub;
    struct ws_config config = {.calls = &CALLS, .arg = &hub, .connections_max = LINKS_MAX};
    struct ws_listener listener = {.address = "127.0.0.1", .links = true};
    struct ws *ws;
    uint16_t port;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct loop *loop = loop_new();
    if (ws_new(loop, &config, &ws) != PARLEY_OK || ws_listen(ws, &listener, &port) != PARLEY_OK)
        exit(1);
    if (write(tell, &port, sizeof port) != sizeof port)
        exit(1);
    loop_run(loop);
}

/* ---- the client ---- */

struct client {
    int fd;
    size_t partial; /* bytes of a frame that is not whole yet */
};

struct rig {
    pid_t server;
    uint16_t port;
    int epoll;
    struct client *clients;
    int len;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double server_cpu(const struct rig *rig)
{
    return cpu_us_of(rig->server) / 1e6;
}

static double server_kib(const struct rig *rig)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", rig->server);
    FILE *f = fopen(path, "re");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        die("statm");
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static struct rig start(void)
{
    struct rig rig = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    int tell[2];
    if (pipe(tell) != 0)
        die("pipe");
    rig.server = fork();
    if (rig.server == 0)
        serve(tell[1]);
    if (read(tell[0], &rig.port, sizeof rig.port) != sizeof rig.port)
        die("server");
    close(tell[0]);
    close(tell[1]);
    rig.clients = mem_array(LINKS_MAX, sizeof *rig.clients);
    return rig;
}

static void stop(struct rig *rig)
{
    kill(rig->server, SIGKILL);
    waitpid(rig->server, NULL, 0);
    for (int i = 0; i < rig->len; i++)
        close(rig->clients[i].fd);
    mem_free(rig->clients);
    close(rig->epoll);
}

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0)
            die("send");
        bytes += n;
        len -= (size_t)n;
    }
}

static void add_link(struct rig *rig)
{
    static const char request[] = "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                  "Sec-WebSocket-Protocol: parley.v1.msgpack\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(rig->port)};
    char answer[2048];
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send_all(fd, request, sizeof request - 1);
    if (recv(fd, answer, sizeof answer, 0) < 100 || memcmp(answer, "HTTP/1.1 101", 12) != 0)
        die("handshake");
    struct client *client = &rig->clients[rig->len++];
    *client = (struct client){.fd = fd};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(rig->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* n masked frames of PAYLOAD bytes that begin with kind. */
static void send_frames(int fd, int n, char kind)
{
    static char batch[64 * FRAME_OUT];
    static char filled_with;
    if (filled_with != kind) {
        filled_with = kind;
        for (char *f = batch; f < batch + sizeof batch; f += FRAME_OUT) {
            memcpy(f, "\x82\xfe\0\xc8\1\2\3\4", 8);
            for (int i = 0; i < PAYLOAD; i++)
                f[8 + i] = (char)((i ? 'x' : kind) ^ (i % 4 + 1));
        }
    }
    send_all(fd, batch, (size_t)n * FRAME_OUT);
}

/* Whole frames that came. */
static int receive(struct client *client)
{
    static char nowhere[256 * 1024];
    ssize_t n = recv(client->fd, nowhere, sizeof nowhere, MSG_DONTWAIT);
    if (n <= 0 && errno != EAGAIN)
        die("recv");
    if (n <= 0)
        return 0;
    client->partial += (size_t)n;
    int frames = (int)(client->partial / FRAME_IN);
    client->partial %= FRAME_IN;
    return frames;
}

static void report(const char *name, double value, const char *unit)
{
    if (json)
        printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"}\n", name, value, unit);
    else
        printf("%-22s %12.4g %s\n", name, value, unit);
    fflush(stdout);
}

static void report_rate(const char *name, double messages, double wall, double cpu)
{
    char full[64];
    snprintf(full, sizeof full, "%s_core", name);
    report(full, messages / cpu, "messages/s/core");
    report(name, messages / wall, "messages/s");
}

static void echo(const char *name, int window, double duration)
{
    struct rig rig = start();
    struct epoll_event events[256];
    for (int i = 0; i < LINKS; i++)
        add_link(&rig);
    for (int i = 0; i < LINKS; i++)
        send_frames(rig.clients[i].fd, window, 'e');
    double begin = seconds(), cpu = server_cpu(&rig), messages = 0;
    while (seconds() < begin + duration) {
        int n = epoll_wait(rig.epoll, events, 256, 1000);
        for (int i = 0; i < n; i++) {
            struct client *client = events[i].data.ptr;
            int frames = receive(client);
            messages += frames;
            if (frames)
                send_frames(client->fd, frames, 'e');
        }
    }
    report_rate(name, messages, seconds() - begin, server_cpu(&rig) - cpu);
    stop(&rig);
}

static void fan_out(const char *name, int together, double duration)
{
    struct rig rig = start();
    struct epoll_event events[256];
    for (int i = 0; i <= LINKS; i++)
        add_link(&rig);
    double begin = seconds(), cpu = server_cpu(&rig), messages = 0;
    while (seconds() < begin + duration) {
        send_frames(rig.clients[0].fd, together, 'f');
        for (int due = together * LINKS; due > 0;) {
            int n = epoll_wait(rig.epoll, events, 256, 1000);
            for (int i = 0; i < n; i++)
                due -= receive(events[i].data.ptr);
        }
        messages += (double)together * LINKS;
    }
    report_rate(name, messages, seconds() - begin, server_cpu(&rig) - cpu);
    stop(&rig);
}

static void echo_last(struct rig *rig)
{
    struct client *last = &rig->clients[rig->len - 1];
    struct pollfd poll_it = {.fd = last->fd, .events = POLLIN};
    send_frames(last->fd, 1, 'e');
    while (!receive(last))
        poll(&poll_it, 1, 1000);
}

/* Nothing else is sent to an idle link. */
static void await_pings(struct rig *rig, size_t n)
{
    static char nowhere[4096];
    struct epoll_event events[256];
    for (size_t bytes = 0; bytes < n * PING_FRAME;) {
        int ready = epoll_wait(rig->epoll, events, 256, 1000);
        for (int i = 0; i < ready; i++) {
            ssize_t got = recv(((struct client *)events[i].data.ptr)->fd, nowhere, sizeof nowhere, 0);
            if (got <= 0)
                die("recv");
            bytes += (size_t)got;
        }
    }
}

static void idle(void)
{
    struct rig rig = start();
    add_link(&rig);
    double before = server_kib(&rig), begin = seconds(), cpu = server_cpu(&rig);
    for (int i = 0; i < IDLE; i++)
        add_link(&rig);
    report("connect_cpu_us", (server_cpu(&rig) - cpu) * 1e6 / IDLE, "us");
    report("connect", IDLE / (seconds() - begin), "links/s");
    echo_last(&rig); /* then all before it are open */
    report("idle_kib_plain", (server_kib(&rig) - before) / IDLE, "KiB");
    begin = seconds(), cpu = server_cpu(&rig);
    await_pings(&rig, PINGS);
    report("idle_cpu_percent", (server_cpu(&rig) - cpu) * 100 / (seconds() - begin), "%");
    stop(&rig);
}

int main(int argc, char **argv)
{
    const char *only = NULL;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--json"))
            json = true;
        else
            only = argv[i];
#define WANTED(name) (!only || !strcmp(only, name))
    if (WANTED("echo_w1"))
        echo("echo_w1", 1, 3);
    if (WANTED("echo_w16"))
        echo("echo_w16", 16, 3);
    if (WANTED("fan_out_1"))
        fan_out("fan_out_1", 1, 3);
    if (WANTED("fan_out_10"))
        fan_out("fan_out_10", 10, 3);
    if (WANTED("idle"))
        idle();
    return 0;
}
