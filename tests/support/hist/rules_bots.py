"""R11 for bots from outside: one process has control, only it speaks, each turn is answered once, and the watchdog comes only
to what was not answered."""
from collections import defaultdict

from .finding import Finding

ASKED_AGAIN, GIVEN_UP = "silent", "failed"


def speaks(h, conv, session, row, op):
    """What a bot's process has posted, beside the one that has control of this session."""
    if not (session and session.open and session.process):
        yield Finding("R11", "BOT_OUT_OF_CONTROL", f"bot {row['author']} speaks at {row['seq']} and no process of it is in "
                      "control", conv, [row["seq"]], [op.op])
        return
    devices = {h.links[send["link"]].device for send in op.sends if send.get("link") in h.links}
    if devices and session.process not in devices:
        yield Finding("R11", "BOT_OUT_OF_CONTROL", f"{row['seq']} is of process {', '.join(sorted(map(str, devices)))}, and "
                      f"{session.process} is in control", conv, [row["seq"]], [op.op])
    if op.epoch is not None and op.epoch != session.epoch:
        yield Finding("R11", "BOT_STALE_EPOCH", f"{row['seq']} was sent for epoch {op.epoch} and stored in {session.epoch}",
                      conv, [row["seq"]], [op.op])


def seats(h):
    """Who was given a session is its only process: as items say it, and as the processes were told."""
    given = {}
    for accept in h.accepts.values():
        tried, ok = accept["try"], accept["ok"]
        if ok is None or tried.get("link") not in h.links or h.links[tried["link"]].role != "bot":
            continue
        device, key = h.links[tried["link"]].device, (ok["session"], ok["epoch"])
        first = given.setdefault(key, device)
        if first != device:
            yield Finding("R11", "TWO_HOLDERS", f"{ok['session']} was given to {first} and to {device} in epoch {ok['epoch']}",
                          tried["conv"])


def answers(h):
    """A turn that a bot says it answers has one answer, whoever makes it."""
    given = defaultdict(set)
    for conv, rows in h.items.items():
        for row in rows:
            op = h.op_of.get((conv, row["author"], row["id"]))
            if op is None or not op.answers:
                continue
            given[conv, op.answers].add(row["seq"])
            if len(given[conv, op.answers]) > 1:
                yield Finding("R11", "ANSWERED_TWICE", f"{op.answers} is answered at {sorted(given[conv, op.answers])}", conv,
                              sorted(given[conv, op.answers]), [op.op])


def watchdog(h):
    """It asks another process, or gives up, only when nothing was said to the customer since the last thing to be answered."""
    for conv, rows in h.items.items():
        answered = None
        for row in rows:
            body = row.get("data") or {}
            early = (row["kind"] == "control" and body.get("why") == ASKED_AGAIN) or \
                (row["kind"] == "queued" and body.get("why") == GIVEN_UP)
            if early and answered:
                yield Finding("R11", "WATCHDOG_EARLY", f"{row['kind']} at {row['seq']} says '{body['why']}', and {answered} was "
                              "an answer", conv, [answered, row["seq"]])
            if row["audience"] == "public" and row["role"] == "bot" and row["kind"] != "process":
                answered = row["seq"] if (conv, row["author"], row["id"]) in h.op_of else answered
            elif row["audience"] == "public" or body.get("session"):
                taken_up = row["kind"] == "control" and body.get("holder") or row["kind"] in ("process", "offered")
                answered = answered if taken_up else None


RULES = [seats, answers, watchdog]
