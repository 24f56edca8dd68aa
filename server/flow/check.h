/* `parley flow check`: what can be known to be wrong with a flow without running it - syntax, names that nobody
 * declared, arguments that are written out. Compiles the flow in a sandbox of its own. Any thread. */
#ifndef SERVER_FLOW_CHECK_H
#define SERVER_FLOW_CHECK_H

#include "protocol/buf.h"
#include "server/flow/error.h"

enum { FLOW_CHECK_MAX = 20 };

enum { FLOW_CALLED_MAX = 32 };

/* A flow that this one calls. */
struct flow_called {
    char name[65];
    char file[FLOW_ERROR_FILE_MAX]; /* where, and in which line */
    int line;
};

/* A file that it says. */
struct flow_said {
    char name[65];
    char file[FLOW_ERROR_FILE_MAX]; /* as above */
    int line;
};

enum { FLOW_USES_MAX = 64 };

/* What a flow needs beside itself, as far as that is written out. */
enum flow_use_kind { FLOW_USE_SERVICE, FLOW_USE_SECRET, FLOW_USE_QUEUE };

struct flow_use {
    enum flow_use_kind kind;
    char name[65];
    char file[FLOW_ERROR_FILE_MAX];
    int line;
};

struct flow_findings {
    struct flow_error errors[FLOW_CHECK_MAX]; /* in the order of the file */
    size_t count;
    bool more;                                 /* than there is room for */
    struct flow_called calls[FLOW_CALLED_MAX]; /* each once */
    size_t call_count;
    struct flow_said said[FLOW_CALLED_MAX + 1]; /* each once; one more than there may be, so that it is noticed */
    size_t said_count;
    struct flow_use uses[FLOW_USES_MAX]; /* each once */
    size_t use_count;
    char id[65], title[257]; /* from flow{}, when they are written out */
};

/* PARLEY_OK when there is nothing to say. */
parley_status flow_check_source(const char *file, struct span source, struct flow_findings *out);

/* What there is: names, ended by NULL. A list that is NULL is not known, and nothing is said of it. */
struct flow_known {
    const char *const *services, *const *secrets, *const *queues;
};

/* Adds to `out` what is used and not there. */
void flow_check_uses(const struct flow_findings *findings, const struct flow_known *known, struct flow_findings *out);

/* The findings for a person, each with its lines and help. */
void flow_check_print(const struct flow_findings *findings, struct span source, struct buf *out);

#endif
