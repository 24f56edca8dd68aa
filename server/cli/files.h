/* Small files of the command line. Each call says what is wrong and returns a cli_exit. Single thread. */
#ifndef SERVER_CLI_FILES_H
#define SERVER_CLI_FILES_H

#include "protocol/buf.h"

struct jws_key;

/* Mode 0600; a file that is there already is not written over (CLI_CONFLICT). */
int files_write_secret(const char *path, struct span bytes);

int files_read_key(const char *path, struct jws_key **out);

/* All of a file of at most the buffer's size. */
int files_read(const char *path, struct buf *out);

#endif
