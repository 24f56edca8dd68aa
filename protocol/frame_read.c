/* A message is split into frames, and each envelope is opened by itself: one bad frame spoils no other. */
#include "protocol/frame_table.h"
#include "protocol/wire_json.h"
#include "protocol/wire_msgpack.h"

/* The envelope, a list, an entry of it ... and the data itself; see limits.def. */
static const struct wire_limits from_client = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = LIMIT_NODES};

/* A page of 250 items has more values than a request; its bytes are bounded by the transport. */
static const struct wire_limits from_server = {.depth = LIMIT_DEPTH_MESSAGE, .nodes = SIZE_MAX};

_Static_assert((int)LIMIT_DEPTH_MESSAGE <= (int)WIRE_DEPTH_MAX, "the readers cannot go deeper");

static parley_status too_many(struct wire_error *error, size_t count)
{
    return wire_refuse(error, PARLEY_TOO_MANY, NULL, "a message of %zu frames; it may have %d", count,
                       LIMIT_FRAMES_PER_MESSAGE);
}

static parley_status split_msgpack(struct frame_reader *r, struct wire_error *error)
{
    if (r->left > LIMIT_FRAMES_PER_MESSAGE)
        return too_many(error, r->left);
    size_t at = 0;
    for (size_t i = 0; i < r->left; i++) {
        size_t n = wire_msgpack_skip(span_of(r->rest.ptr + at, r->rest.len - at));
        if (n == 0)
            return wire_refuse(error, PARLEY_MALFORMED, NULL, "frame %zu of the message is cut short", i);
        at += n;
    }
    if (at < r->rest.len)
        return wire_refuse(error, PARLEY_MALFORMED, NULL, "%zu bytes follow the last frame", r->rest.len - at);
    return PARLEY_OK;
}

/* Counts the entries up to the closing bracket; r->rest begins after the opening one. */
static parley_status split_json(struct frame_reader *r, struct wire_error *error)
{
    size_t at = wire_json_space(r->rest);
    bool more = at == r->rest.len || r->rest.ptr[at] != ']';
    while (more) {
        size_t n = wire_json_skip(span_of(r->rest.ptr + at, r->rest.len - at));
        if (n == 0 || at + n == r->rest.len)
            return wire_refuse(error, PARLEY_MALFORMED, NULL, "frame %zu of the message does not end", r->left);
        at += n;
        r->left++;
        more = r->rest.ptr[at] == ',';
        at += more;
    }
    size_t after = at < r->rest.len && r->rest.ptr[at] == ']' ? at + 1 : at;
    after += wire_json_space(span_of(r->rest.ptr + after, r->rest.len - after));
    if (after == at || after < r->rest.len)
        return wire_refuse(error, PARLEY_MALFORMED, NULL, "the message goes on after its last frame");
    return r->left > LIMIT_FRAMES_PER_MESSAGE ? too_many(error, r->left) : PARLEY_OK;
}

parley_status frame_reader_init(struct frame_reader *r, enum encoding encoding, struct span message,
                                struct wire_error *error)
{
    size_t header = 0;
    *r = (struct frame_reader){.encoding = encoding, .rest = message};
    error->status = PARLEY_OK;
    if (encoding == ENCODING_MSGPACK ? !wire_msgpack_array(message, &r->left, &header)
                                     : !wire_json_array(message, &header)) {
        r->left = r->single = true;
        return PARLEY_OK;
    }
    r->rest = span_of(message.ptr + header, message.len - header);
    parley_status st = encoding == ENCODING_MSGPACK ? split_msgpack(r, error) : split_json(r, error);
    if (st != PARLEY_OK)
        r->left = 0;
    return st;
}

/* The bytes of the next frame; a single one is all of the message, so that nothing after it is overlooked. */
static bool take_frame(struct frame_reader *r, struct span *out)
{
    if (r->left == 0)
        return false;
    r->left--;
    *out = r->rest;
    if (r->single)
        return true;
    size_t comma = r->encoding == ENCODING_JSON;
    out->len = r->encoding == ENCODING_JSON ? wire_json_skip(r->rest) : wire_msgpack_skip(r->rest);
    r->rest = span_of(r->rest.ptr + out->len + comma, r->rest.len - out->len - comma);
    return true;
}

static parley_status read_tree(enum encoding encoding, struct span bytes, const struct wire_limits *limits,
                               struct arena *arena, struct value *out, struct wire_error *error)
{
    if (encoding == ENCODING_JSON)
        return wire_json_read(arena, bytes, limits, out, error);
    return wire_msgpack_read(arena, bytes, limits, out, error);
}

static bool peek_int(enum encoding encoding, struct span bytes, const char *key, int64_t *out)
{
    if (encoding == ENCODING_JSON)
        return wire_json_peek_int(bytes, span_str(key), out);
    return wire_msgpack_peek_int(bytes, span_str(key), out);
}

static const struct wire_path path_of_data = {.key = {"data", 4}};

static parley_status at_key(struct wire_error *error, parley_status status, const char *key, const char *text)
{
    struct wire_path path = {.key = span_str(key)};
    return wire_refuse(error, status, &path, "%s", text);
}

static parley_status read_id(const struct value *envelope, const char *key, int64_t *out, struct wire_error *error)
{
    const struct value *id = value_find(envelope, key);
    if (!id)
        return at_key(error, PARLEY_INVALID, key, "is missing; number your requests from 1");
    if (id->type != VALUE_INT || id->integer < 1)
        return at_key(error, PARLEY_INVALID, key, "is no integer from 1 to 2^63 - 1");
    *out = id->integer;
    return PARLEY_OK;
}

static parley_status decode_data(struct decoding *d, const struct value *envelope, struct frame *out)
{
    static const struct value nothing = {.type = VALUE_MAP};
    const struct value *data = value_find(envelope, "data");
    return frame_decode_map(d, frame_shape(out->type), &path_of_data, data ? data : &nothing, &out->error);
}

static parley_status no_map(struct wire_error *error)
{
    return wire_refuse(error, PARLEY_INVALID, NULL, "a frame is a map; see PROTOCOL.md");
}

static parley_status open_request(struct decoding *d, const struct value *envelope, struct frame *out)
{
    if (envelope->type != VALUE_MAP)
        return no_map(d->error);
    parley_status st = read_id(envelope, "id", &out->id, d->error);
    if (st != PARLEY_OK)
        return st;
    const struct value *type = value_find(envelope, "type");
    if (!type || type->type != VALUE_TEXT)
        return at_key(d->error, PARLEY_INVALID, "type", type ? "is no text" : "is missing");
    out->type = frame_request_of(type->text);
    if (out->type == FRAME_none)
        return at_key(d->error, PARLEY_UNKNOWN_TYPE, "type", "no request of this type");
    return decode_data(d, envelope, out);
}

/* All but the union, which is as large as the largest frame. */
static void clear(struct frame *frame, struct wire_error *error)
{
    frame->type = FRAME_none;
    frame->id = 0;
    error->status = PARLEY_OK;
}

bool frame_next_request(struct frame_reader *r, struct arena *arena, struct frame *out, struct wire_error *error)
{
    struct span bytes;
    if (!take_frame(r, &bytes))
        return false;
    clear(out, error);
    struct value envelope;
    struct decoding d = {.arena = arena, .error = error, .ids_are_text = r->encoding == ENCODING_JSON};
    if (read_tree(r->encoding, bytes, &from_client, arena, &envelope, error) == PARLEY_OK)
        open_request(&d, &envelope, out);
    else if (!peek_int(r->encoding, bytes, "id", &out->id) || out->id < 1)
        out->id = 0;
    return true;
}

static parley_status open_reply(struct decoding *d, const struct value *envelope, enum frame_type awaited,
                                struct frame *out)
{
    const struct value *problem = value_find(envelope, "error");
    if (!problem) {
        out->type = awaited;
        return decode_data(d, envelope, out);
    }
    static const struct wire_path path_of_error = {.key = {"error", 5}};
    out->type = FRAME_error;
    return frame_decode_map(d, &shape_error, &path_of_error, problem, &out->error);
}

static parley_status open_answer(struct decoding *d, const struct value *envelope, frame_awaited *awaited, void *arg,
                                 struct frame *out)
{
    if (envelope->type != VALUE_MAP)
        return no_map(d->error);
    if (value_find(envelope, "re")) {
        parley_status st = read_id(envelope, "re", &out->id, d->error);
        enum frame_type reply = st == PARLEY_OK ? frame_reply_type(awaited(arg, out->id)) : FRAME_none;
        return reply == FRAME_none ? st : open_reply(d, envelope, reply, out);
    }
    const struct value *type = value_find(envelope, "type");
    out->type = type && type->type == VALUE_TEXT ? frame_push_of(type->text) : FRAME_none;
    return out->type == FRAME_none ? PARLEY_OK : decode_data(d, envelope, out);
}

bool frame_next_answer(struct frame_reader *r, struct arena *arena, frame_awaited *awaited, void *arg,
                       struct frame *out, struct wire_error *error)
{
    struct span bytes;
    if (!take_frame(r, &bytes))
        return false;
    clear(out, error);
    struct value envelope;
    struct decoding d = {.arena = arena, .error = error, .ids_are_text = r->encoding == ENCODING_JSON, .newer = true};
    if (read_tree(r->encoding, bytes, &from_server, arena, &envelope, error) == PARLEY_OK)
        open_answer(&d, &envelope, awaited, arg, out);
    else if (!peek_int(r->encoding, bytes, "re", &out->id) || out->id < 1)
        out->id = 0;
    return true;
}
