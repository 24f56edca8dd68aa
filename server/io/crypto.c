/* Thin over OpenSSL: its EVP calls with fixed choices, and its error queue emptied wherever it may have grown. */
#include "server/io/crypto.h"

#include "server/base/clock.h"
#include "server/base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

enum { NONCE = 12, TAG = 16, SEAL_FORM = 1, WARN_DAYS = 14 };

struct crypto_hash {
    EVP_MD_CTX *ctx;
};

void crypto_random(void *out, size_t n)
{
    assert(n < 1 << 30);
    if (RAND_bytes(out, (int)n) == 1)
        return;
    fprintf(stderr, "parley: the system gives no randomness\n");
    abort();
}

struct uuid crypto_uuid7(void)
{
    uint8_t random[10];
    crypto_random(random, sizeof random);
    return uuid_v7(clock_ms(), random);
}

static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(sha256);
}

/* Looked for once: of a short text that takes more than the digest. */
void crypto_sha256(struct span bytes, uint8_t out[CRYPTO_DIGEST])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    int ok = EVP_Digest(bytes.ptr ? bytes.ptr : "", bytes.len, out, NULL, sha256, NULL);
    assert(ok == 1);
}

void crypto_hmac_sha256(struct span key, struct span bytes, uint8_t out[CRYPTO_DIGEST])
{
    assert(key.len < 1 << 30);
    const void *done =
        HMAC(EVP_sha256(), key.ptr ? key.ptr : "", (int)key.len, (const uint8_t *)bytes.ptr, bytes.len, out, NULL);
    assert(done);
}

struct crypto_hash *crypto_hash_new(void)
{
    struct crypto_hash *hash = mem_alloc(sizeof *hash);
    hash->ctx = EVP_MD_CTX_new();
    int ok = hash->ctx && EVP_DigestInit_ex(hash->ctx, EVP_sha256(), NULL);
    assert(ok);
    return hash;
}

void crypto_hash_add(struct crypto_hash *hash, struct span bytes)
{
    int ok = EVP_DigestUpdate(hash->ctx, bytes.ptr, bytes.len);
    assert(ok);
}

void crypto_hash_done(struct crypto_hash **at, uint8_t out[CRYPTO_DIGEST])
{
    struct crypto_hash *hash = *at;
    if (!hash)
        return;
    if (out)
        EVP_DigestFinal_ex(hash->ctx, out, NULL);
    EVP_MD_CTX_free(hash->ctx);
    mem_free(hash);
    *at = NULL;
}

bool crypto_equal(struct span a, struct span b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr ? a.ptr : "", b.ptr ? b.ptr : "", a.len) == 0;
}

void crypto_wipe(void *secret, size_t n)
{
    OPENSSL_cleanse(secret, n);
}

void crypto_token(const char *prefix, char out[CRYPTO_TOKEN + 1])
{
    uint8_t secret[32];
    struct buf text;
    assert(strlen(prefix) == 3);
    buf_init(&text, CRYPTO_TOKEN);
    crypto_random(secret, sizeof secret);
    buf_add_str(&text, prefix);
    crypto_base64url(span_of(secret, sizeof secret), &text);
    memcpy(out, text.ptr, CRYPTO_TOKEN);
    out[CRYPTO_TOKEN] = '\0';
    crypto_wipe(text.ptr, text.len);
    crypto_wipe(secret, sizeof secret);
    buf_done(&text);
}

void crypto_hex(struct span bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[(uint8_t)bytes.ptr[i] >> 4];
        *out++ = digits[(uint8_t)bytes.ptr[i] & 15];
    }
    *out = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

parley_status crypto_unhex(struct span text, uint8_t *out, size_t n)
{
    if (text.len != 2 * n)
        return PARLEY_INVALID;
    for (size_t i = 0; i < text.len; i++)
        if (hex_value(text.ptr[i]) < 0)
            return PARLEY_INVALID;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((unsigned)hex_value(text.ptr[2 * i]) << 4 | (unsigned)hex_value(text.ptr[2 * i + 1]));
    return PARLEY_OK;
}

static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(struct span bytes, const char *alphabet, struct buf *out)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    uint32_t held = 0;
    int bits = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        held = held << 8 | p[i];
        for (bits += 8; bits >= 6; bits -= 6)
            buf_add_char(out, alphabet[held >> (bits - 6) & 63]);
    }
    if (bits > 0)
        buf_add_char(out, alphabet[held << (6 - bits) & 63]);
}

static int sextet(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

/* Unpadded. Adds nothing unless the whole text is good. */
static parley_status decode(struct span text, const char *alphabet, struct buf *out)
{
    size_t before = out->len;
    uint32_t held = 0;
    int bits = 0;
    parley_status st = text.len % 4 == 1 ? PARLEY_INVALID : PARLEY_OK;
    for (size_t i = 0; st == PARLEY_OK && i < text.len; i++) {
        int six = sextet(text.ptr[i], alphabet);
        if (six < 0)
            st = PARLEY_INVALID;
        held = held << 6 | (uint32_t)(six & 63);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_add_char(out, (char)(held >> bits));
        }
    }
    if (st == PARLEY_OK && (held & ((1u << bits) - 1)))
        st = PARLEY_INVALID;
    if (st != PARLEY_OK)
        out->len = before;
    return st == PARLEY_OK ? out->status : st;
}

void crypto_base64url(struct span bytes, struct buf *out)
{
    encode(bytes, alphabet_url, out);
}

parley_status crypto_unbase64url(struct span text, struct buf *out)
{
    return decode(text, alphabet_url, out);
}

void crypto_base64(struct span bytes, struct buf *out)
{
    encode(bytes, alphabet_std, out);
    for (size_t i = bytes.len; i % 3; i++)
        buf_add_char(out, '=');
}

parley_status crypto_unbase64(struct span text, struct buf *out)
{
    if (text.len % 4 != 0)
        return PARLEY_INVALID;
    for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
        text.len--;
    return decode(text, alphabet_std, out);
}

/* OpenSSL takes a NULL input for the end of it. */
static const uint8_t *input(struct span s)
{
    return (const uint8_t *)(s.ptr ? s.ptr : "");
}

/* The form byte is part of what is authenticated: a later form cannot be passed off as this one. */
static bool seal_into(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct span about, struct span plain, uint8_t *at)
{
    int n;
    uint8_t *nonce = at + 1, *text = nonce + NONCE, *tag = text + plain.len;
    at[0] = SEAL_FORM;
    crypto_random(nonce, NONCE);
    return EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) && EVP_EncryptUpdate(ctx, NULL, &n, at, 1) &&
           EVP_EncryptUpdate(ctx, NULL, &n, input(about), (int)about.len) &&
           EVP_EncryptUpdate(ctx, text, &n, input(plain), (int)plain.len) && EVP_EncryptFinal_ex(ctx, text + n, &n) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag);
}

parley_status crypto_seal(const uint8_t key[CRYPTO_KEY], struct span about, struct span plain, struct buf *out)
{
    if (about.len > 1 << 20 || plain.len > 1 << 20)
        return PARLEY_TOO_BIG;
    uint8_t *at = (uint8_t *)buf_reserve(out, plain.len + CRYPTO_SEAL_EXTRA);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!at || !ctx) {
        EVP_CIPHER_CTX_free(ctx);
        return at ? PARLEY_NOMEM : out->status;
    }
    bool ok = seal_into(ctx, key, about, plain, at);
    EVP_CIPHER_CTX_free(ctx);
    assert(ok);
    return PARLEY_OK;
}

static bool open_into(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct span about, struct span sealed, uint8_t *out)
{
    int n;
    const uint8_t *at = (const uint8_t *)sealed.ptr, *nonce = at + 1, *text = nonce + NONCE;
    size_t len = sealed.len - CRYPTO_SEAL_EXTRA;
    return EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) && EVP_DecryptUpdate(ctx, NULL, &n, at, 1) &&
           EVP_DecryptUpdate(ctx, NULL, &n, input(about), (int)about.len) &&
           EVP_DecryptUpdate(ctx, out, &n, text, (int)len) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(text + len)) &&
           EVP_DecryptFinal_ex(ctx, out + n, &n);
}

parley_status crypto_open(const uint8_t key[CRYPTO_KEY], struct span about, struct span sealed, struct buf *out)
{
    if (sealed.len < CRYPTO_SEAL_EXTRA || sealed.ptr[0] != SEAL_FORM)
        return PARLEY_UNAUTHENTICATED;
    if (about.len > 1 << 20 || sealed.len > 2 << 20)
        return PARLEY_TOO_BIG;
    size_t before = out->len, len = sealed.len - CRYPTO_SEAL_EXTRA;
    char none, *at = len ? buf_reserve(out, len) : &none;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = at && ctx && open_into(ctx, key, about, sealed, (uint8_t *)at);
    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    if (ok)
        return PARLEY_OK;
    if (at)
        crypto_wipe(at, len);
    out->len = before;
    return out->status != PARLEY_OK ? out->status : PARLEY_UNAUTHENTICATED;
}

static X509 *read_certificate(const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *certificate = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return certificate;
}

static int no_passphrase(char *out, int size, int writing, void *arg)
{
    return -1;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "re");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, no_passphrase, NULL) : NULL;
    if (f)
        fclose(f);
    return key;
}

static parley_status check_dates(const X509 *certificate, const char *path, int64_t now_ms, struct buf *why)
{
    time_t now = (time_t)(now_ms / 1000), soon = now + WARN_DAYS * 86400;
    if (X509_cmp_time(X509_get0_notBefore(certificate), &now) > 0) {
        buf_printf(why, "%s is not valid yet", path);
        return PARLEY_INVALID;
    }
    if (X509_cmp_time(X509_get0_notAfter(certificate), &now) < 0) {
        buf_printf(why, "%s has expired", path);
        return PARLEY_INVALID;
    }
    if (X509_cmp_time(X509_get0_notAfter(certificate), &soon) < 0)
        buf_printf(why, "%s expires within %d days", path, WARN_DAYS);
    return PARLEY_OK;
}

static parley_status check_pair(X509 *certificate, EVP_PKEY *key, const char *certificate_path, const char *key_path,
                                struct buf *why)
{
    struct stat st;
    if (!certificate)
        buf_printf(why, "%s holds no certificate in PEM", certificate_path);
    else if (!key)
        buf_printf(why, "%s holds no private key in PEM without a passphrase", key_path);
    else if (X509_check_private_key(certificate, key) != 1)
        buf_printf(why, "%s is not the key of %s", key_path, certificate_path);
    else if (stat(key_path, &st) == 0 && (st.st_mode & S_IROTH))
        buf_printf(why, "%s can be read by everybody; chmod 600 it", key_path);
    else
        return PARLEY_OK;
    return PARLEY_INVALID;
}

parley_status crypto_check_tls(const char *certificate_path, const char *key_path, int64_t now_ms, struct buf *why)
{
    X509 *certificate = read_certificate(certificate_path);
    EVP_PKEY *key = read_key(key_path);
    parley_status st = check_pair(certificate, key, certificate_path, key_path, why);
    if (st == PARLEY_OK)
        st = check_dates(certificate, certificate_path, now_ms, why);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return st;
}
