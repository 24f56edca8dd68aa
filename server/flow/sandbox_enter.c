/* Functions that a script gives away, to be begun while it stands in a call: each runs in a thread of its own. So the
 * call goes on standing, and the function can be ended from outside, which pcall does not see. */
#include "server/flow/sandbox_core.h"

#include <assert.h>

static char function_mark; /* its address stands for a function that was offered */

/* For the prelude: keep(f) takes a function and gives what stands for it in a call; anything else stays as it is. */
int sandbox_offer(lua_State *L)
{
    struct sandbox_run *run = sandbox_of(L)->current;
    lua_settop(L, 1);
    if (!run || !lua_isfunction(L, 1))
        return 1;
    luaL_unref(L, LUA_REGISTRYINDEX, run->offered);
    run->offered = LUA_NOREF;
    run->offered = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushlightuserdata(L, &function_mark);
    return 1;
}

int sandbox_keep(struct sandbox_run *run)
{
    if (run->offered == LUA_NOREF || run->kept_count == SANDBOX_KEPT)
        return -1;
    run->kept[run->kept_count] = run->offered;
    run->offered = LUA_NOREF;
    return run->kept_count++;
}

void sandbox_keep_only(struct sandbox_run *run, int count)
{
    while (run->kept_count > count)
        luaL_unref(run->box->L, LUA_REGISTRYINDEX, run->kept[--run->kept_count]);
}

struct entering {
    struct sandbox_run *run;
    int function;
    const struct value *argument;
    struct sandbox_place place;
};

static int make_place(lua_State *L)
{
    struct entering *e = lua_touserdata(L, 1);
    e->place.L = lua_newthread(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, e->run->kept[e->function]);
    sandbox_push(L, e->argument);
    lua_xmove(L, e->place.L, 2);
    e->place.thread = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

bool sandbox_enter(struct sandbox_run *run, int function, const struct value *argument)
{
    struct sandbox *box = run->box;
    struct entering e = {.run = run, .function = function, .argument = argument};
    assert(!box->current && function >= 0 && function < run->kept_count);
    if (run->entered == SANDBOX_ENTERED)
        return false;
    box->account = run->account;
    lua_pushcfunction(box->L, make_place);
    lua_pushlightuserdata(box->L, &e);
    bool made = lua_pcall(box->L, 1, 0, 0) == LUA_OK;
    box->account = box->base;
    lua_settop(box->L, 0);
    if (!made)
        return false;
    run->below[run->entered++] = (struct sandbox_place){run->L, run->thread};
    run->L = e.place.L;
    run->thread = e.place.thread;
    run->fresh = true;
    return true;
}

void sandbox_leave(struct sandbox_run *run)
{
    assert(run->entered > 0);
    luaL_unref(run->box->L, LUA_REGISTRYINDEX, run->thread);
    run->entered--;
    run->L = run->below[run->entered].L;
    run->thread = run->below[run->entered].thread;
    run->fresh = false;
}

void sandbox_enter_done(struct sandbox_run *run)
{
    while (run->entered)
        sandbox_leave(run);
    sandbox_keep_only(run, 0);
    luaL_unref(run->box->L, LUA_REGISTRYINDEX, run->offered);
    run->offered = LUA_NOREF;
}
