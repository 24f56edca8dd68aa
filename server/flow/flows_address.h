/* Files in the bodies of calls to the outside: each {file:ID} becomes an address, good for one download. A worker's
 * thread only. */
#ifndef SERVER_FLOW_FLOWS_ADDRESS_H
#define SERVER_FLOW_FLOWS_ADDRESS_H

#include "protocol/span.h"
#include "protocol/status.h"
#include "protocol/uuid.h"

struct flows;
struct addressing;

enum { ADDRESSES_MAX = 40 };

/* How many files the JSON names. */
size_t addresses_wanted(struct span body);

/* The JSON with the addresses, during the call only. PARLEY_DENIED: one of them is no file of the conversation. */
typedef void addresses_done(void *arg, parley_status status, struct span body);

/* PARLEY_OK: done comes, once, later, unless it is forgotten. */
parley_status addresses_make(struct flows *flows, struct uuid conversation, struct span body, addresses_done *done,
                             void *arg, struct addressing **out);

/* done does not come any more. */
void addresses_forget(struct addressing *addressing);

#endif
