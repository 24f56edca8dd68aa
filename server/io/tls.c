/* Mozilla's intermediate profile, without session resumption: a ticket would cost memory on every idle link. */
#include "server/io/tls.h"

#include "server/base/log.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

static const char CIPHERS_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char CIPHERS_12[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                 "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* The first thing OpenSSL complained about, in its words; the queue is empty afterwards. */
static const char *complaint(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return text ? text : "unknown";
}

static parley_status refuse(const char *what, const char *file, const char *why)
{
    log_error(NULL, what, LOG_STR("file", file), LOG_STR("why", why));
    return PARLEY_INVALID;
}

static parley_status check_mode(const char *key)
{
    struct stat st;
    if (stat(key, &st) != 0)
        return refuse("the TLS key cannot be read; check tls.key", key, "no such file");
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return refuse("the TLS key is open to others; run chmod 600 on it", key, "mode");
    return PARLEY_OK;
}

static parley_status put(SSL_CTX *ctx, const char *certificate, const char *key)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return refuse("the TLS certificate cannot be used; it has to be a PEM chain", certificate, complaint());
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return refuse("the TLS key cannot be used; it has to be the certificate's, in PEM", key, complaint());
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refuse("the TLS key does not belong to the certificate", key, complaint());
    if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx))) <= 0)
        return refuse("the TLS certificate has expired; get a new one", certificate, "expired");
    return PARLEY_OK;
}

parley_status tls_check(const char *certificate, const char *key)
{
    parley_status st = check_mode(key);
    if (st != PARLEY_OK)
        return st;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return refuse("TLS cannot be started", certificate, complaint());
    st = put(ctx, certificate, key);
    SSL_CTX_free(ctx);
    return st;
}

void tls_harden(void *ssl_ctx)
{
    SSL_CTX *ctx = ssl_ctx;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_ciphersuites(ctx, CIPHERS_13);
    SSL_CTX_set_cipher_list(ctx, CIPHERS_12);
    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384");
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    /* libwebsockets would change to another vhost by name, and that one may have no TLS */
    SSL_CTX_set_tlsext_servername_callback(ctx, NULL);
    ERR_clear_error();
}

parley_status tls_load(void *ssl_ctx, const char *certificate, const char *key)
{
    parley_status st = tls_check(certificate, key);
    return st == PARLEY_OK ? put(ssl_ctx, certificate, key) : st;
}

long tls_write(void *ssl, struct span bytes)
{
    size_t written = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl, bytes.ptr, bytes.len, &written) == 1)
        return (long)written;
    int error = SSL_get_error(ssl, 0);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0 : -1;
}

void tls_end(void *ssl)
{
    SSL_shutdown(ssl);
    ERR_clear_error();
}
