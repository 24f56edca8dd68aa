/* The customer fills in a form: {"order":"A1","photo":"broken.jpg"}. Of a file a dialogue has the name alone; what an
 * app would say of it is made of that. */
#include "protocol/form.h"
#include "protocol/item.h"
#include "server/flow/attach.h"
#include "server/flow/json.h"
#include "server/flow/stage_inside.h"
#include "server/io/crypto.h"

enum { FILE_BYTES = 1000 };

/* The fields of the newest form, and its number; 0: there is none. */
static int64_t newest_form(struct stage *s, const struct value **out_fields, struct value *room)
{
    const struct memory_rows *rows = host_memory_rows(s->host);
    for (size_t i = rows->item_count; i-- > 0;)
        if (rows->items[i].kind == ITEM_form &&
            json_read(&s->arena, span_str(rows->items[i].body), room) == PARLEY_OK) {
            *out_fields = value_find(room, "fields");
            return (int64_t)i + 1;
        }
    return 0;
}

static struct value file_of(struct stage *s, struct span name, const char *type)
{
    uint8_t digest[CRYPTO_DIGEST];
    char sha256[2 * CRYPTO_DIGEST + 1], blob[UUID_TEXT + 1];
    struct value file = {.type = VALUE_NULL};
    crypto_sha256(name, digest);
    crypto_hex(span_of(digest, sizeof digest), sha256);
    uuid_format(uuid_v8(digest), blob);
    if (value_map(&s->arena, 5, &file) != PARLEY_OK)
        return file;
    value_put(&file, span_str("blob"), value_text(arena_span(&s->arena, span_str(blob))));
    value_put(&file, span_str("name"), value_text(name));
    value_put(&file, span_str("type"), value_text(span_str(type)));
    value_put(&file, span_str("bytes"), value_int(FILE_BYTES));
    value_put(&file, span_str("sha256"), value_text(arena_span(&s->arena, span_str(sha256))));
    return file;
}

/* As the server would refuse it. */
static bool take_file(struct stage *s, const struct value *field, struct value *values, char why[STAGE_WHY])
{
    struct span id = json_text(field, "id"), accept = json_text(field, "accept");
    const struct value *said = value_get(values, id);
    if (!said || said->type != VALUE_TEXT || said->text.len == 0)
        return true;
    const char *type = attach_type(said->text);
    if (!type)
        type = "application/octet-stream";
    if (!form_accepts(accept, span_str(type)))
        return stage_no(why, "'%.*s' takes %.*s, and %.*s is %s", SPAN_ARG(id), SPAN_ARG(accept), SPAN_ARG(said->text),
                        type);
    value_put(values, id, file_of(s, said->text, type));
    return true;
}

bool stage_form(struct stage *s, struct span rest, char why[STAGE_WHY])
{
    const struct value *fields = NULL;
    struct value form, values;
    int64_t seq = newest_form(s, &fields, &form);
    if (!seq || !fields)
        return stage_no(why, "there is no form to fill in");
    if (!stage_map(s, rest, &values, why))
        return false;
    for (uint32_t i = 0; i < fields->count; i++)
        if (span_is(json_text(&fields->items[i], "type"), "file") && !take_file(s, &fields->items[i], &values, why))
            return false;
    stage_post(s, ITEM_form_answer, seq, "values", values);
    return true;
}
