#!/bin/sh
# What leaves the libraries, and that an app outside this tree builds and runs on the installed package.
# usage: test_abi.sh SOURCE BUILD
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

# 4. header alone, in both languages
for pair in "${CC:-cc} -std=c99 -x c" "${CXX:-c++} -std=c++11 -x c++"; do
    $pair -Wall -Wextra -Wpedantic -Werror -I "$source/sdk-c/include" -c "$source/tests/unit/sdk-c/header.c" \
        -o "$work/header.o" || fail "$pair"
done
echo "ok"
