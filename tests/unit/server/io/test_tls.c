/* TLS on a listener: which versions and protocols it speaks, links and requests through it, and a certificate that is
 * changed while it runs. */
#include "tests/unit/server/io/peer.h"
#include "tests/unit/server/io/rig.h"

#include "server/base/mem.h"
#include "server/io/tls.h"
#include "server/io/ws.h"
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
    char folder[32], certificate[64], key[64];
};

static X509 *make_certificate(EVP_PKEY *key, const char *name, long seconds)
{
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_pubkey(x, key);
    X509_sign(x, key, EVP_sha256());
    return x;
}

static void write_files(const struct files *files, const char *name, long seconds)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, name, seconds);
    FILE *f = fopen(files->certificate, "we");
    PEM_write_X509(f, certificate);
    fclose(f);
    unlink(files->key);
    f = fopen(files->key, "we");
    fchmod(fileno(f), 0600);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int setup(void **state)
{
    struct files *files = mem_alloc(sizeof *files);
    strcpy(files->folder, "/tmp/parley-tls-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
    snprintf(files->certificate, sizeof files->certificate, "%s/cert.pem", files->folder);
    snprintf(files->key, sizeof files->key, "%s/key.pem", files->folder);
    write_files(files, "first", 3600);
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    struct files *files = *state;
    unlink(files->certificate);
    unlink(files->key);
    rmdir(files->folder);
    mem_free(files);
    return 0;
}

/* ---- a peer ---- */

struct secure {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

static struct secure secure_connect(const struct rig *rig, int version_max, bool h2, bool *out_ok)
{
    struct secure s = {.fd = peer_connect(rig), .ctx = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_min_proto_version(s.ctx, TLS1_VERSION);
    SSL_CTX_set_security_level(s.ctx, 0);
    if (version_max)
        SSL_CTX_set_max_proto_version(s.ctx, version_max);
    s.ssl = SSL_new(s.ctx);
    if (h2)
        SSL_set_alpn_protos(s.ssl, (const unsigned char *)"\2h2\x8http/1.1", 12);
    SSL_set_tlsext_host_name(s.ssl, "plain"); /* the name of the library's other vhost */
    SSL_set_fd(s.ssl, s.fd);
    *out_ok = SSL_connect(s.ssl) == 1;
    return s;
}

static void secure_close(struct secure *s)
{
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
    close(s->fd);
}

static void certificate_name(struct secure *s, char *out, int len)
{
    X509 *x = SSL_get1_peer_certificate(s->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out, len);
    X509_free(x);
}

static size_t secure_read_all(struct secure *s, char *to, size_t max)
{
    size_t len = 0;
    int n;
    while (len + 1 < max && (n = SSL_read(s->ssl, to + len, (int)(max - 1 - len))) > 0)
        len += (size_t)n;
    to[len] = 0;
    return len;
}

static void secure_write(struct secure *s, const char *text)
{
    assert_int_equal(SSL_write(s->ssl, text, (int)strlen(text)), strlen(text));
}

static struct rig *start(const struct files *files)
{
    return rig_start(&(struct rig_options){.tls = true, .certificate = files->certificate, .key = files->key});
}

/* ---- tests ---- */

static void only_12_and_13_are_spoken_and_never_h2(void **state)
{
    static const struct {
        int version;
        bool ok;
    } versions[] = {{TLS1_VERSION, false}, {TLS1_1_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
    struct rig *rig = start(*state);
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        const unsigned char *alpn = NULL;
        unsigned len = 0;
        bool ok;
        struct secure s = secure_connect(rig, versions[i].version, true, &ok);
        assert_int_equal(ok, versions[i].ok);
        SSL_get0_alpn_selected(s.ssl, &alpn, &len);
        if (ok)
            assert_true(span_is(span_of(alpn, len), "http/1.1"));
        secure_close(&s);
    }
    rig_stop(&rig);
}

static void a_request_is_answered_whole(void **state)
{
    enum { ROOM = 2 << 20 };
    struct rig *rig = start(*state);
    char *answer = mem_alloc(ROOM);
    bool ok;
    struct secure s = secure_connect(rig, 0, false, &ok);
    assert_true(ok);
    secure_write(&s, "GET /big HTTP/1.1\r\nHost: plain\r\n\r\n");
    secure_read_all(&s, answer, ROOM);
    assert_non_null(strstr(answer, "\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains\r\n"));
    assert_int_equal(strspn(strstr(answer, "\r\n\r\n") + 4, "b"), 1 << 20);
    assert_int_equal(SSL_get_shutdown(s.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    secure_close(&s);
    mem_free(answer);
    rig_stop(&rig);
}

static void a_link_works_through_it(void **state)
{
    enum { COUNT = 50, FRAME = 4 + 10000 };
    struct rig *rig = start(*state);
    char answer[1024], *frames = mem_alloc(COUNT * FRAME);
    bool ok;
    struct secure s = secure_connect(rig, 0, false, &ok);
    assert_true(ok);
    secure_write(&s, "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: parley.v1.json\r\n\r\n");
    int n = SSL_read(s.ssl, answer, sizeof answer - 1);
    assert_true(n > 0 && !strncmp(answer, "HTTP/1.1 101", 12));
    assert_int_equal(SSL_write(s.ssl, "\x81\x8d\0\0\0\0send 50 10000", 19), 19);
    size_t len = 0;
    while (len < COUNT * FRAME && (n = SSL_read(s.ssl, frames + len, (int)(COUNT * FRAME - len))) > 0)
        len += (size_t)n;
    assert_int_equal(len, COUNT * FRAME);
    for (int i = 0; i < COUNT; i++)
        assert_memory_equal(frames + i * FRAME, "\x81\x7e\x27\x10xxxx", 8);
    mem_free(frames);
    secure_close(&s);
    rig_closed(rig);
    rig_stop(&rig);
}

static void plain_bytes_on_a_tls_port_are_dropped(void **state)
{
    struct rig *rig = start(*state);
    char *answer = peer_talk(rig, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_null(strstr(answer, "200 OK"));
    assert_int_equal(rig_requests(rig), 0);
    mem_free(answer);
    rig_stop(&rig);
}

static void a_handshake_that_does_not_come_is_dropped(void **state)
{
    struct files *files = *state;
    struct rig *rig = rig_start(
        &(struct rig_options){.tls = true, .certificate = files->certificate, .key = files->key, .head_ms = 300});
    int fd = peer_connect(rig);
    char *answer = peer_read_all(fd, NULL);
    assert_string_equal(answer, "");
    mem_free(answer);
    close(fd);
    rig_stop(&rig);
}

static void reload(struct ws *ws)
{
    assert_int_equal(ws_reload_tls(ws), PARLEY_OK);
}

static void reload_refused(struct ws *ws)
{
    assert_int_equal(ws_reload_tls(ws), PARLEY_INVALID);
}

static void expect_name(struct rig *rig, const char *name)
{
    char got[64];
    bool ok;
    struct secure s = secure_connect(rig, 0, false, &ok);
    assert_true(ok);
    certificate_name(&s, got, sizeof got);
    assert_string_equal(got, name);
    secure_close(&s);
}

static void a_new_certificate_is_used_and_a_bad_one_is_not(void **state)
{
    struct files *files = *state;
    struct rig *rig = start(files);
    expect_name(rig, "first");
    write_files(files, "second", 3600);
    rig_run(rig, reload);
    expect_name(rig, "second");
    write_files(files, "expired", -60);
    rig_run(rig, reload_refused);
    expect_name(rig, "second");
    rig_stop(&rig);
}

static void files_that_cannot_be_served_are_refused(void **state)
{
    struct files *files = *state, other = *files;
    assert_int_equal(tls_check(files->certificate, files->key), PARLEY_OK);
    assert_int_equal(tls_check(files->certificate, "/nowhere/key.pem"), PARLEY_INVALID);
    assert_int_equal(tls_check("/nowhere/cert.pem", files->key), PARLEY_INVALID);
    assert_int_equal(tls_check(files->key, files->key), PARLEY_INVALID);
    chmod(files->key, 0644);
    assert_int_equal(tls_check(files->certificate, files->key), PARLEY_INVALID);
    chmod(files->key, 0600);
    snprintf(other.key, sizeof other.key, "%s/other.pem", files->folder);
    write_files(&other, "other", 3600); /* its certificate replaces the first one, whose key stays */
    assert_int_equal(tls_check(files->certificate, files->key), PARLEY_INVALID);
    unlink(other.key);
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FILES(only_12_and_13_are_spoken_and_never_h2),
        WITH_FILES(a_request_is_answered_whole),
        WITH_FILES(a_link_works_through_it),
        WITH_FILES(plain_bytes_on_a_tls_port_are_dropped),
        WITH_FILES(a_handshake_that_does_not_come_is_dropped),
        WITH_FILES(a_new_certificate_is_used_and_a_bad_one_is_not),
        WITH_FILES(files_that_cannot_be_served_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
