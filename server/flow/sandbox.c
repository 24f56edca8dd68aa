/* Life of a sandbox and of its runs: compiling, slices, calls to the outside, and what becomes of errors. */
#include "protocol/text.h"
#include "server/base/clock.h"
#include "server/base/mem.h"
#include "server/flow/bundle.h"
#include "server/flow/sandbox_core.h"

#include <assert.h>
#include <stdio.h>

enum { ARGUMENTS_MAX = 8, CALL_ARENA = 1 << 20 };

const struct sandbox_limits sandbox_limits_default = SANDBOX_LIMITS;

struct sandbox *sandbox_of(lua_State *L)
{
    return *(struct sandbox **)lua_getextraspace(L);
}

/* ---- slices ---- */

/* A yield cannot be caught by pcall. Where none is possible (no such place is known), the error comes again at every
 * instruction until it is. */
static void on_count(lua_State *L, lua_Debug *ar)
{
    struct sandbox *box = sandbox_of(L);
    struct sandbox_run *run = box->current;
    if (!run)
        return;
    if (ar->event == LUA_HOOKLINE) {
        sandbox_line_comes(L, ar);
        return;
    }
    run->ticks += run->hurried ? 1 : TICKS_PER_HOOK;
    if (run->doom == DOOM_NONE && run->ticks > box->limits.ticks_step)
        run->doom = DOOM_TICKS;
    if (run->doom == DOOM_NONE && run->ticks < run->slice_end && clock_mono_us() < run->slice_end_us)
        return;
    if (run->doom == DOOM_TICKS && run->doom_line == 0)
        run->doom_line = sandbox_line(L, &run->doom_part);
    if (lua_isyieldable(L)) {
        lua_yield(L, 0);
        return;
    }
    run->hurried = true;
    sandbox_hook(run, on_count, 1);
    if (run->doom != DOOM_NONE)
        luaL_error(L, "this run is over");
}

void sandbox_charge(struct sandbox *box, size_t ticks)
{
    struct sandbox_run *run = box->current;
    if (!run || ticks == 0)
        return;
    run->ticks += (int64_t)ticks;
    if (run->hurried || (run->ticks < run->slice_end && run->ticks <= box->limits.ticks_step))
        return;
    run->hurried = true;
    sandbox_hook(run, on_count, 1);
}

/* ---- calls to the outside ---- */

static int give_results(lua_State *L)
{
    struct sandbox_run *run = sandbox_of(L)->current;
    if (!lua_checkstack(L, SANDBOX_RESULTS + 4))
        return luaL_error(L, "not enough memory");
    for (size_t i = 0; i < run->result_count; i++)
        sandbox_push(L, &run->results[i]);
    return (int)run->result_count;
}

static int on_resumed(lua_State *L, int status, lua_KContext context)
{
    return give_results(L);
}

static int stand(lua_State *L, struct sandbox_run *run)
{
    if (!lua_isyieldable(L))
        return sandbox_raise(L, "E306", NULL, "this call cannot wait here");
    run->waits = run->doom == DOOM_NONE;
    return lua_yieldk(L, 0, 0, on_resumed);
}

static parley_status take_arguments(lua_State *L, struct sandbox_call *call, struct value *room)
{
    for (size_t i = 0; i < call->count; i++) {
        parley_status st = sandbox_take(L, (int)i + 1, call->arena, &room[i], call->error);
        if (st != PARLEY_OK)
            return st;
    }
    return PARLEY_OK;
}

static int host_call(lua_State *L)
{
    struct sandbox *box = sandbox_of(L);
    struct sandbox_run *run = box->current;
    if (!run || run->doom != DOOM_NONE)
        return run ? stand(L, run) : luaL_error(L, "called outside a run");

    int function = (int)lua_tointeger(L, lua_upvalueindex(1));
    if (lua_gettop(L) > ARGUMENTS_MAX)
        return sandbox_raise(L, "E204", NULL, "%s: too many arguments", box->functions->names[function]);
    struct value room[ARGUMENTS_MAX];
    arena_reset(&box->arena);
    box->raised = (struct flow_error){0};
    struct sandbox_call call = {
        .function = function,
        .args = room,
        .count = (size_t)lua_gettop(L),
        .arena = &box->arena,
        .error = &box->raised,
    };
    const struct sandbox_part *part;
    call.line = sandbox_line(L, &part);
    call.file = part->file;
    if (take_arguments(L, &call, room) != PARLEY_OK)
        return sandbox_raise_again(L);
    sandbox_charge(box, TICKS_PER_HOOK / 10);
    switch (box->functions->on_call(run->owner, &call)) {
    case SANDBOX_WAIT:
        return stand(L, run);
    case SANDBOX_RAISE:
        return sandbox_raise_again(L);
    case SANDBOX_RETURN:
        break;
    }
    run->results = call.results;
    run->result_count = call.result_count;
    return give_results(L);
}

/* ---- a run ---- */

static int run_over(lua_State *L, int status, lua_KContext context)
{
    return 0;
}

void sandbox_push_part(lua_State *L, const struct sandbox_part *part)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, part->factory);
    lua_newtable(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, sandbox_of(L)->env_meta);
    lua_setmetatable(L, -2);
    lua_call(L, 1, 1);
}

static int run_main(lua_State *L)
{
    sandbox_push_part(L, sandbox_of(L)->parts);
    lua_callk(L, 0, 0, 0, run_over);
    return 0;
}

static int make_thread(lua_State *L)
{
    struct sandbox_run *run = lua_touserdata(L, 1);
    run->L = lua_newthread(L);
    lua_pushcfunction(run->L, run_main);
    run->thread = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

struct sandbox_run *sandbox_run_new(struct sandbox *box, void *owner)
{
    struct sandbox_run *run = mem_alloc(sizeof *run);
    run->box = box;
    run->owner = owner;
    run->metatables = LUA_NOREF;
    run->thread = LUA_NOREF;
    run->offered = LUA_NOREF;
    run->account = account_new(box->limits.memory_run);
    box->runs++;
    box->account = run->account;
    lua_pushcfunction(box->L, make_thread);
    lua_pushlightuserdata(box->L, run);
    int status = lua_pcall(box->L, 1, 0, 0);
    box->account = box->base;
    if (status != LUA_OK) {
        lua_settop(box->L, 0);
        sandbox_run_free(&run);
    }
    return run;
}

void sandbox_run_free(struct sandbox_run **run)
{
    struct sandbox_run *r = *run;
    if (!r)
        return;
    struct sandbox *box = r->box;
    assert(box->current != r);
    sandbox_enter_done(r);
    luaL_unref(box->L, LUA_REGISTRYINDEX, r->thread);
    luaL_unref(box->L, LUA_REGISTRYINDEX, r->metatables);
    account_close(&r->account);
    box->runs--;
    mem_free(r);
    *run = NULL;
}

enum sandbox_result sandbox_resume(struct sandbox_run *run, const struct value *results, size_t count)
{
    struct sandbox *box = run->box;
    assert(!box->current);
    run->results = results;
    run->result_count = count;
    run->slice_end = run->ticks + box->limits.ticks_slice;
    run->slice_end_us = clock_mono_us() + box->limits.slice_us;
    run->hurried = false;
    run->waits = false;
    box->current = run;
    box->account = run->account;
    sandbox_hook(run, on_count, TICKS_PER_HOOK);
    int pushed, arguments = run->fresh ? 1 : 0;
    run->fresh = false;
    int status = lua_resume(run->L, NULL, arguments, &pushed);
    box->current = NULL;
    box->account = box->base;

    if (run->doom == DOOM_STOP)
        return SANDBOX_ENDED;
    if (run->doom != DOOM_NONE || (status != LUA_OK && status != LUA_YIELD)) {
        sandbox_fail(run, status);
        return SANDBOX_FAILED;
    }
    if (status == LUA_OK && run->entered) {
        sandbox_leave(run);
        return SANDBOX_LEFT;
    }
    if (status == LUA_OK)
        return SANDBOX_ENDED;
    return run->waits ? SANDBOX_WAITS : SANDBOX_SLICE;
}

void sandbox_step(struct sandbox_run *run)
{
    run->ticks = 0;
}

void sandbox_stop(struct sandbox_run *run)
{
    run->doom = DOOM_STOP;
}

const struct flow_error *sandbox_error(const struct sandbox_run *run)
{
    return &run->box->error;
}

/* ---- the state ---- */

/* The script as one function of its _ENV: compiled once, instantiated for every run. The source has compiled alone
 * before, so it cannot end the function that is put around it. */
struct pieces {
    struct span piece[3];
    int next;
};

static const char *next_piece(lua_State *L, void *context, size_t *size)
{
    struct pieces *p = context;
    while (p->next < 3 && p->piece[p->next].len == 0)
        p->next++;
    if (p->next == 3)
        return NULL;
    *size = p->piece[p->next].len;
    return p->piece[p->next++].ptr;
}

static int compile(lua_State *L, const struct sandbox_part *part, struct span source)
{
    int status = luaL_loadbufferx(L, source.ptr, source.len, part->chunk, "t");
    if (status != LUA_OK)
        return status;
    lua_pop(L, 1);
    struct pieces pieces = {{span_str("local _ENV = ...; return function(...) "), source, span_str("\nend")}, 0};
    return lua_load(L, next_piece, &pieces, part->chunk, "t");
}

struct setup {
    struct sandbox *box;
    const struct bundle *bundle;
};

static void add_functions(lua_State *L, const struct sandbox_functions *functions)
{
    for (size_t i = 0; i < functions->count; i++) {
        const char *name = functions->names[i], *dot = strchr(name, '.');
        lua_pushvalue(L, -1);
        if (dot) {
            lua_pushlstring(L, name, (size_t)(dot - name));
            if (lua_rawget(L, -2) == LUA_TNIL) {
                lua_pop(L, 1);
                lua_newtable(L);
                lua_pushlstring(L, name, (size_t)(dot - name));
                lua_pushvalue(L, -2);
                lua_rawset(L, -4);
            }
        }
        lua_pushstring(L, dot ? dot + 1 : name);
        lua_pushinteger(L, (lua_Integer)i);
        lua_pushcclosure(L, host_call, 1);
        lua_rawset(L, -3);
        lua_settop(L, dot ? -3 : -2);
    }
}

static int set_up(lua_State *L)
{
    struct setup *setup = lua_touserdata(L, 1);
    struct sandbox *box = setup->box;
    lua_newtable(L);
    add_functions(L, box->functions);
    sandbox_open_library(L);
    box->env_meta = luaL_ref(L, LUA_REGISTRYINDEX);
    box->lib = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    for (size_t i = 0; i < box->part_count; i++) {
        if (compile(L, &box->parts[i], setup->bundle->parts[i].text) != LUA_OK)
            return lua_error(L);
        box->parts[i].factory = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return 0;
}

static int on_panic(lua_State *L)
{
    fprintf(stderr, "parley: Lua error outside a protected call\n");
    return 0;
}

static parley_status judge_source(struct sandbox *box, const struct sandbox_part *part, struct span source)
{
    struct flow_error *e = &box->error;
    snprintf(e->file, sizeof e->file, "%s", part->file);
    if (source.len > SANDBOX_SOURCE_MAX)
        flow_error_set(e, "E103", "the file has %zu bytes; at most %d are possible", source.len, SANDBOX_SOURCE_MAX);
    else if (text_valid(source) != source.len || (source.len && source.ptr[0] == LUA_SIGNATURE[0]))
        flow_error_set(e, "E104", "the file is not UTF-8 text");
    else
        return PARLEY_OK;
    e->line = 1;
    return PARLEY_SCRIPT;
}

static parley_status name_parts(struct sandbox *box, struct span source, struct bundle *bundle)
{
    bundle_split(source, bundle);
    char *file = mem_text(box->parts[0].file);
    mem_free(box->parts);
    box->parts = mem_array(bundle->count, sizeof *box->parts);
    box->part_count = bundle->count;
    for (size_t i = 0; i < bundle->count; i++) {
        struct sandbox_part *part = &box->parts[i];
        struct span name = bundle->parts[i].name;
        snprintf(part->name, sizeof part->name, "%.*s", name.len > 58 ? 58 : (int)name.len, name.ptr ? name.ptr : "");
        if (i == 0)
            snprintf(part->file, sizeof part->file, "%s", file);
        else
            snprintf(part->file, sizeof part->file, "%.58s.lua", part->name);
        snprintf(part->chunk, sizeof part->chunk, "=%s", part->file);
    }
    mem_free(file);
    for (size_t i = 0; i < bundle->count; i++)
        if (judge_source(box, &box->parts[i], bundle->parts[i].text) != PARLEY_OK)
            return PARLEY_SCRIPT;
    return PARLEY_OK;
}

static parley_status build(struct sandbox *box, struct span source)
{
    struct bundle bundle;
    if (name_parts(box, source, &bundle) != PARLEY_OK)
        return PARLEY_SCRIPT;
    box->L = lua_newstate(sandbox_allocate, box);
    if (!box->L)
        return PARLEY_NOMEM;
    *(struct sandbox **)lua_getextraspace(box->L) = box;
    lua_atpanic(box->L, on_panic);
    struct setup setup = {box, &bundle};
    lua_pushcfunction(box->L, set_up);
    lua_pushlightuserdata(box->L, &setup);
    if (lua_pcall(box->L, 1, 0, 0) == LUA_OK)
        return PARLEY_OK;
    sandbox_describe(box, box->L, "E101");
    if (box->error.line == 0)
        box->error.line = 1;
    return PARLEY_SCRIPT;
}

parley_status sandbox_new(const char *file, struct span source, const struct sandbox_functions *functions,
                          const struct sandbox_limits *limits, struct sandbox **out, struct flow_error *error)
{
    struct sandbox *box = mem_alloc(sizeof *box);
    box->limits = *limits;
    box->functions = functions;
    box->base = account_new(limits->memory_state);
    box->account = box->base;
    box->parts = mem_array(1, sizeof *box->parts);
    box->part_count = 1;
    snprintf(box->parts->file, sizeof box->parts->file, "%s", file);
    arena_init(&box->arena, CALL_ARENA);
    parley_status st = build(box, source);
    if (st == PARLEY_OK) {
        *out = box;
        return st;
    }
    *error = box->error;
    sandbox_free(&box);
    return st;
}

void sandbox_free(struct sandbox **sandbox)
{
    struct sandbox *box = *sandbox;
    if (!box)
        return;
    assert(box->runs == 0);
    if (box->L)
        lua_close(box->L);
    pattern_cache_done(&box->patterns);
    arena_done(&box->arena);
    account_close(&box->base);
    mem_free(box->parts);
    mem_free(box);
    *sandbox = NULL;
}
