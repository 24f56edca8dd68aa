/* Parley's client for Node: the few calls that index.js stands on. Events and nearly all calls go as JSON.
 * A client belongs to the JavaScript thread that opened it; the library's own thread only nudges it to come and look.
 */
#define NAPI_VERSION 8
#include <node_api.h>
#include <parley/client.h>

#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 3, ID_SIZE = 37 };

struct client {
    parley_client *parley;         /* NULL once it closes */
    parley_client *closing;        /* being freed on another thread */
    napi_threadsafe_function wake; /* calls `drain` of index.js */
    napi_async_work work;
    napi_deferred closed;
};

static napi_value number(napi_env env, double value)
{
    napi_value made = NULL;
    napi_create_double(env, value, &made);
    return made;
}

static napi_value text(napi_env env, const char *value)
{
    napi_value made = NULL;
    napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &made);
    return made;
}

static void *out_of_memory(napi_env env)
{
    napi_throw_error(env, NULL, "no memory");
    return NULL;
}

/* A copy to be freed; NULL for what is no string, or when an error was thrown. A character 0 would cut it short. */
static char *copy_text(napi_env env, napi_value value)
{
    size_t length = 0;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
        return NULL;
    char *copy = malloc(length + 1);
    if (!copy)
        return out_of_memory(env);
    napi_get_value_string_utf8(env, value, copy, length + 1, &length);
    if (memchr(copy, '\0', length)) {
        napi_throw_type_error(env, NULL, "text with a character 0 in it");
        free(copy);
        return NULL;
    }
    return copy;
}

static int is_thrown(napi_env env)
{
    bool thrown = false;
    napi_is_exception_pending(env, &thrown);
    return thrown;
}

/* The arguments of a call; the first is the client. NULL, and an error is thrown: it is closed. */
static struct client *arguments(napi_env env, napi_callback_info info, napi_value out[ARGUMENTS_MAX])
{
    size_t count = ARGUMENTS_MAX;
    struct client *client = NULL;
    napi_get_cb_info(env, info, &count, out, NULL, NULL);
    if (napi_get_value_external(env, out[0], (void **)&client) == napi_ok && client->parley)
        return client;
    napi_throw_error(env, "closed", "the client was closed");
    return NULL;
}

/* --- life --- */

static void nudge(void *user)
{
    napi_call_threadsafe_function(((struct client *)user)->wake, NULL, napi_tsfn_nonblocking);
}

/* The environment ends with the client open: nothing may call into it afterwards. */
static void end(void *data)
{
    struct client *client = data;
    parley_client_free(client->parley);
    client->parley = NULL;
}

static const char *const texts[] = {"url",      "token",       "device",  "locale", "time_zone",
                                    "app_name", "app_version", "ca_file", "folder", "user"};
enum { TEXTS = sizeof texts / sizeof *texts };

static void read_texts(napi_env env, napi_value options, parley_config *config, char *copies[TEXTS])
{
    const char **const members[TEXTS] = {&config->url,       &config->token,    &config->device,      &config->locale,
                                         &config->time_zone, &config->app_name, &config->app_version, &config->ca_file,
                                         &config->folder,    &config->user};
    for (size_t i = 0; i < TEXTS && !is_thrown(env); i++) {
        napi_value value;
        napi_get_named_property(env, options, texts[i], &value);
        copies[i] = copy_text(env, value);
        *members[i] = copies[i];
    }
}

static void read_number(napi_env env, napi_value options, const char *name, uint32_t *out)
{
    napi_value value;
    napi_get_named_property(env, options, name, &value);
    napi_get_value_uint32(env, value, out);
}

static parley_status open_client(napi_env env, napi_value options, parley_client **out)
{
    parley_config config;
    char *copies[TEXTS] = {0};
    parley_config_init(&config, sizeof config);
    read_texts(env, options, &config, copies);
    read_number(env, options, "page", &config.page);
    read_number(env, options, "background_ms", &config.background_ms);
    read_number(env, options, "flags", &config.flags);
    parley_status st = is_thrown(env) ? PARLEY_INVALID : parley_client_new(&config, out);
    for (size_t i = 0; i < TEXTS; i++)
        free(copies[i]);
    return st;
}

/* open(options, drain): the client, or the status that it could not be made with. */
static napi_value js_open(napi_env env, napi_callback_info info)
{
    size_t count = 2;
    napi_value args[2], handle;
    napi_get_cb_info(env, info, &count, args, NULL, NULL);
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return out_of_memory(env);
    parley_status st = open_client(env, args[0], &client->parley);
    if (st != PARLEY_OK) {
        free(client);
        return number(env, st);
    }
    napi_create_threadsafe_function(env, args[1], NULL, text(env, "parley"), 0, 1, NULL, NULL, NULL, NULL,
                                    &client->wake);
    napi_add_env_cleanup_hook(env, end, client);
    napi_create_external(env, client, NULL, NULL, &handle);
    parley_set_wakeup(client->parley, nudge, client);
    nudge(client); /* for what came before */
    return handle;
}

static void free_there(napi_env env, void *data)
{
    parley_client_free(((struct client *)data)->closing);
}

static void was_freed(napi_env env, napi_status status, void *data)
{
    struct client *client = data;
    napi_value nothing;
    napi_get_undefined(env, &nothing);
    napi_resolve_deferred(env, client->closed, nothing);
    napi_delete_async_work(env, client->work);
    napi_release_threadsafe_function(client->wake, napi_tsfn_release);
}

/* close(client): a promise. Joining may have to wait for a name server, so it is done on another thread. */
static napi_value js_close(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX], promise;
    struct client *client = arguments(env, info, args);
    if (!client)
        return NULL;
    napi_remove_env_cleanup_hook(env, end, client);
    client->closing = client->parley;
    client->parley = NULL;
    napi_create_promise(env, &client->closed, &promise);
    napi_create_async_work(env, NULL, text(env, "parley.close"), free_there, was_freed, client, &client->work);
    napi_queue_async_work(env, client->work);
    return promise;
}

/* hold(client, on): whether an open client keeps the process alive. */
static napi_value js_hold(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX];
    struct client *client = arguments(env, info, args);
    bool on = true;
    if (!client)
        return NULL;
    napi_get_value_bool(env, args[1], &on);
    on ? napi_ref_threadsafe_function(env, client->wake) : napi_unref_threadsafe_function(env, client->wake);
    return NULL;
}

/* --- events and calls --- */

/* next(client): the oldest event as JSON, or undefined. */
static napi_value js_next(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX], json = NULL;
    struct client *client = arguments(env, info, args);
    parley_event *event = client ? parley_next_event(client->parley, 0) : NULL;
    if (event)
        json = text(env, parley_event_json(event));
    parley_event_free(event);
    return json;
}

/* call(client, json): the number of the call, or minus the status. */
static napi_value js_call(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX];
    struct client *client = arguments(env, info, args);
    char *json = client ? copy_text(env, args[1]) : NULL;
    uint64_t call = 0;
    if (!json)
        return NULL;
    parley_status st = parley_call_json(client->parley, json, &call);
    free(json);
    return number(env, st == PARLEY_OK ? (double)call : -st);
}

/* say(client, json): the id of what was said, or minus the status. */
static napi_value js_say(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX];
    struct client *client = arguments(env, info, args);
    char *json = client ? copy_text(env, args[1]) : NULL, id[ID_SIZE] = "";
    if (!json)
        return NULL;
    parley_status st = parley_say_json(client->parley, json, id);
    free(json);
    return st == PARLEY_OK ? text(env, id) : number(env, -st);
}

/* wrong(): what was wrong with the last call or say that failed; empty when its status says it all. */
static napi_value js_wrong(napi_env env, napi_callback_info info)
{
    return text(env, parley_call_json_error());
}

/* typing(client, conversation, on) */
static napi_value js_typing(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX];
    struct client *client = arguments(env, info, args);
    char *conversation = client ? copy_text(env, args[1]) : NULL;
    bool on = true;
    if (client && !is_thrown(env)) {
        napi_get_value_bool(env, args[2], &on);
        parley_typing(client->parley, conversation, on);
    }
    free(conversation);
    return NULL;
}

static napi_value js_state(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX];
    struct client *client = arguments(env, info, args);
    return client ? number(env, parley_state(client->parley)) : NULL;
}

static napi_value js_unread(napi_env env, napi_callback_info info)
{
    napi_value args[ARGUMENTS_MAX];
    struct client *client = arguments(env, info, args);
    return client ? number(env, parley_unread_total(client->parley)) : NULL;
}

static napi_value js_status(napi_env env, napi_callback_info info)
{
    size_t count = 1;
    int32_t status = 0;
    napi_value args[1], pair;
    napi_get_cb_info(env, info, &count, args, NULL, NULL);
    napi_get_value_int32(env, args[0], &status);
    napi_create_array_with_length(env, 2, &pair);
    napi_set_element(env, pair, 0, text(env, parley_status_name(status)));
    napi_set_element(env, pair, 1, text(env, parley_status_text(status)));
    return pair;
}

static napi_value js_version(napi_env env, napi_callback_info info)
{
    return text(env, parley_version());
}

NAPI_MODULE_INIT()
{
    static const struct {
        const char *name;
        napi_callback call;
    } calls[] = {{"open", js_open},   {"close", js_close},   {"hold", js_hold},     {"next", js_next},
                 {"call", js_call},   {"say", js_say},       {"wrong", js_wrong},   {"typing", js_typing},
                 {"state", js_state}, {"unread", js_unread}, {"status", js_status}, {"version", js_version}};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        napi_value function;
        napi_create_function(env, calls[i].name, NAPI_AUTO_LENGTH, calls[i].call, NULL, &function);
        napi_set_named_property(env, exports, calls[i].name, function);
    }
    return exports;
}
