#!/bin/sh
# Builds parley.node on the installed library, which pkg-config finds; `npm install` runs it. CC and CFLAGS are obeyed.
set -eu
cd "$(dirname "$0")"
headers=node_modules/node-api-headers/include
[ -d "$headers" ] || headers=$(node -p 'require("path").resolve(process.execPath, "../../include/node")')
[ -f "$headers/node_api.h" ] || { echo "node_api.h is not there: npm install node-api-headers" >&2; exit 1; }
pkg-config --exists parley || { echo "pkg-config does not find parley: set PKG_CONFIG_PATH to the folder of parley.pc" >&2; exit 1; }
# shellcheck disable=SC2046,SC2086
${CC:-cc} -O2 -g -fPIC -shared ${CFLAGS-} -I "$headers" parley_node.c $(pkg-config --cflags --libs parley) \
    -Wl,-rpath,"$(pkg-config --variable=libdir parley)" -o parley.node
