/* Plain poll on two sockets; what it costs is in both sides of every comparison. */
#include "tests/bench/relay.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, STOP_MS = 50 };

struct relay {
    int listener, port, to;
    pthread_t thread;
    pthread_mutex_t lock;
    struct relay_count count;
    int way; /* of the last bytes: 0 none, 1 up, 2 down */
    int stop;
};

static void check(int failed, const char *what)
{
    if (failed) {
        perror(what);
        exit(1);
    }
}

static struct sockaddr_in here(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static int no_delay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int dial(int port)
{
    struct sockaddr_in at = here(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0, "relay: connect");
    return no_delay(fd);
}

static int listen_here(int *out_port)
{
    struct sockaddr_in at = here(0);
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 16) != 0, "relay: listen");
    getsockname(fd, (struct sockaddr *)&at, &size);
    *out_port = ntohs(at.sin_port);
    return fd;
}

static int stopped(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    int stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

static void counted(struct relay *r, int way, ssize_t bytes)
{
    pthread_mutex_lock(&r->lock);
    *(way == 1 ? &r->count.up : &r->count.down) += bytes;
    r->count.turns += way != r->way;
    r->way = way;
    pthread_mutex_unlock(&r->lock);
}

static int write_all(int fd, const char *bytes, ssize_t left)
{
    for (ssize_t n; left > 0; bytes += n, left -= n)
        if ((n = send(fd, bytes, (size_t)left, MSG_NOSIGNAL)) <= 0)
            return 0;
    return 1;
}

static void pass(struct relay *r, int client, int server)
{
    static char chunk[CHUNK];
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (!stopped(r)) {
        poll(fds, 2, STOP_MS);
        for (int i = 0; i < 2; i++) {
            if (!fds[i].revents)
                continue;
            ssize_t n = read(fds[i].fd, chunk, sizeof chunk);
            if (n <= 0)
                return;
            counted(r, i + 1, n);
            if (!write_all(fds[1 - i].fd, chunk, n))
                return;
        }
    }
}

static void *run(void *arg)
{
    struct relay *r = arg;
    struct pollfd wait = {.fd = r->listener, .events = POLLIN};
    while (!stopped(r)) {
        if (poll(&wait, 1, STOP_MS) <= 0)
            continue;
        int client = no_delay(accept(r->listener, NULL, NULL)), server = dial(r->to);
        pthread_mutex_lock(&r->lock);
        r->count = (struct relay_count){0};
        r->way = 0;
        pthread_mutex_unlock(&r->lock);
        pass(r, client, server);
        close(client);
        close(server);
    }
    return NULL;
}

struct relay *relay_start(int to_port)
{
    struct relay *r = calloc(1, sizeof *r);
    check(!r, "relay");
    r->to = to_port;
    r->listener = listen_here(&r->port);
    pthread_mutex_init(&r->lock, NULL);
    check(pthread_create(&r->thread, NULL, run, r) != 0, "relay: thread");
    return r;
}

int relay_port(const struct relay *r)
{
    return r->port;
}

struct relay_count relay_count(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    struct relay_count count = r->count;
    pthread_mutex_unlock(&r->lock);
    return count;
}

void relay_stop(struct relay *r)
{
    pthread_mutex_lock(&r->lock);
    r->stop = 1;
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    close(r->listener);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* --- the same bytes with nothing around them --- */

struct pour {
    int listener;
    int64_t bytes;
};

static void *pour(void *arg)
{
    static char chunk[CHUNK];
    struct pour *p = arg;
    int fd = accept(p->listener, NULL, NULL);
    for (int64_t left = p->bytes; left > 0; left -= CHUNK)
        if (!write_all(fd, chunk, left < CHUNK ? (ssize_t)left : CHUNK))
            break;
    close(fd);
    return NULL;
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double raw_transfer_ms(int64_t bytes)
{
    static char chunk[CHUNK];
    struct pour p = {.bytes = bytes};
    pthread_t thread;
    int port;
    p.listener = listen_here(&port);
    check(pthread_create(&thread, NULL, pour, &p) != 0, "raw transfer");
    double began = now_ms();
    int fd = dial(port);
    while (read(fd, chunk, sizeof chunk) > 0)
        ;
    double took = now_ms() - began;
    pthread_join(thread, NULL);
    close(fd);
    close(p.listener);
    return took;
}
