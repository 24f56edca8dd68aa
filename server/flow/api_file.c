/* What say gives: files by their names, and what belongs together. */
#include "server/flow/api.h"
#include "server/flow/attach.h"

parley_status flow_check_file(const struct flow_shape *at, const char *what, bool picture, const struct value *v)
{
    if (v->type != VALUE_TEXT)
        return flow_refuse(at, "E203", "'%s' must be the name of a file beside the flow, got %s", what,
                           value_type_name(v->type));
    if (picture ? attach_is_picture(v->text) : attach_type(v->text) != NULL)
        return PARLEY_OK;
    int shown = v->text.len > 80 ? 80 : (int)v->text.len;
    flow_refuse(at, "E114", "'%s' must be the name of a %s beside the flow, not '%.*s'", what,
                picture ? "picture" : "file", shown, v->text.ptr);
    flow_error_help(at->error, "a name without folder, of letters, digits, . _ -, that ends in %s",
                    attach_endings(picture));
    return PARLEY_INVALID;
}

parley_status flow_check_say(struct flow_shape *at, const struct value *map)
{
    bool choices = value_find(map, "choices"), buttons = value_find(map, "buttons");
    if (!value_find(map, "text") && (choices || buttons))
        return flow_refuse(at, "E202", "'choices' need a 'text' before them");
    if (choices && buttons)
        return flow_refuse(at, "E201", "'buttons' and 'choices' are the same: give one of them");
    if (value_find(map, "alt") && !value_find(map, "image"))
        return flow_refuse(at, "E202", "'alt' belongs to an 'image'");
    if (value_find(map, "name") && !value_find(map, "file"))
        return flow_refuse(at, "E202", "'name' belongs to a 'file'");
    bool rich = choices || buttons || value_find(map, "image") || value_find(map, "file") || value_find(map, "card") ||
                value_find(map, "carousel");
    if (value_find(map, "fallback") && !rich)
        return flow_refuse(at, "E202", "'fallback' belongs to a picture, a file, a card or choices");
    return map->count
               ? PARLEY_OK
               : flow_refuse(at, "E202", "nothing to say: give a text, a card, an image, a file or a custom part");
}
