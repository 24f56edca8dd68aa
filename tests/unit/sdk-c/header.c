/* The public header alone: compiled as C99 and as C++11 with every warning, and its numbers against the server's. */
#include <parley/client.h>

typedef int offset_of_size_is_zero[offsetof(parley_config, size) == 0 ? 1 : -1];

int header_is_complete(parley_client *client, parley_event *event);

int header_is_complete(parley_client *client, parley_event *event)
{
    parley_config config;
    parley_config_init(&config, (uint32_t)sizeof config);
    return parley_client_new(&config, &client) == PARLEY_OK ? parley_event_type(event) : PARLEY_SIGNED_OUT;
}
