/* Arguments of http: services are named in the configuration, secrets too, so that a flow can reach nothing else. */
#include "protocol/text.h"
#include "server/flow/api.h"
#include "server/flow/json.h"

#include <strings.h>

bool flow_is_http(enum flow_function_id function)
{
    return function >= FLOW_CALL_http_get && function <= FLOW_CALL_http_delete;
}

parley_status flow_check_secret(const struct flow_shape *at, const struct value *v, struct value *out)
{
    struct span name = v->type == VALUE_MAP && v->count == 1 ? json_text(v, "secret") : span_of("", 0);
    if (name.len == 0)
        return flow_refuse(at, "E203", "'%s' must be secret \"name\"", at->arg->name);
    *out = value_text(name);
    return PARLEY_OK;
}

/* Whether a segment begins like . or ..; a dot as %2e, too, since whoever is called may read it as one. */
static bool is_step(struct span segment)
{
    if (segment.len >= 3 && strncasecmp(segment.ptr, "%2e", 3) == 0)
        return true;
    return *segment.ptr == '.' && (segment.len == 1 || strchr("./?%", segment.ptr[1]));
}

/* A step up would leave the service's path; a # would cut the rest off. */
static bool is_path(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("#\\<>\"`{}|^", c))
            return false;
        if ((i == 0 || path.ptr[i - 1] == '/') && is_step(span_of(path.ptr + i, path.len - i)))
            return false;
    }
    return path.len == 0 || *path.ptr == '/' || *path.ptr == '?';
}

parley_status flow_check_url(const struct flow_shape *at, const struct value *v)
{
    struct span url = v->type == VALUE_TEXT ? v->text : span_of("", 0);
    const char *end = url.len && *url.ptr == '{' ? memchr(url.ptr, '}', url.len) : NULL;
    if (!end || !text_is_name(span_of(url.ptr + 1, (size_t)(end - url.ptr) - 1)))
        return flow_refuse(at, "E204", "'url' must begin with a service of the configuration, as \"{shop}/orders\"");
    if (url.len > (size_t)at->arg->max || !is_path(span_of(end + 1, (size_t)(url.ptr + url.len - end) - 1)))
        return flow_refuse(at, "E204", "'url' is no path of a service: spaces, #, .. and the like belong into 'query'");
    return PARLEY_OK;
}

parley_status flow_check_http(struct flow_shape *at, const struct value *map)
{
    if (json_true(map, "once") && value_find(map, "tries"))
        return flow_refuse(at, "E201", "'once' and 'tries' exclude each other");
    return PARLEY_OK;
}
