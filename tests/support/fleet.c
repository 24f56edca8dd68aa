/* A host with many clients of the SDK in one process, each with its thread, its connection and its files. Orders come
 * as lines, what happens goes out as lines:
 *
 *   open NAME URL TOKEN FOLDER      a client that connects; FOLDER - for none
 *   call NAME JSON                  parley_call_json
 *   close NAME                      parley_client_free
 *
 *   NAME JSON                       an event; for each call {"event":"called","call":N} or {"event":"refused",...}
 * first
 *
 * The end of the orders closes everything. kill -9 is what it is for. */
#include "sdk-c/include/parley/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BACKGROUND_MS = 30000, READY_MAX = 64, LINE_MAX_BYTES = 1 << 20 };

struct member {
    struct member *next;
    char *name;
    parley_client *client;
};

struct fleet {
    struct member *first;
    int epoll;
    char *in;
    size_t in_len;
};

static void fail(const char *what)
{
    fprintf(stderr, "fleet: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void refuse(const char *name, const char *what, parley_status st)
{
    printf("%s {\"event\":\"refused\",\"what\":\"%s\",\"status\":\"%s\"}\n", name, what, parley_status_name(st));
}

static struct member **find(struct fleet *f, const char *name)
{
    struct member **at = &f->first;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

/* --- orders --- */

static void open_client(struct fleet *f, const char *name, const char *url, const char *token, const char *folder)
{
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.url = url;
    config.token = token;
    config.folder = strcmp(folder, "-") == 0 ? NULL : folder;
    config.user = name;
    config.background_ms = BACKGROUND_MS;
    struct member *m = calloc(1, sizeof *m);
    if (!m || !(m->name = strdup(name)))
        fail("memory");
    parley_status st = parley_client_new(&config, &m->client);
    if (st != PARLEY_OK) {
        refuse(name, "open", st);
        free(m->name);
        free(m);
        return;
    }
    struct epoll_event watch = {.events = EPOLLIN, .data.ptr = m};
    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, parley_event_fd(m->client), &watch) != 0)
        fail("epoll");
    m->next = f->first;
    f->first = m;
    parley_connect(m->client);
}

static void close_client(struct fleet *f, struct member **at)
{
    struct member *m = *at;
    if (!m)
        return;
    *at = m->next;
    epoll_ctl(f->epoll, EPOLL_CTL_DEL, parley_event_fd(m->client), NULL);
    parley_client_free(m->client);
    printf("%s {\"event\":\"freed\"}\n", m->name);
    free(m->name);
    free(m);
}

static void call_client(struct member *m, const char *name, const char *json)
{
    uint64_t call = 0;
    parley_status st = m ? parley_call_json(m->client, json, &call) : PARLEY_NOT_FOUND;
    if (st == PARLEY_OK)
        printf("%s {\"event\":\"called\",\"call\":%llu}\n", name, (unsigned long long)call);
    else
        refuse(name, "call", st);
}

static void carry_out(struct fleet *f, char *line)
{
    char *rest = line;
    const char *verb = strsep(&rest, " "), *name = strsep(&rest, " ");
    if (!name) {
        fprintf(stderr, "fleet: no such order: %s\n", verb);
    } else if (strcmp(verb, "open") == 0) {
        const char *url = strsep(&rest, " "), *token = strsep(&rest, " ");
        if (rest)
            open_client(f, name, url, token, rest);
    } else if (strcmp(verb, "call") == 0 && rest) {
        call_client(*find(f, name), name, rest);
    } else if (strcmp(verb, "close") == 0) {
        close_client(f, find(f, name));
    }
}

/* False at the end of the orders. */
static int read_orders(struct fleet *f)
{
    ssize_t n = read(STDIN_FILENO, f->in + f->in_len, LINE_MAX_BYTES - f->in_len);
    if (n <= 0)
        return 0;
    f->in_len += (size_t)n;
    char *line = f->in, *end;
    while ((end = memchr(line, '\n', f->in_len - (size_t)(line - f->in)))) {
        *end = '\0';
        carry_out(f, line);
        line = end + 1;
    }
    f->in_len -= (size_t)(line - f->in);
    memmove(f->in, line, f->in_len);
    return 1;
}

/* --- what happens --- */

static void tell(struct member *m)
{
    parley_event *e;
    while ((e = parley_next_event(m->client, 0))) {
        printf("%s %s\n", m->name, parley_event_json(e));
        parley_event_free(e);
    }
}

/* An order may close a client whose event waits behind it in the same list: orders are taken last. */
static int turn(struct fleet *f)
{
    struct epoll_event ready[READY_MAX];
    int n = epoll_wait(f->epoll, ready, READY_MAX, -1), orders = 0;
    if (n < 0 && errno != EINTR)
        fail("epoll");
    for (int i = 0; i < n; i++) {
        if (ready[i].data.ptr)
            tell(ready[i].data.ptr);
        else
            orders = 1;
    }
    int more = orders ? read_orders(f) : 1;
    if (fflush(stdout) != 0)
        exit(1);
    return more;
}

int main(void)
{
    struct fleet f = {.epoll = epoll_create1(EPOLL_CLOEXEC), .in = malloc(LINE_MAX_BYTES)};
    struct epoll_event orders = {.events = EPOLLIN};
    if (f.epoll < 0 || !f.in || epoll_ctl(f.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &orders) != 0)
        fail("start");
    while (turn(&f))
        ;
    while (f.first)
        close_client(&f, &f.first);
    free(f.in);
    close(f.epoll);
    return 0;
}
