/* conf.def as a table, and looking things up in it. */
#include "server/base/conf_key.h"

#include "server/base/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { START = false, RELOAD = true };

#define OFFSET_TEXT(section, name) offsetof(struct conf, section.name)
#define OFFSET_FILE OFFSET_TEXT
#define OFFSET_URL OFFSET_TEXT
#define OFFSET_ADDR OFFSET_TEXT
#define OFFSET_LIST OFFSET_TEXT
#define OFFSET_ADDRS OFFSET_TEXT
#define OFFSET_NETS OFFSET_TEXT
#define OFFSET_BOOL OFFSET_TEXT
#define OFFSET_INT OFFSET_TEXT
#define OFFSET_RATE OFFSET_TEXT
#define OFFSET_TIME(section, name) offsetof(struct conf, section.name##_ms)
#define OFFSET_SIZE(section, name) offsetof(struct conf, section.name##_bytes)

#define NAME_TEXT "text"
#define NAME_LIST "list"
#define NAME_FILE "file"
#define NAME_URL "url"
#define NAME_ADDR "address"
#define NAME_ADDRS "addresses"
#define NAME_NETS "networks"
#define NAME_BOOL "yes or no"
#define NAME_INT "number"
#define NAME_TIME "duration"
#define NAME_SIZE "size"
#define NAME_RATE "rate"

#define SECTION_BEGIN(name, doc)
#define SECTION_END(name)
#define KEY(s, n, t, d, lo, hi, when, text)                                                                            \
    {.key = {.section = #s,                                                                                            \
             .name = #n,                                                                                               \
             .type = NAME_##t,                                                                                         \
             .standard = d,                                                                                            \
             .doc = text,                                                                                              \
             .min = lo,                                                                                                \
             .max = hi,                                                                                                \
             .reload = when},                                                                                          \
     .type = CONF_##t,                                                                                                 \
     .offset = OFFSET_##t(s, n)},
#define SECRET(s, n, when, text)                                                                                       \
    {.key = {.section = #s,                                                                                            \
             .name = #n,                                                                                               \
             .type = "secret",                                                                                         \
             .standard = "",                                                                                           \
             .doc = text,                                                                                              \
             .max = 4096,                                                                                              \
             .reload = when,                                                                                           \
             .secret = true},                                                                                          \
     .type = CONF_SECRET,                                                                                              \
     .offset = offsetof(struct conf, s.n)},                                                                            \
        {.key = {.section = #s,                                                                                        \
                 .name = #n "_file",                                                                                   \
                 .type = NAME_FILE,                                                                                    \
                 .standard = "",                                                                                       \
                 .doc = "a file that holds " #s "." #n ", for nobody else to read",                                    \
                 .max = 4096,                                                                                          \
                 .reload = when},                                                                                      \
         .type = CONF_SECRET_FILE,                                                                                     \
         .offset = offsetof(struct conf, s.n)},
#define CHOICE(s, n, d, list, when, text)                                                                              \
    {.key =                                                                                                            \
         {.section = #s, .name = #n, .type = "choice", .standard = d, .choices = list, .doc = text, .reload = when},   \
     .type = CONF_CHOICE,                                                                                              \
     .offset = offsetof(struct conf, s.n)},
const struct conf_key_row conf_rows[CONF_KEYS] = {
#include "server/base/conf.def"
};
#undef SECTION_BEGIN
#undef SECTION_END
#undef KEY
#undef SECRET
#undef CHOICE

#define SECTION_BEGIN(name, doc) {#name, doc},
#define SECTION_END(name)
#define KEY(s, n, t, d, lo, hi, when, text)
#define SECRET(s, n, when, text)
#define CHOICE(s, n, d, list, when, text)
static const struct {
    const char *name;
    const char *doc;
} sections[] = {
#include "server/base/conf.def"
};

enum { SECTIONS = sizeof sections / sizeof *sections };

size_t conf_key_count(void)
{
    return CONF_KEYS;
}

const struct conf_key *conf_key(size_t i)
{
    return &conf_rows[i].key;
}

bool conf_has_section(const char *section)
{
    return conf_section_doc(section) != NULL;
}

const char *conf_section_doc(const char *section)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (strcmp(sections[i].name, section) == 0)
            return sections[i].doc;
    return NULL;
}

int conf_find(const char *section, const char *name)
{
    for (int i = 0; i < CONF_KEYS; i++)
        if (strcmp(conf_rows[i].key.section, section) == 0 && strcmp(conf_rows[i].key.name, name) == 0)
            return i;
    return -1;
}

void conf_env_name(int row, char *out, size_t size)
{
    snprintf(out, size, "PARLEY_%s_%s", conf_rows[row].key.section, conf_rows[row].key.name);
    for (char *p = out; *p; p++)
        *p = (char)toupper((unsigned char)*p);
}

const char *conf_near_section(const char *section)
{
    struct suggest s;
    suggest_init(&s, section);
    for (size_t i = 0; i < SECTIONS; i++)
        suggest_offer(&s, sections[i].name);
    return s.best;
}

const char *conf_near_key(const char *section, const char *name)
{
    struct suggest s;
    suggest_init(&s, name);
    for (int i = 0; i < CONF_KEYS; i++)
        if (strcmp(conf_rows[i].key.section, section) == 0)
            suggest_offer(&s, conf_rows[i].key.name);
    return s.best;
}

const char *conf_section_with(const char *name)
{
    for (int i = 0; i < CONF_KEYS; i++)
        if (strcmp(conf_rows[i].key.name, name) == 0)
            return conf_rows[i].key.section;
    return NULL;
}
