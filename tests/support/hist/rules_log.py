"""R1 to R5, R7 and R16: the log against what senders were told and readers were shown."""
from collections import defaultdict

from .finding import Finding
from .history import PERSON_ROLES, STAFF_KINDS, STATE_KINDS, Seen

SERVER_MADE = STATE_KINDS | {"context", "process", "linked", "erased"}


def lost_or_changed(h):
    """R1: what was acknowledged is stored, exactly so."""
    for op in h.ops.values():
        if op.outcome != "ok" or op.reuse:
            continue
        seq = op.acks[0]["seq"]
        row = h.by_id.get((op.conv, op.author, op.id))
        if row is None:
            yield Finding("R1", "LOST_ACK", f"{op.id} was acknowledged as {seq} and is not stored", op.conv, [seq], [op.op])
        elif row["seq"] != seq or not _same_body(op.body, row["body"]):
            yield Finding("R1", "CHANGED_ACK", f"{op.id} was acknowledged as {seq} and is stored as {row['seq']}, body "
                          f"{row['body']} for {op.body}", op.conv, [seq, row["seq"]], [op.op])


def phantom(h):
    """R2: what is stored was sent, and not refused for good."""
    for conv, rows in h.items.items():
        for row in rows:
            op = h.op_of.get((conv, row["author"], row["id"]))
            if row["kind"] in SERVER_MADE or (op is None and row["role"] not in PERSON_ROLES):     # a flow's have none
                continue
            if op is None:
                yield Finding("R2", "PHANTOM", f"item {row['seq']} was sent by nobody", conv, [row["seq"]])
            elif op.outcome == "fail":
                yield Finding("R2", "REFUSED_BUT_STORED", f"item {row['seq']} had been refused with "
                              f"{op.nacks[-1]['code']}", conv, [row["seq"]], [op.op])


def once(h):
    """R3: one item for one (conversation, author, id); one answer for all its repeats."""
    for conv, rows in h.items.items():
        ids, numbers = {}, {}
        for row in rows:
            key = (row["author"], row["id"])
            if row["seq"] in numbers:
                yield Finding("R3", "DUP_NUMBER", f"two items have number {row['seq']}", conv, [row["seq"]])
            elif key in ids:
                yield Finding("R3", "DUP", f"{row['id']} is stored twice", conv, [ids[key], row["seq"]])
            ids.setdefault(key, row["seq"])
            numbers[row["seq"]] = row
    for op in h.ops.values():
        yield from _once_op(h, op)


def _once_op(h, op):
    if op.reuse:
        owner = h.op_of.get((op.conv, op.author, op.id))
        row = h.by_id.get((op.conv, op.author, op.id))
        stolen = row and owner and owner.acks and owner.body != op.body and row["body"] == op.body
        if op.acks or stolen:
            yield Finding("R3", "OVERWRITE", f"{op.id} was taken again with another body", op.conv, [], [op.op])
        return
    if len({ack["seq"] for ack in op.acks}) > 1:
        yield Finding("R3", "DUP_SEQ", f"{op.id} was acknowledged with several numbers", op.conv,
                      sorted({ack["seq"] for ack in op.acks}), [op.op])
    if sum(1 for ack in op.acks if not ack.get("dup")) > 1:
        yield Finding("R3", "DUP_FLAG", f"{op.id} was acknowledged as new more than once", op.conv, [], [op.op])


def line(h):
    """R4: numbers are 1..N, prev is the last public number below, staff kinds are never public."""
    for conv, rows in h.items.items():
        expect, public = 1, 0
        for row in rows:
            seq = row["seq"]
            if seq > expect:
                yield Finding("R4", "GAP", f"{expect} is missing before {seq}", conv, [expect])
            if row.get("prev") is not None and row["prev"] != public and seq >= expect:
                yield Finding("R4", "PREV", f"item {seq} names {row['prev']} as the public item before it, which is "
                              f"{public}", conv, [seq])
            if row["kind"] in STAFF_KINDS and row["audience"] != "staff":
                yield Finding("R4", "AUDIENCE", f"item {seq} is a {row['kind']} and public", conv, [seq])
            expect = max(expect, seq + 1)
            public = seq if row["audience"] == "public" else public


def agreement(h):
    """R5: every observation of a number is what the database holds under it."""
    for link in h.links.values():
        for event in link.events:
            for seen in _observations(event):
                row = h.at.get((event["conv"], seen.seq))
                if row is None:
                    yield Finding("R5", "VANISHED", f"{seen.seq} was shown to {link.who} and is not stored",
                                  event["conv"], [seen.seq])
                elif not _agrees(seen, row):
                    yield Finding("R5", "DIVERGENT", f"{seen.seq} was shown to {link.who} as {seen.kind} {seen.id} "
                                  f"{seen.body}, stored is {row['kind']} {row['id']} {row['body']}",
                                  event["conv"], [seen.seq])


def _observations(event):
    if event["k"] == "recv":
        yield Seen.of(event)
    for entry in event.get("items", ()):
        yield Seen(*entry)


def _agrees(seen, row):
    if seen.id is None or row["kind"] == "erased" or seen.kind == "erased":
        return True
    return (seen.id, seen.kind, seen.author) == (row["id"], row["kind"], row["author"]) and \
        _same_body(seen.body, row["body"]) and (seen.audience or "public") == row["audience"]


def _same_body(a, b):
    return a is None or b is None or a == b


def order(h):
    """R7: acknowledged before sent means a smaller number; one outbox keeps its order."""
    forever = float("inf")
    for conv, rows in h.items.items():
        earliest, witness = forever, None
        for row in reversed(rows):
            op = h.op_of.get((conv, row["author"], row["id"]))
            if op is None:
                continue
            if earliest < op.invoked:
                yield Finding("R7", "ORDER", f"{witness.id} was acknowledged before {op.id} was sent, and is stored "
                              "after it", conv, [row["seq"]], [op.op, witness.op])
            if op.done is not None and op.done < earliest:
                earliest, witness = op.done, op
    yield from _fifo(h)


def _fifo(h):
    last = {}
    for op in sorted(h.ops.values(), key=lambda op: (op.invoked, op.sends[0]["n"])):
        row = h.by_id.get((op.conv, op.author, op.id))
        if op.box is None or op.reuse or row is None:
            continue
        key = (op.box, op.conv)
        if key in last and row["seq"] < last[key]["seq"]:
            yield Finding("R7", "FIFO", f"{row['id']} overtook {last[key]['id']} of the same outbox", op.conv,
                          [row["seq"], last[key]["seq"]], [op.op])
        last[key] = row


def outboxes(h):
    """R16: after quiet an outbox is empty, and each entry ended as stored or as refused."""
    ended = defaultdict(int)
    for event in h.outboxes:
        ended[event["box"]] += event["left"]
        if event["left"]:
            yield Finding("R16", "OUTBOX_STUCK", f"{event['left']} entries are left in outbox {event['box']}")
    for op in h.ops.values():
        if op.box in ended and not ended[op.box] and op.outcome == "info" and not op.given_up and not op.reuse \
                and (op.conv, op.author, op.id) not in h.by_id:
            yield Finding("R16", "OUTBOX_LOST", f"{op.id} left its outbox unstored and unrefused", op.conv, [], [op.op])


RULES = [lost_or_changed, phantom, once, line, agreement, order, outboxes]
