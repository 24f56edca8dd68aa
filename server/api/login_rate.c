/* A bucket for each hash of an account. Accounts that share one wait for each other, which bounds the memory. */
#include "server/api/login_rate.h"

#include "server/base/mem.h"

enum { BUCKETS = 4096 };

struct bucket {
    double tokens;
    int64_t at_ms;
};

struct login_rate {
    struct conf_rate rate;
    struct bucket buckets[BUCKETS];
};

struct login_rate *login_rate_new(struct conf_rate rate)
{
    struct login_rate *r = mem_alloc(sizeof *r);
    r->rate = rate;
    return r;
}

void login_rate_free(struct login_rate **rate)
{
    mem_free(*rate);
    *rate = NULL;
}

static struct bucket *bucket_of(struct login_rate *rate, struct span account)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < account.len; i++)
        hash = (hash ^ (unsigned char)account.ptr[i]) * 16777619u;
    return &rate->buckets[hash % BUCKETS];
}

int64_t login_rate_take(struct login_rate *rate, struct span account, int64_t now_ms)
{
    struct bucket *b = bucket_of(rate, account);
    double full = (double)rate->rate.count, per_ms = full / (double)rate->rate.per_ms;
    b->tokens = b->at_ms ? b->tokens + (double)(now_ms - b->at_ms) * per_ms : full;
    b->at_ms = now_ms;
    if (b->tokens > full)
        b->tokens = full;
    if (b->tokens < 1)
        return (int64_t)((1 - b->tokens) / per_ms) + 1;
    b->tokens -= 1;
    return 0;
}
