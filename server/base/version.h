/* What this program calls itself. */
#ifndef SERVER_BASE_VERSION_H
#define SERVER_BASE_VERSION_H

#ifndef PARLEY_VERSION
#define PARLEY_VERSION "0.1.0"
#endif

#endif
