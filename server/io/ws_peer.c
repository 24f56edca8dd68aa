/* Who is at the other end: the socket's address, or the one that a proxy of ours says it stands for. */
#include "protocol/limits.h"
#include "server/base/mem.h"
#include "server/base/network.h"
#include "server/io/sock.h"
#include "server/io/ws_inside.h"

#include <libwebsockets.h>
#include <stdio.h>

void ws_peer_networks(struct ws *ws, const char *const *texts, size_t count)
{
    ws->proxies = mem_array(count + 1, sizeof *ws->proxies);
    for (size_t i = 0; i < count; i++)
        if (network_parse(texts[i], &ws->proxies[ws->proxies_count]) == PARLEY_OK)
            ws->proxies_count++;
}

static bool is_proxy(const struct ws *ws, const uint8_t address[NETWORK_ADDRESS])
{
    for (size_t i = 0; i < ws->proxies_count; i++)
        if (network_has(&ws->proxies[i], address))
            return true;
    return false;
}

void ws_peer_accepted(struct ws_conn *conn, const struct sockaddr *peer)
{
    uint8_t address[NETWORK_ADDRESS];
    sock_address(peer, address);
    conn->peer = sock_peer_hash(address);
    conn->proxied = is_proxy(conn->ws, address);
}

/* "192.0.2.7", "192.0.2.7:80", "2001:db8::1", "[2001:db8::1]:80" */
static parley_status read_address(struct span word, uint8_t out[NETWORK_ADDRESS])
{
    char text[64];
    while (word.len && (word.ptr[0] == ' ' || word.ptr[0] == '\t' || word.ptr[0] == '['))
        word.ptr++, word.len--;
    if (word.len >= sizeof text)
        return PARLEY_INVALID;
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(word));
    char *colon = strchr(text, ':');
    text[strcspn(text, "] \t")] = '\0';
    if (colon && !strchr(colon + 1, ':'))
        *colon = '\0';
    return network_address(text, out);
}

/* Each proxy appends whom it got the request from, so the last that is no proxy of ours is the peer; what stands before
 * it, anybody may have written. */
void ws_peer_forwarded(struct ws_conn *conn, struct lws *wsi)
{
    char list[LIMIT_HTTP_HEADERS];
    uint8_t address[NETWORK_ADDRESS];
    int n = conn->proxied ? lws_hdr_copy(wsi, list, sizeof list, WSI_TOKEN_X_FORWARDED_FOR) : 0;
    size_t end = n > 0 ? (size_t)n : 0;
    while (end) {
        size_t at = end;
        while (at && list[at - 1] != ',')
            at--;
        if (read_address(span_of(list + at, end - at), address) != PARLEY_OK)
            return;
        conn->peer = sock_peer_hash(address);
        if (!is_proxy(conn->ws, address))
            return;
        end = at ? at - 1 : 0;
    }
}
