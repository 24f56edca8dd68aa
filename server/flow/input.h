/* Kinds of answers: what an answer must look like, and what of it a script gets. Any thread. */
#ifndef SERVER_FLOW_INPUT_H
#define SERVER_FLOW_INPUT_H

#include "protocol/arena.h"
#include "protocol/value.h"

enum input {
    INPUT_TEXT,
    INPUT_NUMBER,  /* 12, -3.5, 3,5: a number */
    INPUT_DATE,    /* 2024-02-29, 29.2.2024: text as the first */
    INPUT_EMAIL,   /* text */
    INPUT_PHONE,   /* +49 (30) 1234-5: text of digits, with + if that was there */
    INPUT_BOOLEAN, /* forms only */
    INPUT_CHOICE,  /* forms only */
    INPUT_FILE,    /* forms only */
    INPUTS
};

/* Before the id in a file's `url`; behind it comes a brace. */
#define INPUT_FILE_URL "{file:"

/* INPUTS for a name that there is not. */
enum input input_of(struct span name);
const char *input_name(enum input input);

/* A value as it comes out of an app: text, or for a number and a yes or no also that; of a file what the app says of
 * it, and scripts get {id, name, type, size, url}. False when it is none of this kind. Choices are not looked at. */
bool input_read(enum input input, const struct value *said, struct arena *arena, struct value *out);

#endif
