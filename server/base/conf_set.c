/* A value of the configuration becomes a member of the struct: converted and checked by the type of its key. */
#include "server/base/conf_set.h"

#include "server/base/conf_value.h"
#include "server/base/mem.h"
#include "server/base/network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4200, LIST_MAX = 64 };

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
    *(const char **)conf_member(conf, row) = text;
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
    *(const char **)conf_member(conf, row) = text;
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
    *(const char **)conf_member(conf, row) = path;
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
    for (size_t i = 0; conf_rows[row].type == CONF_NETS && i < list.count; i++)
        if (network_parse(list.at[i], &(struct network){0}) != PARLEY_OK)
            conf_problem(m, row, layer, "needs networks like 10.0.0.0/8, not `%.80s`", list.at[i]);
    *(struct conf_list *)conf_member(conf, row) = list;
}

static void set_bool(struct conf *conf, int row, enum conf_layer layer)
{
    if (conf_parse_bool(conf->memory->raw[row][layer].text, conf_member(conf, row)) != PARLEY_OK)
        problem_value(conf->memory, row, layer, "yes or no");
}

static void set_choice(struct conf *conf, int row, enum conf_layer layer)
{
    char needs[128];
    const char *choices = conf_rows[row].key.choices;
    snprintf(needs, sizeof needs, "one of %s", choices);
    if (conf_parse_choice(conf->memory->raw[row][layer].text, choices, conf_member(conf, row)) != PARLEY_OK)
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
        *(struct conf_rate *)conf_member(conf, row) = rate;
}

/* As it is written: in the greatest unit that divides it. */
static void write_time(int64_t ms, char *out, size_t size)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (units[i].ms > 1 && ms % units[i].ms)
        i++;
    if (ms)
        snprintf(out, size, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
    else
        snprintf(out, size, "0");
}

static void problem_range(struct conf_memory *m, int row, enum conf_layer layer)
{
    const struct conf_key *key = &conf_rows[row].key;
    const char *text = m->raw[row][layer].text;
    char low[32], high[32];
    write_time(key->min, low, sizeof low);
    write_time(key->max, high, sizeof high);
    if (conf_rows[row].type == CONF_TIME)
        conf_problem(m, row, layer, "needs %s to %s, not `%.80s`", low, high, text);
    else
        conf_problem(m, row, layer, "needs %" PRId64 " to %" PRId64 "%s, not `%.80s`", key->min, key->max,
                     conf_rows[row].type == CONF_INT ? "" : " bytes", text);
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
        problem_range(m, row, layer);
    else
        *(int64_t *)conf_member(conf, row) = n;
}

static void (*const setters[])(struct conf *conf, int row, enum conf_layer layer) = {
    [CONF_TEXT] = set_text,   [CONF_SECRET] = set_text,   [CONF_URL] = set_url,      [CONF_ADDR] = set_address,
    [CONF_FILE] = set_file,   [CONF_LIST] = set_list,     [CONF_ADDRS] = set_list,   [CONF_NETS] = set_list,
    [CONF_BOOL] = set_bool,   [CONF_CHOICE] = set_choice, [CONF_RATE] = set_rate,    [CONF_INT] = set_number,
    [CONF_TIME] = set_number, [CONF_SIZE] = set_number,   [CONF_SECRET_FILE] = NULL,
};

void conf_set(struct conf *conf, int row, enum conf_layer layer)
{
    if (setters[conf_rows[row].type])
        setters[conf_rows[row].type](conf, row, layer);
}

void conf_set_secret(struct conf *conf, int row)
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
        *(const char **)conf_member(conf, row) = secret;
    else
        conf_problem(m, row + 1, file, "names %.80s: %s", path, why);
}
