"""What the chaos proxy understands of two protocols, so that it can strike at a chosen moment.

A trap is shared by all connections of a proxy; each connection has a watch that reads the stream and asks the trap. A
watch's pass_on(way, data) answers (bytes to forward, None or "cut").

WebSocket (plain): cut_before_answer - after the next data frame of a client has gone to the server, the server's next
data frame, as a rule the answer, is swallowed and the connection cut: what was asked is done, and the client does not
know. cut_after_send - cut as soon as the client's data frame has been forwarded.

Postgres (protocol 3, plain, TCP or unix socket): eat_commit - the answer of the next group (up to a Sync, or one simple
query) that wrote something is swallowed whole, then the connection is cut: the commit has happened, and the server does
not know. cut_at - cut before the n-th message of `way` is forwarded (a type letter may be given). All take count (how
often) and every (only each k-th chance); eat_commit and cut_at take match, a pattern for the group's SQL.
"""
import re
import struct

WROTE = re.compile(rb"^(INSERT 0 [1-9]|UPDATE [1-9]|DELETE [1-9]|MERGE [1-9]|COPY [1-9]|COMMIT)")
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class Trap:
    """The orders that are waiting to be carried out."""
    kinds = ()

    def __init__(self):
        self.on_fired = lambda: None
        self.disarm()

    def arm(self, kind, count=1, every=1, **options):
        if kind not in self.kinds:
            raise ValueError(f"no such trap: {kind}; there are {', '.join(self.kinds)}")
        self.kind, self.count, self.every, self.options, self.chances = kind, count, every, options, 0

    def disarm(self):
        self.kind, self.count, self.every, self.options, self.chances = None, 0, 1, {}, 0

    def springs(self, kind):
        """A chance for this kind of trap: True if it is to be taken."""
        if self.kind != kind or self.count == 0:
            return False
        self.chances += 1
        if self.chances % self.every:
            return False
        self.count -= 1
        return True

    def fired(self):
        self.on_fired()


class WsTrap(Trap):
    kinds = ("cut_before_answer", "cut_after_send")

    def connection(self):
        return WsWatch(self)


class WsWatch:
    """Follows the frames of one WebSocket connection in both directions."""

    def __init__(self, trap):
        self.trap, self.marked = trap, False
        self.frames = {"up": WsFrames(), "down": WsFrames()}

    def pass_on(self, way, data):
        if way == "up":
            return self._up(data)
        for end, opcode in self.frames["down"].feed(data):
            if self.marked and opcode < 8:
                self.trap.fired()
                return b"", "cut"
        return data, None

    def _up(self, data):
        for end, opcode in self.frames["up"].feed(data):
            if opcode >= 8 or self.marked:
                continue
            if self.trap.springs("cut_before_answer"):
                self.marked = True
            elif self.trap.springs("cut_after_send"):
                self.trap.fired()
                return data, "cut"
        return data, None


class WsFrames:
    """Finds the ends of frames in a stream that begins with an HTTP head."""

    def __init__(self):
        self.rest, self.upgraded = b"", False

    def feed(self, data):
        """[(offset behind the frame within what was kept, opcode)] of the frames that data completes."""
        self.rest += data
        if not self.upgraded:
            head, found, rest = self.rest.partition(b"\r\n\r\n")
            if not found:
                return []
            self.upgraded, self.rest = True, rest
        frames, at = [], 0
        while (size := self._size(at)) is not None and at + size <= len(self.rest):
            frames.append((at + size, self.rest[at] & 15))
            at += size
        self.rest = self.rest[at:]
        return frames

    def _size(self, at):
        if len(self.rest) < at + 2:
            return None
        masked, length, head = self.rest[at + 1] & 128, self.rest[at + 1] & 127, 2
        if length >= 126:
            head = 4 if length == 126 else 10
            if len(self.rest) < at + head:
                return None
            length = int.from_bytes(self.rest[at + 2:at + head], "big")
        return head + (4 if masked else 0) + length


class PgTrap(Trap):
    kinds = ("eat_commit", "cut_at")

    def arm(self, kind, match=None, **options):
        super().arm(kind, **options)
        self.match = re.compile(match, re.I | re.S) if match else None

    def disarm(self):
        super().disarm()
        self.match = None

    def connection(self):
        return PgWatch(self)

    def concerns(self, texts):
        return self.match is None or any(self.match.search(text) for text in texts)


class PgWatch:
    """Follows one Postgres connection: which group an answer belongs to, and whether the group wrote."""

    def __init__(self, trap):
        self.trap, self.started, self.raw = trap, False, False
        self.rest = {"up": b"", "down": b""}
        self.statements, self.texts, self.groups = {}, [], []
        self.held, self.wrote, self.counted = b"", False, {"up": 0, "down": 0}

    def pass_on(self, way, data):
        if self.raw:
            return data, None
        self.rest[way] += data
        out = b""
        while message := self._next(way):
            passed, action = self._message(way, message)
            out += passed
            if action:
                self.trap.fired()
                return out, action
        return out, None

    def _next(self, way):
        rest = self.rest[way]
        if way == "down" and not self.started:
            size = 1 if rest else None      # the one byte that answers a request for encryption
        elif way == "up" and not self.started:
            size = struct.unpack_from("!I", rest)[0] if len(rest) >= 4 else None
        else:
            size = 1 + struct.unpack_from("!I", rest, 1)[0] if len(rest) >= 5 else None
        if size is None or len(rest) < size:
            return None
        self.rest[way] = rest[size:]
        return rest[:size]

    def _message(self, way, message):
        if not self.started:
            self._before_start(way, message)
            return message, None
        if self._cut_here(way, message):
            return b"", "cut"
        if way == "up":
            self._frontend(message[:1], message[5:])
            return message, None
        return self._backend(message[:1], message)

    def _before_start(self, way, message):
        if way == "down":
            self.raw = message != b"N"
            return
        code = struct.unpack_from("!I", message, 4)[0]
        self.raw = code == CANCEL_REQUEST
        self.started = code not in (SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST)

    def _cut_here(self, way, message):
        options = self.trap.options
        if self.trap.kind != "cut_at" or options.get("way", "down") != way:
            return False
        if options.get("type") and message[:1] != options["type"].encode():
            return False
        self.counted[way] += 1
        return self.counted[way] == options.get("n", 1) and self.trap.springs("cut_at")

    def _frontend(self, letter, body):
        if letter == b"P":
            name, text = body.split(b"\0", 2)[:2]
            self.statements[name] = text.decode("utf-8", "replace")
            self.texts.append(self.statements[name])
        elif letter == b"B":
            self.texts.append(self.statements.get(body.split(b"\0", 2)[1], ""))
        elif letter == b"Q":
            self.groups.append([body.rstrip(b"\0").decode("utf-8", "replace")])
        elif letter == b"S":
            self.groups.append(self.texts)
            self.texts = []

    def _backend(self, letter, message):
        """Holds back the answer of a group until it is known whether it wrote."""
        if self.trap.kind != "eat_commit" and not self.held:
            if letter == b"Z" and self.groups:
                self.groups.pop(0)
            return message, None
        if not self.groups:
            return message, None
        self.held += message
        if letter == b"C" and WROTE.match(message[5:]):
            self.wrote = True
        if letter != b"Z":
            return b"", None
        texts, held, wrote = self.groups.pop(0), self.held, self.wrote
        self.held, self.wrote = b"", False
        eat = (wrote or self.trap.match is not None) and self.trap.concerns(texts) and self.trap.springs("eat_commit")
        return (b"", "cut") if eat else (held, None)
