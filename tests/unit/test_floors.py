#!/usr/bin/python3
"""Reads every #include: none goes to a higher floor, and each foreign library stays in the files that know it."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')

FLOORS = [("protocol/", 0), ("sdk-c/", 3), ("server/base/", 3), ("server/io/", 4), ("server/mock/", 4.5), ("server/store/", 5), ("server/hub/", 6),
          ("server/talk/", 7), ("server/route/", 8), ("server/flow/", 9), ("server/api/", 10), ("server/worker/", 11),
          ("server/cli/", 12), ("server/main", 13), ("tests/", 99)]

# What may include a library: the beginnings of paths, without the ending.
LIBRARIES = {
    r"msgpack": ["protocol/wire_msgpack"],
    r"jansson": ["protocol/wire_json", "server/io/jws"],
    r"ini\.h": ["server/base/conf_ini"],
    r"uv\.h|uv/": ["server/io/loop", "server/io/mailbox", "server/io/ws", "server/io/pg_hosts"],
    r"libwebsockets": ["server/io/ws", "sdk-c/src/transport_lws"],
    r"libpq": ["server/io/pg", "server/cli/db"],
    r"openssl/": ["server/io/crypto", "server/io/tls"],
    r"cjose": ["server/io/jws"],
    r"sodium": ["server/io/sodium"],
    r"curl/": ["server/io/curl"],
    r"lua|lauxlib|lualib": ["server/flow/sandbox"],
    r"pcre2": ["server/flow/pattern"],
    r"sqlite3": ["sdk-c/src/store"],
    r"histedit|editline": ["server/cli/term"],
    r"utf8proc": ["server/cli/term"],
}


def floor(path):
    return next((n for start, n in FLOORS if path.startswith(start)), None)


def files():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.c", "*.h", "*.def"],
                            cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return listed.stdout.split()
    return [os.path.relpath(os.path.join(at, name), ROOT) for part in ("protocol", "sdk-c", "server", "tests")
            for at, _, names in os.walk(os.path.join(ROOT, part)) for name in names if name.endswith((".c", ".h", ".def"))]


def check_own(path, target, exists):
    mine, theirs = floor(path), floor(target)
    if path.startswith("sdk-c/examples/") and "/" not in target:
        return None     # a program to copy, which finds what lies beside it
    if path.startswith("sdk-c/"):  # a library of its own, on floors 0 to 2
        return None if target.startswith(("protocol/", "sdk-c/")) else "the SDK stands on protocol/ only"
    if theirs is None:
        return "does not start at the root of the tree"
    if not exists(target):
        return "no such file"
    if theirs > mine:
        return f"goes up from floor {mine} to {theirs}"
    if target.startswith("tests/") and not path.startswith("tests/"):
        return "the product does not know its tests"
    return None


def check_foreign(path, target):
    for pattern, allowed in LIBRARIES.items():
        if re.match(pattern, target) and not path.startswith(tuple(allowed)):
            return f"is for {', '.join(allowed)} only"
    return None


def check(path, text, exists):
    """What is wrong with the includes of one file."""
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        own = found[1] == '"'
        wrong = check_own(path, found[2], exists) if own else None
        if not own and not path.startswith(("tests/", "sdk-c/examples/")):
            wrong = check_foreign(path, found[2])
        if wrong:
            yield f"{path}:{number}: {found[2]}: {wrong}"


def check_itself():
    """The rules find what they are for."""
    def bad(path, line):
        return list(check(path, line, lambda target: True))
    assert bad("server/io/loop.c", '#include "server/hub/hub.h"')
    assert bad("server/mock/peer.c", '#include "server/store/store.h"')
    assert bad("server/store/log.c", '#include "server/cli/cli.h"')
    assert bad("server/hub/hub.c", '#include "tests/unit/unit.h"')
    assert bad("server/hub/hub.c", '#include "hub.h"')
    assert bad("sdk-c/src/client.c", '#include "server/base/mem.h"')
    assert bad("server/hub/hub.c", "#include <uv.h>")
    assert bad("server/api/http.c", "#  include <jansson.h>")
    assert not bad("server/hub/hub.c", '#include "server/io/loop.h"')
    assert not bad("server/io/loop.c", "#include <uv.h>")
    assert not bad("tests/unit/test_x.c", "#include <jansson.h>")
    assert list(check("server/hub/hub.c", '#include "server/io/none.h"', lambda target: False))


def main():
    check_itself()
    generated = {"server/flow/prelude.h", "server/cli/demo_flow.h"}
    problems = []
    for path in files():
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            text = file.read()
        if floor(path) is None:
            problems.append(f"{path}: a folder that no floor is given to")
            continue
        exists = lambda target: target in generated or os.path.exists(os.path.join(ROOT, target))  # noqa: E731
        problems += check(path, text, exists)
    print("\n".join(problems) or "floors: every include goes sideways or down")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
