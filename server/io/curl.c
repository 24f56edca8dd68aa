/* libcurl's multi interface on the loop: it says which sockets and when, the loop tells it when they are ready. */
#include "server/io/curl.h"

#include "protocol/buf.h"
#include "server/base/list.h"
#include "server/base/mem.h"
#include "server/io/address.h"
#include "server/io/loop.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT_MS = 5000, TOTAL_MS = 15000, ANSWER_MAX = 64 * 1024, IN_FLIGHT = 256, IDLE_CONNECTIONS = 16 };

struct fetcher {
    struct loop *loop;
    struct fetcher_config config;
    char *ca_file;
    CURLM *multi;
    struct loop_timer timer;
    struct loop_turn collect; /* finished fetches, outside libcurl's callbacks */
    struct list fetches;
    unsigned in_flight;
    bool stopped;
};

struct fetch {
    struct list node;
    struct fetcher *fetcher;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    struct buf answer;
    bool denied;
    fetch_done *done;
    void *arg;
};

/* ---- the loop and libcurl ---- */

static void on_turn_end(void *arg);

static void act(struct fetcher *fetcher, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(fetcher->multi, fd, events, &running);
    loop_at_turn_end(fetcher->loop, &fetcher->collect, on_turn_end, fetcher);
}

struct fetch_socket {
    struct fetcher *fetcher;
    curl_socket_t fd;
    struct loop_watch *watch;
};

static void on_ready(void *arg, unsigned events)
{
    struct fetch_socket *s = arg;
    act(s->fetcher, s->fd, (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void socket_done(struct fetcher *fetcher, struct fetch_socket *s)
{
    if (!s)
        return;
    curl_multi_assign(fetcher->multi, s->fd, NULL);
    loop_watch_close(&s->watch);
    mem_free(s);
}

static struct fetch_socket *socket_new(struct fetcher *fetcher, curl_socket_t fd)
{
    struct fetch_socket *s = mem_alloc(sizeof *s);
    s->fetcher = fetcher;
    s->fd = fd;
    s->watch = loop_watch_new(fetcher->loop, fd, on_ready, s);
    curl_multi_assign(fetcher->multi, fd, s);
    return s;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct fetcher *fetcher = arg;
    struct fetch_socket *s = known;
    if (what == CURL_POLL_REMOVE) {
        socket_done(fetcher, s);
        return 0;
    }
    if (!s)
        s = socket_new(fetcher, fd);
    if (s->watch)
        loop_watch_set(s->watch, (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
    return 0;
}

static void on_time(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct fetcher *fetcher = arg;
    if (timeout_ms < 0)
        loop_timer_stop(&fetcher->timer);
    else
        loop_timer_start_exact(fetcher->loop, &fetcher->timer, timeout_ms, on_time, fetcher);
    return 0;
}

/* ---- addresses ---- */

/* The address a name resolved to, just before it is connected: a name that changes its mind later changes nothing. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *fetch = arg;
    if (!fetch->fetcher->config.allow_private && !address_is_public(&to->addr)) {
        fetch->denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* And once more of the connection that the request is about to go through, which may be a kept one. */
static int on_before_request(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct fetch *fetch = arg;
    if (fetch->fetcher->config.allow_private || (remote && address_text_is_public(remote)))
        return CURL_PREREQFUNC_OK;
    fetch->denied = true;
    return CURL_PREREQFUNC_ABORT;
}

static bool part_is_absent(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool absent = curl_url_get(url, part, &text, 0) != CURLUE_OK;
    curl_free(text);
    return absent;
}

static bool part_is(CURLU *url, CURLUPart part, const char *value)
{
    char *text = NULL;
    bool is = curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK && !strcmp(text, value);
    curl_free(text);
    return is;
}

static parley_status check_url(const struct fetcher *fetcher, CURLU *url, const char *text)
{
    const struct fetcher_config *config = &fetcher->config;
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
        return PARLEY_INVALID;
    if (!part_is_absent(url, CURLUPART_USER) || !part_is_absent(url, CURLUPART_PASSWORD))
        return PARLEY_INVALID;
    bool http = part_is(url, CURLUPART_SCHEME, "http");
    if (!part_is(url, CURLUPART_SCHEME, "https") && !(http && config->allow_http))
        return PARLEY_INVALID;
    if (config->allow_private || part_is(url, CURLUPART_PORT, "443") || (http && part_is(url, CURLUPART_PORT, "80")))
        return PARLEY_OK;
    return PARLEY_DENIED;
}

/* ---- one fetch ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct fetch *fetch = arg;
    buf_add(&fetch->answer, bytes, size * n);
    return fetch->answer.status == PARLEY_OK ? size * n : 0;
}

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    fetch->fetcher->in_flight--;
    curl_multi_remove_handle(fetch->fetcher->multi, fetch->easy);
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    buf_done(&fetch->answer);
    mem_free(fetch->body);
    mem_free(fetch);
}

static parley_status status_of(const struct fetch *fetch, CURLcode code)
{
    if (fetch->denied)
        return PARLEY_DENIED;
    if (fetch->answer.status != PARLEY_OK || code == CURLE_FILESIZE_EXCEEDED)
        return PARLEY_TOO_BIG;
    switch (code) {
    case CURLE_OK:
        return PARLEY_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return PARLEY_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
        return PARLEY_UNAUTHENTICATED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return PARLEY_UNAVAILABLE;
    default:
        return PARLEY_UNCERTAIN; /* it may have arrived */
    }
}

static void finish(struct fetch *fetch, CURLcode code)
{
    struct fetch_answer answer = {.body = buf_span(&fetch->answer), .content_type = ""};
    parley_status st = status_of(fetch, code);
    char *type = NULL;
    long status = 0;
    curl_off_t retry_s = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(fetch->easy, CURLINFO_RETRY_AFTER, &retry_s);
    answer.status = (int)status;
    answer.retry_after_ms = retry_s < INT64_MAX / 1000 ? retry_s * 1000 : INT64_MAX;
    if (type)
        answer.content_type = type;
    fetch->done(fetch->arg, st, st == PARLEY_OK ? &answer : NULL);
    fetch_free(fetch);
}

static void on_turn_end(void *arg)
{
    struct fetcher *fetcher = arg;
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(fetcher->multi, &left))) {
        struct fetch *fetch;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        finish(fetch, message->data.result);
    }
}

/* ---- starting one ---- */

static bool header_is_plain(const struct fetch_header *h)
{
    for (size_t i = 0; i < h->value.len; i++)
        if ((unsigned char)h->value.ptr[i] < 0x20 || h->value.ptr[i] == 0x7f)
            return false;
    return !strpbrk(h->name, "\r\n: ");
}

static parley_status add_headers(struct fetch *fetch, const struct fetch_header *h)
{
    fetch->headers = curl_slist_append(NULL, "Expect:"); /* not asking first saves a round trip */
    for (; h && h->name; h++) {
        struct buf line;
        if (!header_is_plain(h))
            return PARLEY_INVALID;
        buf_init(&line, 16384);
        buf_printf(&line, "%s: ", h->name);
        buf_add_span(&line, h->value);
        buf_add_char(&line, 0);
        parley_status st = line.status;
        if (st == PARLEY_OK)
            fetch->headers = curl_slist_append(fetch->headers, line.ptr);
        buf_done(&line);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static void set_safety(struct fetch *fetch)
{
    const struct fetcher *fetcher = fetch->fetcher;
    CURL *easy = fetch->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, fetcher->config.allow_http ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (fetcher->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, fetcher->ca_file);
}

static void set_body(struct fetch *fetch, const struct fetch_request *request)
{
    CURL *easy = fetch->easy;
    if (request->body.len) {
        fetch->body = mem_span(request->body);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    } else if (request->method && !strcmp(request->method, "HEAD"))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (request->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_request(struct fetch *fetch, const struct fetch_request *request)
{
    CURL *easy = fetch->easy;
    size_t max = request->answer_max ? request->answer_max : ANSWER_MAX;
    buf_init(&fetch->answer, max);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Parley");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms ? (long)request->timeout_ms : (long)TOTAL_MS);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    set_body(fetch, request);
}

static struct fetch *fetch_new(struct fetcher *fetcher)
{
    struct fetch *fetch = mem_alloc(sizeof *fetch);
    fetch->fetcher = fetcher;
    fetch->easy = curl_easy_init();
    assert(fetch->easy);
    list_push(&fetcher->fetches, &fetch->node);
    fetcher->in_flight++;
    return fetch;
}

parley_status fetch_start(struct fetcher *fetcher, const struct fetch_request *request, fetch_done *done, void *arg)
{
    if (fetcher->stopped || fetcher->in_flight == fetcher->config.in_flight_max)
        return PARLEY_BUSY;
    CURLU *url = curl_url();
    parley_status st = check_url(fetcher, url, request->url);
    curl_url_cleanup(url);
    if (st != PARLEY_OK)
        return st;
    struct fetch *fetch = fetch_new(fetcher);
    fetch->done = done;
    fetch->arg = arg;
    st = add_headers(fetch, request->headers);
    if (st != PARLEY_OK) {
        fetch_free(fetch);
        return st;
    }
    set_request(fetch, request);
    set_safety(fetch);
    curl_multi_add_handle(fetcher->multi, fetch->easy);
    return PARLEY_OK;
}

/* ---- the fetcher ---- */

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct fetcher *fetcher_new(struct loop *loop, const struct fetcher_config *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_library);
    struct fetcher *fetcher = mem_alloc(sizeof *fetcher);
    fetcher->loop = loop;
    fetcher->config = *config;
    if (!fetcher->config.in_flight_max)
        fetcher->config.in_flight_max = IN_FLIGHT;
    fetcher->ca_file = mem_text(config->ca_file);
    list_init(&fetcher->fetches);
    fetcher->multi = curl_multi_init();
    assert(fetcher->multi);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(fetcher->multi, CURLMOPT_SOCKETDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(fetcher->multi, CURLMOPT_TIMERDATA, fetcher);
    curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return fetcher;
}

void fetcher_stop(struct fetcher *fetcher)
{
    if (fetcher->stopped)
        return;
    fetcher->stopped = true;
    while (!list_empty(&fetcher->fetches)) {
        struct fetch *fetch = LIST_ITEM(fetcher->fetches.next, struct fetch, node);
        fetch->done(fetch->arg, PARLEY_CANCELED, NULL);
        fetch_free(fetch);
    }
    curl_multi_cleanup(fetcher->multi);
    fetcher->multi = NULL;
    loop_timer_stop(&fetcher->timer);
    loop_turn_cancel(&fetcher->collect);
}

void fetcher_free(struct fetcher **at)
{
    struct fetcher *fetcher = *at;
    if (!fetcher)
        return;
    fetcher_stop(fetcher);
    mem_free(fetcher->ca_file);
    mem_free(fetcher);
    *at = NULL;
}
