/* What the app configured, in copies of ours. Changed by its owner, the client, under its lock. */
#ifndef SDK_C_SRC_SETTINGS_H
#define SDK_C_SRC_SETTINGS_H

#include "sdk-c/include/parley/client.h"

enum {
    CLIENT_PATH_MAX = 1024,
    SETTINGS_PAGE = 50, /* what the server takes a hello to mean that says nothing of it */
    SETTINGS_LOCALE_MAX = 35,
};

struct settings {
    uint32_t flags, page, background_ms;
    char *url, *token, *locale, *time_zone, *app_name, *app_version, *ca_file;
    char *user, *keep_path, *cache_path; /* all NULL without a folder */
    char *left_path;                     /* see left.h; NULL without a folder */
    char *next_token;                    /* of a guest who signs in: the old one is good until it is taken */
};

/* A whole configuration out of one that may be of an older header. PARLEY_LIMIT: it is of a newer one. PARLEY_INVALID.
 */
parley_status settings_read(const parley_config *theirs, parley_config *out);

/* Makes the folder too, if there is to be one. Half a copy is freed like a whole one. */
parley_status settings_copy(struct settings *s, const parley_config *config);
void settings_done(struct settings *s);

#endif
