/* The names of the permissions, as the table `role` has them. */
#include "server/talk/permission.h"

static const struct {
    const char *name;
    enum permission permission;
} names[] = {
    {"own", PERMISSION_OWN},     {"serve", PERMISSION_SERVE},
    {"watch", PERMISSION_WATCH}, {"administer", PERMISSION_ADMINISTER},
    {"view", PERMISSION_VIEW},   {"speak", PERMISSION_SPEAK},
    {"post", PERMISSION_POST},
};

const char *permission_name(size_t i)
{
    return i < sizeof names / sizeof *names ? names[i].name : NULL;
}

bool permissions_add(struct permissions *permissions, struct span role, struct span permission)
{
    int r = role_of(role);
    for (size_t i = 0; r >= 0 && i < sizeof names / sizeof *names; i++) {
        if (!span_is(permission, names[i].name))
            continue;
        permissions->of[r] |= names[i].permission;
        return true;
    }
    return false;
}
