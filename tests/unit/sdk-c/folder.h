/* A folder for the files of a client, and disks that fail. */
#ifndef TESTS_UNIT_SDK_C_FOLDER_H
#define TESTS_UNIT_SDK_C_FOLDER_H

#include <stdbool.h>

/* A new, empty folder; its name is kept until the next call. */
const char *folder_make(void);
void folder_remove(const char *folder);

/* How many files there are whose name ends so. */
int folder_count(const char *folder, const char *ending);

/* Copies every file, as a kill at this moment would leave them. */
void folder_copy(const char *from, const char *to);

/* Writes rubbish into the files whose name ends so, from a byte on. */
void folder_damage(const char *folder, const char *ending, long from);

/* Mode and, for root, owner of the files whose name ends so. */
void folder_chmod(const char *folder, const char *ending, unsigned mode, unsigned owner);

/* The n-th write of SQLite from now on fails with this code of SQLite's, and all that follow;
 * negative: none does. Says whether one did since the last call. */
bool disk_fails_at(int n, int code);

/* Whether a loss of power at this moment would lose nothing: SQLite has written nothing since it last waited for the
 * disk. Of files that were opened after the first disk_fails_at. */
bool disk_has_all(void);

#endif
