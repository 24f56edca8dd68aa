/* Configuration: defaults, copies, and the names of files. */
#include "sdk-c/src/settings.h"

#include "protocol/limits.h"
#include "protocol/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void parley_config_init(parley_config *config, uint32_t size)
{
    const parley_config defaults = {.size = size, .page = SETTINGS_PAGE, .background_ms = 30000};
    memset(config, 0, size);
    memcpy(config, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

static bool copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

/* What a frame carries; empty is as good as none. */
static parley_status copy_field(char **out, const char *text, size_t most)
{
    if (!text || !*text)
        return PARLEY_OK;
    if (strlen(text) > most || text_valid(span_str(text)) != strlen(text))
        return PARLEY_INVALID;
    return copy_text(out, text) ? PARLEY_OK : PARLEY_NOMEM;
}

void settings_done(struct settings *s)
{
    char *texts[] = {s->url,     s->token, s->locale,    s->time_zone,  s->app_name,  s->app_version,
                     s->ca_file, s->user,  s->keep_path, s->cache_path, s->left_path, s->next_token};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    *s = (struct settings){0};
}

/* Files of a user are found again by what the app calls them, and their names do not tell who that is. */
static void name_of(const char *user, char out[33])
{
    uint64_t a = 0xcbf29ce484222325u, b = 0x9e3779b97f4a7c15u;
    for (const char *at = user; *at; at++) {
        a = (a ^ (uint8_t)*at) * 0x100000001b3u;
        b = (b + (uint8_t)*at) * 0xd6e8feb86659fd93u;
        b ^= b >> 32;
    }
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

static parley_status name_files(struct settings *s, const char *folder, const char *user)
{
    char name[33], keep[CLIENT_PATH_MAX], cache[CLIENT_PATH_MAX], left[CLIENT_PATH_MAX];
    size_t room = CLIENT_PATH_MAX - 16; /* for the endings that SQLite adds */
    if (!user || !*user || text_valid(span_str(user)) != strlen(user))
        return PARLEY_INVALID;
    name_of(user, name);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return errno == ENOSPC ? PARLEY_LIMIT : PARLEY_DENIED;
    size_t n = (size_t)snprintf(keep, room, "%s/parley-%s.keep", folder, name);
    size_t m = (size_t)snprintf(cache, room, "%s/parley-%s.cache", folder, name);
    if (n >= room || m >= room)
        return PARLEY_TOO_BIG;
    snprintf(left, room, "%s/parley.left", folder); /* of all users of the phone */
    bool copied = copy_text(&s->user, user) && copy_text(&s->keep_path, keep) && copy_text(&s->cache_path, cache) &&
                  copy_text(&s->left_path, left);
    return copied ? PARLEY_OK : PARLEY_NOMEM;
}

parley_status settings_copy(struct settings *s, const parley_config *config)
{
    s->flags = config->flags;
    s->page = config->page;
    s->background_ms = config->background_ms;
    if (!copy_text(&s->url, config->url) || !copy_text(&s->ca_file, config->ca_file))
        return PARLEY_NOMEM;
    const struct {
        char **out;
        const char *text;
        size_t most;
    } fields[] = {
        {&s->token, config->token, LIMIT_TOKEN},
        {&s->locale, config->locale, SETTINGS_LOCALE_MAX},
        {&s->time_zone, config->time_zone, LIMIT_NAME},
        {&s->app_name, config->app_name, LIMIT_NAME},
        {&s->app_version, config->app_version, LIMIT_NAME},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        parley_status st = copy_field(fields[i].out, fields[i].text, fields[i].most);
        if (st != PARLEY_OK)
            return st;
    }
    return config->folder ? name_files(s, config->folder, config->user) : PARLEY_OK;
}

/* The members of a caller's older, shorter struct; the rest keeps its default. */
parley_status settings_read(const parley_config *theirs, parley_config *out)
{
    if (theirs->size > sizeof *out)
        return PARLEY_LIMIT;
    parley_config_init(out, sizeof *out);
    memcpy(out, theirs, theirs->size);
    if (!out->url || out->page < 1 || out->page > LIMIT_PAGE_ITEMS)
        return PARLEY_INVALID;
    return PARLEY_OK;
}
