"""The canonical form, judged by those who did not write it: PostgreSQL's jsonb, and the JSON and MessagePack of Python."""
import glob
import json
import os
import subprocess
import uuid

import msgpack
import psycopg2
import pytest

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VECTORS = sorted(glob.glob(os.path.join(TREE, "protocol", "vectors", "*.txt")))


def tool(name):
    found = [p for p in (os.path.join(TREE, "build", build, name) for build in ("asan", "release")) if os.path.exists(p)]
    if not found:
        pytest.fail(f"build {name} first: cmake --build --preset asan --target {name}")
    return max(found, key=os.path.getmtime)


def run(*command, lines=None):
    text = None if lines is None else "".join(line + "\n" for line in lines).encode()
    return subprocess.run(command, input=text, check=True, stdout=subprocess.PIPE).stdout.decode().split("\n")[:-1]


def test_jsonb_prints_what_we_call_canonical(postgres, size):
    canonical = run(tool("parley_canonical"), str(size.seed), str(size(500, 20000)))
    postgres.create("canonical")
    with psycopg2.connect(postgres.dsn("canonical")) as connection, connection.cursor() as cursor:
        cursor.execute("select array_agg(t::jsonb::text order by n) from unnest(%s) with ordinality as x(t, n)", (canonical,))
        printed = cursor.fetchone()[0]
    connection.close()
    assert len(printed) == len(canonical)
    for ours, theirs in zip(canonical, run(tool("parley_canonical"), "--compact", lines=printed)):
        assert theirs == ours


def cases(path):
    """Each case of a file as a dict of its lines."""
    with open(path, encoding="utf-8") as file:
        for block in file.read().split("\n\n")[1:]:
            yield dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)


def plain(value):
    """Ids as text, as JSON has them."""
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value))
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value


@pytest.mark.parametrize("path", VECTORS, ids=[os.path.basename(p)[:-4] for p in VECTORS])
def test_both_encodings_of_a_vector_say_the_same(path):
    good = [c for c in cases(path) if c["case"] != "nothing" and c.get("expect", "ok").endswith("ok") and {"json", "msgpack"} <= c.keys()]
    assert good
    for case in good:
        assert plain(msgpack.unpackb(bytes.fromhex(case["msgpack"]))) == json.loads(case["json"]), case["case"]
