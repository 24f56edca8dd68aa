/* What one layer says of one key, set in the struct; of layers that are set in order the last one stays.
 * What is wrong with it goes to the problems. */
#ifndef SERVER_BASE_CONF_SET_H
#define SERVER_BASE_CONF_SET_H

#include "server/base/conf_read.h"

/* Where the key's value is, or its secret's. */
static inline void *conf_member(struct conf *conf, int row)
{
    return (char *)conf + conf_rows[row].offset;
}

/* Nothing for the name of a secret's file. */
void conf_set(struct conf *conf, int row, enum conf_layer layer);

/* Reads the secret from its file if it is named. Secret and file are one key in two forms: the higher layer wins, both
 * in one layer is a mistake. */
void conf_set_secret(struct conf *conf, int row);

#endif
