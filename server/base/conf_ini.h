/* An INI text as a sequence of entries with their lines. The only user of inih. One thread at a time. */
#ifndef SERVER_BASE_CONF_INI_H
#define SERVER_BASE_CONF_INI_H

#include "protocol/span.h"

enum { CONF_INI_BYTES = 1 << 20, CONF_INI_LINE = 4000 };

struct conf_ini {
    void *arg;
    /* All texts are borrowed for the call. */
    void (*on_section)(void *arg, const char *section, int line);
    void (*on_entry)(void *arg, const char *section, const char *name, const char *value, int line);
    void (*on_problem)(void *arg, int line, const char *what);
};

/* Goes through the whole text, whatever is wrong with it. */
void conf_ini_read(struct span text, const struct conf_ini *handler);

#endif
