/* Linux's socket options, kept apart because their kernel header and the C library's exclude each other. */
#include "server/io/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    OWN_PORTS_MAX = 64,
    SEND_BUFFER = 128 * 1024, /* what a slow reader can make the kernel hold */
    NOT_SENT_BUFFER = 16 * 1024
};

/* ---- peers ---- */

static uint64_t peer_key;
static pthread_once_t peer_key_once = PTHREAD_ONCE_INIT;

static void make_peer_key(void)
{
    while (getrandom(&peer_key, sizeof peer_key, 0) != sizeof peer_key)
        continue;
}

static uint64_t mix(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return h ^ (h >> 29);
}

void sock_address(const struct sockaddr *peer, uint8_t out[NETWORK_ADDRESS])
{
    memset(out, 0, NETWORK_ADDRESS);
    if (peer->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)peer)->sin6_addr, NETWORK_ADDRESS);
    } else if (peer->sa_family == AF_INET) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &((const struct sockaddr_in *)peer)->sin_addr, 4);
    }
}

/* Keyed, so that nobody outside can choose addresses that collide, and a number tells nothing about an address. */
uint64_t sock_peer_hash(const uint8_t address[NETWORK_ADDRESS])
{
    static const struct network ipv4 = {{[10] = 0xff, [11] = 0xff}, 96};
    pthread_once(&peer_key_once, make_peer_key);
    uint64_t h = mix(0xcbf29ce484222325ull, &peer_key, sizeof peer_key);
    h = mix(h, address, network_has(&ipv4, address) ? NETWORK_ADDRESS : 8); /* a /64 is one subscriber */
    return mix(h, &peer_key, sizeof peer_key);
}

/* ---- listening ---- */

static parley_status parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *out_len)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *out_len = sizeof *v4;
        return PARLEY_OK;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *out_len = sizeof *v6;
        return PARLEY_OK;
    }
    return PARLEY_INVALID;
}

/* Accepted sockets inherit these, so that accepting costs no further calls. */
static void set_options(int fd, int family)
{
    int on = 1, send_buffer = SEND_BUFFER, not_sent = NOT_SENT_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent, sizeof not_sent);
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
}

/* SO_REUSEPORT would let a second server of the same user share the port without a word. So a port that this process
 * does not have yet has to be free for a socket that shares with nobody. */
static struct {
    char address[INET6_ADDRSTRLEN];
    uint16_t port;
} own_ports[OWN_PORTS_MAX];
static unsigned own_ports_len;
static pthread_mutex_t own_ports_lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_own_port(const char *address, uint16_t port)
{
    bool own = false;
    pthread_mutex_lock(&own_ports_lock);
    for (unsigned i = 0; i < own_ports_len && i < OWN_PORTS_MAX; i++)
        own = own || (own_ports[i].port == port && !strcmp(own_ports[i].address, address));
    pthread_mutex_unlock(&own_ports_lock);
    return own;
}

static void remember_port(const char *address, uint16_t port)
{
    pthread_mutex_lock(&own_ports_lock);
    unsigned at = own_ports_len++ % OWN_PORTS_MAX;
    snprintf(own_ports[at].address, sizeof own_ports[at].address, "%s", address);
    own_ports[at].port = port;
    pthread_mutex_unlock(&own_ports_lock);
}

static parley_status status_of_bind(int error)
{
    return error == EADDRINUSE ? PARLEY_TAKEN : error == EACCES ? PARLEY_DENIED : PARLEY_INVALID;
}

static parley_status bind_and_listen(const struct sockaddr_storage *address, socklen_t len, bool share, int *out_fd)
{
    int on = 1, fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return PARLEY_LIMIT;
    set_options(fd, address->ss_family);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (share)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)address, len) == 0 && (!share || listen(fd, BACKLOG) == 0)) {
        *out_fd = fd;
        return PARLEY_OK;
    }
    int error = errno;
    close(fd);
    return status_of_bind(error);
}

parley_status sock_listen(const char *address_text, uint16_t port, int *out_fd)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    int probe;
    parley_status st = parse_address(address_text, port, &address, &len);
    if (st == PARLEY_OK && port && !is_own_port(address_text, port)) {
        st = bind_and_listen(&address, len, false, &probe);
        if (st == PARLEY_OK)
            close(probe);
    }
    if (st == PARLEY_OK)
        st = bind_and_listen(&address, len, true, out_fd);
    if (st == PARLEY_OK)
        remember_port(address_text, sock_port(*out_fd));
    return st;
}

uint16_t sock_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &len);
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

/* ---- progress ---- */

uint64_t sock_acked(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_acked : 0;
}
