"""R6, R8, R9, R10 and R17: what reached each reader, in which order, how soon, and what should not have."""
from bisect import bisect_left
from collections import defaultdict

from .finding import Finding
from .history import Seen

TWO_SECONDS = 2_000_000_000


def chain(h):
    """R6: each link's items form the chain of prev, without gap, repeat or step back."""
    for link in h.links.values():
        states = {}
        for event in link.events:
            conv = event.get("conv")
            if event["k"] == "followed":
                states[conv] = state = _Chain(h, link, conv)
                yield from state.answer(event, link)
            elif event["k"] == "unfollow":
                states.pop(conv, None)
            elif event["k"] == "recv" and conv not in states:
                yield Finding("R6", "EARLY", f"{event['seq']} came to {link.who} before the conversation was followed",
                              conv, [event["seq"]])
            elif event["k"] == "recv":
                yield from states[conv].push(Seen.of(event))
            elif event["k"] == "head" and conv in states:
                states[conv].behind = states[conv].behind or event["seq"] > states[conv].last
            elif event["k"] == "readok":
                yield from _page(h, link, event)
    yield from _resume(h)


class _Chain:
    def __init__(self, h, link, conv):
        self.conv, self.last, self.behind, self.seen = conv, 0, False, set()
        self.expect = h.before(link, conv)

    def answer(self, event, link):
        """The missed range: whole from `have` to the head, or with a gap that says what is missing."""
        yield from self._entries(event)
        self.last = max(event["head"], event["have"] or 0)
        self.seen.update(entry[0] for entry in event["items"])

    def _entries(self, event):
        below, gap = event["have"] or 0, event.get("gap")
        reached = event["head"]
        for entry in reversed(event["items"]):
            seen = Seen(*entry)
            yield from self._prev(seen)
            if seen.seq != reached:
                yield Finding("R6", "SHORT", f"the answer from {below} to {event['head']} has {seen.seq} where "
                              f"{reached} is due", self.conv, [seen.seq, reached])
            reached = seen.prev
        covered = gap and gap[0] <= reached <= gap[1]
        if reached > below and not covered and not (event.get("page") and gap is None and not event["items"]):
            yield Finding("R6", "SHORT", f"the answer ends at {reached}, {below} was known, and no gap says so",
                          self.conv, [reached])

    def _prev(self, seen):
        if seen.seq in self.expect and self.expect[seen.seq] != seen.prev:
            yield Finding("R6", "CHAIN", f"item {seen.seq} came with prev {seen.prev}; before it this reader may see "
                          f"{self.expect[seen.seq]}", self.conv, [seen.seq])

    def push(self, seen):
        yield from self._prev(seen)
        if seen.seq in self.seen:
            yield Finding("R6", "REPEAT", f"{seen.seq} came twice on one link", self.conv, [seen.seq])
        elif seen.seq <= self.last:
            yield Finding("R6", "BACK", f"{seen.seq} came after {self.last}", self.conv, [seen.seq])
        elif seen.prev > self.last and not self.behind:
            yield Finding("R6", "SKIP", f"{seen.seq} follows {seen.prev}, and {self.last} was the last to come",
                          self.conv, [seen.seq])
        self.seen.add(seen.seq)
        if seen.seq > self.last:
            self.last, self.behind = seen.seq, False


def _page(h, link, event):
    """A page of `range` is a piece of the chain too."""
    before = None
    for entry in event["items"]:
        seen = Seen(*entry)
        if before is not None and seen.prev != before:
            yield Finding("R6", "PAGE", f"in a page {seen.seq} follows {before} and names {seen.prev}", event["conv"],
                          [before, seen.seq])
        before = seen.seq


def _resume(h):
    """R6: `have` is a number up to which the device holds everything; the next link begins exactly there."""
    known, base = defaultdict(set), {}
    for event in h.events:
        link = h.links.get(event.get("link"))
        if link is None or link.device is None:
            continue
        key = (link.who, link.device, event.get("conv"))
        if event["k"] == "follow" and event.get("have"):
            rows = h.readable(link, event["conv"])
            low = base.get(key, 0)
            lacking = [r["seq"] for r in rows if low < r["seq"] <= event["have"] and r["seq"] not in known[key]]
            if lacking:
                yield Finding("R6", "RESUME_GAP", f"{link.who} says it has up to {event['have']} and lacks {lacking[0]}",
                              event["conv"], lacking[:3])
        if event["k"] == "followed" and not event["have"] and key not in base:
            base[key] = event["items"][0][1] if event["items"] else event["head"]
        known[key].update(entry[0] for entry in event.get("items", ()))
        if event["k"] == "recv":
            known[key].add(event["seq"])


def reads(h):
    """R8: a read sees what was acknowledged before it began; heads never go back."""
    began, acked = {}, {}
    for event in h.events:
        if event["k"] == "ack":
            _highest(h, acked, event)
        elif event["k"] in ("read", "follow"):
            began[(event["link"], event.get("op", event["conv"]))] = event["t"]
        elif event["k"] in ("readok", "followed"):
            since = began.get((event["link"], event.get("op", event["conv"])))
            if since is not None:
                yield from _fresh(h, event, acked, since)
    for link in h.links.values():
        heads = {}
        for event in link.events:
            head = event.get("head", event.get("seq") if event["k"] == "head" else None)
            if head is None:
                continue
            if head < heads.get(event["conv"], 0):
                yield Finding("R8", "BACKWARD", f"{link.who} was told head {heads[event['conv']]}, then {head}",
                              event["conv"], [head])
            heads[event["conv"]] = max(head, heads.get(event["conv"], 0))


def _highest(h, acked, event):
    """Keeps, by conversation and audience, the times at which the highest acknowledged number grew."""
    op = h.ops[event["op"]]
    row = h.at.get((op.conv, event["seq"]))
    for staff in (True, False):
        steps = acked.setdefault((op.conv, staff), [])
        if row and (staff or row["audience"] == "public") and (not steps or steps[-1][1] < event["seq"]):
            steps.append((event["t"], event["seq"]))


def _fresh(h, event, acked, since):
    link = h.links[event["link"]]
    steps = acked.get((event["conv"], link.staff), ())
    at = bisect_left(steps, (since,)) if steps else 0
    if at and steps[at - 1][1] > event["head"]:
        seq = steps[at - 1][1]
        yield Finding("R8", "STALE_READ", f"{seq} was acknowledged before {link.who} asked and was told head "
                      f"{event['head']}", event["conv"], [seq])


def reach(h, late_ns=TWO_SECONDS, late_share=0.001):
    """R9: who follows gets everything, soon in calm time, and all of it by the end."""
    late, total = [], 0
    follows = _follows(h)
    acks = [e for e in h.events if e["k"] == "ack" and not e.get("dup")]
    for ack in acks:
        op = h.ops[ack["op"]]
        row = h.at.get((op.conv, ack["seq"]))
        if row is None or not h.calm(ack["t"], ack["t"] + late_ns):
            continue
        for f in follows.get(op.conv, ()):
            if f.begin < ack["t"] and f.end > ack["t"] + late_ns and f.may(row) and ack["seq"] > f.base:
                total += 1
                if f.got.get(ack["seq"], f.end) > ack["t"] + late_ns:
                    late.append((op, ack, f))
    if late and len(late) > late_share * total:
        op, ack, f = late[0]
        yield Finding("R9", "LATE", f"{len(late)} of {total} deliveries took over {late_ns / 1e9:g} s; {ack['seq']} to "
                      f"{f.link.who}", op.conv, [ack["seq"]], [op.op])
    yield from _missed(h, follows)


class _Follow:
    def __init__(self, link, event):
        self.link, self.begin, self.end, self.got = link, event["t"], float("inf"), {}
        self.base = event["have"] or (event["items"][0][1] if event["items"] else event["head"])

    def may(self, row):
        return self.link.staff or row["audience"] == "public"


def _follows(h):
    follows = defaultdict(list)
    for link in h.links.values():
        open_now = {}
        for event in link.events:
            conv = event.get("conv")
            if event["k"] == "followed":
                if conv in open_now:
                    open_now[conv].end = event["t"]
                open_now[conv] = _Follow(link, event)
                follows[conv].append(open_now[conv])
            elif event["k"] == "unfollow" and conv in open_now:
                open_now.pop(conv).end = event["t"]
            elif event["k"] == "close":
                for f in open_now.values():
                    f.end = min(f.end, event["t"])
            if conv in open_now:
                _note(open_now[conv], event)
    return follows


def _note(follow, event):
    if event["k"] == "recv":
        follow.got.setdefault(event["seq"], event["t"])
    for entry in event.get("items", ()):
        follow.got.setdefault(entry[0], event["t"])


def _missed(h, follows):
    if h.quiet is None:
        return
    for conv, list_ in follows.items():
        for f in list_:
            if f.end <= h.quiet:
                continue
            lacking = [row["seq"] for row in h.readable(f.link, conv) if row["seq"] > f.base and row["seq"] not in f.got]
            if lacking:
                yield Finding("R9", "MISSED", f"{f.link.who} follows to the end and never got {lacking[0]}"
                              f"{' and %d more' % (len(lacking) - 1) if lacking[1:] else ''}", conv, lacking[:5])


def leaks(h):
    """R10: nothing reaches who may not see it, and withdrawn access ends within two seconds."""
    for link in h.links.values():
        for event in link.events:
            if event["k"] == "bytes":
                yield from _token(h, link, event)
            for seq, prev, *rest in _shown(event):
                yield from _item_leak(h, link, event["conv"], seq, rest)
        out = h.signouts.get(link.who)
        if out is not None and link.opened < out and (link.closed or float("inf")) > out + TWO_SECONDS:
            yield Finding("R10", "ZOMBIE", f"a link of {link.who} outlived the end of its access")


def _shown(event):
    if event["k"] == "recv":
        yield [event["seq"], event["prev"], event.get("id"), event.get("kind")]
    yield from event.get("items", ())


def _item_leak(h, link, conv, seq, rest):
    row = h.at.get((conv, seq))
    if not link.staff and h.owner.get(conv) not in (None, link.who):
        yield Finding("R10", "LEAK", f"{link.who} was shown a conversation of {h.owner[conv]}", conv, [seq])
    elif row and not link.staff and row["audience"] == "staff":
        yield Finding("R10", "STAFF_LEAK", f"{link.who} was shown the staff's item {seq}", conv, [seq])
    elif row and rest and rest[0] and _whisper_to_another(row, link.who):
        yield Finding("R10", "WHISPER_LEAK", f"{link.who} was shown a whisper to {row['data']['to']}", conv, [seq])


def _whisper_to_another(row, who):
    to = (row.get("data") or {}).get("to") if row["kind"] == "note" else None
    return to is not None and who not in (to, row["author"])


def _token(h, link, event):
    sort, conv = event["token"].split(":")[:2]
    if link.staff:
        return
    if sort == "st":
        yield Finding("R10", "STAFF_LEAK", f"bytes of a staff item reached {link.who}", conv)
    elif h.owner.get(conv) not in (None, link.who):
        yield Finding("R10", "LEAK", f"bytes of a conversation of {h.owner[conv]} reached {link.who}", conv)


def recovery(h):
    """R17: after a fault the first new acknowledgement comes within the time the fault names."""
    acks = [e["t"] for e in h.events if e["k"] == "ack"]
    for event in h.faults:
        if event["phase"] == "end" and event.get("within_ms"):
            limit = event["t"] + event["within_ms"] * 1_000_000
            if not any(event["t"] < t <= limit for t in acks):
                yield Finding("R17", "SLOW_RECOVERY", f"no acknowledgement within {event['within_ms']} ms of the end of "
                              f"fault {event['id']}")


RULES = [chain, reads, reach, leaks, recovery]
