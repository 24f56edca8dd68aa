#!/bin/sh
# What leaves the libraries: names, types and bytes, and that the header stands alone in C99 and C++11.
# usage: test_abi.sh SOURCE BUILD [--update]      --update writes the snapshot that the types are compared with
set -eu
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAILED: $1"; exit 1; }

# 1. nothing but parley_ and the version's name
nm -D --defined-only "$build/libparley.so.0" | awk '{ print $3 }' | sed 's/@.*//' | sort > "$work/shared"
grep -v -e '^parley_' -e '^LIBPARLEY_0$' "$work/shared" && fail "the shared library shows more than parley_"
nm -g --defined-only "$build/libparley.a" | awk 'NF == 3 { print $3 }' | sort > "$work/static"
grep -v '^parley_' "$work/static" && fail "the static library shows more than parley_"
grep '^parley_' "$work/shared" > "$work/only"
diff "$work/only" "$work/static" > /dev/null || fail "the two libraries show different calls"

# 2. every call of the header is there, and no other
sed -n 's/^PARLEY_API .*[ *]\(parley_[a-z_]*\)(.*/\1/p' "$source/sdk-c/include/parley/client.h" | sort > "$work/header"
diff "$work/header" "$work/static" || fail "header and library differ"
[ "$(wc -l < "$work/header")" -gt 50 ] || fail "the header's calls were not found"

# 3. the soname
objdump -p "$build/libparley.so.0" | grep -q 'SONAME  *libparley.so.0$' || fail "soname"

# 4. types and numbers, against the snapshot: a call, member or number that went, moved or changed breaks apps that are
# built already. A struct that says its own size may grow at its end: then, and for new calls, the snapshot is written
# anew.
snapshot=$source/sdk-c/packaging/libparley
write_abi() { # of the header alone, each call with an empty body: what stands behind an opaque pointer may change
    ${CC:-cc} -E -P "$source/sdk-c/include/parley/client.h" | tr '\n' ' ' | sed 's/;/;\n/g' |
        sed '/visibility("default")/s/);$/) { __builtin_trap(); }/' > "$work/header.c"
    ${CC:-cc} -g -shared -fPIC "$work/header.c" -o "$work/header.so" || fail "the header's calls do not compile"
    abidw --no-show-locs --short-locs --no-comp-dir-path --no-corpus-path --no-elf-needed --out-file "$1" \
        "$work/header.so" || fail "abidw"
}
grep -o 'PARLEY_[A-Z_]* = [0-9]*' "$source/sdk-c/include/parley/client.h" | sort > "$work/numbers"
[ "${3-}" != --update ] || cp "$work/numbers" "$snapshot.numbers"
[ -z "$(comm -23 "$snapshot.numbers" "$work/numbers")" ] || fail "a number of $snapshot.numbers is gone or another one"
if ! command -v abidiff > /dev/null; then
    echo "types not compared with $snapshot.abi: abidiff is not there (package abigail-tools)"
elif [ "${3-}" = --update ]; then
    write_abi "$snapshot.abi"
else
    write_abi "$work/now.abi"
    abidiff --harmless "$snapshot.abi" "$work/now.abi" || fail "not as in $snapshot.abi; if that is meant: $0 SOURCE BUILD --update"
fi

# 5. the size of what a phone loads: stripped, and without a sanitizer's additions
mkdir "$work/o"
find "$source/sdk-c/src" "$source/protocol" -name '*.c' | sort > "$work/files"
# shellcheck disable=SC2016 # for the inner shell
xargs -P 2 -I{} sh -c 'exec ${CC:-cc} -O2 -fPIC -fvisibility=hidden -std=gnu17 -D_GNU_SOURCE \
    -DPARLEY_CLIENT_VERSION=\"0\" -I "$1" $(pkg-config --cflags jansson msgpack libwebsockets openssl sqlite3) \
    -c "$2" -o "$3/$(basename "$2").o"' sh "$source" {} "$work/o" < "$work/files" > "$work/log" 2>&1 || { cat "$work/log"; fail "it does not compile"; }
# shellcheck disable=SC2046
${CC:-cc} -shared -Wl,-s -Wl,--version-script="$source/sdk-c/packaging/libparley.map" "$work"/o/*.o -o "$work/small.so" \
    $(pkg-config --libs jansson msgpack libwebsockets openssl sqlite3) || fail "it does not link"
size=$(stat -c %s "$work/small.so")
[ "$size" -lt 1000000 ] || fail "$size bytes"

# 6. header alone, in both languages
for pair in "${CC:-cc} -std=c99 -x c" "${CXX:-c++} -std=c++11 -x c++"; do
    $pair -Wall -Wextra -Wpedantic -Werror -I "$source/sdk-c/include" -c "$source/tests/unit/sdk-c/header.c" \
        -o "$work/header.o" || fail "$pair"
done
echo "ok"
