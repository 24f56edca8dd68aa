"""R11 and R12: one speaker a session, control that only moves forward, flows and processes that step once."""
from collections import Counter, defaultdict

from . import rules_bots
from .finding import Finding

BOT, NOBODY = "bot", "nobody"


class _Session:
    """One session, replayed from the items that move its state."""

    def __init__(self, body):
        self.id, self.epoch, self.open, self.offer = body["session"], body["epoch"], True, None
        self.holder = BOT if body.get("flow") else NOBODY
        self.process = None     # of a bot from outside: which of its processes has control


def _holder_after(session, row):
    kind, body = row["kind"], row["data"]
    if kind in ("joined", "reopened"):
        return body["agent"]
    if kind in ("queued", "transferred"):
        return NOBODY
    if kind in ("left", "control") or (kind == "resolved" and not body.get("closed")):
        return BOT
    return session.holder


def control(h):
    """R11 within each conversation: sessions, epochs, who may speak."""
    for conv, rows in h.items.items():
        sessions, now = {}, None
        for row in rows:
            if row.get("data") and "session" in row["data"]:
                now, findings = _move(conv, sessions, now, row)
                yield from findings
            elif row["audience"] == "public" and row["kind"] != "process":
                yield from _speaks(h, conv, now, row)
        yield from _rows_agree(h, conv, sessions)


def _move(conv, sessions, now, row):
    kind, body, seq, findings = row["kind"], row["data"], row["seq"], []
    if kind == "opened":
        if now and now.open:
            findings.append(Finding("R11", "TWO_SESSIONS", f"{body['session']} opens at {seq} while {now.id} is open",
                                    conv, [seq]))
        sessions[body["session"]] = now = _Session(body)
        return now, findings
    session = sessions.get(body["session"])
    if session is None or (not session.open and kind != "reopened"):
        findings.append(Finding("R11", "NO_SESSION", f"{kind} at {seq} is of a session that is not open", conv, [seq]))
        return now, findings
    if kind == "offered":
        findings += _offer(conv, session, row)
        return now, findings
    findings += _step(conv, session, row)
    return session, findings


def _offer(conv, session, row):
    body, seq = row["data"], row["seq"]
    if not body.get("result"):
        if session.offer:
            yield Finding("R11", "DOUBLE_OFFER", f"offer {body['offer']} begins at {seq} while {session.offer} stands",
                          conv, [seq])
        session.offer = body["offer"]
    elif session.offer == body["offer"]:
        session.offer = None


def _step(conv, session, row):
    kind, body, seq = row["kind"], row["data"], row["seq"]
    holder = _holder_after(session, row)
    if kind in ("joined", "reopened") and session.holder not in (BOT, NOBODY):
        yield Finding("R11", "DOUBLE_AGENT", f"{body['agent']} joins at {seq} while {session.holder} serves", conv, [seq])
    hands = kind == "control" or (holder != session.holder and not {holder, session.holder} <= {BOT, NOBODY})
    if kind == "control" and body.get("holder") and session.process:
        yield Finding("R11", "TWO_HOLDERS", f"process {body['holder']} takes control at {seq} while {session.process} has it",
                      conv, [seq])
    if body["epoch"] < session.epoch or (hands and body["epoch"] == session.epoch):
        yield Finding("R11", "EPOCH", f"{kind} at {seq} has epoch {body['epoch']} after {session.epoch}", conv, [seq])
    session.open = kind == "reopened" or (session.open and not body.get("closed"))
    session.holder = holder if session.open else NOBODY
    session.process = body.get("holder") if kind == "control" else None
    session.epoch, session.offer = max(body["epoch"], session.epoch), None


def _speaks(h, conv, session, row):
    op = h.op_of.get((conv, row["author"], row["id"]))
    if row["role"] in ("agent", "supervisor", "admin"):
        if session is None or not session.open or session.holder != row["author"]:
            yield Finding("R11", "NOT_IN_CONTROL", f"{row['author']} speaks at {row['seq']} and "
                          f"{session.holder if session else NOBODY} is in control", conv, [row["seq"]])
    if row["role"] == "bot" and op:
        yield from rules_bots.speaks(h, conv, session, row, op)
    elif op and op.epoch is not None and session and op.epoch != session.epoch:
        yield Finding("R11", "STALE_EPOCH", f"{row['seq']} was sent for epoch {op.epoch} and stored in {session.epoch}",
                      conv, [row["seq"]], [op.op])


def _rows_agree(h, conv, sessions):
    """The session table says what the items say."""
    for row in h.tables["session"]:
        if row["conv"] != conv:
            continue
        replayed = sessions.get(row["session"])
        if replayed is None:
            yield Finding("R11", "SESSION_DRIFT", f"session {row['session']} has no item", conv)
        elif (row["state"] != "closed") != replayed.open or row["epoch"] != replayed.epoch or \
                (row["state"] == "live") != (replayed.open and replayed.holder not in (BOT, NOBODY)):
            yield Finding("R11", "SESSION_DRIFT", f"session {row['session']} is {row['state']} in epoch {row['epoch']}; "
                          f"its items say {'open' if replayed.open else 'closed'}, {replayed.holder}, epoch "
                          f"{replayed.epoch}", conv)


def accepts(h):
    """R11 across conversations: one owner an offer, every accept an item, no agent above capacity."""
    winners = {}
    for accept in h.accepts.values():
        tried, ok = accept["try"], accept["ok"]
        if ok is None:
            continue
        first = winners.setdefault(tried["offer"], tried["who"])
        if first != tried["who"]:
            yield Finding("R11", "DOUBLE_ACCEPT", f"offer {tried['offer']} was given to {first} and to {tried['who']}",
                          tried["conv"])
        joined = any(row["kind"] in ("joined", "control") and row["data"]["session"] == ok["session"] and
                     row["data"]["epoch"] == ok["epoch"] and tried["who"] in (row["data"].get("agent"), row["data"].get("bot"))
                     for row in h.items.get(tried["conv"], ()))
        if not joined:
            yield Finding("R11", "ACCEPT_LOST", f"{tried['who']} was given {ok['session']} and no item says so",
                          tried["conv"])
    yield from _capacity(h)


def _capacity(h):
    """Counts only what is sure: from the answer to accept until the agent begins to give the session up."""
    ended = _ended_otherwise(h)
    edges = defaultdict(list)
    for accept in h.accepts.values():
        tried, ok = accept["try"], accept["ok"]
        if ok is None or (ok["session"], tried["who"]) in ended:
            continue
        ends = [e["t"] for e in h.leaves if e["session"] == ok["session"] and e["who"] == tried["who"] and e["t"] > ok["t"]]
        edges[tried["who"]] += [(ok["t"], 1)] + [(t, -1) for t in ends[:1]]
    for who, list_ in edges.items():
        load = 0
        for _, change in sorted(list_):
            load += change
            if load > h.capacity.get(who, float("inf")):
                yield Finding("R11", "OVER_CAP", f"{who} has {load} sessions and capacity {h.capacity[who]}")
                break


def _ended_otherwise(h):
    """Sessions that left an agent by the server's will: when, no client can say."""
    return {(row["data"]["session"], who) for rows in h.items.values() for row in rows
            if row["kind"] == "queued" and row["data"].get("why") == "agent_lost" for who in h.capacity}


def flows(h):
    """R12: a run's journal is 1..k, takes each input once, and each of its items exists once."""
    steps, inputs, outputs = defaultdict(list), Counter(), Counter()
    runs = {row["run"]: row for row in h.tables["run"]}
    for row in h.tables["journal"]:
        steps[row["run"]].append(row["step"])
        conv = runs.get(row["run"], {}).get("conv")
        if row.get("input") is not None:
            inputs[(conv, row["input"])] += 1
        for item in row.get("items") or ():
            outputs[(conv, item)] += 1
    for run in {**runs, **steps}:
        yield from _steps(run, sorted(steps[run]), runs.get(run, {}))
    for (conv, seq), times in inputs.items():
        if times > 1:
            yield Finding("R12", "INPUT_TWICE", f"item {seq} was consumed {times} times", conv, [seq])
    yield from _outputs(h, outputs)
    for run, row in runs.items():
        if row["state"] in ("running", "starting") and h.quiet is not None:
            yield Finding("R12", "STUCK_RUN", f"run {run} is still {row['state']} after quiet", row["conv"])


def _steps(run, numbers, row):
    if len(set(numbers)) != len(numbers):
        yield Finding("R12", "STEP_DUP", f"run {run} has a step twice", row.get("conv"))
    elif numbers != list(range(1, len(numbers) + 1)) or row.get("step", len(numbers)) != len(numbers):
        yield Finding("R12", "STEP_SKIP", f"run {run} stands at {row.get('step')} and has steps {numbers}", row.get("conv"))


def _outputs(h, outputs):
    stored = Counter((conv, row["id"]) for conv, rows in h.items.items() for row in rows)
    for (conv, item), times in outputs.items():
        if times > 1 or stored[(conv, item)] > 1:
            yield Finding("R12", "OUT_DUP", f"item {item} was made by several steps", conv)
        if not stored[(conv, item)]:
            yield Finding("R12", "OUT_LOST", f"item {item} of a journaled step is not stored", conv)
    if not outputs:
        return
    for conv, rows in h.items.items():
        for row in rows:
            if row["role"] == "bot" and row.get("run") and not outputs[(conv, row["id"])]:
                yield Finding("R12", "OUT_PHANTOM", f"item {row['seq']} is a flow's and in no journal", conv, [row["seq"]])


def processes(h):
    """R12 for transactions: revisions are 1..k in the order of numbers, and the row stands at k."""
    steps = defaultdict(list)
    for conv, rows in h.items.items():
        for row in rows:
            if row["kind"] == "process" and row.get("data"):
                steps[row["data"]["process"]].append((row["data"]["revision"], conv, row["seq"]))
    for process, list_ in steps.items():
        for expect, (revision, conv, seq) in enumerate(list_, 1):
            if revision != expect:
                yield Finding("R12", "REVISION", f"item {seq} makes revision {revision} of {process}, {expect} is next",
                              conv, [seq])
                break
    for row in h.tables["process"]:
        if row["revision"] != len(steps[row["process"]]):
            yield Finding("R12", "REVISION", f"process {row['process']} stands at {row['revision']} after "
                          f"{len(steps[row['process']])} items", row["conv"])


RULES = [control, accepts, flows, processes]
