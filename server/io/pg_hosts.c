/* The servers that a URL names, one after the other, and their addresses without waiting for a name server. */
#include "server/base/mem.h"
#include "server/io/pg_private.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <uv.h>

struct lookup {
    uv_getaddrinfo_t request;
    struct pg *pg; /* NULL: it has been closed meanwhile */
};

static char *option(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, keyword) == 0 && o->val && o->val[0])
            return o->val;
    return NULL;
}

/* The n-th part of a list with commas; the only one stands for all. */
static void copy_part(char *out, size_t size, const char *list, unsigned n)
{
    const char *comma;
    while (list && n-- > 0 && (comma = strchr(list, ',')))
        list = comma + 1;
    snprintf(out, size, "%.*s", list ? (int)strcspn(list, ",") : 0, list ? list : "");
}

static unsigned parts_of(const char *list)
{
    unsigned n = 1;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

static bool is_name(const char *host)
{
    struct in6_addr any;
    return host[0] && host[0] != '/' && host[0] != '@' && inet_pton(AF_INET, host, &any) != 1 &&
           inet_pton(AF_INET6, host, &any) != 1;
}

void pg_host_choose(struct pg *pg)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(pg->options.url, &why);
    const char *hosts = option(options, "host");
    pg->host = (struct pg_host){0};
    if (hosts && !option(options, "hostaddr")) { /* whoever gives addresses wants no look-ups */
        unsigned n = pg->host_turn % parts_of(hosts);
        copy_part(pg->host.name, sizeof pg->host.name, hosts, n);
        copy_part(pg->host.port, sizeof pg->host.port, option(options, "port"), n);
    }
    PQconninfoFree(options);
    PQfreemem(why);
}

/* Each attempt takes another one of its addresses. */
static void take_address(struct pg *pg, const struct addrinfo *list)
{
    unsigned n = 0;
    for (const struct addrinfo *a = list; a; a = a->ai_next)
        n++;
    unsigned left = n ? pg->failures % n : 0;
    for (; list && left > 0; left--)
        list = list->ai_next;
    if (list)
        getnameinfo(list->ai_addr, list->ai_addrlen, pg->host.address, sizeof pg->host.address, NULL, 0,
                    NI_NUMERICHOST);
}

static void on_address(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct lookup *lookup = (struct lookup *)request;
    struct pg *pg = lookup->pg;
    if (pg) {
        pg->lookup = NULL;
        take_address(pg, list);
        pg_host_found(pg, pg->host.address[0] ? NULL : "the server's name is not known");
    }
    uv_freeaddrinfo(list);
    mem_free(lookup);
}

void pg_host_look_up(struct pg *pg)
{
    if (!is_name(pg->host.name)) {
        pg_host_found(pg, NULL);
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct lookup *lookup = mem_alloc(sizeof *lookup);
    lookup->pg = pg;
    if (uv_getaddrinfo(loop_uv(pg->loop), &lookup->request, on_address, pg->host.name, NULL, &hints) == 0) {
        pg->lookup = lookup;
        return;
    }
    mem_free(lookup);
    pg_host_found(pg, "the server's name cannot be looked up");
}

void pg_host_forget(struct pg *pg)
{
    if (pg->lookup)
        pg->lookup->pg = NULL;
    pg->lookup = NULL;
}
