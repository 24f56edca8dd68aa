#!/bin/sh
# An app outside this tree finds the installed library by pkg-config and by CMake, builds, and runs.
# usage: test_install.sh SOURCE BUILD
set -eu
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $1"; exit 1; }

cmake --install "$build" --prefix "$work/usr" --component parley-sdk > "$work/log" || { cat "$work/log"; fail install; }
pc=$(find "$work/usr" -name parley.pc)
[ -n "$pc" ] || fail "no parley.pc"
export PKG_CONFIG_PATH="${pc%/*}"
[ "$(pkg-config --modversion parley)" = "$(sed -n 's/^project(parley VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")" ] ||
    fail "version"

# SANITIZE is what the library was built with
cc -Wall -Wextra -Werror ${SANITIZE:+-fsanitize=$SANITIZE} "$source/sdk-c/examples/hello.c" \
    $(pkg-config --cflags --libs parley) -o "$work/hello" || fail "pkg-config"
lib=$(pkg-config --variable=libdir parley)
LD_LIBRARY_PATH="$lib" PARLEY_URL=nonsense "$work/hello" 2> "$work/said" && fail "hello takes any address"
grep -q '^hello: ' "$work/said" || fail "hello does not say what is wrong"

mkdir "$work/app"
cat > "$work/app/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(app C)
find_package(parley 0.1 REQUIRED)
foreach(kind client client_static)
  add_executable(hello_${kind} ${HELLO})
  target_link_libraries(hello_${kind} PRIVATE parley::${kind})
endforeach()
END
cmake -S "$work/app" -B "$work/app/build" -DHELLO="$source/sdk-c/examples/hello.c" -DCMAKE_PREFIX_PATH="$work/usr" \
    -DCMAKE_C_FLAGS="${SANITIZE:+-fsanitize=$SANITIZE}" > "$work/log" 2>&1 || { cat "$work/log"; fail "find_package"; }
cmake --build "$work/app/build" > "$work/log" 2>&1 || { cat "$work/log"; fail "parley::client"; }
for kind in client client_static; do
    PARLEY_URL=nonsense "$work/app/build/hello_$kind" 2> "$work/said" && fail "$kind takes any address"
    grep -q '^hello: ' "$work/said" || fail "$kind does not run"
done
echo "ok"
