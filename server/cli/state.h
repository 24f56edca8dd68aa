/* Where `parley dev` keeps its cluster and its files: one folder for each folder that it is started in. Single thread.
 */
#ifndef SERVER_CLI_STATE_H
#define SERVER_CLI_STATE_H

#include "protocol/buf.h"

/* Below /var/lib/parley-dev for root, since `postgres` cannot enter root's home; else below the user's XDG state
 * folder. DENIED with a sentence when it cannot be made. The caller frees. */
parley_status state_dir(char **out, struct buf *why);

/* Makes every folder of the path that is missing. */
parley_status state_make_dirs(const char *path);

#endif
