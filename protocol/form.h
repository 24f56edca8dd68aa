/* What both ends of a form must see alike. Any thread. */
#ifndef PROTOCOL_FORM_H
#define PROTOCOL_FORM_H

#include "protocol/value.h"

/* Which fields are shown when so much of the form is answered: bit i for field i. `fields` as in the body of a form, at
 * most LIMIT_FORM_FIELDS; `values` as in a form_answer. Conditions on one field are alternatives, all the fields that
 * they name must agree, and one that is not shown itself agrees to nothing. */
uint64_t form_shown(const struct value *fields, const struct value *values);

/* Whether a file of this media type is one that the field's `accept` names; empty: any is. */
bool form_accepts(struct span accept, struct span type);

#endif
