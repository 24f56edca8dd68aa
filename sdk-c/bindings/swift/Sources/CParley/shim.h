/* The C library as a module of Swift. */
#include <parley/client.h>
