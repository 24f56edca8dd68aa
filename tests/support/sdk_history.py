"""What apps on the SDK noted and what `parley mock` stored, as a history for histcheck.

A life of an app - a process, until it ends or is killed - is one link to the checker: it begins with nothing on its
screen, and each item must come to it once, in the chain of `prev`, as it is stored. What is typed is an op of an outbox
that outlives its processes. `told_right` has what the checker has no rule for: how the last life ends.
"""
from collections import defaultdict

from hist.history import STATE_KINDS, body_hash
from histcheck import check

LATE_S = 3600   # time is the app's own here, and runs faster


class _Writer:
    """Lines of one process of the record."""

    def __init__(self, events, name):
        self.events, self.name, self.n = events, name, 0

    def __call__(self, t, k, **fields):
        self.n += 1
        self.events.append({"t": t, "p": self.name, "n": self.n, "k": k, **fields})


class _Life:
    """Turns the notes of one life into lines of the record."""

    def __init__(self, write, box, life, ops, conv, me):
        self.write, self.box, self.link, self.ops, self.conv, self.me = write, box, f"{box}.{life}", ops, conv, me
        self.top, self.newest, self.older, self.pages = 0, 0, [], 0

    def begin(self, t):
        self.write(t, "open", link=self.link, who=self.me, role="customer", device=self.box, node="mock")
        self.write(t, "followed", link=self.link, conv=self.conv, have=0, head=0, items=[])

    def typed(self, t, id, text):
        self.write(t, "send", op=id, conv=self.conv, id=id, author=self.me, kind="text", body=body_hash({"text": text}),
                   link=self.link, box=self.box)
        self.ops.setdefault(id, 0)

    def item(self, t, event):
        item = event["item"]
        seen = {"seq": item["seq"], "prev": item["prev"], "id": item["id"], "kind": item["kind"], "author": item["author"],
                "audience": item.get("audience", "public"), "body": body_hash(item["body"])}
        if not event["new"]:
            if self.older and self.older[-1][0] != seen["prev"]:
                self.page(t)
            self.older.append(list(seen.values()))
            return
        self.page(t)
        self.top = max(self.top, seen["seq"])
        if seen["prev"] > self.newest:     # behind what was painted, or a hole; `told_right` knows when it must be filled
            self.write(t, "head", link=self.link, conv=self.conv, seq=self.top)
        self.newest = seen["seq"]
        self.write(t, "recv", link=self.link, conv=self.conv, **seen)

    def page(self, t):
        """Older items that came in a row are a piece of the log."""
        if self.older:
            self.pages += 1
            self.top = max(self.top, self.older[-1][0])
            self.write(t, "readok", op=f"{self.link}.{self.pages}", link=self.link, conv=self.conv, head=self.top, items=self.older)
        self.older = []

    def sent(self, t, event):
        if event["id"] not in self.ops:
            return      # the checker says that nobody sent it, if it is stored
        self.write(t, "ack", op=event["id"], link=self.link, seq=event["seq"], dup=self.ops[event["id"]] > 0)
        self.ops[event["id"]] += 1

    def note(self, line):
        t, k = line["t"], line["k"]
        if k == "restored":
            for entry in line["e"]["outbox"]:
                self.typed(t, entry["id"], entry["body"]["text"])
        elif k == "typed":
            self.typed(t, line["id"], line["text"])
        elif k == "event" and line["e"]["event"] == "item":
            self.item(t, line["e"])
        elif k == "event" and line["e"]["event"] == "outbox" and line["e"]["state"] == "sent":
            self.sent(t, line["e"])


def _lives(notes):
    """{app: {life: its notes}}"""
    lives = defaultdict(lambda: defaultdict(list))
    for line in notes:
        lives[line["who"]][line["life"]].append(line)
    return lives


def history(notes, journal):
    """The events of a run."""
    events, stored = [], [line for line in journal if line["k"] == "stored"]
    home = {line["who"]: (line["conversation"], line["customer"]) for line in stored}
    driver = _Writer(events, "driver")
    for who, lives in _lives(notes).items():
        ops, (conv, me) = {}, home[who]
        for number, lines in sorted(lives.items()):
            life = _Life(_Writer(events, f"{who}.{number}"), who, number, ops, conv, me)
            life.begin(lines[0]["t"])
            for line in lines:
                life.note(line)
            life.page(lines[-1]["t"])
            if number != max(lives):
                life.write(lines[-1]["t"], "close", link=life.link, by="net")
    end = max(event["t"] for event in events)
    driver(end, "quiet")
    for who, lives in _lives(notes).items():
        driver(end, "outbox", box=who, left=lives[max(lives)][-1]["unsent"])
    for conv, me in home.values():
        driver(end, "db", table="conversation", row={"conv": conv, "customer": me})
    for line in stored:
        row = {"conv": line["conversation"], "body": body_hash(line["body"]),
               **{key: line[key] for key in ("seq", "prev", "id", "author", "role", "kind", "audience")}}
        if line["kind"] in STATE_KINDS:
            row["data"] = line["body"]
        driver(end, "db", table="item", row=row)
    return events


def told_right(notes, journal):
    """What else is wrong, in words."""
    stored = defaultdict(list)
    for line in journal:
        if line["k"] == "stored" and line["audience"] == "public":
            stored[line["who"]].append(line)
    for who, lives in _lives(notes).items():
        for number, lines in lives.items():
            seqs = [line["e"]["item"]["seq"] for line in lines if line["k"] == "event" and line["e"]["event"] == "item"]
            if len(seqs) != len(set(seqs)):
                yield f"{who}.{number} was told an item twice"
            yield from _synced_is_true(who, lines, [line["seq"] for line in stored[who]])
        last = lives[max(lives)][-1]
        if last["k"] != "end":
            yield f"{who} did not come to its end"
            continue
        rows = [row[:2] for row in last["rows"]]
        if rows != [[line["seq"], line["id"]] for line in stored[who][-len(rows):]] or not rows:
            yield f"the screen of {who} shows {rows[-3:]} at its end, stored is {stored[who][-1]['seq']}"
        if last["recap"]["head"] != stored[who][-1]["seq"] or not last["recap"]["complete"]:
            yield f"{who} believes in head {last['recap']['head']}, complete {last['recap']['complete']}"
        yield from _typed_in_order(who, lives, stored[who])


def _synced_is_true(who, lines, stored):
    """`synced` means that nothing is missing from the oldest item told up to that head."""
    told = set()
    for line in lines:
        event = line.get("e", {}).get("event") if line["k"] == "event" else None
        if event == "item":
            told.add(line["e"]["item"]["seq"])
        elif event == "synced" and told:
            missing = [seq for seq in stored if min(told) <= seq <= line["e"]["head"] and seq not in told]
            if missing:
                yield f"{who} was told that it has all up to {line['e']['head']}, and lacks {missing[:3]}"
    if lines[-1]["k"] == "end" and told != set(stored):
        yield f"{who} was never told {sorted(set(stored) ^ told)[:5]}"


def _typed_in_order(who, lives, stored):
    """Every number whose call returned is there once; one whose call did not may be; in the order of typing."""
    typing = [line["text"] for lines in lives.values() for line in lines if line["k"] == "typing"]
    typed = {line["text"] for lines in lives.values() for line in lines if line["k"] == "typed"}
    said = [line["body"]["text"] for line in stored if line["role"] == "customer"]
    if not typed <= set(said):
        yield f"{who} typed {sorted(typed - set(said), key=int)}, which is not stored"
    if len(said) != len(set(said)) or said != [text for text in typing if text in set(said)]:
        yield f"{who} typed {typing}, stored is {said}"


def judge(notes, journal):
    """(findings in words, the checker's history)"""
    recorded, findings = check(history(notes, journal), late_s=LATE_S)
    return [str(finding) for finding in findings] + list(told_right(notes, journal)), recorded
