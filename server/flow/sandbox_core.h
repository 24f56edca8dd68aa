/* What the parts of the sandbox share: sandbox.c (life, slices, errors), sandbox_memory.c, sandbox_lib.c (library),
 * sandbox_data.c (values in and out). Not for anybody else: here begins Lua. */
#ifndef SERVER_FLOW_SANDBOX_CORE_H
#define SERVER_FLOW_SANDBOX_CORE_H

#include "server/flow/pattern_cache.h"
#include "server/flow/sandbox.h"

#include <lauxlib.h>
#include <lua.h>

enum {
    TICKS_PER_HOOK = 1000,
    BYTES_PER_TICK = 128,     /* of memory asked for in one piece, or moved */
    TICKS_PER_PATTERN = 2000, /* to compile one */
    TICKS_PER_SEARCH = 200,
    LIB_TEXT_MAX = 65536, /* bytes that one library call may make */
    LIB_ITEMS_MAX = 10000 /* elements that one library call may touch */
};

/* Whose memory a block is. Outlives its run until the last block has been collected. */
struct account {
    size_t used;
    size_t limit;
    bool closed;
};

enum doom { DOOM_NONE, DOOM_TICKS, DOOM_MEMORY, DOOM_STOP };

/* One of the texts that make up a flow. */
struct sandbox_part {
    char name[FLOW_ERROR_FILE_MAX]; /* as call() knows it; of the flow itself empty */
    char file[FLOW_ERROR_FILE_MAX];
    char chunk[FLOW_ERROR_FILE_MAX + 1]; /* "=file", as Lua wants it */
    int factory;                         /* registry: makes its function for an _ENV */
};

struct sandbox {
    lua_State *L;
    struct sandbox_limits limits;
    const struct sandbox_functions *functions;
    struct sandbox_part *parts; /* the flow itself first */
    size_t part_count;
    size_t used;
    struct account *base;              /* what all runs share */
    struct account *account;           /* who pays just now */
    struct sandbox_run *current;       /* who runs just now; NULL: nobody */
    const struct sandbox_watch *watch; /* NULL: nobody looks */
    int lib;                           /* registry: the table of the library */
    int env_meta;                      /* registry: the metatable of every _ENV */
    size_t runs;
    const void *refused; /* the allocation that Lua will try once more after collecting */
    size_t refused_size;
    bool refused_armed;
    struct pattern_cache patterns;
    struct arena arena;       /* of one call */
    struct flow_error raised; /* the last error of our own that a script was given */
    char raised_text[FLOW_ERROR_TEXT_MAX + FLOW_ERROR_FILE_MAX + 32];
    struct flow_error error; /* why the last run failed, or why the source cannot be compiled */
};

/* Where a run is being executed: the script itself, or a function of it that was entered. */
struct sandbox_place {
    lua_State *L;
    int thread; /* registry: keeps L alive */
};

struct sandbox_run {
    struct sandbox *box;
    lua_State *L;
    void *owner;
    struct account *account;
    int thread;                                  /* registry: keeps L alive */
    struct sandbox_place below[SANDBOX_ENTERED]; /* what stands meanwhile, innermost last */
    int entered;
    bool fresh;             /* L is a function that has not begun; its argument is on the stack */
    int kept[SANDBOX_KEPT]; /* registry */
    int kept_count;
    int offered;       /* registry: a function that was passed to the call being made */
    int metatables;    /* registry: script's metatable -> our checked copy; LUA_NOREF until used */
    int64_t ticks;     /* of this step */
    int64_t slice_end; /* of this slice, in ticks */
    int64_t slice_end_us;
    bool hurried; /* the hook comes at the next instruction */
    bool waits;
    enum doom doom;
    const struct sandbox_part *doom_part;
    int doom_line; /* where; after the hook has yielded, Lua names the instruction before */
    const struct value *results;
    size_t result_count;
};

/* sandbox.c */
struct sandbox *sandbox_of(lua_State *L);

/* Work done in C. The run is stopped at the next instruction when it was too much. */
void sandbox_charge(struct sandbox *box, size_t ticks);

/* sandbox_watch.c: sets the hook that counts, which is told of lines too when somebody looks. */
void sandbox_hook(struct sandbox_run *run, lua_Hook hook, int count);
void sandbox_line_comes(lua_State *L, lua_Debug *ar);

/* sandbox_error.c */

/* Raises "file:line: text [code]" in the script. Does not return. */
int sandbox_raise(lua_State *L, const char *code, const char *help, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for what stands in box->raised: its text is kept, to be known again when nobody catches it. */
int sandbox_raise_again(lua_State *L);

/* The line that is being executed, and of which part; 0 and the flow itself when there is none. */
int sandbox_line(lua_State *L, const struct sandbox_part **out_part);

/* Pushes a function of this part with a fresh _ENV. */
void sandbox_push_part(lua_State *L, const struct sandbox_part *part);

/* Fills box->error: of the value on top of the stack, as it is - neither __tostring nor __name runs; of a run that is
 * over. */
void sandbox_describe(struct sandbox *box, lua_State *L, const char *code);
void sandbox_fail(struct sandbox_run *run, int status);

/* sandbox_enter.c */
int sandbox_offer(lua_State *L);
void sandbox_enter_done(struct sandbox_run *run);

/* sandbox_memory.c */
void *sandbox_allocate(void *box, void *ptr, size_t old_size, size_t new_size);
struct account *account_new(size_t limit);
void account_close(struct account **account);

/* sandbox_lib.c: fills the table on top of the stack with the library and freezes it. Runs protected. */
void sandbox_open_library(lua_State *L);

/* sandbox_data.c: copies the value at the index. PARLEY_INVALID with the reason. Never raises, runs no metamethod. */
parley_status sandbox_take(lua_State *L, int index, struct arena *arena, struct value *out, struct flow_error *error);

/* Pushes; may raise for want of memory. */
void sandbox_push(lua_State *L, const struct value *v);

/* sandbox_watch.c: a value as a person reads it, cut where it is long. */
void sandbox_show(lua_State *L, int index, struct buf *out);

#endif
