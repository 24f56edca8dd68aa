/* Reading whole, writing once. */
#include "server/cli/files.h"

#include "server/cli/cli.h"
#include "server/io/crypto.h"
#include "server/io/jws_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_MAX = 16384, CHUNK = 4096 };

int files_write_secret(const char *path, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return cli_fail(CLI_CONFLICT, "%s exists already; it is not written over", path);
    if (fd < 0)
        return cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
    bool ok = write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len && write(fd, "\n", 1) == 1;
    ok = fsync(fd) == 0 && ok;
    ok = close(fd) == 0 && ok;
    return ok ? CLI_OK : cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
}

int files_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    size_t n = 1;
    if (!f)
        return cli_fail(CLI_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
    for (char chunk[CHUNK]; n > 0 && out->status == PARLEY_OK;) {
        n = fread(chunk, 1, sizeof chunk, f);
        buf_add(out, chunk, n);
    }
    bool ok = !ferror(f);
    fclose(f);
    if (!ok)
        return cli_fail(CLI_FAILED, "cannot read %s: %s", path, strerror(errno));
    return out->status == PARLEY_OK ? CLI_OK : cli_fail(CLI_FAILED, "%s is bigger than %zu bytes", path, out->max);
}

int files_read_key(const char *path, struct jws_key **out)
{
    struct buf text;
    const char *why;
    buf_init(&text, KEY_MAX);
    int code = files_read(path, &text);
    if (code == CLI_OK && jws_key_parse(buf_span(&text), out, &why) != PARLEY_OK)
        code = cli_fail(CLI_FAILED, "%s is no key: %s", path, why);
    if (text.ptr)
        crypto_wipe(text.ptr, text.len);
    buf_done(&text);
    return code;
}
