/* A flow tried out without server or database: what may happen to it, each as one line of text, and what it says. For
 * transcripts and for `parley flow play`. One thread. */
#ifndef SERVER_FLOW_STAGE_H
#define SERVER_FLOW_STAGE_H

#include "server/flow/host_memory.h"

enum { STAGE_WHY = 256 };

struct stage;

/* NULL with the error when the flow does not compile. Errors call it by its name without the folder. Copies. */
struct stage *stage_new(const char *path, struct span source, enum memory_crash crash, struct flow_error *error);
void stage_free(struct stage **stage);

/* Makes the line happen, until the flow waits again:
 *
 *   > words            the customer says them; the first ones start the flow
 *   > [Label]          the customer taps a choice; first, the button that starts the flow
 *   form {...}         the customer sends a form
 *   user Ana language=de verified plan=gold
 *   context {...}      what the app reports
 *   hours QUEUE mon-fri 9:00-17:00     when a queue has people
 *   queue QUEUE waiting=3 agents=2 free=0     who waits there, and who could take them
 *   advance 2d         time passes
 *   escape             the customer wants a person
 *   offline            the customer's connection is gone: what is said meanwhile they see
 *   online             when they are back
 *   accept             a person takes what was handed over
 *   resolve [OUTCOME] [by="Mira"] [note="..."]     the human part is over
 *   process TYPE [step=...] [state=...] [data={...}]  somebody else moves a process
 *   event TYPE {...}   something happened in the app or a back end; first, the flow is begun by it
 *   stub GET {shop}/orders* -> 200 {...}    what the outside answers; -> timeout, unreachable; hang: nothing ever
 *   crash              the run is taken out of memory
 *
 * False, and why, when it cannot. */
bool stage_act(struct stage *stage, struct span line, char why[STAGE_WHY]);

/* Whether the line is one of these. */
bool stage_knows(struct span line);

/* What the flow, or the routing for it, has added that was not taken yet; NULL: nothing, or nobody there to see it. */
const struct memory_item *stage_next(struct stage *stage);

/* What the flow has logged that was not taken yet, in lines; empty: nothing. Borrowed until something happens. */
struct span stage_next_lines(struct stage *stage);

bool stage_offline(const struct stage *stage);

struct host_memory *stage_host(struct stage *stage);

#endif
