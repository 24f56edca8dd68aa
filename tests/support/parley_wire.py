"""The protocol's two encodings, from protocol/frames.def and items.def alone: what any client could write.

A frame here is a dict of plain values with UUIDs as text, whatever the encoding: {"id", "type", "data"} asks, {"re",
"data"} or {"re", "error"} answers, {"type", "data"} is pushed.
"""
import json
import os
import re
import secrets
import threading
import time
import uuid

import msgpack

PROTOCOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "protocol")
ENTRY = re.compile(r"^(\w+)\(([^\n]*)\)", re.M)


def _arguments(text):
    return [part.strip().strip('"') for part in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', text)]


class Definitions:
    """The tables: for each map its fields as (name, sort, of), where sort is ID, ONE, LIST, BODY or plain."""

    def __init__(self, folder=PROTOCOL):
        self.maps, self.requests, self.pushes, self.kinds, self.statuses = {}, {}, {}, {}, {}
        self.names = {}     # of enumerations: names["role"][3] is "agent"
        for name in ("frames.def", "items.def"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                for macro, text in ENTRY.findall(file.read()):
                    self._entry(macro, _arguments(text))
        with open(os.path.join(folder, "status.def"), encoding="utf-8") as file:
            for macro, text in ENTRY.findall(file.read()):
                if macro == "STATUS":
                    _, _, wire, close, http, again, _ = _arguments(text)
                    self.statuses[wire] = {"close": int(close), "http": int(http), "again": again == "true"}

    def _entry(self, macro, a):
        if macro == "REQUEST_BEGIN":
            self.requests[a[1]] = a[0]
            self.maps.setdefault(a[0], [])
        elif macro == "PUSH_BEGIN":
            self.pushes[a[1]] = a[0]
        elif macro == "ITEM_BEGIN":
            self.kinds[a[2]] = {"body": f"{a[0]}_body", "number": int(a[1]), "staff": a[3] == "STAFF", "moves": a[4] == "true"}
        elif macro == "VALUE":
            self.names.setdefault(a[0], {})[int(a[2])] = a[1]
        elif macro == "FIELD":
            self.maps.setdefault(a[0], []).append((a[2], "ID" if a[1] in ("ID", "ID7") else "BODY" if a[1] == "BODY" else "", None))
        elif macro in ("ONE", "LIST"):
            self.maps.setdefault(a[0], []).append((a[2], macro, a[1]))

    def binary(self, map_name, value):
        """The value as MessagePack wants it: ids as 16 bytes, but those inside a body, which are text everywhere."""
        if not isinstance(value, dict):
            return value
        result = dict(value)
        for name, sort, of in self.maps.get(map_name, ()):
            if result.get(name) is None:
                continue
            if sort == "ID":
                result[name] = _bytes(result[name])
            elif sort == "ONE":
                result[name] = self.binary(of, result[name])
            elif sort == "LIST" and isinstance(result[name], list):
                result[name] = [self.binary(of, entry) for entry in result[name]]
        return result


def _bytes(text):
    try:
        return uuid.UUID(text).bytes
    except (ValueError, AttributeError, TypeError):
        return text     # nonsense is sent as it is: refusing it is the server's part


def _text_ids(value):
    """MessagePack has binary values for ids only."""
    if isinstance(value, bytes):
        return str(uuid.UUID(bytes=value))
    if isinstance(value, dict):
        return {key: _text_ids(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_text_ids(entry) for entry in value]
    return value


DEFS = Definitions()


class Json:
    name, subprotocol = "json", "parley.v1.json"

    @staticmethod
    def pack(frames):
        return json.dumps(frames[0] if len(frames) == 1 else frames, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def unpack(message):
        assert isinstance(message, str), "JSON comes in text messages"
        value = json.loads(message)
        return value if isinstance(value, list) else [value]


class Msgpack:
    name, subprotocol = "msgpack", "parley.v1.msgpack"

    @staticmethod
    def pack(frames):
        wire = [{**f, "data": DEFS.binary(DEFS.requests.get(f.get("type")), f["data"])} if "data" in f else f for f in frames]
        return msgpack.packb(wire[0] if len(wire) == 1 else wire, use_bin_type=True)

    @staticmethod
    def unpack(message):
        assert isinstance(message, bytes), "MessagePack comes in binary messages"
        value = _text_ids(msgpack.unpackb(message, raw=False, strict_map_key=True))
        return value if isinstance(value, list) else [value]


ENCODINGS = {"json": Json, "msgpack": Msgpack}


class _Ids:
    """UUIDs of version 7 that grow within this process."""

    def __init__(self):
        self.lock, self.last = threading.Lock(), 0

    def make(self, at_ms=None):
        with self.lock:
            stamp = (int(time.time() * 1000) if at_ms is None else at_ms) << 12
            if at_ms is None:
                stamp = self.last = max(stamp | secrets.randbits(8), self.last + 1)
            return str(uuid.UUID(int=(stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | secrets.randbits(62)))


_ids = _Ids()


def uuid7(at_ms=None):
    return _ids.make(at_ms)
