/* What the kernel alone takes for the three ways that each message goes over loopback TCP - posted, acknowledged,
 * delivered - when nothing is coalesced: the floor under `durable_delivered_w1`.
 *
 *   bare_exchange [ROUNDS]     prints one JSON object
 *
 * 200 pairs as the load generator has them, in one thread, so that nobody is woken and nobody waits. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum { PAIRS = 200, LINKS = 2 * PAIRS, POST = 290, ACK = 60, ITEM = 330, ROUNDS = 400, SLICE = 20 };

struct link {
    int client, server;
};

static struct link links[LINKS]; /* of a pair the one that posts, then the one that reads */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void quicken(int fd)
{
    int one = 1, zero = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof zero);
}

static void connect_all(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0)
        die("listening");
    for (int i = 0; i < LINKS; i++) {
        links[i].client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(links[i].client, (struct sockaddr *)&at, sizeof at) != 0)
            die("connecting");
        links[i].server = accept(listener, NULL, NULL);
        if (links[i].server < 0)
            die("accepting");
        quicken(links[i].client);
        quicken(links[i].server);
    }
}

static void put(int fd, size_t len)
{
    static const char bytes[512];
    if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("sending");
}

static void take(int fd)
{
    static char bytes[4096];
    if (recv(fd, bytes, sizeof bytes, 0) <= 0)
        die("receiving");
}

/* A message of every pair. */
static void exchange(void)
{
    for (int i = 0; i < LINKS; i += 2)
        put(links[i].client, POST);
    for (int i = 0; i < LINKS; i += 2)
        take(links[i].server);
    for (int i = 0; i < LINKS; i += 2) {
        put(links[i].server, ACK);
        put(links[i + 1].server, ITEM);
    }
    for (int i = 0; i < LINKS; i++)
        take(links[i].client);
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS, n = 0;
    double *took = calloc((size_t)rounds / SLICE + 1, sizeof *took);
    connect_all();
    for (int i = 0; i < rounds; i += SLICE) {
        double before = cpu_us();
        for (int k = 0; k < SLICE; k++)
            exchange();
        took[n++] = (cpu_us() - before) / (SLICE * PAIRS);
    }
    qsort(took, (size_t)n, sizeof *took, compare);
    printf("{\"name\":\"bare_exchange_cpu\",\"value\":%.2f,\"unit\":\"us/message\"}\n", took[n / 2]);
    free(took);
    return 0;
}
