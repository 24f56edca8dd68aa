/* Inside the library of the sandbox: who puts what into it. */
#ifndef SERVER_FLOW_SANDBOX_LIB_H
#define SERVER_FLOW_SANDBOX_LIB_H

#include "server/flow/sandbox_core.h"

#include <assert.h>
#include <stdio.h>

/* Raises when the argument is not a table that a script may change. */
void sandbox_need_table(lua_State *L, int index, const char *who);

/* sandbox_text.c: string.rep, split, trim ... */
void sandbox_open_text(lua_State *L, int lib);

/* Raises when the argument is no text. Borrowed while it stays on the stack. */
struct span sandbox_text_at(lua_State *L, int index, const char *who);

/* Raises when a result would be longer than a call of the library may make. */
void sandbox_need_room(lua_State *L, const char *who, size_t size);

/* sandbox_format.c: string.format */
int sandbox_format(lua_State *L);

/* sandbox_pattern.c: match, match_all, replace */
extern const luaL_Reg sandbox_pattern_functions[];

/* Pushes a text for any value: no address in it, no metamethod. */
void sandbox_plain(lua_State *L, int index);

/* sandbox_meta.c: setmetatable and getmetatable; and for the prelude setmetatable without a copy, metafield */
extern const luaL_Reg sandbox_meta_functions[];
extern const luaL_Reg sandbox_meta_raw[];

/* sandbox_table.c: table.*, next; and for the prelude sorted_keys, tostring */
void sandbox_open_table(lua_State *L, int lib);
extern const luaL_Reg sandbox_raw_functions[];

#endif
