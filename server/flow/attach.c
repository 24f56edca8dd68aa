/* Endings, media types, and how pictures begin. */
#include "server/flow/attach.h"

#include <string.h>

struct kind {
    const char *ending, *type;
    const char *begins; /* of a picture; NULL: it is none */
    size_t at, length;  /* where that is, and how long */
};

#define PICTURE(ending, type, begins, at)                                                                              \
    {                                                                                                                  \
        ending, type, begins, at, sizeof(begins) - 1                                                                   \
    }

static const struct kind kinds[] = {
    PICTURE("png", "image/png", "\x89PNG\r\n\x1a\n", 0),
    PICTURE("jpg", "image/jpeg", "\xff\xd8\xff", 0),
    PICTURE("jpeg", "image/jpeg", "\xff\xd8\xff", 0),
    PICTURE("gif", "image/gif", "GIF8", 0),
    PICTURE("webp", "image/webp", "WEBP", 8),
    {.ending = "pdf", .type = "application/pdf"},
    {.ending = "txt", .type = "text/plain"},
    {.ending = "csv", .type = "text/csv"},
    {.ending = "ics", .type = "text/calendar"},
    {.ending = "vcf", .type = "text/vcard"},
    {.ending = "docx", .type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {.ending = "xlsx", .type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {.ending = "odt", .type = "application/vnd.oasis.opendocument.text"},
    {.ending = "ods", .type = "application/vnd.oasis.opendocument.spreadsheet"},
    {.ending = "zip", .type = "application/zip"},
    {.ending = "mp3", .type = "audio/mpeg"},
    {.ending = "m4a", .type = "audio/mp4"},
    {.ending = "ogg", .type = "audio/ogg"},
    {.ending = "mp4", .type = "video/mp4"},
    {.ending = "webm", .type = "video/webm"},
};

static bool is_plain(struct span name)
{
    bool plain = name.len > 0 && name.len <= ATTACH_NAME_MAX && *name.ptr != '.' && *name.ptr != '-';
    for (size_t i = 0; plain && i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                c == '-';
    }
    return plain;
}

static const struct kind *kind_of(struct span name)
{
    for (size_t i = 0; is_plain(name) && i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].ending);
        if (name.len > length + 1 && name.ptr[name.len - length - 1] == '.' &&
            strncasecmp(name.ptr + name.len - length, kinds[i].ending, length) == 0)
            return &kinds[i];
    }
    return NULL;
}

const char *attach_type(struct span name)
{
    const struct kind *kind = kind_of(name);
    return kind ? kind->type : NULL;
}

bool attach_is_picture(struct span name)
{
    const struct kind *kind = kind_of(name);
    return kind && kind->begins;
}

const char *attach_endings(bool pictures)
{
    return pictures
               ? "png, jpg, gif, webp"
               : "png, jpg, gif, webp, pdf, txt, csv, ics, vcf, docx, xlsx, odt, ods, zip, mp3, m4a, ogg, mp4, webm";
}

parley_status attach_judge(struct span name, struct span head, int64_t bytes, struct flow_error *error)
{
    const struct kind *kind = kind_of(name);
    bool begins = kind && kind->begins;
    if (!kind)
        flow_error_set(error, "E114", "'%.*s' is of no type that flows send", SPAN_ARG(name));
    else if (bytes <= 0)
        flow_error_set(error, "E114", "the file '%.*s' is empty", SPAN_ARG(name));
    else if (bytes > ATTACH_BYTES_MAX)
        flow_error_set(error, "E115", "the file '%.*s' has %lld bytes; at most %d are possible", SPAN_ARG(name),
                       (long long)bytes, ATTACH_BYTES_MAX);
    else if (begins &&
             (head.len < kind->at + kind->length || memcmp(head.ptr + kind->at, kind->begins, kind->length) != 0))
        flow_error_set(error, "E114", "the file '%.*s' does not begin like a picture of that type", SPAN_ARG(name));
    else
        return PARLEY_OK;
    return PARLEY_INVALID;
}
