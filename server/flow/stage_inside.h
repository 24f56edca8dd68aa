/* What the parts of a stage share: what happens (stage.c), forms that are filled in (stage_form.c), and what is known
 * beforehand (stage_known.c). */
#ifndef SERVER_FLOW_STAGE_INSIDE_H
#define SERVER_FLOW_STAGE_INSIDE_H

#include "protocol/value.h"
#include "server/flow/stage.h"

struct stage {
    struct host_memory *host;
    struct arena arena; /* of one act */
    size_t lines_shown; /* bytes of what was logged */
    size_t shown;       /* items that were taken, or are the customer's */
    bool started, away; /* away: the customer is offline, and sees what is said when they are back */
};

/* Says why not. False. */
bool stage_no(char why[STAGE_WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For as long as the act lasts. */
const char *stage_text(struct stage *stage, struct span text);
const char *stage_json(struct stage *stage, const struct value *v);
/* A map, as JSON. */
bool stage_map(struct stage *stage, struct span text, struct value *out, char why[STAGE_WHY]);

/* The customer posts an answer to item `to`: {to, key: v}. */
void stage_post(struct stage *stage, int kind, int64_t to, const char *key, struct value v);

bool stage_form(struct stage *stage, struct span rest, char why[STAGE_WHY]);
bool stage_user(struct stage *stage, struct span rest, char why[STAGE_WHY]);
bool stage_context(struct stage *stage, struct span rest, char why[STAGE_WHY]);
bool stage_hours(struct stage *stage, struct span rest, char why[STAGE_WHY]);
bool stage_queue(struct stage *stage, struct span rest, char why[STAGE_WHY]);

#endif
