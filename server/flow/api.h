/* The calls of a script as a table, and the check of their arguments: what was wrong, where, what to do.
 * Knows neither Lua nor runs. */
#ifndef SERVER_FLOW_API_H
#define SERVER_FLOW_API_H

#include "protocol/arena.h"
#include "protocol/value.h"
#include "server/flow/error.h"

/* 1,000 years, and the end of the year 9999: whatever is reckoned from now by them fits a timestamp of PostgreSQL. */
#define FLOW_LONGEST_S INT64_C(31557600000)
#define FLOW_LATEST_MS INT64_C(253402300799000)

enum flow_function_id {
#define FUNCTION_BEGIN(id, name, style, returns, example) FLOW_CALL_##id,
#define ARG(id, type, name, need, min, max, meaning)
#define FUNCTION_END(id)
#include "server/flow/api.def"
#undef FUNCTION_BEGIN
#undef ARG
#undef FUNCTION_END
    FLOW_CALLS
};

enum flow_style { FLOW_STYLE_FIELDS, FLOW_STYLE_ORDER, FLOW_STYLE_HIDDEN };

enum flow_arg_type {
    FLOW_ARG_TEXT,
    FLOW_ARG_NAME,
    FLOW_ARG_INT,
    FLOW_ARG_TIME,
    FLOW_ARG_DURATION,
    FLOW_ARG_PATTERNS,
    FLOW_ARG_CHOICES,
    FLOW_ARG_DATA,
    FLOW_ARG_MAP,
    FLOW_ARG_CARD,
    FLOW_ARG_CUSTOM,
    FLOW_ARG_START,
    FLOW_ARG_ESCAPE,
    FLOW_ARG_PROCESS,
    FLOW_ARG_PRIORITY,
    FLOW_ARG_MODE,
    FLOW_ARG_BOOL,
    FLOW_ARG_NUMBER,
    FLOW_ARG_INPUT,
    FLOW_ARG_FORM,
    FLOW_ARG_REMIND,
    FLOW_ARG_CARDS,
    FLOW_ARG_SECRET,
    FLOW_ARG_URL,
    FLOW_ARG_TEXTS,
    FLOW_ARG_FUNCTION,
    FLOW_ARG_ZONE,
    FLOW_ARG_NAMES,
    FLOW_ARG_FILE,
    FLOW_ARG_STEPS
};

struct flow_arg {
    const char *name;
    enum flow_arg_type type;
    bool required;
    int64_t min, max;
    const char *meaning;
};

struct flow_function {
    const char *name;
    enum flow_style style;
    const char *returns; /* for editors: "string? answer, string? why" */
    const char *example;
    const struct flow_arg *args;
    size_t arg_count;
};

extern const struct flow_function flow_functions[FLOW_CALLS];
extern const char *const flow_function_names[FLOW_CALLS];

/* What scripts know besides the calls: customer.name, started.text. Ends with a table NULL. */
enum { FLOW_FACT_FIELDS = 6 };
enum flow_fact_table { FLOW_FACT_CUSTOMER, FLOW_FACT_STARTED };
struct flow_fact {
    const char *table, *fields[FLOW_FACT_FIELDS], *list;
};
extern const struct flow_fact flow_facts[];
bool flow_fact_has(const struct flow_fact *fact, struct span field);

/* Where a value is not known before the flow runs (the checker), it fits everywhere; its text is how it is written. */
struct value flow_unknown(struct span source);
bool flow_is_unknown(const struct value *v);

struct pattern_cache;

/* Checks arguments and makes one map of them, by name and in a form that is easy to work with:
 * DURATION is milliseconds; FUNCTION is true; INPUT a number of input.h; PATTERNS a list of texts; CHOICES a list of
 * {value, label, wire}, where wire is the name that goes to the customer's app. Absent ones are absent. E2xx in `error`
 * on PARLEY_INVALID. Patterns are compiled to see whether they can be, and kept. */
parley_status flow_check_arguments(const struct flow_function *function, const struct value *args, size_t count,
                                   struct arena *arena, struct pattern_cache *patterns, struct value *out,
                                   struct flow_error *error);

/* Milliseconds of "90s", "1h30m", "5d"; false for anything else. */
bool flow_duration(struct span text, int64_t *out_ms);

/* api_shape.c: a value of one of the types with a shape of its own. */
struct flow_shape {
    const struct flow_function *function;
    const struct flow_arg *arg;
    struct arena *arena;
    struct flow_error *error;
    struct pattern_cache *patterns;
};
enum flow_field_type { FIELD_TEXT, FIELD_NAME, FIELD_MAP, FIELD_LIST, FIELD_BOOL, FIELD_NUMBER, FIELD_ANY };

/* A row of a table of named fields; the last has no name. */
struct flow_field {
    const char *name;
    enum flow_field_type type;
    bool required;
    size_t max; /* bytes of text */
};

/* `what` is how the refusal calls the table. */
parley_status flow_check_fields(const struct flow_shape *at, const char *what, const struct flow_field *fields,
                                const struct value *v);

parley_status flow_check_choices(const struct flow_shape *at, const struct value *v, struct value *out);
parley_status flow_check_patterns(const struct flow_shape *at, const struct value *v, struct value *out);

/* api_form.c: the questions of a form, each with `type` as a number of input.h and its choices and patterns made easy
 * to work with; a reminder. */
parley_status flow_check_form(const struct flow_shape *at, const struct value *v, struct value *out);
parley_status flow_check_remind(const struct flow_shape *at, const struct value *v, struct value *out);

/* api_field.c: the media types that a field of a form accepts, as they stand on the wire; and when it is shown, as a
 * list of {field, is}. `all` are the fields as they were given, `place` which of them it is, `above` the checked ones
 * before it. */
parley_status flow_check_accept(const struct flow_shape *at, const struct value *question, struct value *out);
parley_status flow_check_show_if(const struct flow_shape *at, const struct value *all, uint32_t place,
                                 const struct value *above, struct value *out);

/* api_http.c: a secret becomes its name. */
parley_status flow_check_secret(const struct flow_shape *at, const struct value *v, struct value *out);
parley_status flow_check_url(const struct flow_shape *at, const struct value *v);
/* What it gives together. */
parley_status flow_check_http(struct flow_shape *at, const struct value *map);
bool flow_is_http(enum flow_function_id function);

/* api_file.c: the name of a file that stands beside the flow. */
parley_status flow_check_file(const struct flow_shape *at, const char *what, bool picture, const struct value *v);
/* The say that gives it together with what belongs to it. */
parley_status flow_check_say(struct flow_shape *at, const struct value *map);

/* api_steps.c: the steps of a process become a list of {step, label}. */
parley_status flow_check_steps(const struct flow_shape *at, const struct value *v, struct value *out);
/* What process.start gives together. */
parley_status flow_check_process(struct flow_shape *at, const struct value *map);

/* api_texts.c */
parley_status flow_check_texts(const struct flow_shape *at, const struct value *v);
/* The name in the {name} with which the text, not empty, begins; empty: it begins otherwise. */
struct span flow_placeholder(struct span text);

/* The choices of a rating: 1 to n. */
parley_status flow_rating_choices(const struct flow_shape *at, int64_t n, struct value *out);

parley_status flow_check_shape(const struct flow_shape *at, const struct value *v, struct value *out);

/* Fills the error: "ask: 'choices' ..." and the example as help. Returns PARLEY_INVALID. */
parley_status flow_refuse(const struct flow_shape *at, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
