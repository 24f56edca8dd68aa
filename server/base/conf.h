/* The configuration: one struct, read once before threads start and const from then on.
 * A value comes from --set, else the environment (PARLEY_SECTION_KEY), else the file, else the default of conf.def;
 * where it came from is remembered. What nobody knows is refused, all mistakes at once. Any thread may read it. */
#ifndef SERVER_BASE_CONF_H
#define SERVER_BASE_CONF_H

#include "protocol/buf.h"
#include "protocol/status.h"

#include <stdint.h>

struct conf_list {
    const char *const *at;
    size_t count;
};

struct conf_rate {
    int64_t count;
    int64_t per_ms;
};

/* In the order of the names in conf.def; log.level and log.format begin with the values of server/base/log.h. */
enum { CONF_MIGRATE_AUTO, CONF_MIGRATE_CHECK, CONF_MIGRATE_OFF };
enum { CONF_LOG_FORMAT_AUTO = 2 };

/* struct conf, with a member struct a section: conf->server.hello_timeout_ms. A text is never NULL; "" is not given. */
#define CONF_MEMBER_TEXT(name) const char *name;
#define CONF_MEMBER_FILE(name) const char *name;
#define CONF_MEMBER_URL(name) const char *name;
#define CONF_MEMBER_ADDR(name) const char *name;
#define CONF_MEMBER_LIST(name) struct conf_list name;
#define CONF_MEMBER_ADDRS(name) struct conf_list name;
#define CONF_MEMBER_NETS(name) struct conf_list name;
#define CONF_MEMBER_BOOL(name) bool name;
#define CONF_MEMBER_INT(name) int64_t name;
#define CONF_MEMBER_TIME(name) int64_t name##_ms;
#define CONF_MEMBER_SIZE(name) int64_t name##_bytes;
#define CONF_MEMBER_RATE(name) struct conf_rate name;
#define SECTION_BEGIN(name, doc) struct {
#define KEY(section, name, type, standard, min, max, when, doc) CONF_MEMBER_##type(name)
#define SECRET(section, name, when, doc) const char *name;
#define CHOICE(section, name, standard, choices, when, doc) int name;
#define SECTION_END(name)                                                                                              \
    }                                                                                                                  \
    name;
struct conf {
#include "server/base/conf.def"
    struct conf_memory *memory;
};
#undef SECTION_BEGIN
#undef KEY
#undef SECRET
#undef CHOICE
#undef SECTION_END

struct conf_source {
    const char *file;        /* as given by --config; NULL: PARLEY_CONFIG, ./parley.conf, the system's, or none */
    struct span text;        /* what that file says, for tests; without bytes it is read */
    const char *const *sets; /* "section.key=value", ended by NULL; may be NULL */
    char *const *env;        /* as environ; may be NULL */
};

/* NULL when anything is wrong: then each line of `problems` says what, where and what to do. */
const struct conf *conf_load(const struct conf_source *source, struct buf *problems);
void conf_free(const struct conf **conf);

/* The same file and --set again, with the environment as it is given: for SIGHUP. NULL when it is wrong now. */
const struct conf *conf_load_again(const struct conf *conf, char *const *env, struct buf *problems);

/* The file it was read from; NULL when there is none. */
const char *conf_file(const struct conf *conf);

/* Keys that differ and need a restart, comma-separated; nothing when `next` may simply replace `now`. */
void conf_compare(const struct conf *now, const struct conf *next, struct buf *out);

/* Takes over from next what may change while the server runs. Texts are borrowed from next. */
void conf_take(struct conf *own, const struct conf *next);

/* The table, for `parley config`. Secrets have a second entry, name_file. */
struct conf_key {
    const char *section;
    const char *name;
    const char *type; /* for people: "duration" */
    const char *standard;
    const char *choices; /* "a|b|c" or NULL */
    const char *doc;
    int64_t min, max;
    bool reload;
    bool secret;
};

size_t conf_key_count(void);
const struct conf_key *conf_key(size_t i);
const char *conf_section_doc(const char *section);

/* The value in force as text, and where it comes from: "default", "parley.conf:3", "env PARLEY_LOG_LEVEL (...)".
 * Secrets are masked. */
void conf_value(const struct conf *conf, size_t i, struct buf *out);
void conf_origin(const struct conf *conf, size_t i, struct buf *out);

#endif
