/* The only user of PCRE2. Limits: length of pattern and subject, groups, backtracking, depth, memory, and work in all:
 * the library's own limits begin anew wherever in the subject a match could begin. */
#include "server/flow/pattern.h"

#include "server/base/mem.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_LIMIT = 50000, DEPTH_LIMIT = 10000, HEAP_LIMIT_KIB = 512, WORK_MAX = 200000 };

struct pattern {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    uint32_t groups;
};

static parley_status refuse(int code, size_t offset, char why[PATTERN_WHY_MAX])
{
    unsigned char text[PATTERN_WHY_MAX - 32] = "";
    pcre2_get_error_message(code, text, sizeof text);
    snprintf(why, PATTERN_WHY_MAX, "%s at character %zu", (const char *)text, offset + 1);
    return PARLEY_INVALID;
}

static parley_status too_long(struct span text, char why[PATTERN_WHY_MAX])
{
    snprintf(why, PATTERN_WHY_MAX, "it has %zu bytes; at most %d are possible", text.len, PATTERN_MAX);
    return PARLEY_INVALID;
}

static parley_status compile(struct span text, uint32_t options, struct pattern **out, char why[PATTERN_WHY_MAX])
{
    int error;
    size_t offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, options, &error, &offset, NULL);
    if (!code)
        return refuse(error, offset, why);

    struct pattern *p = mem_alloc(sizeof *p);
    p->code = code;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &p->groups);
    p->data = pcre2_match_data_create_from_pattern(code, NULL);
    p->context = pcre2_match_context_create(NULL);
    if (!p->data || !p->context || p->groups > PATTERN_GROUPS) {
        snprintf(why, PATTERN_WHY_MAX, "it has %u groups; at most %d are possible", p->groups, PATTERN_GROUPS);
        pattern_free(&p);
        return PARLEY_INVALID;
    }
    pcre2_set_match_limit(p->context, MATCH_LIMIT);
    pcre2_set_depth_limit(p->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(p->context, HEAP_LIMIT_KIB);
    *out = p;
    return PARLEY_OK;
}

parley_status pattern_new(struct span text, struct pattern **out, char why[PATTERN_WHY_MAX])
{
    if (text.len > PATTERN_MAX)
        return too_long(text, why);
    return compile(text, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT, out, why);
}

parley_status pattern_new_own(struct span text, struct pattern **out, char why[PATTERN_WHY_MAX])
{
    return compile(text, PCRE2_UTF, out, why);
}

void pattern_free(struct pattern **pattern)
{
    struct pattern *p = *pattern;
    if (!p)
        return;
    pcre2_match_context_free(p->context);
    pcre2_match_data_free(p->data);
    pcre2_code_free(p->code);
    mem_free(p);
    *pattern = NULL;
}

static parley_status failed(int code)
{
    switch (code) {
    case PCRE2_ERROR_NOMATCH:
        return PARLEY_NOT_FOUND;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_RECURSELOOP:
        return PARLEY_LIMIT;
    default:
        return PARLEY_INVALID; /* not UTF-8 */
    }
}

/* With \K a match may begin after its end: then it is empty. */
static struct span group_at(const struct pattern *p, struct span subject, uint32_t index)
{
    const size_t *ends = pcre2_get_ovector_pointer(p->data) + 2 * (size_t)index;
    if (ends[0] == PCRE2_UNSET)
        return (struct span){0};
    return span_of(subject.ptr + ends[0], ends[1] > ends[0] ? ends[1] - ends[0] : 0);
}

/* Before each part of the pattern: how far it has gone in the subject since, or gone back. */
struct work {
    size_t at;
    size_t done;
};

static int on_part(pcre2_callout_block *part, void *context)
{
    struct work *w = context;
    size_t at = part->current_position;
    w->done += 1 + (at > w->at ? at - w->at : w->at - at);
    w->at = at;
    return w->done > WORK_MAX ? PCRE2_ERROR_MATCHLIMIT : 0;
}

parley_status pattern_search(const struct pattern *p, struct span subject, size_t from, struct pattern_match *out)
{
    if (subject.len > PATTERN_SUBJECT_MAX)
        return PARLEY_TOO_BIG;
    if (!subject.ptr)
        subject = span_of("", 0);
    struct work work = {.at = from, .done = out->work};
    uint32_t known = from ? PCRE2_NO_UTF_CHECK : 0;
    pcre2_set_callout(p->context, on_part, &work);
    int found = pcre2_match(p->code, (PCRE2_SPTR)subject.ptr, subject.len, from, known, p->data, p->context);
    out->work = work.done;
    if (found < 0)
        return failed(found);

    out->groups = p->groups;
    for (uint32_t i = 0; i <= p->groups; i++)
        out->group[i] = group_at(p, subject, i);
    return PARLEY_OK;
}
