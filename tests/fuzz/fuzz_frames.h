/* What both decoders are asked for every input, as server and as client. */
#ifndef TESTS_FUZZ_FUZZ_FRAMES_H
#define TESTS_FUZZ_FUZZ_FRAMES_H

#include "protocol/wire.h"

/* Reads the bytes as a message of requests and as one of answers. What reads well is written in both encodings and must
 * read the same again; the process ends otherwise. */
void fuzz_frames(enum encoding encoding, struct span bytes);

#endif
