/* Frames: what the two ends say to each other, in either encoding. frames.def and items.def say what there is; here it
 * becomes C. Each map is a struct `frame_<name>`, the body of an item `frame_<kind>_body`:
 *
 *     ID, ID7  struct uuid            INT, TIME  int64_t        REAL  double       BOOL  bool
 *     TEXT, NAME  struct span         BODY  struct body         CHOICE  int, a number of the enumeration
 *     ONE  the struct itself          LIST  a pointer `<name>` and a count `<name>_count`
 *
 * An OPT field has `has_<name>` beside it, but for lists, where absent is a count of 0. What is decoded borrows the
 * message and the arena. Nothing here keeps state: any thread. */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include "protocol/arena.h"
#include "protocol/buf.h"
#include "protocol/limits.h"
#include "protocol/uuid.h"
#include "protocol/value.h"
#include "protocol/wire.h"

/* Data of no fixed shape, always a map. Decoding sets value. Encoding takes json, which must be canonical or come from
 * jsonb, if its ptr is set, else value. */
struct body {
    const struct value *value;
    struct span json;
};

/* Enumerations: enum role { role_system, ... }. role_name is NULL for a number, role_of -1 for a text that is unknown.
 */
#define ENUM_BEGIN(name, doc) enum name {
#define VALUE(name, value, number, doc) name##_##value = number,
#define ENUM_END(name)                                                                                                 \
    }                                                                                                                  \
    ;                                                                                                                  \
    const char *name##_name(int number);                                                                               \
    int name##_of(struct span text);
#include "protocol/frames.def"

/* Whether somebody of this role is an agent, of whatever rank. */
static inline bool role_is_agent(enum role role)
{
    return role == role_agent || role == role_supervisor || role == role_admin;
}

/* Structs, of items' bodies as well. */
#define MEMBER_ID struct uuid
#define MEMBER_ID7 struct uuid
#define MEMBER_INT int64_t
#define MEMBER_TIME int64_t
#define MEMBER_REAL double
#define MEMBER_BOOL bool
#define MEMBER_TEXT struct span
#define MEMBER_NAME struct span
#define MEMBER_BODY struct body
#define MEMBER_HAS_REQ(name)
#define MEMBER_HAS_SOME(name)
#define MEMBER_HAS_OPT(name) bool has_##name;

#define MAP_BEGIN(map) struct frame_##map {
#define MAP_END(map)                                                                                                   \
    }                                                                                                                  \
    ;
#define FIELD(owner, type, name, need, min, max, doc) MEMBER_HAS_##need(name) MEMBER_##type name;
#define CHOICE(owner, choice, name, need, doc) MEMBER_HAS_##need(name) int name;
#define ONE(owner, record, name, need, doc) MEMBER_HAS_##need(name) struct frame_##record name;
#define LIST(owner, record, name, need, max, doc)                                                                      \
    const struct frame_##record *name;                                                                                 \
    size_t name##_count;
#include "protocol/maps.def"

/* FRAME_hello and the other requests, FRAME_welcome and the other replies, FRAME_error, FRAME_push_item and the other
 * pushes. */
enum frame_type {
    FRAME_none,
#define REQUEST_BEGIN(name, wire, reply, doc) FRAME_##name,
#include "protocol/frames.def"
    FRAME_REQUESTS_END, /* no frame */
#define REPLY_BEGIN(name, doc) FRAME_##name,
#include "protocol/frames.def"
    FRAME_error,
    FRAME_REPLIES_END, /* no frame */
#define PUSH_BEGIN(name, wire, doc) FRAME_##name,
#include "protocol/frames.def"
    FRAME_TYPES
};

/* A frame as it was read. */
struct frame {
    enum frame_type type;
    int64_t id; /* of the request; of the request that is answered; 0 for pushes, and where it could not be read */
    union {
#define REQUEST_BEGIN(name, wire, reply, doc) struct frame_##name name;
#define REPLY_BEGIN(name, doc) struct frame_##name name;
#define PUSH_BEGIN(name, wire, doc) struct frame_##name name;
#include "protocol/frames.def"
        struct frame_error error;
    };
};

static inline bool frame_is_request(enum frame_type type)
{
    return type > FRAME_none && type < FRAME_REQUESTS_END;
}

static inline bool frame_is_reply(enum frame_type type)
{
    return type > FRAME_REQUESTS_END && type < FRAME_REPLIES_END;
}

static inline bool frame_is_push(enum frame_type type)
{
    return type > FRAME_REPLIES_END && type < FRAME_TYPES;
}

/* Name on the wire of a request or push, else the name in frames.def. Never NULL. */
const char *frame_type_name(enum frame_type type);

/* The reply that a request gets when all is well. */
enum frame_type frame_reply_type(enum frame_type request);

/* --- reading ---
 *
 *     struct frame_reader reader;
 *     if (frame_reader_init(&reader, encoding, message, &error) != PARLEY_OK)
 *         ... the message as a whole is refused: nothing of it counts
 *     while (frame_next_request(&reader, arena, &frame, &error))
 *         if (error.status != PARLEY_OK)
 *             ... this frame is refused, the next ones go on; frame.id is its id, 0 when it could not be read
 */

struct frame_reader {
    enum encoding encoding;
    struct span rest;
    size_t left; /* frames */
    bool single; /* the message is one frame, not an array */
};

/* Finds the ends of the message's frames, at most LIMIT_FRAMES_PER_MESSAGE. PARLEY_MALFORMED or PARLEY_TOO_MANY. The
 * length of the message is for the transport to bound. */
parley_status frame_reader_init(struct frame_reader *r, enum encoding encoding, struct span message,
                                struct wire_error *error);

/* The server's side: the next request, or its refusal. False after the last. The arena may be reset between calls. */
bool frame_next_request(struct frame_reader *r, struct arena *arena, struct frame *out, struct wire_error *error);

/* The client's side: which request awaits an answer with this number; FRAME_none when none does. */
typedef enum frame_type frame_awaited(void *arg, int64_t re);

/* The next answer or push. Unknown pushes and answers to nothing have type FRAME_none and no error: ignore them. A name
 * of an enumeration that this build does not know reads as -1. */
bool frame_next_answer(struct frame_reader *r, struct arena *arena, frame_awaited *awaited, void *arg,
                       struct frame *out, struct wire_error *error);

/* --- writing: allocates nothing but what the buf grows by; out->status tells whether all had room --- */

/* Appends one frame. content is a struct frame_<name> of the type; id is that of the request, 0 for pushes. */
void frame_put_type(struct buf *out, enum encoding encoding, enum frame_type type, int64_t id, const void *content);

/* The same, checked by the compiler: frame_put(out, encoding, posted, id, &(struct frame_posted){.seq = 7, .at = now}).
 */
#define frame_put(out, encoding, name, id, ...)                                                                        \
    frame_put_type(out, encoding, FRAME_##name, id, (const struct frame_##name *){__VA_ARGS__})

/* The answer that refuses, made of the reader's error or of a bare status with its standard text. The structs borrow.
 */
struct frame_error frame_error_of(const struct wire_error *error);
struct frame_error frame_error_status(parley_status status);

#endif
