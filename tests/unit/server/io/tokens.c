/* See the header. */
#include "tests/unit/server/io/tokens.h"

#include "protocol/limits.h"
#include "server/io/crypto.h"
#include "tests/unit/unit.h"

struct jws_table *tokens;
struct jws_key *es_private, *rs_private;
const struct uuid app = {{1}};

struct jws_table *tokens_table(const char *issuer)
{
    return jws_table_new(
        &(struct jws_rules){.audience = "parley", .issuer = issuer, .leeway_ms = 60000, .ttl_max_ms = 24 * 3600000});
}

/* What the server has of it: the public half only. */
static struct jws_key *public_half(const struct jws_key *key)
{
    struct jws_key *out;
    const char *why;
    struct buf json;
    buf_init(&json, 8192);
    jws_key_json(key, false, &json);
    assert_int_equal(jws_key_parse(buf_span(&json), &out, &why), PARLEY_OK);
    buf_done(&json);
    return out;
}

int tokens_setup(void **state)
{
    struct jws_key *key;
    tokens = tokens_table("");
    assert_int_equal(jws_key_generate(JWS_ES256, &es_private), PARLEY_OK);
    assert_int_equal(jws_key_set_id(es_private, span_str("es")), PARLEY_OK);
    assert_int_equal(jws_key_generate(JWS_RS256, &rs_private), PARLEY_OK);
    assert_int_equal(jws_key_set_id(rs_private, span_str("rs")), PARLEY_OK);
    assert_int_equal(jws_key_secret(span_str(tokens_secret), &key), PARLEY_OK);
    assert_int_equal(jws_key_set_id(key, span_str("hs")), PARLEY_OK);
    assert_int_equal(jws_table_add(tokens, app, &key), PARLEY_OK);
    key = public_half(es_private);
    assert_int_equal(jws_table_add(tokens, app, &key), PARLEY_OK);
    key = public_half(rs_private);
    assert_int_equal(jws_table_add(tokens, app, &key), PARLEY_OK);
    return 0;
}

int tokens_teardown(void **state)
{
    jws_table_free(&tokens);
    jws_key_free(&es_private);
    jws_key_free(&rs_private);
    return 0;
}

/* Signs whatever it is given. */
void tokens_sign(struct buf *out, const char *header, const char *claims, struct span key)
{
    uint8_t mac[CRYPTO_DIGEST];
    buf_init(out, 1 << 20);
    crypto_base64url(span_str(header), out);
    buf_add_char(out, '.');
    crypto_base64url(span_str(claims), out);
    crypto_hmac_sha256(key, buf_span(out), mac);
    buf_add_char(out, '.');
    crypto_base64url(span_of(mac, sizeof mac), out);
}

parley_status tokens_verify(struct jws_table *t, struct span token)
{
    const struct jws_claims *claims;
    const char *why = NULL;
    parley_status st = jws_verify(t, token, TOKENS_NOW_S * 1000, &claims, &why);
    assert_true((st == PARLEY_OK) == (why == NULL));
    return st;
}

parley_status tokens_verify_signed(const char *header, const char *claims)
{
    struct buf token;
    tokens_sign(&token, header, claims, span_str(tokens_secret));
    parley_status st = tokens_verify(tokens, buf_span(&token));
    buf_done(&token);
    return st;
}

void tokens_mint(const struct jws_key *key, struct buf *out)
{
    buf_init(out, LIMIT_TOKEN);
    assert_int_equal(jws_mint(key,
                              &(struct jws_draft){.audience = "parley",
                                                  .sub = "ana",
                                                  .name = "Ana Lima",
                                                  .language = "pt",
                                                  .issued_ms = TOKENS_NOW_S * 1000,
                                                  .expires_ms = (TOKENS_NOW_S + 3600) * 1000},
                              out),
                     PARLEY_OK);
}
