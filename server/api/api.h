/* The verbs: what a link or a back end may ask, who may ask it, and how it is answered. One a worker; its thread only.
 */
#ifndef SERVER_API_API_H
#define SERVER_API_API_H

#include "protocol/frame.h"
#include "server/base/conf.h"
#include "server/hub/link.h"
#include "server/talk/call.h"
#include "server/talk/permission.h"

struct directory;
struct gate;
struct jws_table;
struct mailbox;
struct marks;
struct offload;
struct route;
struct store;
struct ws;

struct api {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct hub *hub;
    struct talk *talk;
    struct route *route;
    struct directory *directory;
    struct offload *offload;
    struct mailbox *box; /* of this worker, for answers of the helper pool */
    struct marks *marks;
    struct gate *gate;        /* of the process */
    struct jws_table *tokens; /* of the keys in the directory */
    struct permissions had;   /* at the last refresh */
    int64_t blobs_swept_ms;   /* when uploads that came to nothing were last removed */
    struct uuid node;
    struct arena arena; /* of the message being read */
    struct buf scratch;
    bool draining;
};

struct api *api_new(const struct conf *conf, struct loop *loop, struct store *store, struct hub *hub, struct talk *talk,
                    struct route *route, struct directory *directory, struct offload *offload, struct mailbox *box,
                    struct gate *gate);
void api_free(struct api **api);

/* The directory was read anew: its keys are taken over, links that lost their access, or some of
 * their permissions, are closed. */
void api_refresh(struct api *api);

/* What io/ws calls. */
struct ws_calls;
extern const struct ws_calls api_ws_calls;

/* Every link is told to come back later, spread over the time; nothing new is taken. */
void api_drain(struct api *api, int64_t spread_ms);

/* Writes what is gathered, before the end. */
void api_flush(struct api *api);

/* ---- a request under way ---- */

/* Holds on to the link until it is answered. */
struct ask {
    struct api *api;
    struct link *link;
    int64_t id;
    enum frame_type type;
};

/* PARLEY_BUSY when too many are under way; then nothing is to be answered any more: it was refused. */
struct ask *ask_begin(struct api *api, struct link *link, const struct frame *frame);

/* Each answers and frees the ask. */
void ask_reply(struct ask *ask, enum frame_type type, const void *reply);
void ask_refuse(struct ask *ask, parley_status status, const char *text, const char *path);
void ask_refuse_result(struct ask *ask, const struct result *result);
void ask_drop(struct ask *ask); /* the link is gone, or has been answered otherwise */

/* ---- small things for handlers ---- */

/* Refuses at once; text NULL: the status's own. */
void api_refuse(struct link *link, int64_t id, parley_status status, const char *text, const char *path);

/* The same for PARLEY_RATE_LIMITED, with how long to wait. */
void api_refuse_rate(struct link *link, int64_t id, int64_t wait_ms, const char *text);

struct caller api_caller(const struct link *link);

/* Whether this version 7 id is older than the link: then it may be a repeat that nobody here remembers. */
bool api_made_before(struct uuid id, const struct link *link);

/* A bot's process on this link has come, gone, or said something of itself; or does not want this offer. */
void api_tell_bot(struct api *api, const struct link *link, bool here, struct uuid declined);

static inline bool link_is_bot(const struct link *link)
{
    return link->who && link->who->role == role_bot;
}

/* The session as a reader may see it. */
bool api_service(const struct api *api, const struct session_row *row, struct frame_service *out);

#endif
