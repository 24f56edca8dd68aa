/* Where values come from: the file, the environment, the command line. Nothing is converted here, only placed. */
#include "server/base/conf_read.h"

#include "server/base/conf_ini.h"
#include "server/base/mem.h"
#include "server/base/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENV_NAME_MAX = 64, SECRET_MAX = 4096 };

void *conf_keep(struct conf_memory *m, void *owned)
{
    m->owned = mem_resize(m->owned, (m->owned_count + 1) * sizeof *m->owned);
    m->owned[m->owned_count++] = owned;
    return owned;
}

enum conf_layer conf_top(const struct conf_memory *m, int row)
{
    for (int layer = LAYERS - 1; layer > LAYER_DEFAULT; layer--)
        if (m->raw[row][layer].text)
            return (enum conf_layer)layer;
    return LAYER_DEFAULT;
}

void conf_place(const struct conf_memory *m, int row, enum conf_layer layer, struct buf *out)
{
    char name[ENV_NAME_MAX];
    switch (layer) {
    case LAYER_FILE:
        buf_printf(out, "%s:%d", m->file, m->raw[row][layer].line);
        return;
    case LAYER_ENV:
        conf_env_name(row, name, sizeof name);
        buf_printf(out, "env %s", name);
        return;
    case LAYER_SET:
        buf_printf(out, "--set %s.%s", conf_rows[row].key.section, conf_rows[row].key.name);
        return;
    case LAYER_DEFAULT:
    case LAYERS:
        buf_add_str(out, "default");
    }
}

void conf_problem(struct conf_memory *m, int row, enum conf_layer layer, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    conf_place(m, row, layer, m->problems);
    buf_printf(m->problems, ": %s.%s %s\n", conf_rows[row].key.section, conf_rows[row].key.name, text);
}

void conf_read_defaults(struct conf_memory *m)
{
    for (int i = 0; i < CONF_KEYS; i++)
        m->raw[i][LAYER_DEFAULT].text = conf_keep(m, mem_text(conf_rows[i].key.standard));
}

static void put(struct conf_memory *m, int row, enum conf_layer layer, const char *value, int line)
{
    m->raw[row][layer] = (struct conf_raw){.text = conf_keep(m, mem_text(value)), .line = line};
}

/* The end of a sentence on a key that does not exist. */
static void add_advice(struct buf *out, const char *section, const char *name)
{
    const char *near = conf_near_key(section, name), *other = conf_section_with(name);
    if (near)
        buf_printf(out, "; did you mean `%s`?\n", near);
    else if (other)
        buf_printf(out, "; it belongs to [%s]\n", other);
    else
        buf_printf(out, "; `parley config keys` lists all\n");
}

static void on_section(void *arg, const char *section, int line)
{
    struct conf_memory *m = arg;
    const char *near = conf_near_section(section);
    if (conf_has_section(section))
        return;
    buf_printf(m->problems, "%s:%d: unknown section [%s]", m->file, line, section);
    if (near)
        buf_printf(m->problems, "; did you mean [%s]?\n", near);
    else
        buf_add_str(m->problems, "; `parley config keys` lists all\n");
}

static void on_entry(void *arg, const char *section, const char *name, const char *value, int line)
{
    struct conf_memory *m = arg;
    int row = conf_find(section, name);
    if (row >= 0 && m->raw[row][LAYER_FILE].text)
        buf_printf(m->problems, "%s:%d: `%s` is given twice in [%s], first in line %d\n", m->file, line, name, section,
                   m->raw[row][LAYER_FILE].line);
    else if (row >= 0)
        put(m, row, LAYER_FILE, value, line);
    else if (!*section)
        buf_printf(m->problems, "%s:%d: `%s` stands before any [section]\n", m->file, line, name);
    else if (conf_has_section(section)) {
        buf_printf(m->problems, "%s:%d: unknown key `%s` in [%s]", m->file, line, name, section);
        add_advice(m->problems, section, name);
    }
}

static void on_problem(void *arg, int line, const char *what)
{
    struct conf_memory *m = arg;
    buf_printf(m->problems, "%s:%d: %s\n", m->file, line, what);
}

/* A whole file of at most max bytes; the caller frees. NULL and a sentence when it cannot be read. */
static char *slurp(const char *path, size_t max, size_t *out_len, const char **out_why)
{
    struct stat st;
    char *bytes = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        *out_why = errno == ENOENT ? "there is no such file" : "this file cannot be read by this user";
    } else if (!S_ISREG(st.st_mode)) {
        *out_why = "not a file";
    } else if ((uint64_t)st.st_size > max) {
        *out_why = "far too big for what it should hold";
    } else {
        bytes = mem_alloc((size_t)st.st_size + 1);
        ssize_t n = read(fd, bytes, (size_t)st.st_size);
        *out_len = n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

void conf_read_file(struct conf_memory *m, const char *path, struct span text)
{
    const struct conf_ini handler = {
        .arg = m, .on_section = on_section, .on_entry = on_entry, .on_problem = on_problem};
    m->file = conf_keep(m, mem_text(path));
    if (text.ptr) {
        conf_ini_read(text, &handler);
        return;
    }
    const char *why = "";
    struct stat st;
    size_t len;
    m->file_is_open = stat(path, &st) == 0 && (st.st_mode & S_IROTH);
    char *bytes = slurp(path, CONF_INI_BYTES, &len, &why);
    if (bytes)
        conf_ini_read(span_of(bytes, len), &handler);
    else
        buf_printf(m->problems, "%s: %s\n", path, why);
    mem_free(bytes);
}

/* The row of "PARLEY_SECTION_KEY"; else the nearest such name, when it is near enough to be a slip. */
static int find_env(const char *typed, size_t len, char *out_near, size_t size)
{
    char name[ENV_NAME_MAX], word[ENV_NAME_MAX];
    unsigned least = 3;
    snprintf(word, sizeof word, "%.*s", (int)len, typed);
    for (int i = 0; i < CONF_KEYS; i++) {
        conf_env_name(i, name, sizeof name);
        unsigned distance = suggest_distance(word, name);
        if (distance == 0)
            return i;
        if (distance >= least)
            continue;
        least = distance;
        snprintf(out_near, size, "%s", name);
    }
    return -1;
}

void conf_read_env(struct conf_memory *m, char *const *env)
{
    for (char *const *e = env; e && *e; e++) {
        char near[ENV_NAME_MAX] = "";
        size_t len = strcspn(*e, "=");
        if (strncmp(*e, "PARLEY_", 7) != 0 || (*e)[len] != '=' || len >= ENV_NAME_MAX)
            continue;
        int row = find_env(*e, len, near, sizeof near);
        if (row >= 0)
            put(m, row, LAYER_ENV, *e + len + 1, 0);
        else if (*near)
            buf_printf(m->problems, "env %.*s: no such key; did you mean %s?\n", (int)len, *e, near);
    }
}

static void read_set(struct conf_memory *m, const char *set)
{
    char section[32] = "", name[32] = "";
    const char *equals = strchr(set, '='), *dot = strchr(set, '.');
    if (!equals || !dot || dot > equals) {
        buf_printf(m->problems, "--set %.64s: not section.key=value\n", set);
        return;
    }
    snprintf(section, sizeof section, "%.*s", (int)(dot - set), set);
    snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);
    int row = conf_find(section, name);
    const char *near = conf_near_section(section);
    if (row >= 0) {
        put(m, row, LAYER_SET, equals + 1, 0);
    } else if (conf_has_section(section)) {
        buf_printf(m->problems, "--set %s.%s: unknown key", section, name);
        add_advice(m->problems, section, name);
    } else if (near) {
        buf_printf(m->problems, "--set %s.%s: unknown section; did you mean `%s`?\n", section, name, near);
    } else {
        buf_printf(m->problems, "--set %s.%s: unknown section; `parley config keys` lists all\n", section, name);
    }
}

void conf_read_sets(struct conf_memory *m, const char *const *sets)
{
    for (const char *const *s = sets; s && *s; s++)
        read_set(m, *s);
}

const char *conf_read_secret(struct conf_memory *m, const char *path, const char **out_why)
{
    struct stat st;
    size_t len;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH)) {
        *out_why = "can be read by everybody; chmod 600 it";
        return NULL;
    }
    char *text = slurp(path, SECRET_MAX, &len, out_why);
    if (!text)
        return NULL;
    conf_keep(m, text);
    if (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    if (len == 0 || strlen(text) != len) {
        *out_why = len == 0 ? "is empty" : "is not text";
        return NULL;
    }
    return text;
}
