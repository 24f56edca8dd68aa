/* Notices what customers are sent, writes wishes, and sends the due ones. */
#include "server/route/push.h"

#include "protocol/item.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/map.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/hub/peers.h"
#include "server/io/crypto.h"
#include "server/io/curl.h"
#include "server/io/loop.h"
#include "server/io/webhook.h"
#include "server/store/push_row.h"
#include "server/talk/talk.h"

#include <stdio.h>

enum {
    BATCH = 256,
    SWEEP_MS = 500,
    BODY_MAX = (PUSH_DEVICES + 1) * (6 * LIMIT_PUSH_TOKEN + 512), /* in JSON a byte may take six */
    OLD_MS = 60000, /* an item read that much later was noticed by the process that stored it */
    TIMEOUT_MS = 15000,
    LEASE_MS = 30000, /* longer than an attempt can take */
    AT_ONCE = 8,
    FAILING = 10, /* failures in a row after which one attempt at a time is enough */
};

struct push {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct fetcher *fetcher;
    uint8_t endpoint[PUSH_ENDPOINT];
    int part, parts;

    struct map noticed; /* struct push_row by conversation, to be written */
    struct push_row batch[BATCH];
    int n; /* being written */
    struct loop_turn turn;

    struct loop_timer sweep;
    int in_flight;
    unsigned failures; /* in a row */
    bool taking, more;
    bool ended;  /* the service said that it wants no more ... */
    bool ending; /* ... and it is being written */
    bool told;   /* ... or has been */
    bool closing;
};

/* ---- wishes ---- */

static void merge(struct push *push, const struct push_row *row)
{
    struct push_row *kept = map_get(&push->noticed, row->conversation);
    if (!kept) {
        kept = mem_alloc(sizeof *kept);
        *kept = *row;
        map_put(&push->noticed, row->conversation, kept);
    } else if (row->seq > kept->seq) {
        kept->seq = row->seq;
    }
}

static void write_wishes(void *arg);

static void on_written(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct push *push = arg;
    for (int i = 0; status != PARLEY_OK && i < push->n; i++)
        merge(push, &push->batch[i]);
    push->n = 0;
    if (status == PARLEY_OK && push->noticed.len && !push->closing)
        loop_at_turn_end(push->loop, &push->turn, write_wishes, push);
}

/* One write at a time; what comes meanwhile gathers for the next. */
static void write_wishes(void *arg)
{
    struct push *push = arg;
    struct push_row *row;
    if (push->n || !push->noticed.len || !store_is_up(push->store))
        return;
    for (size_t i = 0; push->n < BATCH && (row = map_next(&push->noticed, &i));)
        push->batch[push->n++] = *row;
    for (int i = 0; i < push->n; i++)
        mem_free(map_remove(&push->noticed, push->batch[i].conversation));
    parley_status st = push_put(push->store, push->endpoint, push->batch, push->n, on_written, push);
    if (st != PARLEY_OK)
        on_written(push, st, NULL);
}

static bool is_for_customer(const struct log_row *row)
{
    return row->audience == audience_public && row->role != role_customer && row->role != role_guest;
}

static void on_stored(void *arg, struct conversation *conv, const struct log_row *row)
{
    struct push *push = arg;
    int64_t now = clock_ms();
    if (push->closing || push->ended || !is_for_customer(row) || now - row->at_ms > OLD_MS)
        return;
    merge(push, &(struct push_row){.conversation = conv->id,
                                   .customer = conv->customer,
                                   .id = crypto_uuid7(),
                                   .seq = row->seq,
                                   .due_ms = now + push->conf->push.delay_ms,
                                   .since_ms = row->at_ms});
    loop_at_turn_end(push->loop, &push->turn, write_wishes, push);
}

/* ---- an attempt ---- */

struct sending {
    struct push *push;
    struct push_row row;
};

int64_t push_next_ms(int attempt, unsigned chance)
{
    static const int64_t plan_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    if (attempt < 1 || attempt > (int)(sizeof plan_s / sizeof *plan_s))
        return 0;
    return plan_s[attempt - 1] * (800 + (int64_t)(chance % 1000) * 4 / 10); /* within a fifth */
}

static int64_t next_ms(const struct push_row *row)
{
    unsigned chance;
    crypto_random(&chance, sizeof chance);
    return push_next_ms(row->attempts, chance);
}

/* When Postgres did not hear of it the wish is due again after its lease: at least once, under the same id. */
static void on_noted(void *arg, parley_status status, const struct pg_fault *fault)
{
    if (status != PARLEY_OK && status != PARLEY_CANCELED)
        log_warn(NULL, "what became of a push request was not written", LOG_STATUS(status));
}

static void settle(struct push *push, const struct push_row *row)
{
    push_sent(push->store, row, clock_ms() + push->conf->push.delay_ms, on_noted, push);
}

static void failed(struct push *push, const struct push_row *row, parley_status status, int http, int64_t retry_after)
{
    int64_t wait = next_ms(row);
    push->failures++;
    metric_add(METRIC_push_failures_total, 1);
    log_warn(NULL, "a push request failed", LOG_UUID("conversation", row->conversation), LOG_STATUS(status),
             LOG_I64("http", http), LOG_I64("attempt", row->attempts), LOG_I64("again_in_ms", wait));
    if (!wait)
        log_error(NULL, "a push request is given up", LOG_UUID("conversation", row->conversation));
    if (wait)
        push_retry(push->store, row, clock_ms() + (wait > retry_after ? wait : retry_after), on_noted, push);
    else
        settle(push, row);
}

/* The other workers and processes see it with their next wish. */
static void on_ended(void *arg, parley_status status, const struct pg_fault *fault)
{
    struct push *push = arg;
    push->ending = false;
    push->told = status == PARLEY_OK;
}

static void tell_ended(struct push *push)
{
    if (!push->told && !push->ending && store_is_up(push->store))
        push->ending = push_end(push->store, push->endpoint, on_ended, push) == PARLEY_OK;
}

static void take(struct push *push);

static void on_answer(void *arg, parley_status status, const struct fetch_answer *answer)
{
    struct sending *s = arg;
    struct push *push = s->push;
    int http = status == PARLEY_OK ? answer->status : 0;
    push->in_flight--;
    if (http / 100 == 2) {
        push->failures = 0;
        metric_add(METRIC_push_requests_total, 1);
        settle(push, &s->row);
    } else if (http == 410) {
        push->ended = true;
        log_error(NULL, "the push service wants no more requests (410); none is sent until push.url is another");
        if (!push->closing)
            tell_ended(push);
    } else if (!push->closing) {
        failed(push, &s->row, status, http, answer ? answer->retry_after_ms : 0);
    }
    mem_free(s);
    if (push->more)
        take(push);
}

static struct span body_of(const struct push_row *row, struct buf *out)
{
    char id[UUID_TEXT + 1], conversation[UUID_TEXT + 1], customer[UUID_TEXT + 1];
    uuid_format(row->id, id);
    uuid_format(row->conversation, conversation);
    uuid_format(row->customer, customer);
    buf_printf(out,
               "{\"type\":\"push.requested\",\"id\":\"%s\",\"created_at\":%lld,"
               "\"data\":{\"conversation\":\"%s\",\"customer\":\"%s\",\"seq\":%lld%s%.*s}}",
               id, (long long)row->since_ms, conversation, customer, (long long)row->seq,
               row->devices.len ? ",\"devices\":" : "", SPAN_ARG(row->devices));
    return buf_span(out);
}

static parley_status post(struct push *push, struct sending *s, const struct push_row *row)
{
    int64_t now_s = clock_ms() / 1000;
    char id[UUID_TEXT + 1], at[24];
    struct buf body, signature;
    uuid_format(s->row.id, id);
    snprintf(at, sizeof at, "%lld", (long long)now_s);
    buf_init(&body, BODY_MAX);
    buf_init(&signature, 256);
    struct span text = body_of(row, &body);
    parley_status st = webhook_sign(push->conf->push.secret, span_str(id), now_s, text, &signature);
    struct fetch_header headers[] = {{"Content-Type", span_str("application/json")},
                                     {"webhook-id", span_str(id)},
                                     {"webhook-timestamp", span_str(at)},
                                     {"webhook-signature", buf_span(&signature)},
                                     {NULL, {0}}};
    struct fetch_request request = {
        .url = push->conf->push.url, .headers = headers, .body = text, .timeout_ms = TIMEOUT_MS};
    if (st == PARLEY_OK)
        st = fetch_start(push->fetcher, &request, on_answer, s);
    buf_done(&body);
    buf_done(&signature);
    return st;
}

static void attempt(struct push *push, const struct push_row *row)
{
    struct sending *s = mem_alloc(sizeof *s);
    *s = (struct sending){.push = push, .row = *row};
    s->row.devices = (struct span){0}; /* lives for the call alone */
    push->in_flight++;
    parley_status st = post(push, s, row);
    if (st == PARLEY_OK)
        return;
    push->in_flight--;
    failed(push, row, st, 0, 0);
    mem_free(s);
}

/* ---- due ones ---- */

static int room(const struct push *push)
{
    int most = push->failures < FAILING ? AT_ONCE : 1;
    return most - push->in_flight;
}

static void on_taken(void *arg, parley_status status, const struct push_row *rows, int n)
{
    struct push *push = arg;
    push->taking = false;
    push->more = status == PARLEY_OK && n > 0 && n >= room(push);
    for (int i = 0; status == PARLEY_OK && !push->closing && i < n; i++)
        attempt(push, &rows[i]);
}

static void take(struct push *push)
{
    int64_t now = clock_ms();
    struct push_take wish = {.endpoint = push->endpoint,
                             .now_ms = now,
                             .until_ms = now + LEASE_MS,
                             .part = push->part,
                             .parts = push->parts,
                             .limit = room(push)};
    if (push->taking || push->ended || push->closing || wish.limit <= 0 || !store_is_up(push->store))
        return;
    push->taking = push_take_due(push->store, &wish, on_taken, push) == PARLEY_OK;
}

static void on_sweep(void *arg)
{
    struct push *push = arg;
    write_wishes(push);
    take(push);
    if (push->ended)
        tell_ended(push);
    loop_timer_start(push->loop, &push->sweep, SWEEP_MS, on_sweep, push);
}

/* ---- life ---- */

struct push *push_new(const struct conf *conf, struct loop *loop, struct store *store, struct talk *talk,
                      const struct peers *peers, int self)
{
    if (!conf->push.url[0])
        return NULL;
    struct push *push = mem_alloc(sizeof *push);
    struct fetcher_config config = {.allow_http = conf->push.private_network,
                                    .allow_private = conf->push.private_network,
                                    .in_flight_max = AT_ONCE};
    push->conf = conf;
    push->loop = loop;
    push->store = store;
    push->part = self;
    push->parts = peers->count;
    push->fetcher = fetcher_new(loop, &config);
    crypto_sha256(span_str(conf->push.url), push->endpoint);
    talk_hook(talk, &(struct talk_hooks){.stored = on_stored, .arg = push});
    loop_timer_start(loop, &push->sweep, SWEEP_MS, on_sweep, push);
    return push;
}

bool push_idle(const struct push *push)
{
    return !push || (!push->noticed.len && !push->n);
}

void push_close(struct push *push)
{
    if (!push)
        return;
    push->closing = true;
    loop_timer_stop(&push->sweep);
    loop_turn_cancel(&push->turn);
    fetcher_stop(push->fetcher);
}

void push_free(struct push **push)
{
    struct push_row *row;
    if (!*push)
        return;
    for (size_t i = 0; (row = map_next(&(*push)->noticed, &i));)
        mem_free(row);
    map_done(&(*push)->noticed);
    fetcher_free(&(*push)->fetcher);
    mem_free(*push);
    *push = NULL;
}
