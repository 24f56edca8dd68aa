/* A stored item on its way to its readers: encoded at most once for each class of reader and encoding.
 * Counted; one worker's thread. Another worker gets the row and makes its own. */
#ifndef SERVER_HUB_BULLETIN_H
#define SERVER_HUB_BULLETIN_H

#include "protocol/frame.h"
#include "server/store/log.h"

struct link;
struct packet;

enum reader { READER_PUBLIC, READER_STAFF, READER_BARE, READER_CLASSES };

struct bulletin {
    int refs;
    struct log_row row; /* its body is owned */
    struct uuid whisper_to;
    bool whisper;
    struct packet *packets[READER_CLASSES][2];
};

/* Copies the row with its body. */
struct bulletin *bulletin_new(const struct log_row *row);
struct bulletin *bulletin_ref(struct bulletin *b);
void bulletin_unref(struct bulletin **b);

/* What this link may see of it; false: nothing, not even that it is there. */
bool bulletin_reader(const struct bulletin *b, const struct link *link, bool staff, enum reader *out);

/* Borrowed from the bulletin. */
struct packet *bulletin_packet(struct bulletin *b, enum reader reader, enum encoding encoding);

/* The same for a row that was read: a note may be a whisper to somebody else. */
enum reader bulletin_reader_of(const struct log_row *row, const struct link *link, bool staff);

/* The frame's item as this reader sees it; spans point into the row. */
void bulletin_item(const struct log_row *row, enum reader reader, struct frame_item *out);

#endif
