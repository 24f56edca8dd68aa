/* What an item says of a file must be so: the file was uploaded whole, to this conversation, and is what it is called.
 * Checked in the item's own transaction, so that what follows keeps its order. */
#ifndef SERVER_TALK_CLAIM_H
#define SERVER_TALK_CLAIM_H

#include "server/talk/move.h"

/* Adds the check to the move that stores this row. False, and nothing is added, when the row names no file. */
bool claim_files(struct move *move, const struct log_row *row);

#endif
