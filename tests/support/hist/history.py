"""A recorded run, read from JSONL files and put in order: what the rules look things up in.

Every line has t (monotonic nanoseconds; one machine, so comparable), p (the process that wrote it), n (its line
number, from 1, without holes) and k (the kind). Writers flush each line; a torn last line is dropped with a note.

  kind      fields                                              written
  open      link node who role device                           by a client, once welcome has come
  close     link by code                                        when the link has gone
  follow    link conv have                                      before hello or subscribe is sent
  followed  link conv head items [gap] [page]                   after their answer; page: nothing was known before
  unfollow  link conv                                           before it is sent
  recv      link conv seq prev [id kind role author audience body]   a pushed item; bare when only its number came
  head      link conv seq                                       a beacon
  send      op conv id author kind body link [box epoch reuse answers]
                                                                before the bytes are handed over, at each attempt;
                                                                box: the outbox it came from, in order; reuse: the id
                                                                belongs to another body on purpose; answers: what a bot
                                                                answers with it, as ID/N
  ack       op link seq dup                                     after parse
  nack      op link code definite                               definite: surely not stored by this attempt
  giveup    op                                                  the client stops trying
  read      op link conv after before limit                     before the request
  readok    op link conv head items [gap]
  accept    op link who conv offer                              an agent presses accept
  accepted  op session epoch
  refused   op code
  leave     op who session                                      an agent begins to resolve, release or transfer
  bytes     link token                                          a canary in the raw bytes: cv:<conv> public, st:<conv> staff
  signout   who                                                 access was withdrawn, and the server said so
  agent     who capacity                                        by the driver
  fault     id phase [within_ms]                                by the driver: begin, end
  quiet     -                                                   all faults over, every client has had time to catch up
  outbox    box left                                            entries left at the end
  db        table row                                           the dump after quiet

items in an answer are [seq, prev, id, kind, author, audience, body] or [seq, prev]. body is body_hash() of the body, or
None where the reader cannot know it. db tables: item (conv seq prev id author role kind audience body [data]),
conversation (conv customer), session (session conv state epoch agent), run (run conv state step), journal (run step
input items), process (process conv revision). data is the body itself of kinds that move state, and of processes.
"""
import hashlib
import json
import os
from collections import defaultdict

STATE_KINDS = {"opened", "queued", "offered", "joined", "left", "transferred", "resolved", "reopened", "control"}
STAFF_KINDS = {"note", "context", "offered", "control"}
STAFF_ROLES = {"agent", "supervisor", "admin", "bot", "backend", "associate"}
PERSON_ROLES = {"customer", "guest", "agent", "supervisor", "admin", "backend"}


class Unusable(Exception):
    """The record itself is broken: nothing can be said of the run."""


def body_hash(body):
    """The identity of a body: 16 hex digits of the SHA-256 of one fixed form of it."""
    text = json.dumps(_plain(body), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _plain(value):
    """1.0 and 1 are one number of the data model."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


class Seen:
    """One observation of (conversation, number)."""
    __slots__ = ("seq", "prev", "id", "kind", "author", "audience", "body")

    def __init__(self, seq, prev, id=None, kind=None, author=None, audience=None, body=None):
        self.seq, self.prev, self.id, self.kind = seq, prev, id, kind
        self.author, self.audience, self.body = author, audience, body

    @classmethod
    def of(cls, event):
        return cls(event["seq"], event["prev"], event.get("id"), event.get("kind"), event.get("author"),
                   event.get("audience"), event.get("body"))


class Op:
    """A send with all its attempts. outcome: ok; fail, surely not stored; info, nobody knows."""

    def __init__(self, event):
        self.op, self.conv, self.id, self.author = event["op"], event["conv"], event["id"], event["author"]
        self.kind, self.body, self.box = event["kind"], event.get("body"), event.get("box")
        self.epoch, self.reuse, self.answers = event.get("epoch"), bool(event.get("reuse")), event.get("answers")
        self.p, self.invoked, self.done = event["p"], event["t"], None
        self.sends, self.acks, self.nacks, self.given_up = [event], [], [], False

    @property
    def outcome(self):
        if self.acks:
            return "ok"
        refusals = sum(1 for nack in self.nacks if nack["definite"])
        return "fail" if refusals >= len(self.sends) else "info"


class Link:
    """One connection of one principal."""

    def __init__(self, event):
        self.link, self.who, self.role = event["link"], event["who"], event["role"]
        self.device, self.p, self.opened, self.closed = event.get("device"), event["p"], event["t"], None
        self.events = []

    @property
    def staff(self):
        return self.role in STAFF_ROLES


def read_folder(folder):
    """The events of every *.jsonl below folder, and notes on what was dropped."""
    events, notes = [], []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".jsonl"):
            _read_file(os.path.join(folder, name), events, notes)
    return events, notes


def _read_file(path, events, notes):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().split("\n")
    torn = lines.pop()
    if torn:
        notes.append(f"{path}: the torn last line was dropped")
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except ValueError as error:
            raise Unusable(f"{path}:{number}: not JSON: {error}") from None
        event["at"] = f"{os.path.basename(path)}:{number}"
        events.append(event)


class History:
    """The run, indexed. Raises Unusable (rule R0) where the record contradicts itself."""

    def __init__(self, events, notes=()):
        self.notes = list(notes)
        self._check_writers(events)
        self.events = sorted(events, key=lambda e: (e["t"], e["p"], e["n"]))
        self.ops, self.links, self.tables = {}, {}, defaultdict(list)
        self.accepts, self.capacity, self.leaves = {}, {}, []
        self.faults, self.quiet, self.signouts, self.outboxes = [], None, {}, []
        for event in self.events:
            self._take(event)
        self._index()

    def _check_writers(self, events):
        last = {}
        for event in events:
            try:
                p, n, t = event["p"], event["n"], event["t"]
            except KeyError as missing:
                raise Unusable(f"R0 a line without {missing}: {event}") from None
            before_n, before_t = last.get(p, (0, 0))
            if n != before_n + 1:
                raise Unusable(f"R0 {p}: line {n} follows line {before_n}")
            if t < before_t:
                raise Unusable(f"R0 {p}: time goes back at line {n}")
            last[p] = (n, t)

    def _take(self, event):
        handler = getattr(self, "_take_" + event["k"], None)
        if handler:
            handler(event)
        if "link" in event and event["k"] not in ("open", "send", "nack"):
            link = self.links.get(event["link"])
            if link is None and event["k"] == "follow":
                return      # said with hello, before anybody knows who asks
            if link is None:
                raise Unusable(f"R0 {event['k']} on link {event['link']}, which was never opened")
            if link.closed is not None and event["k"] in ("recv", "followed", "readok", "head"):
                raise Unusable(f"R0 {event['k']} on link {event['link']}, which was closed")
            link.events.append(event)

    def _take_open(self, event):
        self.links[event["link"]] = Link(event)

    def _take_close(self, event):
        if event["link"] in self.links and self.links[event["link"]].closed is None:
            link = self.links[event["link"]]
            link.closed = event["t"]
            link.events.append(event)

    def _take_send(self, event):
        op = self.ops.get(event["op"])
        if op is None:
            self.ops[event["op"]] = Op(event)
        else:
            op.sends.append(event)

    def _answered(self, event):
        op = self.ops.get(event["op"])
        if op is None:
            raise Unusable(f"R0 {event['k']} of op {event['op']}, which was never sent")
        return op

    def _take_ack(self, event):
        op = self._answered(event)
        op.acks.append(event)
        op.done = event["t"] if op.done is None else op.done

    def _take_nack(self, event):
        self._answered(event).nacks.append(event)

    def _take_giveup(self, event):
        self._answered(event).given_up = True

    def _take_accept(self, event):
        self.accepts[event["op"]] = {"try": event, "ok": None}

    def _take_accepted(self, event):
        self.accepts[event["op"]]["ok"] = event

    def _take_leave(self, event):
        self.leaves.append(event)

    def _take_agent(self, event):
        self.capacity[event["who"]] = event["capacity"]

    def _take_fault(self, event):
        self.faults.append(event)

    def _take_quiet(self, event):
        self.quiet = event["t"]

    def _take_signout(self, event):
        self.signouts[event["who"]] = event["t"]

    def _take_outbox(self, event):
        self.outboxes.append(event)

    def _take_db(self, event):
        self.tables[event["table"]].append(event["row"])

    def _index(self):
        self.items = defaultdict(list)
        for row in self.tables["item"]:
            self.items[row["conv"]].append(row)
        self.at, self.by_id = {}, {}
        for rows in self.items.values():
            rows.sort(key=lambda row: row["seq"])
            for row in rows:
                self.at.setdefault((row["conv"], row["seq"]), row)
                self.by_id.setdefault((row["conv"], row["author"], row["id"]), row)
        self.owner = {row["conv"]: row["customer"] for row in self.tables["conversation"]}
        self.views = {}
        self.op_of = {(op.conv, op.author, op.id): op for op in self.ops.values() if not op.reuse}

    def calm(self, begin, end, after_ns=5_000_000_000):
        """True if no fault touches [begin, end], the five seconds after each fault included."""
        open_at = {}
        for event in self.faults:
            if event["phase"] == "begin":
                open_at[event["id"]] = event["t"]
            elif open_at.pop(event["id"], end) <= end and begin <= event["t"] + after_ns:
                return False
        return all(start > end for start in open_at.values())

    def readable(self, link, conv):
        """The rows of conv that this link's reader may see, in order."""
        view = self.views.get((conv, link.staff))
        if view is None:
            rows = self.items.get(conv, ())
            view = list(rows) if link.staff else [row for row in rows if row["audience"] == "public"]
            self.views[(conv, link.staff)] = view
        return view

    def before(self, link, conv):
        """For each number that this link's reader may see, the one before it."""
        key = (conv, link.staff, "before")
        if key not in self.views:
            seqs = [row["seq"] for row in self.readable(link, conv)]
            self.views[key] = dict(zip(seqs, [0] + seqs))
        return self.views[key]
