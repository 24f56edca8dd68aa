/* The layers become one struct here: each value converted and checked, secrets fetched, rules between keys. */
#include "server/base/conf.h"

#include "server/base/conf_read.h"
#include "server/base/conf_value.h"
#include "server/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4200, LIST_MAX = 64 };

static void *member(struct conf *conf, int row)
{
    return (char *)conf + conf_rows[row].offset;
}

static void problem_value(struct conf_memory *m, int row, enum conf_layer layer, const char *needs)
{
    conf_problem(m, row, layer, "needs %s, not `%.80s`", needs, m->raw[row][layer].text);
}

static void set_text(struct conf *conf, int row, enum conf_layer layer)
{
    struct conf_memory *m = conf->memory;
    const struct conf_key *key = &conf_rows[row].key;
    const char *text = m->raw[row][layer].text;
    size_t len = strlen(text);
    if ((int64_t)len < key->min || (int64_t)len > key->max)
        conf_problem(m, row, layer, "needs %" PRId64 " to %" PRId64 " bytes, not %zu", key->min, key->max, len);
    *(const char **)member(conf, row) = text;
}

static void set_url(struct conf *conf, int row, enum conf_layer layer)
{
    const char *text = conf->memory->raw[row][layer].text;
    if (*text && conf_check_url(text) != PARLEY_OK)
        problem_value(conf->memory, row, layer, "a URL like https://host/path");
    set_text(conf, row, layer);
}

static void set_address(struct conf *conf, int row, enum conf_layer layer)
{
    const char *text = conf->memory->raw[row][layer].text;
    if (*text && conf_check_address(text) != PARLEY_OK)
        problem_value(conf->memory, row, layer, "an address like 127.0.0.1:8300");
    *(const char **)member(conf, row) = text;
}

/* A relative path in the file means beside the file: the daemon's folder is nobody's choice. */
static const char *resolve_path(struct conf_memory *m, const char *text, enum conf_layer layer)
{
    char path[PATH_BYTES];
    const char *slash = layer == LAYER_FILE ? strrchr(m->file, '/') : NULL;
    if (!slash || *text == '/' || !*text)
        return text;
    snprintf(path, sizeof path, "%.*s%s", (int)(slash + 1 - m->file), m->file, text);
    return conf_keep(m, mem_text(path));
}

static void set_file(struct conf *conf, int row, enum conf_layer layer)
{
    const char *path = resolve_path(conf->memory, conf->memory->raw[row][layer].text, layer);
    if (*path && access(path, R_OK) != 0)
        problem_value(conf->memory, row, layer, "a file that this user may read");
    *(const char **)member(conf, row) = path;
}

static struct conf_list split(struct conf_memory *m, const char *text)
{
    const char **at = conf_keep(m, mem_array(LIST_MAX + 1, sizeof *at));
    size_t count = 0;
    while (*text && count <= LIST_MAX) {
        text += strspn(text, " \t,");
        size_t len = strcspn(text, ","), used = len;
        while (len > 0 && strchr(" \t", text[len - 1]))
            len--;
        if (len > 0)
            at[count++] = conf_keep(m, mem_span(span_of(text, len)));
        text += used;
    }
    return (struct conf_list){.at = at, .count = count};
}

static void set_list(struct conf *conf, int row, enum conf_layer layer)
{
    struct conf_memory *m = conf->memory;
    struct conf_list list = split(m, m->raw[row][layer].text);
    if (list.count > LIST_MAX)
        conf_problem(m, row, layer, "has more than %d entries", LIST_MAX);
    for (size_t i = 0; conf_rows[row].type == CONF_ADDRS && i < list.count; i++)
        if (conf_check_address(list.at[i]) != PARLEY_OK)
            conf_problem(m, row, layer, "needs addresses like 127.0.0.1:8300, not `%.80s`", list.at[i]);
    *(struct conf_list *)member(conf, row) = list;
}

static void set_bool(struct conf *conf, int row, enum conf_layer layer)
{
    if (conf_parse_bool(conf->memory->raw[row][layer].text, member(conf, row)) != PARLEY_OK)
        problem_value(conf->memory, row, layer, "yes or no");
}

static void set_choice(struct conf *conf, int row, enum conf_layer layer)
{
    char needs[128];
    const char *choices = conf_rows[row].key.choices;
    snprintf(needs, sizeof needs, "one of %s", choices);
    if (conf_parse_choice(conf->memory->raw[row][layer].text, choices, member(conf, row)) != PARLEY_OK)
        problem_value(conf->memory, row, layer, needs);
}

static void set_rate(struct conf *conf, int row, enum conf_layer layer)
{
    const struct conf_key *key = &conf_rows[row].key;
    struct conf_rate rate;
    if (conf_parse_rate(conf->memory->raw[row][layer].text, &rate) != PARLEY_OK || rate.count < key->min ||
        rate.count > key->max)
        problem_value(conf->memory, row, layer, "a rate like 5/m");
    else
        *(struct conf_rate *)member(conf, row) = rate;
}

/* Numbers, durations and sizes: one int64, a range, and a form to name when it is missed. */
static void set_number(struct conf *conf, int row, enum conf_layer layer)
{
    struct conf_memory *m = conf->memory;
    const struct conf_key *key = &conf_rows[row].key;
    enum conf_type type = conf_rows[row].type;
    const char *text = m->raw[row][layer].text;
    int64_t n = 0;
    parley_status st = type == CONF_INT    ? conf_parse_int(text, &n)
                       : type == CONF_TIME ? conf_parse_time(text, &n)
                                           : conf_parse_size(text, &n);
    if (st != PARLEY_OK)
        problem_value(m, row, layer,
                      type == CONF_INT    ? "a whole number"
                      : type == CONF_TIME ? "a duration like 500ms, 30s, 10m, 24h or 5d"
                                          : "a size like 4096, 64K, 8M or 1G");
    else if (n < key->min || n > key->max)
        conf_problem(m, row, layer, "needs %" PRId64 " to %" PRId64 "%s, not `%.80s`", key->min, key->max,
                     type == CONF_INT    ? ""
                     : type == CONF_TIME ? " ms"
                                         : " bytes",
                     text);
    else
        *(int64_t *)member(conf, row) = n;
}

static void set_value(struct conf *conf, int row, enum conf_layer layer)
{
    switch (conf_rows[row].type) {
    case CONF_TEXT:
    case CONF_SECRET:
        set_text(conf, row, layer);
        return;
    case CONF_URL:
        set_url(conf, row, layer);
        return;
    case CONF_ADDR:
        set_address(conf, row, layer);
        return;
    case CONF_FILE:
        set_file(conf, row, layer);
        return;
    case CONF_LIST:
    case CONF_ADDRS:
        set_list(conf, row, layer);
        return;
    case CONF_BOOL:
        set_bool(conf, row, layer);
        return;
    case CONF_CHOICE:
        set_choice(conf, row, layer);
        return;
    case CONF_RATE:
        set_rate(conf, row, layer);
        return;
    case CONF_INT:
    case CONF_TIME:
    case CONF_SIZE:
        set_number(conf, row, layer);
        return;
    case CONF_SECRET_FILE:
        return;
    }
}

/* A secret and the name of its file are one key in two forms: the higher layer wins, both in one layer is a mistake. */
static void fetch_secret(struct conf *conf, int row)
{
    struct conf_memory *m = conf->memory;
    enum conf_layer own = conf_top(m, row), file = conf_top(m, row + 1);
    const char *why;
    if (file == LAYER_DEFAULT || file < own || !*m->raw[row + 1][file].text)
        return;
    if (file == own) {
        conf_problem(m, row + 1, file, "and %s.%s are both given; keep one", conf_rows[row].key.section,
                     conf_rows[row].key.name);
        return;
    }
    const char *path = resolve_path(m, m->raw[row + 1][file].text, file);
    const char *secret = conf_read_secret(m, path, &why);
    if (secret)
        *(const char **)member(conf, row) = secret;
    else
        conf_problem(m, row + 1, file, "names %.80s: %s", path, why);
}

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
        for (int layer = 0; layer < LAYERS; layer++)
            if (m->raw[row][layer].text)
                set_value(conf, row, (enum conf_layer)layer);
    for (int row = 0; row < CONF_KEYS; row++)
        if (conf_rows[row].type == CONF_SECRET) {
            check_open_file(m, row);
            fetch_secret(conf, row);
        }
    check_rules(conf);
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
        return *(const char **)member((struct conf *)conf, row);
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
