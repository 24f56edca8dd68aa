/* Parley's client for Java: the natives of parley.Client and parley.Event. Only threads of Java come here; the
 * library's own thread never enters the virtual machine. Text crosses as UTF-8 in byte arrays. */
#include <parley/client.h>
#include <parley_Client.h>
#include <parley_Event.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXTS = 10, ID_SIZE = 37 };

struct client {
    parley_client *parley;
    int wake[2]; /* a pipe: a byte lets go who waits for an event */
};

static struct client *client_of(jlong handle)
{
    return (struct client *)(intptr_t)handle;
}

static parley_event *event_of(jlong handle)
{
    return (parley_event *)(intptr_t)handle;
}

static void *out_of_memory(JNIEnv *env)
{
    (*env)->ThrowNew(env, (*env)->FindClass(env, "java/lang/OutOfMemoryError"), "parley");
    return NULL;
}

/* A terminated copy to be freed; NULL for null, or when an error was thrown. */
static char *copy_text(JNIEnv *env, jbyteArray bytes)
{
    if (!bytes)
        return NULL;
    jsize length = (*env)->GetArrayLength(env, bytes);
    char *copy = malloc((size_t)length + 1);
    if (!copy)
        return out_of_memory(env);
    (*env)->GetByteArrayRegion(env, bytes, 0, length, (jbyte *)copy);
    copy[length] = '\0';
    return copy;
}

static jbyteArray bytes_of(JNIEnv *env, const char *text)
{
    jsize length = text ? (jsize)strlen(text) : 0;
    jbyteArray made = text ? (*env)->NewByteArray(env, length) : NULL;
    if (made)
        (*env)->SetByteArrayRegion(env, made, 0, length, (const jbyte *)text);
    return made;
}

static void tell(JNIEnv *env, jintArray out, parley_status status)
{
    jint value = status;
    (*env)->SetIntArrayRegion(env, out, 0, 1, &value);
}

/* --- a client's life --- */

static parley_status open_client(JNIEnv *env, jobjectArray texts, parley_config *config, parley_client **out)
{
    const char **const members[TEXTS] = {&config->url,       &config->token,    &config->device,      &config->locale,
                                         &config->time_zone, &config->app_name, &config->app_version, &config->ca_file,
                                         &config->folder,    &config->user};
    char *copies[TEXTS];
    for (jsize i = 0; i < TEXTS; i++) {
        jbyteArray text = (*env)->GetObjectArrayElement(env, texts, i);
        *members[i] = copies[i] = copy_text(env, text);
        (*env)->DeleteLocalRef(env, text);
    }
    parley_status st = (*env)->ExceptionCheck(env) ? PARLEY_NOMEM : parley_client_new(config, out);
    for (int i = 0; i < TEXTS; i++)
        free(copies[i]);
    return st;
}

JNIEXPORT jlong JNICALL Java_parley_Client_open(JNIEnv *env, jclass class, jobjectArray texts, jint page,
                                                jint background_ms, jint flags, jintArray out_status)
{
    parley_config config;
    parley_config_init(&config, sizeof config);
    config.page = (uint32_t)page;
    config.background_ms = (uint32_t)background_ms;
    config.flags = (uint32_t)flags;
    struct client *client = calloc(1, sizeof *client);
    parley_status st = client ? open_client(env, texts, &config, &client->parley) : PARLEY_NOMEM;
    if (st == PARLEY_OK && pipe(client->wake) != 0) {
        parley_client_free(client->parley);
        st = PARLEY_LIMIT;
    }
    if (st != PARLEY_OK) {
        free(client);
        client = NULL;
    }
    if (!(*env)->ExceptionCheck(env))
        tell(env, out_status, st);
    return (jlong)(intptr_t)client;
}

JNIEXPORT void JNICALL Java_parley_Client_wake(JNIEnv *env, jclass class, jlong handle)
{
    while (write(client_of(handle)->wake[1], "x", 1) < 0 && errno == EINTR) {
    }
}

JNIEXPORT void JNICALL Java_parley_Client_free(JNIEnv *env, jclass class, jlong handle)
{
    struct client *client = client_of(handle);
    parley_client_free(client->parley);
    close(client->wake[0]);
    close(client->wake[1]);
    free(client);
}

/* --- events --- */

/* An event; or 0, when none came in that time, when it was woken, or when the client is closed. Waits beside the
 * library, so that it can be woken. */
JNIEXPORT jlong JNICALL Java_parley_Client_next(JNIEnv *env, jclass class, jlong handle, jint timeout_ms)
{
    struct client *client = client_of(handle);
    struct pollfd fds[2] = {{.fd = parley_event_fd(client->parley), .events = POLLIN},
                            {.fd = client->wake[0], .events = POLLIN}};
    parley_event *event = parley_next_event(client->parley, 0);
    if (event || parley_state(client->parley) == PARLEY_STATE_CLOSED || poll(fds, 2, timeout_ms) <= 0)
        return (jlong)(intptr_t)event;
    char byte;
    if (fds[1].revents && read(client->wake[0], &byte, 1) < 0)
        return 0;
    return (jlong)(intptr_t)parley_next_event(client->parley, 0);
}

JNIEXPORT jint JNICALL Java_parley_Client_descriptor(JNIEnv *env, jclass class, jlong handle)
{
    return parley_event_fd(client_of(handle)->parley);
}

JNIEXPORT void JNICALL Java_parley_Event_free(JNIEnv *env, jclass class, jlong event)
{
    parley_event_free(event_of(event));
}

JNIEXPORT jlong JNICALL Java_parley_Event_call(JNIEnv *env, jclass class, jlong event)
{
    return (jlong)parley_event_call(event_of(event));
}

JNIEXPORT jint JNICALL Java_parley_Event_status(JNIEnv *env, jclass class, jlong event)
{
    return parley_event_status(event_of(event));
}

JNIEXPORT jlong JNICALL Java_parley_Event_seq(JNIEnv *env, jclass class, jlong event)
{
    return parley_event_seq(event_of(event));
}

/* A native of Event that finds something at a path, `at`; else gives `none`. */
#define FIND(type, name, none, found, ...)                                                                             \
    JNIEXPORT type JNICALL Java_parley_Event_##name(JNIEnv *env, jclass class, jlong event,                            \
                                                    jbyteArray path __VA_ARGS__)                                       \
    {                                                                                                                  \
        char *at = copy_text(env, path);                                                                               \
        type it = at ? found : none;                                                                                   \
        free(at);                                                                                                      \
        return it;                                                                                                     \
    }
FIND(jbyteArray, text, NULL, bytes_of(env, parley_event_text(event_of(event), at)))
FIND(jlong, number, otherwise, parley_event_int(event_of(event), at, otherwise), , jlong otherwise)
FIND(jdouble, real, otherwise, parley_event_real(event_of(event), at, otherwise), , jdouble otherwise)
FIND(jint, count, 0, (jint)parley_event_count(event_of(event), at))
FIND(jbyteArray, key, NULL, bytes_of(env, parley_event_key(event_of(event), at, (uint32_t)index)), , jint index)

JNIEXPORT jbyteArray JNICALL Java_parley_Event_json(JNIEnv *env, jclass class, jlong event)
{
    return bytes_of(env, parley_event_json(event_of(event)));
}

/* --- calls --- */

JNIEXPORT jint JNICALL Java_parley_Client_state(JNIEnv *env, jclass class, jlong handle)
{
    return parley_state(client_of(handle)->parley);
}

JNIEXPORT jint JNICALL Java_parley_Client_unread(JNIEnv *env, jclass class, jlong handle)
{
    return (jint)parley_unread_total(client_of(handle)->parley);
}

JNIEXPORT jlong JNICALL Java_parley_Client_outbox(JNIEnv *env, jclass class, jlong handle)
{
    parley_event *found = parley_outbox_list(client_of(handle)->parley);
    if (!found)
        out_of_memory(env);
    return (jlong)(intptr_t)found;
}

JNIEXPORT jlong JNICALL Java_parley_Client_recap(JNIEnv *env, jclass class, jlong handle, jbyteArray conversation)
{
    char *id = copy_text(env, conversation);
    parley_event *found = (*env)->ExceptionCheck(env) ? NULL : parley_recap(client_of(handle)->parley, id);
    free(id);
    return (jlong)(intptr_t)found;
}

JNIEXPORT void JNICALL Java_parley_Client_typing(JNIEnv *env, jclass class, jlong handle, jbyteArray conversation,
                                                 jboolean on)
{
    char *id = copy_text(env, conversation);
    if (!(*env)->ExceptionCheck(env))
        parley_typing(client_of(handle)->parley, id, on);
    free(id);
}

/* The number of the call, or minus the status. */
JNIEXPORT jlong JNICALL Java_parley_Client_call(JNIEnv *env, jclass class, jlong handle, jbyteArray json)
{
    char *line = copy_text(env, json);
    uint64_t number = 0;
    parley_status st = line ? parley_call_json(client_of(handle)->parley, line, &number) : PARLEY_NOMEM;
    free(line);
    return st == PARLEY_OK ? (jlong)number : -st;
}

/* What was wrong with this thread's last call or say; empty when its status says it all. */
JNIEXPORT jbyteArray JNICALL Java_parley_Client_callError(JNIEnv *env, jclass class)
{
    return bytes_of(env, parley_call_json_error());
}

/* The id of what was said. */
JNIEXPORT jbyteArray JNICALL Java_parley_Client_say(JNIEnv *env, jclass class, jlong handle, jbyteArray json,
                                                    jintArray out_status)
{
    char id[ID_SIZE] = "", *line = copy_text(env, json);
    if (!line)
        return NULL;
    tell(env, out_status, parley_say_json(client_of(handle)->parley, line, id));
    free(line);
    return bytes_of(env, id);
}

JNIEXPORT jbyteArray JNICALL Java_parley_Client_statusName(JNIEnv *env, jclass class, jint status)
{
    return bytes_of(env, parley_status_name(status));
}

JNIEXPORT jbyteArray JNICALL Java_parley_Client_statusText(JNIEnv *env, jclass class, jint status)
{
    return bytes_of(env, parley_status_text(status));
}

JNIEXPORT jbyteArray JNICALL Java_parley_Client_libraryVersion(JNIEnv *env, jclass class)
{
    return bytes_of(env, parley_version());
}
