/* What the script does to a connection and to the frames that leave it. */
#ifndef SERVER_MOCK_WEATHER_H
#define SERVER_MOCK_WEATHER_H

#include "server/mock/peer.h"

/* A rule acts: a line of the journal. */
void weather_log(struct peer *p, const struct rule *r, const char *on, const char *what);

/* What a rule does to the connection as a whole; false: it is about one frame. */
bool weather_ends(struct peer *p, const struct rule *r);

/* peer_end after so long, also when it has fallen silent. */
void weather_end_later(struct peer *p, int code, int64_t ms);

/* Frames that are held back never leave. */
void weather_forget(struct peer *p);

#endif
