/* What the people and programs of a role may do: rows of the table `role`, one bit each. */
#ifndef SERVER_TALK_PERMISSION_H
#define SERVER_TALK_PERMISSION_H

#include "protocol/frame.h"

enum permission {
    PERMISSION_OWN = 1 << 0,        /* talk to the company, in conversations of their own */
    PERMISSION_SERVE = 1 << 1,      /* take sessions and serve them; read what their queues hold */
    PERMISSION_WATCH = 1 << 2,      /* read and take up what others serve, of every queue */
    PERMISSION_ADMINISTER = 1 << 3, /* for the administration by screen; no request asks for it yet */
    PERMISSION_VIEW = 1 << 4,       /* of an employee with a limited view; no request asks for it yet */
    PERMISSION_SPEAK = 1 << 5,      /* speak for the company while in control: bots */
    PERMISSION_POST = 1 << 6,       /* tell conversations what has happened: back ends */
};

struct permissions {
    unsigned of[role_associate + 1]; /* by enum role */
};

/* The name of the i-th permission; NULL past the last. */
const char *permission_name(size_t i);

/* Takes over one row. False, and nothing changed, for a role or a permission that is not known here. */
bool permissions_add(struct permissions *permissions, struct span role, struct span permission);

#endif
