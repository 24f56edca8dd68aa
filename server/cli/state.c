/* The folder's name is a digest of the path that parley was started in. */
#include "server/cli/state.h"

#include "server/base/mem.h"
#include "server/io/crypto.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORT = 12 };

parley_status state_make_dirs(const char *path)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(part, 0755);
        *slash = '/';
    }
    return mkdir(part, 0755) == 0 || errno == EEXIST ? PARLEY_OK : PARLEY_DENIED;
}

static void base_dir(char *out, size_t size)
{
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (geteuid() == 0)
        snprintf(out, size, "/var/lib/parley-dev");
    else if (xdg && *xdg == '/')
        snprintf(out, size, "%s/parley-dev", xdg);
    else
        snprintf(out, size, "%s/.local/state/parley-dev", home && *home == '/' ? home : "/tmp");
}

parley_status state_dir(char **out, struct buf *why)
{
    char base[PATH_MAX], cwd[PATH_MAX], hex[2 * CRYPTO_DIGEST + 1], path[PATH_MAX + SHORT + 1];
    uint8_t digest[CRYPTO_DIGEST];
    base_dir(base, sizeof base);
    if (!getcwd(cwd, sizeof cwd)) {
        buf_add_str(why, "the present folder is gone; change to one that exists");
        return PARLEY_DENIED;
    }
    crypto_sha256(span_str(cwd), digest);
    crypto_hex(span_of(digest, sizeof digest), hex);
    snprintf(path, sizeof path, "%s/%.*s", base, SHORT, hex);
    if (state_make_dirs(path) != PARLEY_OK) {
        buf_printf(why, "cannot make the folder %s: %s; give another with --state", path, strerror(errno));
        return PARLEY_DENIED;
    }
    *out = mem_text(path);
    return PARLEY_OK;
}
