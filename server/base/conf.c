/* The layers become one struct here, with the rules between keys; and what of it may be taken while running. */
#include "server/base/conf.h"

#include "server/base/conf_read.h"
#include "server/base/conf_set.h"
#include "server/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_password(const char *text)
{
    const char *host = strstr(text, "://");
    const char *at = host ? memchr(host + 3, '@', strcspn(host + 3, "/?")) : NULL;
    return strstr(text, "password") || (at && memchr(host + 3, ':', (size_t)(at - host - 3)));
}

/* A file that everybody may read is no place for a secret; the URL of a database without a password is none. */
static void check_open_file(struct conf_memory *m, int row)
{
    const char *text = m->raw[row][LAYER_FILE].text;
    if (!m->file_is_open || conf_rows[row].type != CONF_SECRET || !text || !*text)
        return;
    if (row != CONF_KEY_database_url || has_password(text))
        conf_problem(m, row, LAYER_FILE, "is a secret, and everybody may read this file; chmod 600 it");
}

static void check_secret_keys(struct conf *conf)
{
    const char *key = conf->auth.master_key;
    if (*key && (strlen(key) != 64 || strspn(key, "0123456789abcdefABCDEF") != 64))
        conf_problem(conf->memory, CONF_KEY_auth_master_key, conf_top(conf->memory, CONF_KEY_auth_master_key),
                     "needs 64 hex digits; make some with `openssl rand -hex 32`");
}

/* libpq takes what is no URL of its own for the name of a database on this machine. */
static void check_database_url(struct conf *conf)
{
    const char *url = conf->database.url, *scheme = strstr(url, "://");
    size_t len = scheme ? (size_t)(scheme - url) : 0;
    if (!scheme || len != strcspn(url, " =/?") - 1)
        return;
    if ((len != 8 || strncmp(url, "postgres", len) != 0) && (len != 10 || strncmp(url, "postgresql", len) != 0))
        conf_problem(conf->memory, CONF_KEY_database_url, conf_top(conf->memory, CONF_KEY_database_url),
                     "needs a URL that begins with postgresql://");
}

static void check_rules(struct conf *conf)
{
    bool certificate = *conf->tls.certificate, key = *conf->tls.key;
    int row = certificate ? CONF_KEY_tls_certificate : CONF_KEY_tls_key;
    if (certificate != key)
        conf_problem(conf->memory, row, conf_top(conf->memory, row), "needs tls.%s as well",
                     certificate ? "key" : "certificate");
    if (conf->server.listen.count == 0)
        conf_problem(conf->memory, CONF_KEY_server_listen, conf_top(conf->memory, CONF_KEY_server_listen),
                     "needs an address; without one nobody could connect");
    if (*conf->push.url && !*conf->push.secret)
        conf_problem(conf->memory, CONF_KEY_push_url, conf_top(conf->memory, CONF_KEY_push_url),
                     "needs push.secret or push.secret_file as well, to sign with");
    check_database_url(conf);
    check_secret_keys(conf);
}

static const char *env_value(char *const *env, const char *name)
{
    size_t len = strlen(name);
    for (char *const *e = env; e && *e; e++)
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=' && (*e)[len + 1])
            return *e + len + 1;
    return NULL;
}

/* Which file to read; NULL when none was asked for and none is where one is looked for. */
static const char *choose_file(const struct conf_source *source)
{
    static const char *const places[] = {"parley.conf", "/etc/parley/parley.conf"};
    if (source->file)
        return source->file;
    const char *named = env_value(source->env, "PARLEY_CONFIG");
    if (named)
        return named;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], F_OK) == 0)
            return places[i];
    return NULL;
}

/* What it takes to read the same again. */
static void keep_source(struct conf_memory *m, const struct conf_source *source)
{
    size_t n = 0;
    while (source->sets && source->sets[n])
        n++;
    m->named = source->file ? conf_keep(m, mem_text(source->file)) : NULL;
    m->sets = conf_keep(m, mem_array(n + 1, sizeof *m->sets));
    for (size_t i = 0; i < n; i++)
        m->sets[i] = conf_keep(m, mem_text(source->sets[i]));
}

const struct conf *conf_load_again(const struct conf *conf, char *const *env, struct buf *problems)
{
    const struct conf_memory *m = conf->memory;
    return conf_load(&(struct conf_source){.file = m->named, .sets = m->sets, .env = env}, problems);
}

/* ---- the problems, as somebody goes through the file ---- */

struct problem {
    struct span text;
    long line; /* in the file; after all of those, in the order they came: what stands nowhere in it */
    size_t n;
};

static int by_line(const void *a, const void *b)
{
    const struct problem *p = a, *q = b;
    if (p->line != q->line)
        return p->line < q->line ? -1 : 1;
    return p->n < q->n ? -1 : 1;
}

static long line_of(const char *file, const char *text)
{
    size_t len = file ? strlen(file) : 0;
    bool in_file = len && strncmp(text, file, len) == 0 && text[len] == ':';
    return in_file && text[len + 1] >= '0' && text[len + 1] <= '9' ? strtol(text + len + 1, NULL, 10) : LONG_MAX;
}

static void sort_problems(const char *file, char *text, size_t len)
{
    struct problem *list = NULL;
    size_t n = 0;
    char *copy = mem_span(span_of(text, len)), *at = copy;
    for (char *end; (end = strchr(at, '\n')); at = end + 1) {
        list = mem_resize(list, (n + 1) * sizeof *list);
        list[n] = (struct problem){span_of(at, (size_t)(end + 1 - at)), line_of(file, at), n};
        n++;
    }
    if (n)
        qsort(list, n, sizeof *list, by_line);
    for (size_t i = 0; i < n; i++) {
        memcpy(text, list[i].text.ptr, list[i].text.len);
        text += list[i].text.len;
    }
    mem_free(list);
    mem_free(copy);
}

static void set_layers(struct conf *conf, int row)
{
    for (int layer = 0; layer < LAYERS; layer++)
        if (conf->memory->raw[row][layer].text)
            conf_set(conf, row, (enum conf_layer)layer);
}

static void set_secret(struct conf *conf, int row)
{
    if (conf_rows[row].type != CONF_SECRET)
        return;
    check_open_file(conf->memory, row);
    conf_set_secret(conf, row);
}

const struct conf *conf_load(const struct conf_source *source, struct buf *problems)
{
    struct conf *conf = mem_alloc(sizeof *conf);
    struct conf_memory *m = conf->memory = mem_alloc(sizeof *m);
    const char *file = choose_file(source);
    size_t before = problems->len;
    m->problems = problems;
    keep_source(m, source);
    conf_read_defaults(m);
    if (file)
        conf_read_file(m, file, source->text);
    conf_read_env(m, source->env);
    conf_read_sets(m, source->sets);
    for (int row = 0; row < CONF_KEYS; row++)
        set_layers(conf, row);
    for (int row = 0; row < CONF_KEYS; row++)
        set_secret(conf, row);
    check_rules(conf);
    if (problems->len > before)
        sort_problems(file, problems->ptr + before, problems->len - before);
    m->problems = NULL;

    const struct conf *done = conf;
    if (problems->len != before || problems->status != PARLEY_OK)
        conf_free(&done);
    return done;
}

void conf_free(const struct conf **at)
{
    struct conf *conf = (struct conf *)*at;
    *at = NULL;
    if (!conf)
        return;
    for (size_t i = 0; i < conf->memory->owned_count; i++)
        mem_free(conf->memory->owned[i]);
    mem_free(conf->memory->owned);
    mem_free(conf->memory);
    mem_free(conf);
}

const char *conf_file(const struct conf *conf)
{
    return conf->memory->file;
}

static const char *effective(const struct conf *conf, int row)
{
    if (conf_rows[row].type == CONF_SECRET)
        return *(const char **)conf_member((struct conf *)conf, row);
    return conf->memory->raw[row][conf_top(conf->memory, row)].text;
}

void conf_compare(const struct conf *now, const struct conf *next, struct buf *out)
{
    for (int row = 0; row < CONF_KEYS; row++) {
        const struct conf_key *key = &conf_rows[row].key;
        if (key->reload || strcmp(effective(now, row), effective(next, row)) == 0)
            continue;
        buf_printf(out, "%s%s.%s", out->len ? ", " : "", key->section, key->name);
    }
}

void conf_take(struct conf *own, const struct conf *next)
{
#define TAKE_START(member)
#define TAKE_RELOAD(member) own->member = next->member;
#define NAME_TEXT(name) name
#define NAME_FILE(name) name
#define NAME_URL(name) name
#define NAME_ADDR(name) name
#define NAME_LIST(name) name
#define NAME_ADDRS(name) name
#define NAME_NETS(name) name
#define NAME_BOOL(name) name
#define NAME_INT(name) name
#define NAME_TIME(name) name##_ms
#define NAME_SIZE(name) name##_bytes
#define NAME_RATE(name) name
#define SECTION_BEGIN(name, doc)
#define KEY(section, name, type, standard, min, max, when, doc) TAKE_##when(section.NAME_##type(name))
#define SECRET(section, name, when, doc) TAKE_##when(section.name)
#define CHOICE(section, name, standard, choices, when, doc) TAKE_##when(section.name)
#define SECTION_END(name)
#include "server/base/conf.def"
#undef SECTION_BEGIN
#undef KEY
#undef SECRET
#undef CHOICE
#undef SECTION_END
}

/* Enough of a database's URL to see which one it is, and no password wherever it may hide in it. */
static void add_masked(struct buf *out, const char *text)
{
    const char *host = strstr(text, "://");
    if (!*text)
        return;
    if (!host) {
        buf_add_str(out, "***");
        return;
    }
    host += 3;
    size_t len = strcspn(host, "/?");
    const char *at = memrchr(host, '@', len);
    const char *shown = at ? at + 1 : host;
    buf_printf(out, "%.*s%s%.*s/***", (int)(host - text), text, at ? "***@" : "", (int)(host + len - shown), shown);
}

void conf_value(const struct conf *conf, size_t i, struct buf *out)
{
    assert(i < CONF_KEYS);
    if (conf_rows[i].key.secret)
        add_masked(out, effective(conf, (int)i));
    else
        buf_add_str(out, effective(conf, (int)i));
}

void conf_origin(const struct conf *conf, size_t i, struct buf *out)
{
    const struct conf_memory *m = conf->memory;
    int row = (int)i;
    enum conf_layer top = conf_top(m, row);
    bool by_file = conf_rows[i].type == CONF_SECRET && conf_top(m, row + 1) > top;
    conf_place(m, by_file ? row + 1 : row, by_file ? conf_top(m, row + 1) : top, out);
    for (int layer = (int)top - 1; layer > LAYER_DEFAULT; layer--) {
        if (!m->raw[i][layer].text)
            continue;
        buf_add_str(out, " (");
        conf_place(m, row, (enum conf_layer)layer, out);
        buf_printf(out, " says %s)", conf_rows[i].key.secret ? "***" : m->raw[i][layer].text);
    }
}
