/* Reading a flow from files: itself and the flows that it calls, each checked, as one text. */
#include "protocol/text.h"
#include "server/base/suggest.h"
#include "server/cli/cli.h"
#include "server/cli/files.h"
#include "server/cli/flow_said.h"
#include "server/cli/flow_tools.h"
#include "server/flow/bundle.h"
#include "server/flow/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 1024 };

struct reading {
    struct flow_source *out;
    const struct flow_known *known;
    const char *path; /* of the flow itself */
    struct flow_called wanted[BUNDLE_MAX];
    size_t count, done;
    struct flow_said said[BUNDLE_FILES_MAX + 1]; /* of all of them; one more than there may be */
    size_t said_count;
};

static size_t folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

bool flow_place(size_t index, const char *seen_from, char *folder, size_t size)
{
    static const struct {
        const char *place;
        bool from_here;
    } places[] = {{"", false}, {"flows/", true}, {"../flows/", false}, {"../", false}};
    if (index >= sizeof places / sizeof *places)
        return false;
    snprintf(folder, size, "%.*s%s", places[index].from_here ? 0 : (int)folder_of(seen_from), seen_from,
             places[index].place);
    return true;
}

bool flow_find(struct span name, const char *seen_from, char *path, size_t size)
{
    char folder[PATH_ROOM];
    for (size_t i = 0; flow_place(i, seen_from, folder, sizeof folder); i++) {
        snprintf(path, size, "%s%.*s.lua", folder, SPAN_ARG(name));
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

const char *flow_file(const char *operand, char *room, size_t size)
{
    size_t len = strlen(operand);
    bool is_file = (len > 4 && strcmp(operand + len - 4, ".lua") == 0) || access(operand, F_OK) == 0;
    return !is_file && flow_find(span_str(operand), "", room, size) ? room : operand;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool flow_each_file(const char *folder, const char *ending, void (*one)(void *arg, const char *path), void *arg)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char path[PATH_ROOM];
        size_t len = strlen(entries[i]->d_name), end = strlen(ending);
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (len > end && strcmp(entries[i]->d_name + len - end, ending) == 0)
            one(arg, path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count >= 0;
}

void flow_findings_print(const struct flow_findings *found, struct span source)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    flow_check_print(found, source, &text);
    fprintf(stderr, "%.*s  more: parley flow help %s\n", SPAN_ARG(buf_span(&text)), found->errors->code);
    buf_done(&text);
}

/* ---- what it calls ---- */

static void note_calls(struct reading *r, const struct flow_findings *found)
{
    for (size_t i = 0; i < found->call_count; i++) {
        size_t k = 0;
        while (k < r->count && strcmp(r->wanted[k].name, found->calls[i].name) != 0)
            k++;
        if (k == r->count && r->count < BUNDLE_MAX)
            r->wanted[r->count++] = found->calls[i];
    }
}

static void note_said(struct reading *r, const struct flow_findings *found)
{
    for (size_t i = 0; i < found->said_count; i++) {
        size_t k = 0;
        while (k < r->said_count && strcmp(r->said[k].name, found->said[i].name) != 0)
            k++;
        if (k == r->said_count && r->said_count < sizeof r->said / sizeof *r->said)
            r->said[r->said_count++] = found->said[i];
    }
}

/* "did you mean": the nearest of the flows in the folder. */
static void suggest_file(const char *path, const char *name, char out[80])
{
    char folder[PATH_ROOM];
    struct suggest s;
    suggest_init(&s, name);
    snprintf(folder, sizeof folder, "%.*s.", (int)folder_of(path), path);
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        size_t len = strlen(e->d_name);
        if (len < 5 || len > 64 || strcmp(e->d_name + len - 4, ".lua") != 0)
            continue;
        suggest_offer_copy(&s, span_of(e->d_name, len - 4));
    }
    if (dir)
        closedir(dir);
    snprintf(out, 80, "%s", s.best ? s.best : "");
}

static int not_there(const struct reading *r, const struct flow_called *call, struct span source)
{
    struct flow_findings found = {.count = 1};
    char near[80];
    suggest_file(r->path, call->name, near);
    flow_error_set(found.errors, "E109", "there is no flow '%s' beside this one%s%s%s", call->name,
                   near[0] ? ", did you mean '" : "", near, near[0] ? "'?" : "");
    snprintf(found.errors->file, sizeof found.errors->file, "%s", call->file);
    found.errors->line = call->line;
    flow_findings_print(&found, source);
    return CLI_PROBLEMS;
}

/* ---- reading ---- */

static int check_uses(const struct reading *r, const struct flow_findings *found, struct span source)
{
    struct flow_findings missing = {0};
    if (r->known)
        flow_check_uses(found, r->known, &missing);
    if (missing.count == 0)
        return CLI_OK;
    flow_findings_print(&missing, source);
    return CLI_PROBLEMS;
}

static int read_one(struct reading *r, const char *path, struct flow_findings *found, struct buf *text)
{
    buf_init(text, BUNDLE_BYTES_MAX);
    int code = files_read(path, text);
    if (code != CLI_OK)
        return code;
    parley_status st = flow_check_source(path, buf_span(text), found);
    if (st != PARLEY_OK)
        flow_findings_print(found, buf_span(text));
    if (check_uses(r, found, buf_span(text)) != CLI_OK || st != PARLEY_OK)
        return CLI_PROBLEMS;
    note_calls(r, found);
    note_said(r, found);
    return CLI_OK;
}

static int read_called(struct reading *r, const struct flow_called *call, struct span main_text)
{
    char path[PATH_ROOM];
    struct flow_findings found;
    struct buf text;
    struct span name = span_str(call->name);
    int length = snprintf(path, sizeof path, "%.*s%s.lua", (int)folder_of(r->path), r->path, call->name);
    if (length >= PATH_ROOM || access(path, R_OK) != 0)
        return not_there(r, call, main_text);
    int code = read_one(r, path, &found, &text);
    if (code == CLI_OK)
        bundle_add(&r->out->text, name, buf_span(&text));
    buf_done(&text);
    return code;
}

int flow_source_read(const char *path, struct flow_source *out)
{
    return flow_source_check(path, NULL, out);
}

int flow_source_check(const char *path, const struct flow_known *known, struct flow_source *out)
{
    struct reading r = {.out = out, .known = known, .path = path};
    struct flow_findings found;
    struct buf text;
    buf_init(&out->text, BUNDLE_BYTES_MAX);
    int code = read_one(&r, path, &found, &text);
    if (code == CLI_OK) {
        snprintf(out->title, sizeof out->title, "%s", found.title);
        buf_add_span(&out->text, buf_span(&text));
    }
    for (; code == CLI_OK && r.done < r.count; r.done++)
        code = read_called(&r, &r.wanted[r.done], buf_span(&text));
    if (code == CLI_OK)
        code = flow_said_name(path, r.said, r.said_count, &out->text);
    if (code == CLI_OK && out->text.status != PARLEY_OK)
        code =
            cli_fail(CLI_PROBLEMS, "%s: with all that it calls it has more than %d KiB", path, BUNDLE_BYTES_MAX >> 10);
    buf_done(&text);
    return code;
}
