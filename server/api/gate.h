/* How much one address or one account may do in a while: guests made, passwords tried, bad tokens shown. What is
 * counted is known by a hash alone; those who share one wait for each other, which bounds the memory.
 *
 * One a process, made by main: a peer's connections fall on all workers. Any thread, by atomics. */
#ifndef SERVER_API_GATE_H
#define SERVER_API_GATE_H

#include "protocol/span.h"
#include "server/base/conf.h"

enum gate_kind {
    GATE_GUEST,    /* by address: guests made */
    GATE_SIGN_IN,  /* by address: passwords tried, right or wrong; each costs a hash */
    GATE_TOKEN,    /* by address: tokens refused */
    GATE_PASSWORD, /* by account: wrong passwords */
    GATE_KINDS
};

struct gate;

struct gate *gate_new(const struct conf *conf);
void gate_free(struct gate **gate);

/* What an account is counted as. */
uint64_t gate_account(struct span name);

/* Counts one. 0: go on; else how many ms to wait, and nothing was counted. now_ms is the loop's. */
int64_t gate_take(struct gate *gate, enum gate_kind kind, uint64_t who, int64_t now_ms);

/* Takes back what gate_take counted. */
void gate_give_back(struct gate *gate, enum gate_kind kind, uint64_t who);

/* What gate_take would answer. */
int64_t gate_wait(struct gate *gate, enum gate_kind kind, uint64_t who, int64_t now_ms);

#endif
