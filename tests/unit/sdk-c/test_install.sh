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

# the static one, with what pkg-config says it needs besides
cc ${SANITIZE:+-fsanitize=$SANITIZE} "$source/sdk-c/examples/hello.c" $(pkg-config --cflags parley) "$lib/libparley.a" \
    $(pkg-config --static --libs parley | sed 's/ -lparley / /') -o "$work/hello" || fail "pkg-config --static"
PARLEY_URL=nonsense "$work/hello" 2> "$work/said" && fail "hello takes any address"
objdump -p "$work/hello" | grep -q 'NEEDED.*libparley' && fail "pkg-config --static gives the shared library"

mkdir "$work/app" "$work/bare"
cat > "$work/app/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(app C)
find_package(parley 0.1 REQUIRED)
foreach(kind ${KINDS})
  add_executable(hello_${kind} ${HELLO})
  target_link_libraries(hello_${kind} PRIVATE parley::${kind})
endforeach()
END
app() { # app BUILD KIND...: finds the package, builds and runs
    build=$work/$1
    shift
    cmake -S "$work/app" -B "$build" -DHELLO="$source/sdk-c/examples/hello.c" -DCMAKE_PREFIX_PATH="$work/usr" \
        -DKINDS="$(echo "$*" | tr ' ' ';')" -DCMAKE_C_FLAGS="${SANITIZE:+-fsanitize=$SANITIZE}" > "$work/log" 2>&1 ||
        { cat "$work/log"; fail "find_package"; }
    cmake --build "$build" > "$work/log" 2>&1 || { cat "$work/log"; fail "parley::client"; }
    for kind; do
        PARLEY_URL=nonsense "$build/hello_$kind" 2> "$work/said" && fail "$kind takes any address"
        grep -q '^hello: ' "$work/said" || fail "$kind does not run"
    done
}
app both client client_static

# who takes the shared one needs nothing of what it stands on
export PKG_CONFIG_LIBDIR="$work/bare"
pkg-config --cflags --libs parley > "$work/flags" || fail "pkg-config asks for packages of others"
app shared client
echo "ok"
