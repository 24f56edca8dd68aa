/* Telling systemd how the daemon is doing, by the datagram socket that it names. Does nothing elsewhere. */
#ifndef SERVER_WORKER_NOTIFY_H
#define SERVER_WORKER_NOTIFY_H

#include <stdint.h>

/* One or more lines: "READY=1\nSTATUS=...". */
void notify_send(const char *lines);

/* How often the watchdog wants to be fed, in ms; 0: it does not. */
int64_t notify_watchdog_ms(void);

#endif
