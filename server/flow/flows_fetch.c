/* Calls of flows to the outside: to services that the configuration names, and to nothing else. What comes back is told
 * to the run if it is still there; a run that is not begins the call again under the same key when it comes back,
 * unless it may be made once only. */
#include "protocol/wire_json.h"
#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/flow/flows_address.h"
#include "server/flow/flows_inside.h"
#include "server/flow/json.h"
#include "server/io/curl.h"

#include <stdio.h>

enum { HEADERS_MAX = 16, URL_MAX = 8192, BACKOFF_MS = 300, ANSWER_MAX = 65536, ARENA = 1 << 20 };

/* One call, all its tries. Freed when it is answered, or with its flows. */
struct bot_fetch {
    struct list node; /* of flows->fetches */
    struct flows *flows;
    struct bot *bot; /* NULL: the run has gone, or has asked for something else */
    struct arena arena;
    struct uuid key;
    struct fetch_header headers[HEADERS_MAX + 4];
    struct fetch_request request;
    struct uuid conversation;      /* whose files it may carry */
    size_t files;                  /* that its body names */
    struct addressing *addressing; /* their addresses are being made for this try; NULL: they are not */
    int tries;                     /* that are left */
    int64_t wait_ms;
    parley_status refused; /* it cannot be made at all */
    struct loop_timer again;
};

static void fetch_free(struct bot_fetch *f)
{
    if (f->bot)
        f->bot->fetch = NULL;
    if (f->addressing)
        addresses_forget(f->addressing);
    loop_timer_stop(&f->again);
    list_remove(&f->node);
    arena_done(&f->arena);
    mem_free(f);
}

void bot_fetch_forget(struct bot *bot)
{
    if (!bot->fetch)
        return;
    bot->fetch->bot = NULL;
    bot->fetch = NULL;
}

/* ---- what comes of it ---- */

static const char *why_of(parley_status status)
{
    switch (status) {
    case PARLEY_TIMEOUT:
        return "timeout";
    case PARLEY_DENIED:
    case PARLEY_INVALID:
        return "denied";
    case PARLEY_TOO_BIG:
        return "too_big";
    case PARLEY_NOT_FOUND:
        return "not_configured";
    case PARLEY_UNCERTAIN:
        return "lost";
    default:
        return "unreachable";
    }
}

static void answer(struct bot_fetch *f, int status, const char *why, struct span body)
{
    struct bot *bot = f->bot;
    struct flow_event event = {.type = FLOW_EVENT_HTTP, .key = f->key, .status = status, .why = why, .body = body};
    if (bot && bot->run && !bot->dropped && !f->flows->closing) {
        bot->fetch = NULL;
        f->bot = NULL;
        bot_tell(bot, &event);
    }
    fetch_free(f);
}

static void try_now(void *arg);

static void on_answer(void *arg, parley_status status, const struct fetch_answer *a)
{
    struct bot_fetch *f = arg;
    int code = status == PARLEY_OK ? a->status : 0;
    const char *why = why_of(status);
    f->tries--;
    if (f->tries > 0 && f->bot && !f->flows->closing && flow_fetch_again(code, why)) {
        loop_timer_start(f->flows->loop, &f->again, f->wait_ms, try_now, f);
        f->wait_ms *= 2;
        return;
    }
    metric_add(METRIC_flow_calls_total, 1);
    answer(f, code, why, code ? a->body : span_of("", 0));
}

static parley_status start(struct bot_fetch *f, struct span body)
{
    struct fetch_request request = f->request;
    request.body = body;
    return fetch_start(f->flows->fetcher, &request, on_answer, f);
}

static void on_addresses(void *arg, parley_status status, struct span body)
{
    struct bot_fetch *f = arg;
    f->addressing = NULL;
    if (status == PARLEY_OK)
        status = start(f, body);
    if (status != PARLEY_OK)
        on_answer(f, status, NULL);
}

/* In the next turn: the run is told of nothing while it says that it rests. */
static void try_now(void *arg)
{
    struct bot_fetch *f = arg;
    parley_status st = f->refused;
    if (st == PARLEY_OK && f->files)
        st = addresses_make(f->flows, f->conversation, f->request.body, on_addresses, f, &f->addressing);
    else if (st == PARLEY_OK)
        st = start(f, f->request.body);
    if (st != PARLEY_OK)
        on_answer(f, st, NULL);
}

/* ---- making the request ---- */

/* "name=..." of the list; empty when the name is not there. */
static struct span service(const struct conf *conf, struct span name)
{
    for (size_t i = 0; i < conf->flows.services.count; i++) {
        const char *text = conf->flows.services.at[i], *equals = strchr(text, '=');
        if (equals && span_equal(span_of(text, (size_t)(equals - text)), name))
            return span_str(equals + 1);
    }
    return span_of("", 0);
}

/* The same of texts with spaces between. */
static struct span secret(const struct conf *conf, struct span name)
{
    const char *space = " \t\r\n";
    for (const char *at = conf->flows.secrets; *(at += strspn(at, space)); at += strcspn(at, space)) {
        const char *equals = memchr(at, '=', strcspn(at, space));
        if (equals && span_equal(span_of(at, (size_t)(equals - at)), name))
            return span_of(equals + 1, strcspn(equals + 1, space));
    }
    return span_of("", 0);
}

static void add_escaped(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
        if (plain && c)
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static struct span scalar(struct arena *arena, const struct value *v)
{
    struct span text = v->type == VALUE_TEXT ? v->text : json_write(arena, v);
    return arena_span(arena, text);
}

static void add_query(struct arena *arena, const struct value *query, bool has_one, struct buf *out)
{
    for (uint32_t i = 0; query && i < query->count; i++) {
        buf_add_char(out, has_one || i ? '&' : '?');
        add_escaped(out, query->members[i].key);
        buf_add_char(out, '=');
        add_escaped(out, scalar(arena, &query->members[i].value));
    }
}

static parley_status make_url(struct bot_fetch *f, const struct flow_fetch *want)
{
    const char *end = memchr(want->url.ptr, '}', want->url.len);
    struct span name = span_of(want->url.ptr + 1, (size_t)(end - want->url.ptr) - 1);
    struct span path = span_of(end + 1, want->url.len - name.len - 2), base = service(f->flows->conf, name);
    struct buf url;
    if (base.len == 0)
        return PARLEY_NOT_FOUND;
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    buf_init(&url, URL_MAX);
    buf_add_span(&url, base);
    buf_add_span(&url, path);
    add_query(&f->arena, want->query, path.len && memchr(path.ptr, '?', path.len), &url);
    buf_add_char(&url, '\0');
    f->request.url = url.status == PARLEY_OK ? arena_span(&f->arena, buf_span(&url)).ptr : NULL;
    buf_done(&url);
    return f->request.url ? PARLEY_OK : PARLEY_INVALID;
}

static size_t add_header(struct bot_fetch *f, size_t n, const char *name, struct span before, struct span value)
{
    char *text = arena_alloc(&f->arena, before.len + value.len + 1);
    memcpy(text, before.ptr, before.len);
    memcpy(text + before.len, value.ptr, value.len);
    f->headers[n] = (struct fetch_header){name, span_of(text, before.len + value.len)};
    return n + 1;
}

/* The script's own first; ours are said last, and count. */
static parley_status make_headers(struct bot_fetch *f, const struct flow_fetch *want)
{
    static const struct span none = {"", 0};
    char key[UUID_TEXT + 1];
    size_t n = 0;
    for (uint32_t i = 0; want->headers && i < want->headers->count; i++) {
        const struct value_member *m = &want->headers->members[i];
        char *name = arena_alloc(&f->arena, m->key.len + 1);
        if (n == HEADERS_MAX || !name)
            return PARLEY_INVALID;
        memcpy(name, m->key.ptr, m->key.len);
        name[m->key.len] = '\0';
        n = add_header(f, n, name, none, scalar(&f->arena, &m->value));
    }
    uuid_format(f->key, key);
    n = add_header(f, n, "Idempotency-Key", none, span_str(key));
    if (want->body.len)
        n = add_header(f, n, "Content-Type", none, span_str("application/json"));
    if (want->secret.len) {
        struct span text = secret(f->flows->conf, want->secret);
        if (text.len == 0)
            return PARLEY_NOT_FOUND;
        add_header(f, n, "Authorization", span_str("Bearer "), text);
    }
    f->request.headers = f->headers;
    return PARLEY_OK;
}

void flows_fetch(struct flow_host *host, struct flow_run *run, const struct flow_fetch *want)
{
    struct flows *flows = (struct flows *)host;
    struct bot *bot = flow_run_owner(run);
    bot->run = run;
    if (want->again || (bot->fetch && uuid_equal(bot->fetch->key, want->key)))
        return;
    struct bot_fetch *f = mem_alloc(sizeof *f);
    bot_fetch_forget(bot);
    *f = (struct bot_fetch){.flows = flows, .bot = bot, .key = want->key, .tries = want->tries, .wait_ms = BACKOFF_MS};
    f->conversation = bot->conv->id;
    f->files = addresses_wanted(want->body);
    list_init(&f->node);
    list_push(&flows->fetches, &f->node);
    arena_init(&f->arena, ARENA);
    bot->fetch = f;
    f->request = (struct fetch_request){.method = want->method,
                                        .body = arena_span(&f->arena, want->body),
                                        .timeout_ms = want->timeout_ms,
                                        .answer_max = ANSWER_MAX};
    parley_status st = make_url(f, want);
    if (st == PARLEY_OK)
        st = make_headers(f, want);
    if (st == PARLEY_OK && f->files > ADDRESSES_MAX)
        st = PARLEY_TOO_BIG;
    if (st == PARLEY_OK && f->files && !*flows->conf->server.public_url)
        st = PARLEY_NOT_FOUND; /* nobody could tell where the files are */
    f->refused = st;
    loop_timer_start(flows->loop, &f->again, 0, try_now, f);
}

void flows_fetch_stop(struct flows *flows)
{
    fetcher_stop(flows->fetcher);
    LIST_EACH(&flows->fetches, node)
    fetch_free(LIST_ITEM(node, struct bot_fetch, node));
}
