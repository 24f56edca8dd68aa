/* A run from the inside, for the files that make up the engine. */
#ifndef SERVER_FLOW_RUN_H
#define SERVER_FLOW_RUN_H

#include "protocol/item.h"
#include "server/base/list.h"
#include "server/flow/api.h"
#include "server/flow/engine.h"
#include "server/flow/journal.h"
#include "server/flow/pattern_cache.h"

enum {
    STEP_ARENA = 4 << 20,
    STEP_ITEMS = 48, /* a transition has room for 64, and the session wants some */
    STEP_ENTRIES = 256,
    STEP_PROCESSES = 16,
    STEP_READS = 16,
    RUN_EVENTS = 16 /* types */
};

/* Where a run stands with its host. */
enum run_phase {
    PHASE_REST,   /* at a wait, all committed */
    PHASE_RUN,    /* the script is being run */
    PHASE_READ,   /* waits for flow_answered */
    PHASE_DEFER,  /* waits for flow_continue */
    PHASE_COMMIT, /* waits for flow_committed */
    PHASE_OVER    /* ended or failed, and committed */
};

/* A call, its arguments checked. */
struct flow_call {
    enum flow_function_id function;
    struct value args; /* map */
    struct journal_call journal;
    struct arena *arena; /* for results */
    struct value results[SANDBOX_RESULTS];
    size_t result_count;
    struct flow_error *error;
};

/* What the host has answered during this step. */
struct step_read {
    enum flow_read_kind kind;
    struct uuid process;
    struct span type;
    int64_t after;
    struct span where;
    bool found;
    struct value value; /* map; a process follows the changes of this step */
};

/* The last event of a type that the script was given. */
struct run_event {
    uint64_t type; /* digest; 0: no such row */
    int64_t seq;
};

/* What is being gathered between two waits. */
struct flow_work {
    struct arena arena;
    struct flow_step step;
    struct flow_item items[STEP_ITEMS];
    struct flow_entry entries[STEP_ENTRIES];
    struct flow_process processes[STEP_PROCESSES];
    struct flow_log_line logs[FLOW_LOG_LINES];
    struct step_read reads[STEP_READS];
    size_t read_count;
    int ids;               /* derived so far */
    struct flow_read read; /* asked of the host */
    struct flow_call call; /* waits for it */
    int64_t until_ms;      /* of the wait that this step ends in */
};

/* The call that stands is made once more: after a handler, or a person. */
enum again {
    AGAIN_NO,
    AGAIN_BEGIN, /* it had not begun */
    AGAIN_ASK,   /* what it says is said again */
    AGAIN_STAND  /* it goes on as it stood */
};

/* The call that a run stands in. */
struct flow_wait {
    enum flow_function_id function; /* ask, wait, handoff; FLOW_CALLS: none */
    char *args;                     /* canonical JSON */
    char *label;
    int line;
    const char *file; /* as in journal_call */
    uint64_t digest;
    int64_t entry; /* number of the first journal entry that it may make: names it, however often it is begun */
    int tries;
    bool escaped;  /* interrupted by a wish for a person */
    bool corrects; /* it was answered before, and is to be answered anew */
    bool reminded; /* what was to be said meanwhile has been said */
    bool idled;    /* on.idle has had its turn */
};

struct run_on;
struct run_meant;
struct run_hidden;

struct flow_run {
    struct list link; /* of its version */
    struct flow_engine *engine;
    struct flow_version *version;
    void *owner;
    struct uuid id, conversation;
    enum flow_state state;
    enum run_phase phase;
    int64_t step; /* committed */
    int64_t input_seq;
    int64_t question_seq; /* where this question was first asked; 0: not known, or none */
    int64_t next_entry;
    size_t journal_bytes;
    struct sandbox_run *lua;
    struct journal *journal; /* NULL: not replaying */
    uint64_t chain_before;   /* this call */
    uint64_t chain;          /* digest of what was done since the last entry */
    int64_t event_seq;       /* events up to here came before this journal began */
    struct run_event events[RUN_EVENTS];
    int64_t random_from; /* step in which this journal began */
    uint64_t random_count;
    char *started;   /* canonical JSON: how it began */
    char *collected; /* canonical JSON; NULL: nothing */
    char *before;    /* what of that is from before a restart: for the agent alone */
    char *said;      /* the same: which of that are answers, and where they stand (collect.c) */
    bool declared;   /* flow{} has been called */
    bool called;     /* another flow */
    bool knows_language;
    char language[36]; /* the customer's, as it was when it was first needed; empty: not known */
    bool waited;       /* since it began or restarted */
    bool advancing;    /* inside advance(): answers that come at once are taken by its loop */
    bool restarting;
    enum again again;
    bool left_message;
    bool broken;   /* the script was stopped because it may not go on: see error */
    bool answered; /* the host has answered the commit while advancing */
    parley_status host_status;
    struct run_on *on;         /* NULL: the script has said nothing with on.* */
    struct run_meant *meant;   /* answers that can be put right; NULL: there was none yet */
    struct run_hidden *hidden; /* what was said in secret; NULL: nothing */
    bool warned;               /* that the journal gets long; kept with the run */
    bool goes_back;            /* the step takes it back to an earlier question: it is rebuilt once that is committed */
    int64_t corrected;         /* number of the newest correction; 0: none */
    struct flow_wait wait;
    int64_t until_ms;                      /* committed: when the wait is over; 0: never by itself */
    struct uuid timer;                     /* committed; nil: none */
    int line;                              /* of the call that is made, or stands */
    const char *file;                      /* where that is; NULL: no call was made yet */
    int64_t now_ms;                        /* what now() says in this step; 0: not asked yet */
    struct flow_work *work;                /* NULL at rest */
    struct value results[SANDBOX_RESULTS]; /* for the script, borrowing work or journal */
    size_t result_count;
    struct flow_error *error; /* NULL: none */
};

/* The catalogues of one file. */
struct version_texts {
    struct version_texts *next;
    const char *file; /* the sandbox's */
    struct value map; /* language, key */
};

struct flow_version {
    struct list link;
    struct flow_engine *engine;
    uint8_t hash[FLOW_HASH];
    char file[FLOW_ERROR_FILE_MAX];
    struct span source; /* owned */
    struct sandbox *sandbox;
    struct list runs;
    size_t run_count;
    unsigned holds;
    int64_t idle_since_ms;       /* 0: it was in use when last looked at */
    struct version_texts *texts; /* the newest first */
    struct arena texts_arena;
    bool has_about;
    struct flow_about about;
    char *files;        /* the lines of the bundle that name them; NULL: none */
    char *escape_words; /* canonical JSON: patterns of the flow's own; NULL: none */
};

struct flow_engine {
    struct flow_host *host;
    struct flow_limits limits;
    struct sandbox_functions functions;
    struct list versions;
    struct flow_work *spare;
    struct phrases *phrases;
    struct pattern_cache patterns; /* of answers and topics */
};

/* ---- run.c ---- */
void run_set_error(struct flow_run *run, const struct flow_error *error);
void run_free(struct flow_run **run);
struct flow_run *run_new(struct flow_version *version, struct uuid id, struct uuid conversation, void *owner);
void run_replace_text(char **kept, struct span text);
int64_t run_now_ms(const struct flow_run *run);

/* ---- begin.c ---- */
/* A fresh coroutine at the first line; run->lua is NULL when no memory is left for it. */
void run_begin_script(struct flow_run *run);
/* The journal's first entry: what the run was begun with. */
parley_status run_record_start(struct flow_run *run, struct flow_error *error);

/* ---- engine.c ---- */
/* Runs the script until it waits for somebody. May end the run's memory. */
void run_advance(struct flow_run *run);
/* Ends the run with this error, an apology and a person. */
void run_fail(struct flow_run *run, const struct flow_error *error);

/* ---- step.c: what a step gathers. Failures raise in the script (PARLEY_LIMIT with an error) ---- */
void step_open(struct flow_run *run);
void step_close(struct flow_run *run);
struct uuid step_derive(const struct flow_run *run, char domain, int64_t step, int n);
parley_status step_add_item(struct flow_run *run, int kind, const void *body, struct flow_error *error);
parley_status step_add_entry(struct flow_run *run, const struct journal_call *call, const struct value *told,
                             struct flow_error *error);
void step_set_timer(struct flow_run *run, int64_t due_ms);
void step_clear_timer(struct flow_run *run);
void step_finish(struct flow_run *run, enum flow_state state);
/* Everything gathered is dropped; in its place come an apology and a person. */
void step_fail(struct flow_run *run, const struct flow_error *error);

/* ---- lines.c ---- */
/* Never fails: where there is no room for it, that is counted; one of the engine's own takes the place of the last. */
void step_log(struct flow_run *run, const struct flow_log_line *line);
void step_log_dropped(struct flow_run *run);
/* Once in a run: when the journal, with this call's entry, comes near one of its limits. */
void step_log_journal(struct flow_run *run, const struct journal_call *call, int64_t entries, size_t bytes);
enum sandbox_verdict call_log(struct flow_run *run, struct flow_call *call);
/* From here on no line shows this, and whether one would. */
void lines_hide(struct flow_run *run, const struct value *said);
bool lines_hidden(const struct flow_run *run, struct span text);
void lines_free(struct flow_run *run);

/* ---- label.c ---- */
/* As it is stored; ptr NULL: as it is. */
struct span label_shown(const struct flow_version *version, struct arena *arena, struct span label);

/* ---- collect.c ---- */
/* What the flow learns under this key; VALUE_NULL: nothing any more. `said`: it is what a customer answered, and this
 * refers to it; NULL: it is the flow's own. */
parley_status step_collect(struct flow_run *run, struct span key, const struct value *value, const struct value *said);
/* What was kept before a restart: into what the journal's first entry tells (with room for one more), and from there.
 * An answer's value is not in it (null), since what is kept from before is for the agent alone. */
bool collect_put_before(struct flow_run *run, struct arena *arena, struct value *told);
void collect_read_before(struct flow_run *run, struct arena *arena, const struct value *told);
/* With this step all that is kept is stored; nothing while the run is rebuilt. */
void collect_store(struct flow_run *run);
/* The reference to the answer that is told, to a question of these arguments. */
bool collect_reference(struct arena *arena, const struct value *args, const struct value *told, struct value *out);
/* What an agent is to see of it, all or what is named: what the flow has set, and the references. In the step's arena.
 */
void collect_share(struct flow_run *run, const struct value *names, struct span *out_own, struct span *out_said);

/* ---- calls.c ---- */
enum sandbox_verdict run_on_call(void *owner, struct sandbox_call *call);
enum sandbox_verdict call_again(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_raise(struct flow_call *call, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The script ends here and cannot catch it: the run fails with call->error. */
enum sandbox_verdict call_break(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_give(struct flow_call *call, struct value v);
/* An answer that goes into the journal (`found` NULL: nil; with `why` as the second result), and one from there. */
enum sandbox_verdict call_give_recorded(struct flow_run *run, struct flow_call *call, const struct value *found,
                                        const char *why);
enum sandbox_verdict call_give_told(struct flow_call *call, const struct value *told);
/* True: told by the journal, or not possible (then *verdict says so). False: do it now. */
bool call_replayed(struct flow_run *run, struct flow_call *call, const struct value **told,
                   enum sandbox_verdict *verdict);
/* What the host knows; NULL: asked for, return SANDBOX_WAIT. */
struct step_read *call_need(struct flow_run *run, struct flow_call *call, const struct flow_read *read);

/* ---- facts.c ---- */
enum sandbox_verdict call_context_get(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_context_set(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_customer_read(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_started_read(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_now(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_random(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_uuid(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_since(struct flow_run *run, struct flow_call *call);

/* ---- speak.c ---- */
enum sandbox_verdict call_texts(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_t(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_fmt_number(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_fmt_money(struct flow_run *run, struct flow_call *call);
/* False: not yet, or not possible; then the verdict says what to do. */
bool speak_know_language(struct flow_run *run, struct flow_call *call, enum sandbox_verdict *verdict);
/* The customer's, else the flow's. */
struct span speak_language(const struct flow_run *run);
enum sandbox_verdict speak_give(struct flow_call *call, struct buf *out);

/* ---- days.c ---- */
enum sandbox_verdict call_fmt_date(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_fmt_when(struct flow_run *run, struct flow_call *call);

/* ---- queues.c ---- */
enum sandbox_verdict call_hours(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_queue_load(struct flow_run *run, struct flow_call *call);

/* ---- say_file.c ---- */
/* Whether all that say shows was published with the flow: the same whenever the run is rebuilt. */
parley_status say_has_files(const struct flow_run *run, const struct value *args, struct flow_error *error);
/* The file of that name; say shows it in the item that comes next. */
parley_status say_find_file(struct flow_run *run, struct span name, struct flow_file *out, struct flow_error *error);
/* An item that shows the file. But for the file all may be empty. */
struct shown_file {
    struct span file, name, alt, fallback;
};
parley_status say_media(struct flow_run *run, const struct shown_file *what, struct flow_error *error);
/* The item that was added last shows this. */
parley_status say_shows(struct flow_run *run, const struct flow_file *file);

/* ---- say.c ---- */
enum sandbox_verdict call_say(struct flow_run *run, struct flow_call *call);
/* An item of words, with suggestions when there are `choices`. */
parley_status say_words(struct flow_run *run, struct span text, const struct value *choices, struct flow_error *error);
/* A question in words; `args` of ask say what an answer is. */
parley_status say_question(struct flow_run *run, struct span text, const struct value *args, struct flow_error *error);
parley_status say_form(struct flow_run *run, const struct value *args, struct flow_error *error);

/* ---- processes.c ---- */
enum sandbox_verdict call_process_start(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_process_get(struct flow_run *run, struct flow_call *call);
enum sandbox_verdict call_process_move(struct flow_run *run, struct flow_call *call);

/* ---- process_steps.c ---- */
/* The data of a process that begins with these steps, at one of them or the first. */
bool process_steps_begin(struct arena *arena, const struct value *steps, struct span *step, const struct value *data,
                         struct value *out);
/* What a move to this step, or to the end, changes of the data as well. */
bool process_steps_move(struct arena *arena, const struct value *record, struct span step, bool done,
                        struct value *data);
/* False, with the error: the process has steps, and this is none of them. */
bool process_steps_allow(const struct value *record, struct span step, struct flow_error *error);

/* ---- answer.c: is this item an answer to the question of those arguments? `out` is what the script is told, and of a
 * form that is filled in wrong the label of the first field at fault ---- */
enum answer { ANSWER_FITS, ANSWER_WRONG, ANSWER_NONE };
enum answer answer_judge(struct flow_run *run, const struct value *args, const struct flow_event *event,
                         const struct value *body, struct value *out);

/* The same of one that was found to fit: what the script is told of it. False: it cannot be read. */
bool answer_value(const struct value *args, int kind, const struct value *body, struct arena *arena, struct value *out);

/* ---- answer_form.c ---- */
enum answer answer_form(struct flow_run *run, const struct value *args, const struct flow_event *event,
                        const struct value *body, struct value *out);
bool answer_form_value(const struct value *args, const struct value *body, struct arena *arena, struct value *out);
bool answer_matches(struct flow_run *run, const struct value *patterns, struct span said);
bool answer_in_range(const struct value *args, const struct value *v);

/* ---- recall.c: what was said, read again from the log ---- */
/* Puts it into what the journal says was told to the call that stands. False, with the error: it has been erased. */
bool recall_told(struct flow_run *run, struct flow_call *call, const struct value **told);
/* The same of what began the run; without its text where that has been erased. */
void recall_start(struct flow_run *run, const struct value **told);
/* The script wants what has been erased: the run ends here, for a person to take over. */
enum sandbox_verdict recall_break(struct flow_run *run, struct flow_call *call, int64_t seq);

/* ---- events.c: what wait{event} waits for ---- */
/* Events of this type up to the number are no longer for the script. */
int64_t event_after(const struct flow_run *run, struct span type);
void event_taken(struct flow_run *run, struct span type, int64_t seq);
/* False: this would be a type too many. */
bool event_has_room(const struct flow_run *run, struct span type);
/* What to ask the host for. */
struct flow_read event_read(const struct flow_run *run, const struct value *args, struct arena *arena);
/* The first of the events read that fits; NULL: none. `out_seq` is its number. */
const struct value *event_pick(const struct flow_run *run, const struct value *args, const struct value *events,
                               int64_t *out_seq);
struct value event_data(const struct value *body);
/* Whether it has all that is wanted of it, with those values; where NULL: nothing is. */
bool event_fits(const struct value *where, const struct value *data);
/* Whether this item is one; `out` is its data. */
bool event_is(const struct flow_run *run, const struct value *args, const struct flow_event *event,
              const struct value *body, struct value *out);

/* ---- http.c ---- */
enum sandbox_verdict call_secret(struct flow_run *run, struct flow_call *call);
/* The run rests: if it waits for the outside, that is called. rebuilt: it may have been called before. */
void http_begin(struct flow_run *run, bool rebuilt);
/* Whether it may reach the service once at most, rather than once at least. */
bool http_is_once(const struct value *args);
/* How long the run waits for an answer, all tries together, before it goes on without. */
int64_t http_patience_ms(const struct value *args);
/* What the script is told of this answer. False when it is not one to this call. */
bool http_told(const struct flow_run *run, const struct value *args, const struct flow_event *event,
               struct arena *arena, struct value *out);
/* The same when there is none, and will be none: `why` as in struct flow_event. */
bool http_unanswered(const struct value *args, const char *why, struct arena *arena, struct value *out);
/* The results of the call. */
size_t http_results(const struct value *told, struct value *results);

/* ---- waits.c ---- */
enum sandbox_verdict call_wait(struct flow_run *run, struct flow_call *call);
void wait_forget(struct flow_wait *wait);
struct journal_call wait_journal_call(const struct flow_wait *wait);
bool wait_asks(const struct flow_wait *wait);
/* The question, or `instead` of its words. What is asked once more is no new question: an answer to either counts. */
parley_status wait_put_question(struct flow_run *run, const struct value *args, const char *instead,
                                struct flow_error *error);
void wait_request_person(struct flow_run *run, const struct value *args, const char *why);
/* What the call says and sets when it begins, or begins again. */
parley_status wait_start(struct flow_run *run, const struct value *args, struct flow_error *error);
/* Whether the wait is over with what is told here; if not, it is noted; if so, concluded: how many results. */
bool wait_is_final(const struct value *told);
void wait_note(struct flow_run *run, const struct value *told);
size_t wait_conclude(struct flow_run *run, const struct value *args, const struct value *told, struct value *results);
/* From the journal: over, or where the run stands. */
enum sandbox_verdict wait_replay(struct flow_run *run, struct flow_call *call);
/* What is told ends the call's turn for now: a handler begins, or the topic is left. */
bool wait_interrupts(struct flow_run *run, const struct value *told);
/* The customer has said something that is no answer: their silence begins anew. */
void wait_heard(struct flow_run *run, const struct value *args);
/* The timer for the end at `due`, or for what comes sooner. */
void wait_set_timer(struct flow_run *run, const struct value *args, int64_t due);
bool wait_event_told(struct arena *arena, const struct value *data, int64_t seq, struct value *out);

/* ---- wait_event.c ---- */
/* What an event means to a run that waits: PARLEY_OK, and run->results are for the script when *out_go is set, else
 * the step is complete as it is. PARLEY_WRONG_STATE: nothing. PARLEY_LIMIT: the run has failed of `error`. */
parley_status wait_event(struct flow_run *run, const struct flow_event *event, bool *out_go, struct flow_error *error);

/* ---- wait_again.c: a handler is over, and the call that it interrupted is taken up. As wait_event ---- */
parley_status wait_take_up(struct flow_run *run, bool *out_go, struct flow_error *error);

#endif
