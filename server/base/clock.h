/* The one clock. Order never depends on it. Tests move it: PARLEY_CLOCK names a file with an offset in seconds
 * (test builds only), read again whenever clock_reload is called. Any thread. */
#ifndef SERVER_BASE_CLOCK_H
#define SERVER_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, UTC. */
int64_t clock_ms(void);

/* Milliseconds that only go forward, for durations. Moves with the test offset as well. */
int64_t clock_mono_ms(void);

/* Microseconds that only go forward, never moved. */
int64_t clock_mono_us(void);

/* Reads the offset again; does nothing in a release build. */
void clock_reload(void);

#endif
