#!/bin/sh
# Builds parley.jar and libparley_jni.so on the installed library, which pkg-config finds: build.sh [FOLDER], else ./build.
# JAVA_HOME, CC and CFLAGS are obeyed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/build}
home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}
pkg-config --exists parley || { echo "pkg-config does not find parley: set PKG_CONFIG_PATH to the folder of parley.pc" >&2; exit 1; }
mkdir -p "$out/classes" "$out/headers"
"$home/bin/javac" --release 17 -Xlint:all -Werror -d "$out/classes" -h "$out/headers" "$here"/parley/*.java
"$home/bin/jar" --create --file "$out/parley.jar" -C "$out/classes" .
# shellcheck disable=SC2046,SC2086
${CC:-cc} -O2 -g -fPIC -shared ${CFLAGS-} -I "$home/include" -I "$home/include/linux" -I "$out/headers" \
    "$here/parley_jni.c" $(pkg-config --cflags --libs parley) -Wl,-rpath,"$(pkg-config --variable=libdir parley)" \
    -o "$out/libparley_jni.so"
