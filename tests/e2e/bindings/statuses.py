"""Makes every call of the header that gives a status, thousands of times with good and bad arguments, and prints as JSON
which statuses came that its page does not name, and all that came: statuses.py SUPPORT FOLDER SEED."""
import ctypes
import json
import os
import random
import sys
import uuid

sys.path.insert(0, sys.argv[1])
import reference  # noqa: E402

FOLDER, CHANCE = sys.argv[2], random.Random(sys.argv[3])
# the life of the client, reports of a transport, and what has every call's statuses
LEFT_OUT = {"parley_client_new", "parley_connect", "parley_sign_out", "parley_step", "parley_event_status", "parley_call_json", "parley_say_json",
            "parley_transport_received"}
WAITS = {"parley_sync_background"}
KINDS = {"int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64, "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32}
KNOWN = str(uuid.UUID(int=7))
TEXTS = [None, b"", b"word", b"\xff\xfe", b"x" * 70, b"y" * 200000, "\U0001f44b".encode(), b"online", b"open", b"text", b"ab" * 32]
IDS = [None, b"", b"no id", KNOWN.encode(), str(uuid.uuid4()).encode(), KNOWN.upper().encode(), b"0" * 36]
JSONS = [None, b"", b"{", b"[]", b"{}", b"null", b'"w"', b'{"text":"hello"}', b'{"text":7}', b'{"a":1,"a":2}', b"[" * 200,
         b"{\"a\":" * 40 + b"1" + b"}" * 40, b"[" + b"1," * 9000 + b"1]", b'{"text":"' + b"z" * 40000 + b'"}', b'"' + b"z" * 300000 + b'"']
NUMBERS = [0, 1, -1, 7, 250, 251, 2 ** 31, 2 ** 62]


def types(call):
    for argument in reference.split(call.shape.partition("(")[2][:-1]):
        yield ctypes.c_void_p if "*" in argument else KINDS[argument.split()[-2]]


def pointer(name):
    """What a call is given for an argument that is a pointer."""
    if name in ("out_id", "out_call"):
        return CHANCE.choice([None, ctypes.create_string_buffer(64)])
    if name.startswith("out_"):
        return ctypes.create_string_buffer(64)
    is_id = name == "conversation" or reference.WORDS[name] == reference.ID
    raw = CHANCE.choice(JSONS if name.endswith("json") else IDS if is_id else TEXTS)
    return None if raw is None else ctypes.create_string_buffer(raw)


class Config(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("flags", ctypes.c_uint32), *((n, ctypes.c_char_p) for n in "urtdlzavc"),
                ("page", ctypes.c_uint32), ("background_ms", ctypes.c_uint32), ("folder", ctypes.c_char_p), ("user", ctypes.c_char_p)]


def client(lib):
    config, made = Config(), ctypes.c_void_p()
    lib.parley_config_init(ctypes.byref(config), ctypes.sizeof(config))
    config.u, config.folder, config.user = b"ws://127.0.0.1:1/v1/ws", FOLDER.encode(), b"me"
    assert lib.parley_client_new(ctypes.byref(config), ctypes.byref(made)) == 0
    return made


def arguments(call, kinds, made):
    for name, kind in zip(call.arguments, kinds):
        yield made if name == "client" else pointer(name) if kind is ctypes.c_void_p else kind(CHANCE.choice(NUMBERS))


def main():
    lib = ctypes.CDLL(os.environ["PARLEY_LIBRARY"])
    with open(reference.HEADER, encoding="utf-8") as file:
        _, sections, _ = reference.read(file.read())
    names = {number: name for name, number in reference.STATUSES.items() if not name.startswith(
        ("PARLEY_EVENT", "PARLEY_STATE", "PARLEY_OUTBOX", "PARLEY_VIEW", "PARLEY_WIRE", "PARLEY_HOST", "PARLEY_ALLOW"))}
    made, unnamed, came, calls = client(lib), {}, {}, 0
    for call in (c for s in sections for c in s.calls if c.result == "parley_status" and c.name not in LEFT_OUT | WAITS):
        kinds = list(types(call))
        for _ in range(300):
            status = names[getattr(lib, call.name)(*arguments(call, kinds, made))]
            came.setdefault(status, []).append(call.name)
            calls += 1
            if status not in ("PARLEY_OK", *call.errors()):
                unnamed[call.name] = status
    lib.parley_client_free(made)
    print(json.dumps({"unnamed": unnamed, "calls": calls, "came": {status: len(set(by)) for status, by in came.items()}}))


main()
