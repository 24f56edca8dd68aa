/* Parley's client: a conversation that never ends, inside any app.
 *
 *   parley_config config;
 *   parley_config_init(&config, sizeof config);
 *   config.url = "wss://chat.example/v1/ws";
 *   config.token = token_from_your_back_end;
 *   parley_client *client;
 *   if (parley_client_new(&config, &client) == PARLEY_OK) {
 *       parley_connect(client);
 *       parley_send_text(client, NULL, "Hello", NULL);
 *       parley_event *event;
 *       while ((event = parley_next_event(client, -1))) {
 *           ... parley_event_type(event) ...
 *           parley_event_free(event);
 *       }
 *       parley_client_free(client);
 *   }
 *
 * What holds everywhere
 *   - Nothing is called back with data. What happens is an event that the app pulls with parley_next_event.
 *   - Every call returns at once. Any thread may make any call, except that one thread at a time pulls events, and that
 *     parley_client_free comes last. Nothing here ever ends the process; no memory is PARLEY_NOMEM.
 *   - Text is UTF-8 and terminated. What an app passes in is copied before the call returns. What it gets back is
 *     borrowed, and each call says until when.
 *   - Ids are UUIDs in 36 lower-case characters. A NULL conversation is the customer's main one, also before the server
 *     has told its id.
 *   - A call that fails has changed nothing. Besides what it names itself it fails with PARLEY_INVALID, an argument is
 *     missing, out of range or no UTF-8; PARLEY_BAD_ID, an id is none; PARLEY_MALFORMED, PARLEY_TOO_BIG,
 *     PARLEY_TOO_DEEP, PARLEY_TOO_MANY, of JSON; and PARLEY_NOMEM. "What the disk says" is PARLEY_LIMIT, it is full;
 *     PARLEY_DENIED, it cannot be written; PARLEY_INTERNAL, PARLEY_TAKEN, PARLEY_MALFORMED: it fails, is used by
 *     another, is damaged.
 *   - Times are milliseconds since 1970, UTC. Order on a screen is `seq`, and what is not sent yet comes last.
 *   - Within one soname (libparley.so.0) nothing is removed or renumbered; new members of parley_config and
 *     parley_transport come at the end. Ignore event types, kinds and states that you do not know. */
#ifndef PARLEY_CLIENT_H
#define PARLEY_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define PARLEY_API __attribute__((visibility("default")))
#else
#define PARLEY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_VERSION_MAJOR 0
#define PARLEY_VERSION_MINOR 1
#define PARLEY_VERSION_PATCH 0

/* Results: 0 is success, numbers are stable for ever. parley_status_name and parley_status_text put them in words. */
#ifndef PROTOCOL_STATUS_H
typedef int32_t parley_status;
enum {
    PARLEY_OK = 0,
    PARLEY_MALFORMED = 1,        /* not JSON, or not a frame */
    PARLEY_INVALID = 2,          /* a field is missing, of the wrong type or out of range */
    PARLEY_TOO_BIG = 3,          /* longer than its limit */
    PARLEY_TOO_DEEP = 4,         /* nested deeper than its limit */
    PARLEY_TOO_MANY = 5,         /* more entries than its limit */
    PARLEY_BAD_ID = 6,           /* not a UUID, or not of the version that is due */
    PARLEY_UNKNOWN_TYPE = 7,     /* no request of this type */
    PARLEY_UNKNOWN_KIND = 8,     /* no item kind of this name; use custom */
    PARLEY_WRONG_STATE = 9,      /* not possible in the present state */
    PARLEY_UNAUTHENTICATED = 10, /* the token is not accepted */
    PARLEY_TOKEN_EXPIRED = 11,
    PARLEY_TOKEN_NOT_YET = 12,
    PARLEY_TOKEN_ALGORITHM = 13,
    PARLEY_TOKEN_KEY = 14,
    PARLEY_TOKEN_AUDIENCE = 15,
    PARLEY_DENIED = 16,
    PARLEY_NOT_FOUND = 17,
    PARLEY_CONFLICT = 18, /* this id was used before with another content */
    PARLEY_STALE = 19,    /* the state has moved on; `current` tells how */
    PARLEY_TAKEN = 20,    /* somebody else was first; `current` tells who */
    PARLEY_RATE_LIMITED = 21,
    PARLEY_BUSY = 22,
    PARLEY_UNAVAILABLE = 23, /* the server cannot store anything just now */
    PARLEY_UNCERTAIN = 24,   /* it may or may not have been done */
    PARLEY_TIMEOUT = 25,
    PARLEY_LIMIT = 26,  /* as many of these as there may be */
    PARLEY_CLOSED = 27, /* the connection was lost, or the client is closed */
    PARLEY_CANCELED = 28,
    PARLEY_SCRIPT = 29,
    PARLEY_NOMEM = 30,
    PARLEY_INTERNAL = 31,
    PARLEY_SLOW = 32,     /* events were not pulled fast enough; they come after a resume */
    PARLEY_DRAINING = 33, /* the server goes down and told when to come back */
    PARLEY_HELLO_FIRST = 34,
    PARLEY_REPLACED = 35,  /* the same device connected again */
    PARLEY_SIGNED_OUT = 36 /* access was withdrawn */
};
#endif

/* Static text, never NULL: "token_expired". */
PARLEY_API const char *parley_status_name(parley_status status);
/* Static text, never NULL: "the token has expired; get a new one". */
PARLEY_API const char *parley_status_text(parley_status status);

/* Static text: "0.1.0". */
PARLEY_API const char *parley_version(void);

typedef struct parley_client parley_client;
typedef struct parley_event parley_event;

/* --- A transport of the host's own
 * ------------------------------------------------------------------------------------ For platforms with better
 * sockets than ours (URLSession, OkHttp), for tests and for games. The functions are called from the client's thread,
 * or from parley_step, one at a time, with no lock held; they must not wait. What happens on the socket is told by
 * parley_transport_opened, _received and _closed, from any thread, also from inside the call. `socket` is a number that
 * the client gives each attempt; a report about an old one is ignored. */
typedef struct parley_transport {
    uint32_t size; /* sizeof(parley_transport) */
    void *user;    /* handed to each function; must outlive the client */
    /* Begins to open a WebSocket; `subprotocol` is the only one offered. Another status than PARLEY_OK is a failed
     * attempt, and then no report follows. `url` and `subprotocol` are borrowed for the call. */
    parley_status (*open)(void *user, parley_client *client, uint64_t socket, const char *url, const char *subprotocol);
    /* Sends one WebSocket message: binary when `binary` is not 0, else text. Borrowed for the call. */
    parley_status (*send)(void *user, uint64_t socket, const uint8_t *bytes, size_t length, int32_t binary);
    /* Closes and forgets; a report may follow, and need not. */
    void (*close)(void *user, uint64_t socket, int32_t code);
} parley_transport;

/* The WebSocket is open, with the subprotocol that was asked for. */
PARLEY_API void parley_transport_opened(parley_client *client, uint64_t socket);
/* One whole WebSocket message; copied. PARLEY_NOMEM, PARLEY_TOO_BIG: it is lost, and the client closes the socket. */
PARLEY_API parley_status parley_transport_received(parley_client *client, uint64_t socket, const uint8_t *bytes,
                                                   size_t length);
/* `code` is the WebSocket close code, 0 when there was none; `reason` may be NULL, is for logs, and is copied. */
PARLEY_API void parley_transport_closed(parley_client *client, uint64_t socket, int32_t code, const char *reason);

/* --- Life
 * -----------------------------------------------------------------------------------------------------------*/

enum {
    PARLEY_HOST_DRIVEN = 1, /* no thread of ours: the host calls parley_step */
    PARLEY_WIRE_JSON = 2,   /* JSON instead of MessagePack on the wire, to read along */
    PARLEY_ALLOW_PLAIN = 4, /* ws:// also to other machines than this one: for a trusted network only */
    PARLEY_NO_RECEIPTS = 8, /* do not tell others what arrived here; reading is told by parley_mark_read only */
    PARLEY_ASK_MERGE = 16   /* where two have changed the same of a process, wait for parley_process_merge */
};

typedef struct parley_config {
    uint32_t size;         /* set by parley_config_init */
    uint32_t flags;        /* PARLEY_HOST_DRIVEN, ... */
    const char *url;       /* ws:// or wss://; required */
    const char *token;     /* NULL or empty: the client asks for one (state needs_token) */
    const char *device;    /* id of this installation, kept by the app; NULL: made anew */
    const char *locale;    /* BCP 47, or NULL */
    const char *time_zone; /* IANA name, or NULL */
    const char *app_name;  /* shown to operators, or NULL */
    const char *app_version;
    const char *ca_file; /* PEM of authorities trusted beside the system's, or NULL; built-in transport only */
    const parley_transport *transport; /* copied; NULL: the built-in one */
    uint32_t page;                     /* items that an unknown conversation brings, 1-250 */
    uint32_t background_ms;            /* from background to disconnect */
    /* Where what was said and heard is kept, so that the thread is there before the network is, and nothing typed is
     * lost when the app is killed. A folder of the app's own, made if it is not there. NULL: in memory only. */
    const char *folder;
    /* Who is signed in, in the app's own words and the same each time; each has files of their own. Required with
     * `folder`. */
    const char *user;
} parley_config;

/* Fills in the defaults. `size` is sizeof(parley_config) of the caller. */
PARLEY_API void parley_config_init(parley_config *config, uint32_t size);

/* A client in state idle; `config` and its text are copied. On failure *out_client is untouched.
 * PARLEY_INVALID: url, device or page cannot be used, or a text is too long. PARLEY_DENIED: ws:// to another machine
 * without the flag. PARLEY_NOT_FOUND: ca_file cannot be read. PARLEY_LIMIT: `size` is of a newer header than this
 * library, or the disk is full. Of the folder: PARLEY_DENIED, it cannot be written; PARLEY_TAKEN, another client has
 * this user's files open; PARLEY_INTERNAL, the disk fails. What is in the files is told at once, as events: pull them
 * and paint. */
PARLEY_API parley_status parley_client_new(const parley_config *config, parley_client **out_client);

/* Closes at once, joins the client's thread, frees everything that is not an event in the caller's hands. Afterwards
 * nothing is called and nothing may be called. What was not sent is lost without a `folder`. NULL is fine. */
PARLEY_API void parley_client_free(parley_client *client);

/* Connects, and from then on stays connected as well as it can. Does nothing while it tries. Ends blocked and closed.
 */
PARLEY_API parley_status parley_connect(parley_client *client);

/* Closes the connection and stays closed (state closed) until parley_connect. Unsent items are kept. */
PARLEY_API void parley_close(parley_client *client);

/* A new token: used at once when online, and ends needs_token. The one that was refused is not offered again: it fails
 * with why it was refused. Others that are refused in a row are offered ever more slowly. It must be of the same
 * person: sign in another one with another client. A guest's client may be given the token of the customer the guest
 * has turned out to be: WELCOME tells who that is, and CONVERSATION which conversation is `main` now. */
PARLEY_API parley_status parley_set_token(parley_client *client, const char *token);

/* The user signs out: closes (state closed, reason signed_out), drops what was not sent and what was not pulled, and
 * deletes this user's files. A push token that was registered is taken back: at once where there is a connection, and
 * else by the next customer's client that names the same folder and comes online; until then the token, and nothing of
 * the user, stays there in a file. PARLEY_DENIED: a file could not be deleted or written. Afterwards the client is good
 * for parley_client_free. */
PARLEY_API parley_status parley_sign_out(parley_client *client);

/* How this phone is woken while the app is away: `platform` is "apns", "fcm" or what else the company's push service
 * knows, `token` as the system gave it; NULL: not any more. On disk when it returns, and said to the server until it
 * knows: PUSH tells. Call it at each start and when the token changes; parley_sign_out takes it back. For customers.
 * PARLEY_INVALID, PARLEY_TOO_BIG, and what the disk says. */
PARLEY_API parley_status parley_push_register(parley_client *client, const char *platform, const char *token);

/* For a silent push, a background fetch or a worker of the system: connects, takes what is there, says what waits,
 * confirms, and leaves - all of it, or as much as limit_ms allow. This call waits for that, and for no longer: call it
 * from a thread that may. A client that was in the foreground stays connected; any other is as it was before.
 * PARLEY_OK: everything is here, and everything was sent. PARLEY_TIMEOUT: the time was over. Else why it cannot be:
 * PARLEY_UNAVAILABLE (no network), PARLEY_UNAUTHENTICATED, PARLEY_TOKEN_EXPIRED (set a token, call again),
 * PARLEY_SLOW (pull events first), PARLEY_WRONG_STATE (one is under way). `out_result` (may be NULL, and may get NULL
 * without memory): status, items (new ones), sent, unsent, unread. The caller owns it: parley_event_free. */
PARLEY_API parley_status parley_sync_background(parley_client *client, int32_t limit_ms, parley_event **out_result);

/* 0: the app went to the background; the connection is closed after `background_ms`, and then nothing wakes the
 * processor. 1: it is back; reconnects at once, or when the server has asked for it. A new client is in the
 * foreground. */
PARLEY_API void parley_set_foreground(parley_client *client, int32_t on);

/* 0: there is no network. 1: there is one, or another one; reconnects at once, at most every two seconds, and not
 * before the server has asked for it. */
PARLEY_API void parley_network_changed(parley_client *client, int32_t reachable);

/* --- Events
 * ---------------------------------------------------------------------------------------------------------*/

/* The oldest event, waiting up to timeout_ms (0: do not wait, negative: for ever). NULL: none in that time, or - when
 * waiting for ever - none can come any more, as the client is closed. The caller owns it: parley_event_free.
 * With PARLEY_HOST_DRIVEN it never waits. */
PARLEY_API parley_event *parley_next_event(parley_client *client, int32_t timeout_ms);
/* Frees an event, and with it all text that was read from it. NULL is fine. */
PARLEY_API void parley_event_free(parley_event *event);

/* Readable while an event waits. For poll and the like: never read it, never close it. Valid until parley_client_free.
 */
PARLEY_API int32_t parley_event_fd(const parley_client *client);

/* `wakeup(user)` is called when the first event comes after there were none, from any thread, with no lock held. It
 * says nothing else: post to your own loop from it and pull there. NULL ends it, but a call under way may still be
 * running.*/
PARLEY_API void parley_set_wakeup(parley_client *client, void (*wakeup)(void *user), void *user);

/* With PARLEY_HOST_DRIVEN: does what is due, then waits up to timeout_ms for more (0: not at all, negative: for ever)
 * and does that. One thread at a time. PARLEY_WRONG_STATE without the flag. */
PARLEY_API parley_status parley_step(parley_client *client, int32_t timeout_ms);

/* Milliseconds until parley_step has something to do by itself; -1: nothing. */
PARLEY_API int32_t parley_step_due(parley_client *client);

/* The client's state just now: PARLEY_STATE_*. */
PARLEY_API int32_t parley_state(parley_client *client);

/* What happened. Each event also has `event`, its name, and `conversation` where it is about one; the fields named here
 * are for the path getters below. */
enum {
    PARLEY_EVENT_STATE = 1,        /* state, was, reason, text, retry_in_ms */
    PARLEY_EVENT_WELCOME = 2,      /* me, role, name, server, time; again when a guest has become a customer */
    PARLEY_EVENT_CONVERSATION = 3, /* topic, head, customer: known now, or changed */
    PARLEY_EVENT_ITEM = 4,         /* item {seq, prev, id, kind, role, author, at, audience, body}, new, mine */
    PARLEY_EVENT_OUTBOX = 5,       /* id, state, kind, seq, reason, text */
    PARLEY_EVENT_MARK = 6,         /* mark {participant, role, read, delivered} */
    PARLEY_EVENT_TYPING = 7,       /* participant, role, on */
    PARLEY_EVENT_SERVICE = 8,      /* service? {state, epoch, queue, agent, agent_name, place, estimate_ms, message} */
    PARLEY_EVENT_PERSON = 9,       /* person, role, name: who is behind an author's id */
    PARLEY_EVENT_SYNCED = 10,      /* head: every item from the oldest one told up to here has been told */
    PARLEY_EVENT_REPLY = 11,       /* call, type, status, data or error {code, text, path, retry_after_ms, current} */
    PARLEY_EVENT_OFFER = 12,       /* offer {offer, conversation, queue, expires_in_ms, dossier} */
    PARLEY_EVENT_OFFER_ENDED = 13, /* offer, why, by */
    PARLEY_EVENT_DESK = 14,        /* desk {status, capacity, load, sessions, offers, queues, waiting} */
    PARLEY_EVENT_TOKEN_EXPIRING = 15, /* expires_at: call parley_set_token before */
    PARLEY_EVENT_ERROR = 16,          /* error: the server could not read something that this client sent */
    /* state, reason, text. `rebuilt`: the cache was damaged and is fetched again. `memory`: it cannot be written (the
     * disk is full), and this run's is kept in memory. `reset`: what was told so far is not this user's, or not true
     * any more: empty the screen. */
    PARLEY_EVENT_CACHE = 17,
    /* process {process, type, title, state, step, revision, data, missing}: as it is now, with the `pending` changes of
     * this client that the server has not stored yet */
    PARLEY_EVENT_PROCESS = 18,
    PARLEY_EVENT_ANSWER = 19, /* never in the queue: what parley_outbox_list, parley_recap hand out */
    PARLEY_EVENT_UNREAD = 20, /* unread, total: of this conversation, and of all */
    PARLEY_EVENT_VIEW = 21,   /* view, change, index, row; count, start */
    PARLEY_EVENT_RECAP = 22,  /* as parley_recap: after each connection, with what the server says of it */
    PARLEY_EVENT_PUSH = 23,   /* state (registered, unregistered, refused), reason, text */
    /* id (of the edit), fields (that somebody else has changed, too), mine, base {step, state, data}, process (theirs),
     * merged: what was said here counts, and is sent; else parley_process_merge or parley_outbox_discard decide */
    PARLEY_EVENT_CONFLICT = 24
};

enum {
    PARLEY_STATE_IDLE = 0, /* never asked to connect */
    PARLEY_STATE_CONNECTING = 1,
    PARLEY_STATE_SYNCING = 2, /* connected; says who it is and what it has */
    PARLEY_STATE_ONLINE = 3,
    PARLEY_STATE_BACKOFF = 4,     /* waits retry_in_ms before it tries again */
    PARLEY_STATE_SUSPENDED = 5,   /* in the background, or without a network */
    PARLEY_STATE_NEEDS_TOKEN = 6, /* waits for parley_set_token */
    PARLEY_STATE_BLOCKED = 7,     /* the server does not want this client; trying again would not help */
    PARLEY_STATE_CLOSED = 8       /* by parley_close */
};

enum {
    PARLEY_OUTBOX_QUEUED = 0,  /* waits for the connection, or for those before it */
    PARLEY_OUTBOX_SENDING = 1, /* sent; no answer yet */
    PARLEY_OUTBOX_SENT = 2,    /* stored for ever; `seq` is its number */
    PARLEY_OUTBOX_DELIVERED = 3,
    PARLEY_OUTBOX_READ = 4,
    PARLEY_OUTBOX_FAILED_RETRY = 5, /* refused; parley_outbox_retry may help */
    PARLEY_OUTBOX_FAILED_FINAL = 6, /* refused for good; shown with its reason until discarded */
    PARLEY_OUTBOX_DISCARDED = 7
};

/* What became of a row; see parley_view_thread. */
enum {
    PARLEY_VIEW_INSERT = 1, /* `row` stands at `index` now, and what stood there and after it one further */
    PARLEY_VIEW_UPDATE = 2, /* the members of `row` at `index` are these now; others stay */
    PARLEY_VIEW_REMOVE = 3,
    PARLEY_VIEW_RESET = 4, /* no row is left; new ones follow */
    PARLEY_VIEW_OLDER = 5  /* parley_view_more is through: `count` rows came, `start`: there is nothing older */
};

/* PARLEY_EVENT_*: what happened. */
PARLEY_API int32_t parley_event_type(const parley_event *event);

/* REPLY: the number the call gave. VIEW: the number of the view. Else 0. */
PARLEY_API uint64_t parley_event_call(const parley_event *event);

/* STATE: the reason. REPLY, OUTBOX: how it went. Else PARLEY_OK. */
PARLEY_API parley_status parley_event_status(const parley_event *event);

/* STATE: PARLEY_STATE_*. OUTBOX: PARLEY_OUTBOX_*. VIEW: PARLEY_VIEW_*. Else 0. */
PARLEY_API int32_t parley_event_state(const parley_event *event);

/* ITEM: the item's number. OUTBOX: the number it got, or 0. SYNCED: the head. VIEW: the index. Else 0. */
PARLEY_API int64_t parley_event_seq(const parley_event *event);

/* Any field by its path: "item.body.text", "offer.dossier.name", "desk.offers.0.queue". Text, also of ids and names;
 * NULL when there is none of that type there. Borrowed until parley_event_free. */
PARLEY_API const char *parley_event_text(parley_event *event, const char *path);
/* A number (a fraction is cut off), a boolean as 0 or 1; `otherwise` when there is none. */
PARLEY_API int64_t parley_event_int(parley_event *event, const char *path, int64_t otherwise);
/* A number with its fraction; `otherwise` when there is none. */
PARLEY_API double parley_event_real(parley_event *event, const char *path, double otherwise);
/* Entries of an array or map; 0 when there is none. */
PARLEY_API uint32_t parley_event_count(parley_event *event, const char *path);
/* The name of the index-th member of a map, NULL beyond the last. Borrowed until parley_event_free. */
PARLEY_API const char *parley_event_key(parley_event *event, const char *path, uint32_t index);

/* The whole event as one line of JSON, never NULL. Borrowed until parley_event_free. */
PARLEY_API const char *parley_event_json(const parley_event *event);

/* --- Saying something -----------------------------------------------------------------------------------------------
 * These go through the outbox: they work offline, are sent in order per conversation, and are repeated with the same id
 * until the server answers. `out_id` (37 bytes, or NULL) gets the id for life; OUTBOX events tell what becomes of it.
 * PARLEY_TOO_BIG, more than an item holds; PARLEY_LIMIT, 10,000 wait already; and what the disk says. */

/* A message of plain text; line breaks count. */
PARLEY_API parley_status parley_send_text(parley_client *client, const char *conversation, const char *text,
                                          char *out_id);

/* Any kind the server knows; `body_json` is a map. */
PARLEY_API parley_status parley_post(parley_client *client, const char *conversation, const char *kind,
                                     const char *body_json, char *out_id);

/* Answers `choices` number `seq`: `value` of the option, `label` as shown (or NULL). */
PARLEY_API parley_status parley_tap(parley_client *client, const char *conversation, int64_t seq, const char *value,
                                    const char *label, char *out_id);

/* Answers `form` number `seq`: a map of values by field id. */
PARLEY_API parley_status parley_submit_form(parley_client *client, const char *conversation, int64_t seq,
                                            const char *values_json, char *out_id);

/* Staff: a note that only staff see; with `to`, a whisper to that member of staff.
 * PARLEY_WRONG_STATE, no conversation is named and none is known. */
PARLEY_API parley_status parley_note(parley_client *client, const char *conversation, const char *text, const char *to,
                                     char *out_id);

/* Tries a failed_retry one again, in its old place. PARLEY_NOT_FOUND, PARLEY_WRONG_STATE. */
PARLEY_API parley_status parley_outbox_retry(parley_client *client, const char *id);

/* Forgets one that is queued or failed: no later process sends it. PARLEY_NOT_FOUND. PARLEY_WRONG_STATE while its
 * answer is awaited or once it is stored; and what the disk says. */
PARLEY_API parley_status parley_outbox_discard(parley_client *client, const char *id);

/* Items that are queued, on their way or failed. */
PARLEY_API uint32_t parley_outbox_count(parley_client *client);

/* All of these, in order: outbox [{id, conversation, state, kind, body, reason, text}]. The caller owns it:
 * parley_event_free. NULL: no memory. */
PARLEY_API parley_event *parley_outbox_list(parley_client *client);

/* What is half written, on disk when the call returns: any JSON under a number, 0 for the words in the composer, else
 * that of the form or the choices it will answer. Gone with NULL, and with the send, tap or submit that it becomes.
 * PARLEY_LIMIT, there are 1,000; and what the disk says. */
PARLEY_API parley_status parley_draft_set(parley_client *client, const char *conversation, int64_t number,
                                          const char *value_json);

/* Begins a process. It is there at once (PROCESS), also offline; `title`, `step`, `data_json` may be NULL; `out_id` (37
 * bytes, or NULL) gets the process's id, under which it stands in the outbox as `process.start`. */
PARLEY_API parley_status parley_process_begin(parley_client *client, const char *conversation, const char *type,
                                              const char *title, const char *step, const char *data_json, char *out_id);

/* Changes a process that is known here. The change is shown at once, kept on disk, and sent on whatever the process has
 * become meanwhile, one after the other. `step`, `state` ("open", "done", "failed"), `data_json` (merged by top-level
 * key, null removes) may be NULL, not all. `out_id` (37 bytes, or NULL): `process.step` in the outbox. What others
 * changed elsewhere stays. Where they changed the same there is a CONFLICT: then this change counts, field by field, or
 * with PARLEY_ASK_MERGE waits (failed_retry, reason stale). Refused for good, the process is shown without it.
 * PARLEY_NOT_FOUND: parley_process_get first. */
PARLEY_API parley_status parley_process_edit(parley_client *client, const char *conversation, const char *process,
                                             const char *step, const char *state, const char *data_json, char *out_id);

/* Answers a CONFLICT with PARLEY_ASK_MERGE: what is given takes the place of what was said, all NULL: it counts as it
 * is. PARLEY_NOT_FOUND; PARLEY_WRONG_STATE: nothing is asked about it. */
PARLEY_API parley_status parley_process_merge(parley_client *client, const char *id, const char *step,
                                              const char *state, const char *data_json);

/* Read by the user up to number `seq`; marks only grow. Sent soon, together with others. PARLEY_NOT_FOUND, no such
 * conversation is known; PARLEY_WRONG_STATE, not even which is the main one. */
PARLEY_API parley_status parley_mark_read(parley_client *client, const char *conversation, int64_t seq);

/* Where the customer was, from what is known here, also before the first connection: head, read, unread, complete (no
 * item is missing), question (the `choices` or `form` item without an answer; its `seq` alone until it is here),
 * service (who serves, place in the queue), processes (open ones, with step and missing fields), drafts [{number,
 * value}], unsent. After each connection the server's own count and question stand in where items are not here: RECAP
 * tells. The caller owns it: parley_event_free. NULL: no memory, or no such id. */
PARLEY_API parley_event *parley_recap(parley_client *client, const char *conversation);

/* The user types (1) or stopped (0). Call it at each key: it is sent at most every 3 s, and only when online. */
PARLEY_API void parley_typing(parley_client *client, const char *conversation, int32_t on);

/* What the customer is doing: one key of the context (`screen`, `objects`, `errors` are shown to agents) and its value
 * as JSON; NULL removes the key. Sent soon, at most once a second, and only when something has changed; kept over a
 * restart, and sent once the client is online. Screens that were left are kept under `trail` [{screen, at}], the last
 * 20, so that none is lost between two sendings; an app cannot set that key. What looks like a secret is masked first.
 * PARLEY_LIMIT, 64 keys are set; PARLEY_TOO_BIG: more than 64 KiB in all. */
PARLEY_API parley_status parley_context_set(parley_client *client, const char *conversation, const char *key,
                                            const char *value_json);

/* What of the context never leaves this phone, nor is kept on it: `name` stands in its place, as in "[card]". `keys`
 * are names of members, apart by spaces, whose values are masked whole; * stands for anything, and card_number,
 * cardNumber and Card-Number are one. `shape` is a word within text: # a digit, @ a letter, ? either, anything else
 * itself, as in "CU-######". Either may be NULL; with neither the class masks nothing any more. Built in, and on:
 * secret (passwords, tokens, pin, cvv and the like, by name), email, iban, card, phone (from a country's or a leading
 * 0). Set classes before the context. PARLEY_INVALID, PARLEY_TOO_BIG, PARLEY_LIMIT: more than 32. */
PARLEY_API parley_status parley_context_mask(parley_client *client, const char *name, const char *keys,
                                             const char *shape);

/* --- Screens --------------------------------------------------------------------------------------------------------
 * A view is a window on what is known here, kept up to date by VIEW events: apply them in the order they come to an
 * array of your own - insert, update, remove by index - and the array is what the screen shows. Several may be open;
 * of `out_view`, PARLEY_LIMIT: 64 are. */

/* The newest `count` (1-250) rows of a thread, the oldest first; what is not stored yet stands at the end. A row is
 * {id, seq, mine, state, reason, text, name, item}: `id` for life, `state` of what is mine (queued to read, failed_*),
 * `name` of who said it, if it is known. The first rows come at once, from the cache. *out_view is the view's number.
 */
PARLEY_API parley_status parley_view_thread(parley_client *client, const char *conversation, uint32_t count,
                                            uint64_t *out_view);

/* The conversations, `main` first: {conversation, topic, main, head, unread, state, last}, `last` the newest item. */
PARLEY_API parley_status parley_view_list(parley_client *client, uint64_t *out_view);

/* Up to `count` (1-250) older rows at the top of a thread, from the cache or the server; then the change `older`.
 * PARLEY_NOT_FOUND, no such view, or nothing is known of its conversation; PARLEY_WRONG_STATE, it is a list;
 * PARLEY_LIMIT, 1,024 calls wait. */
PARLEY_API parley_status parley_view_more(parley_client *client, uint64_t view, uint32_t count);

/* No events of it come any more, but for those that wait already. */
PARLEY_API void parley_view_close(parley_client *client, uint64_t view);

/* Items of others that the user has not read, in all conversations; changes are told by UNREAD. */
PARLEY_API uint32_t parley_unread_total(parley_client *client);

/* --- Asking for something -------------------------------------------------------------------------------------------
 * Each gives the call a number in *out_call (may be NULL) and answers with one REPLY event that carries it. Offline it
 * waits for the connection. PARLEY_TIMEOUT after 30 s; PARLEY_UNCERTAIN when the connection was lost after it was sent
 * and repeating it is not safe. At once: PARLEY_LIMIT, 1,024 wait; PARLEY_TOO_BIG, more than a message holds;
 * PARLEY_WRONG_STATE, the conversation is NULL and the main one is not known yet, as this client has never been online.
 */

/* Up to `count` (1-250) items older than the oldest one told; they come as ITEM events with `new` false, then the
 * REPLY, whose `data.start` is true when there is nothing older. PARLEY_NOT_FOUND, no such conversation is known. */
PARLEY_API parley_status parley_load_older(parley_client *client, const char *conversation, uint32_t count,
                                           uint64_t *out_call);

/* A person, please. `queue` and `reason` may be NULL. */
PARLEY_API parley_status parley_request_human(parley_client *client, const char *conversation, const char *queue,
                                              const char *reason, uint64_t *out_call);
/* The customer no longer waits for a person. */
PARLEY_API parley_status parley_leave_queue(parley_client *client, const char *conversation, uint64_t *out_call);

/* The customer's conversation of a topic, made if there is none; it is followed from then on. */
PARLEY_API parley_status parley_open_conversation(parley_client *client, const char *topic, uint64_t *out_call);

/* Begins a process; `title`, `step`, `data_json` may be NULL; `out_id` (37 bytes, or NULL) gets its id. */
PARLEY_API parley_status parley_process_start(parley_client *client, const char *conversation, const char *type,
                                              const char *title, const char *step, const char *data_json, char *out_id,
                                              uint64_t *out_call);

/* Changes a process that stands at `revision`. `step`, `state` ("open", "done", "failed"), `data_json` (merged by
 * top-level key, null removes) may be NULL. PARLEY_STALE: `error.current` is how it stands. */
PARLEY_API parley_status parley_process_step(parley_client *client, const char *conversation, const char *process,
                                             int64_t revision, const char *step, const char *state,
                                             const char *data_json, uint64_t *out_call);

/* One process, or with NULL the open ones. */
PARLEY_API parley_status parley_process_get(parley_client *client, const char *conversation, const char *process,
                                            uint64_t *out_call);

/* Items as they stand in the log, in the REPLY alone: those above `after` if it is not negative, else those below
 * `before` if it is above 0, else the newest. For exports and searches; screens have views. */
PARLEY_API parley_status parley_range(parley_client *client, const char *conversation, int64_t after, int64_t before,
                                      uint32_t count, uint64_t *out_call);

/* The customer's conversations: NULL for one's own, staff name whose. */
PARLEY_API parley_status parley_get_conversations(parley_client *client, const char *customer, uint64_t *out_call);

/* What the customer may begin with, for a screen on which nothing has been said: starts [{flow, title, button}] in the
 * REPLY. Sending `button` as text begins that flow where nobody serves. `language` (BCP 47) may be NULL: the flow's. */
PARLEY_API parley_status parley_get_starts(parley_client *client, const char *language, uint64_t *out_call);

/* The context in force at number `at`; 0: now. */
PARLEY_API parley_status parley_context_get(parley_client *client, const char *conversation, int64_t at,
                                            uint64_t *out_call);

/* A place to PUT a file to, once: `data.url`; then post a `media` item that names `data.blob`. `type` is its media
 * type, `bytes` its size, `sha256` 64 hexadecimal digits. */
PARLEY_API parley_status parley_upload(parley_client *client, const char *conversation, const char *name,
                                       const char *type, int64_t bytes, const char *sha256, uint64_t *out_call);
/* A place to GET the file of a `media` item from, once: `data.url`. */
PARLEY_API parley_status parley_download(parley_client *client, const char *conversation, const char *blob,
                                         uint64_t *out_call);

/* --- Agents ---------------------------------------------------------------------------------------------------------
 * As above, with the conversation named. `out_call` gets the number of the call. PARLEY_LIMIT, 1,024 wait.
 * PARLEY_TOO_BIG, more than a message holds. Those that need the epoch also PARLEY_WRONG_STATE, nobody's control of
 * that conversation has been seen here. */

/* "online", "busy", "away", "offline". */
PARLEY_API parley_status parley_set_status(parley_client *client, const char *status, uint64_t *out_call);
/* The agent's desk in the REPLY: status, sessions, offers, queues; as DESK events tell it. */
PARLEY_API parley_status parley_get_inbox(parley_client *client, uint64_t *out_call);
/* Takes an OFFER: the agent speaks for the company from now on. PARLEY_TAKEN in the REPLY: somebody else was first. */
PARLEY_API parley_status parley_accept(parley_client *client, const char *conversation, const char *offer,
                                       uint64_t *out_call);
/* Does not take it; `reason` may be NULL. Somebody else is asked. */
PARLEY_API parley_status parley_decline(parley_client *client, const char *conversation, const char *offer,
                                        const char *reason, uint64_t *out_call);
/* Follows a conversation from now on: its newest items come, then all that is said. */
PARLEY_API parley_status parley_subscribe(parley_client *client, const char *conversation, uint64_t *out_call);
/* Follows it no longer. */
PARLEY_API parley_status parley_unsubscribe(parley_client *client, const char *conversation, uint64_t *out_call);
/* To another queue; `reason` may be NULL. The epoch that this and the next two need is the one this client has seen
 * last. */
PARLEY_API parley_status parley_transfer(parley_client *client, const char *conversation, const char *queue,
                                         const char *reason, uint64_t *out_call);
/* Gives the conversation back to the flow that handed it over; `outcome` and `note` may be NULL, and the flow gets
 * both. */
PARLEY_API parley_status parley_release(parley_client *client, const char *conversation, const char *outcome,
                                        const char *note, uint64_t *out_call);
/* The customer is helped; `outcome` ("resolved") and `note` may be NULL. */
PARLEY_API parley_status parley_resolve(parley_client *client, const char *conversation, const char *outcome,
                                        const char *note, uint64_t *out_call);
/* Takes up again, within 24 hours, what the agent has resolved. */
PARLEY_API parley_status parley_reopen(parley_client *client, const char *conversation, uint64_t *out_call);

/* --- Everything as JSON ---------------------------------------------------------------------------------------------
 * For bindings and scripts. */

/* {"type": "range", "data": {"conversation": "...", "limit": 20}} makes any request of the protocol and answers as
 * above; `conversation` may be left out for the main one, `epoch` for the one seen last, and an id that the client
 * makes is made. What says something (post, note, send, tap, submit, process.begin, process.edit) is answered at
 * once, with the `id` of what was said, also offline. And the calls of this page:
 *   send {text}  tap {seq, value, label}  submit {seq, values}  retry {id}  discard {id}  outbox
 *   context {key, value}  mask {class, keys, shape}  read {seq}  older {count}  draft {number, value}  recap
 *   process.begin {type, title, step, data}  process.edit {process, step, state, data}
 *   process.merge {id, step, state, data}
 *   view {count}  view.list  view.more {view, count}  view.close {view}
 *   connect  close  token {token}  foreground {on}  network {reachable}  push {platform, token}  sync {limit_ms}
 *   sign_out
 * sync does not wait: its REPLY has the result. When a call fails nothing was sent, and no REPLY follows.
 * PARLEY_UNKNOWN_TYPE, there is no such call; else as the typed call fails. */
PARLEY_API parley_status parley_call_json(parley_client *client, const char *json, uint64_t *out_call);

/* The lines that say something - post, note, send, tap, submit, process.begin, process.edit - with the id of what was
 * said at once in `out_id` (37 bytes, or NULL), and no REPLY. PARLEY_UNKNOWN_TYPE, the line says nothing; else as
 * parley_call_json. */
PARLEY_API parley_status parley_say_json(parley_client *client, const char *json, char *out_id);
/* What was wrong with this thread's last parley_call_json or parley_say_json, and where, for the developer:
 * "data.text: is missing". Empty when it was right, or when the status says it all. Until the next of these calls. */
PARLEY_API const char *parley_call_json_error(void);

#ifdef __cplusplus
}
#endif

#endif
