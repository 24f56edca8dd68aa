/* The table of conf.def as the reader uses it. Constant. */
#ifndef SERVER_BASE_CONF_KEY_H
#define SERVER_BASE_CONF_KEY_H

#include "server/base/conf.h"

enum conf_type {
    CONF_TEXT,
    CONF_LIST,
    CONF_FILE,
    CONF_URL,
    CONF_ADDR,
    CONF_ADDRS,
    CONF_NETS,
    CONF_BOOL,
    CONF_INT,
    CONF_TIME,
    CONF_SIZE,
    CONF_RATE,
    CONF_CHOICE,
    CONF_SECRET,
    CONF_SECRET_FILE, /* always right behind its CONF_SECRET, with the same offset */
};

struct conf_key_row {
    struct conf_key key;
    enum conf_type type;
    size_t offset; /* of the member of struct conf */
};

#define SECTION_BEGIN(name, doc)
#define KEY(section, name, type, standard, min, max, when, doc) CONF_KEY_##section##_##name,
#define SECRET(section, name, when, doc) CONF_KEY_##section##_##name, CONF_KEY_##section##_##name##_file,
#define CHOICE(section, name, standard, choices, when, doc) CONF_KEY_##section##_##name,
#define SECTION_END(name)
enum {
#include "server/base/conf.def"
    CONF_KEYS
};
#undef SECTION_BEGIN
#undef KEY
#undef SECRET
#undef CHOICE
#undef SECTION_END

extern const struct conf_key_row conf_rows[CONF_KEYS];

bool conf_has_section(const char *section);

/* The place in conf_rows; -1 when there is none. */
int conf_find(const char *section, const char *name);

/* PARLEY_SERVER_LISTEN. */
void conf_env_name(int row, char *out, size_t size);

/* What to call a mistyped section or key: the nearest, or NULL. */
const char *conf_near_section(const char *section);
const char *conf_near_key(const char *section, const char *name);

/* A section that has a key of that name, or NULL. */
const char *conf_section_with(const char *name);

#endif
