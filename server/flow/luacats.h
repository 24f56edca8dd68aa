/* What an editor with a Lua language server needs: every call with its arguments, from api.def, as LuaCATS. */
#ifndef SERVER_FLOW_LUACATS_H
#define SERVER_FLOW_LUACATS_H

#include "protocol/buf.h"

void luacats_write(struct buf *out);

#endif
