/* Signatures of webhooks. */
#include "server/io/webhook.h"

#include "server/io/crypto.h"

#include <string.h>

enum { SECRET_MIN = 24, SECRET_MAX = 64, SECRETS_MAX = 2, SIGNED_MAX = 1 << 20 };

static const char prefix[] = "whsec_";

static struct span next_word(const char **at)
{
    *at += strspn(*at, " ");
    struct span word = span_of(*at, strcspn(*at, " "));
    *at += word.len;
    return word;
}

static bool read_secret(struct span word, struct buf *out)
{
    size_t n = sizeof prefix - 1;
    if (word.len <= n || memcmp(word.ptr, prefix, n) != 0)
        return false;
    return crypto_unbase64(span_of(word.ptr + n, word.len - n), out) == PARLEY_OK && out->len >= SECRET_MIN;
}

static void forget(struct buf *secret)
{
    if (secret->ptr)
        crypto_wipe(secret->ptr, secret->len);
    buf_done(secret);
}

static parley_status sign_once(struct span word, struct span text, struct buf *out)
{
    uint8_t digest[CRYPTO_DIGEST];
    struct buf secret;
    buf_init(&secret, SECRET_MAX);
    bool good = read_secret(word, &secret);
    if (good) {
        crypto_hmac_sha256(buf_span(&secret), text, digest);
        buf_add_str(out, out->len ? " v1," : "v1,");
        crypto_base64(span_of(digest, sizeof digest), out);
    }
    forget(&secret);
    return good ? out->status : PARLEY_INVALID;
}

static parley_status sign_all(const char *secrets, struct span text, struct buf *out)
{
    parley_status st = PARLEY_INVALID;
    struct span word;
    for (int i = 0; (word = next_word(&secrets)).len; i++) {
        st = i < SECRETS_MAX ? sign_once(word, text, out) : PARLEY_INVALID;
        if (st != PARLEY_OK)
            break;
    }
    return st;
}

bool webhook_secret_ok(const char *secrets)
{
    struct buf out;
    buf_init(&out, 256);
    parley_status st = sign_all(secrets, span_str(""), &out);
    buf_done(&out);
    return st == PARLEY_OK;
}

parley_status webhook_sign(const char *secrets, struct span id, int64_t seconds, struct span body, struct buf *out)
{
    struct buf text, signatures;
    buf_init(&text, SIGNED_MAX);
    buf_init(&signatures, 256);
    buf_add_span(&text, id);
    buf_printf(&text, ".%lld.", (long long)seconds);
    buf_add_span(&text, body);
    parley_status st = text.status == PARLEY_OK ? sign_all(secrets, buf_span(&text), &signatures) : text.status;
    if (st == PARLEY_OK)
        buf_add_span(out, buf_span(&signatures));
    buf_done(&text);
    buf_done(&signatures);
    return st;
}
