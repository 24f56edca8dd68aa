/* The platform in a line, then the token. Written beside and renamed: there is all of it, or what was there before. */
#include "sdk-c/src/left.h"

#include "protocol/text.h"
#include "sdk-c/src/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = LIMIT_NAME + LIMIT_PUSH_TOKEN + 3 };

bool waker_equal(const struct waker *a, const struct waker *b)
{
    return strcmp(a->platform, b->platform) == 0 && strcmp(a->token, b->token) == 0;
}

static bool write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

parley_status left_save(const char *path, const struct waker *left)
{
    char text[ROOM], beside[CLIENT_PATH_MAX + 4];
    if (!path)
        return PARLEY_OK;
    int n = snprintf(text, sizeof text, "%s\n%s", left->platform, left->token);
    snprintf(beside, sizeof beside, "%s.new", path);
    errno = 0;
    if (write_file(beside, text, (size_t)n) && rename(beside, path) == 0)
        return PARLEY_OK;
    parley_status st = errno == 0 || errno == ENOSPC || errno == EDQUOT ? PARLEY_LIMIT : PARLEY_DENIED;
    unlink(beside);
    return st;
}

static size_t read_file(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, room);
    if (fd >= 0)
        close(fd);
    return n > 0 ? (size_t)n : 0;
}

static bool parse(const char *text, size_t len, struct waker *out)
{
    const char *line = memchr(text, '\n', len);
    size_t platform = line ? (size_t)(line - text) : 0, token = line ? len - platform - 1 : 0;
    if (platform == 0 || platform > LIMIT_NAME || token == 0 || token > LIMIT_PUSH_TOKEN)
        return false;
    if (!text_is_name(span_of(text, platform)) || text_valid(span_of(line + 1, token)) != token)
        return false;
    *out = (struct waker){0};
    memcpy(out->platform, text, platform);
    memcpy(out->token, line + 1, token);
    return true;
}

bool left_read(const char *path, struct waker *out)
{
    char text[ROOM];
    return path && parse(text, read_file(path, text, sizeof text), out);
}

void left_remove(const char *path, const struct waker *left)
{
    struct waker there;
    if (left_read(path, &there) && waker_equal(&there, left))
        unlink(path);
}
