/* A bucket is one number: when it would be empty again if nothing more came. Whoever would push that further ahead than
 * the rate's own time has to wait. */
#include "server/api/gate.h"

#include "server/base/log.h"
#include "server/base/mem.h"
#include "server/base/metric.h"
#include "server/io/crypto.h"

#include <stdatomic.h>

enum { BUCKETS = 8192, SAID_EVERY_MS = 60000 };

struct counted {
    int64_t each_us, all_us; /* what one adds to a bucket, and what it holds */
    atomic_llong said_ms;    /* when its refusals were last logged */
    atomic_llong empty_at_us[BUCKETS];
};

struct gate {
    struct counted kinds[GATE_KINDS];
};

static const char *const names[GATE_KINDS] = {
    [GATE_GUEST] = "auth.guest_rate",
    [GATE_SIGN_IN] = "agents.address_rate",
    [GATE_TOKEN] = "auth.failure_rate",
    [GATE_PASSWORD] = "agents.login_rate",
};

static void set_rate(struct gate *gate, enum gate_kind kind, struct conf_rate rate)
{
    gate->kinds[kind].all_us = rate.per_ms * 1000;
    gate->kinds[kind].each_us = rate.per_ms * 1000 / rate.count;
}

struct gate *gate_new(const struct conf *conf)
{
    struct gate *gate = mem_alloc(sizeof *gate);
    set_rate(gate, GATE_GUEST, conf->auth.guest_rate);
    set_rate(gate, GATE_SIGN_IN, conf->agents.address_rate);
    set_rate(gate, GATE_TOKEN, conf->auth.failure_rate);
    set_rate(gate, GATE_PASSWORD, conf->agents.login_rate);
    return gate;
}

void gate_free(struct gate **gate)
{
    mem_free(*gate);
    *gate = NULL;
}

uint64_t gate_account(struct span name)
{
    uint8_t digest[32];
    uint64_t who;
    crypto_sha256(name, digest);
    memcpy(&who, digest, sizeof who);
    return who;
}

static atomic_llong *bucket_of(struct counted *counted, uint64_t who)
{
    return &counted->empty_at_us[who % BUCKETS];
}

/* When the bucket is empty again once one more is in it. */
static long long with_one_more(const struct counted *counted, long long empty_at_us, int64_t now_us)
{
    return (empty_at_us > now_us ? empty_at_us : now_us) + counted->each_us;
}

static int64_t wait_ms(const struct counted *counted, long long empty_at_us, int64_t now_us)
{
    int64_t over_us = empty_at_us - now_us - counted->all_us;
    return over_us > 0 ? over_us / 1000 + 1 : 0;
}

/* A mass of refusals is one line a minute. It names the key, as a proxy in front may be all there is to it. */
static void say(struct counted *counted, enum gate_kind kind, int64_t now_ms)
{
    long long said_ms = counted->said_ms;
    metric_add(METRIC_held_back_total, 1);
    if ((said_ms && now_ms - said_ms < SAID_EVERY_MS) ||
        !atomic_compare_exchange_strong(&counted->said_ms, &said_ms, now_ms))
        return;
    log_warn(NULL, "somebody is held back by a rate; behind a proxy, see server.trusted_proxies",
             LOG_STR("key", names[kind]));
}

int64_t gate_take(struct gate *gate, enum gate_kind kind, uint64_t who, int64_t now_ms)
{
    struct counted *counted = &gate->kinds[kind];
    atomic_llong *bucket = bucket_of(counted, who);
    long long before = *bucket, after;
    do {
        after = with_one_more(counted, before, now_ms * 1000);
        int64_t wait = wait_ms(counted, after, now_ms * 1000);
        if (wait) {
            say(counted, kind, now_ms);
            return wait;
        }
    } while (!atomic_compare_exchange_weak(bucket, &before, after));
    return 0;
}

void gate_give_back(struct gate *gate, enum gate_kind kind, uint64_t who)
{
    struct counted *counted = &gate->kinds[kind];
    atomic_fetch_sub(bucket_of(counted, who), counted->each_us);
}

int64_t gate_wait(struct gate *gate, enum gate_kind kind, uint64_t who, int64_t now_ms)
{
    struct counted *counted = &gate->kinds[kind];
    int64_t wait = wait_ms(counted, with_one_more(counted, *bucket_of(counted, who), now_ms * 1000), now_ms * 1000);
    if (wait)
        say(counted, kind, now_ms);
    return wait;
}
