"""Planted faults: each takes a valid history and breaks one promise, in the way its name says.

plant(name, events, rng) gives the broken history, or None where this one has nothing to break in that way. The checker
must answer with the violation of the same name.
"""
import copy

from .history import body_hash

FAULTS = {}


def fault(function):
    FAULTS[function.__name__.upper()] = function
    return function


def plant(name, events, rng):
    broken = copy.deepcopy(events)
    result = FAULTS[name](_Editor(broken, rng))
    if not result:
        return None
    if not name.startswith("R0_"):
        _renumber(broken)
    return broken


def _renumber(events):
    lines = {}
    for event in events:
        lines[event["p"]] = event["n"] = lines.get(event["p"], 0) + 1


class _Editor:
    """A history to be broken."""

    def __init__(self, events, rng):
        self.events, self.rng = events, rng
        self.links = {e["link"]: e for e in events if e["k"] == "open"}
        self.ops = {e["op"]: e for e in reversed(events) if e["k"] == "send"}

    def all(self, k, test=lambda e: True):
        return [e for e in self.events if e["k"] == k and test(e)]

    def pick(self, k, test=lambda e: True):
        found = self.all(k, test)
        return self.rng.choice(found) if found else None

    def rows(self, table, test=lambda row: True):
        return [e["row"] for e in self.events if e["k"] == "db" and e["table"] == table and test(e["row"])]

    def row(self, table, test=lambda row: True):
        found = self.rows(table, test)
        return self.rng.choice(found) if found else None

    def drop_row(self, table, row):
        self.events[:] = [e for e in self.events if not (e["k"] == "db" and e["table"] == table and e["row"] is row)]

    def add_row(self, table, row):
        last = self.events[-1]
        self.events.append({"t": last["t"] + 1, "p": "driver", "n": 0, "k": "db", "table": table, "row": row})

    def add_after(self, event, **fields):
        at = next(i for i, e in enumerate(self.events) if e is event)
        self.events.insert(at + 1, {"t": event["t"], "n": 0, **fields})

    def remove(self, event):
        self.events[:] = [e for e in self.events if e is not event]

    def close_of(self, link):
        return next((e["t"] for e in self.events if e["k"] == "close" and e["link"] == link), float("inf"))

    def stored(self, op):
        send = self.ops[op]
        return next((r for r in self.rows("item") if (r["conv"], r["author"], r["id"]) ==
                     (send["conv"], send["author"], send["id"])), None)

    def renumber_items(self, conv, change):
        """Applies change(seq) to every number of conv that the database holds."""
        for row in self.rows("item", lambda r: r["conv"] == conv):
            row["seq"], row["prev"] = change(row["seq"]), change(row["prev"]) if row["prev"] else 0


@fault
def r0_line_lost(e):
    last = {event["p"]: event for event in e.events}      # without its last line a record is only shorter
    e.remove(e.pick("recv", lambda x: last[x["p"]] is not x))
    return True


@fault
def r0_time_back(e):
    event = e.pick("recv", lambda x: x["n"] > 2)
    event["t"] = 1
    return True


@fault
def r0_answer_to_nothing(e):
    e.pick("ack")["op"] = "nothing"
    return True


@fault
def r0_heard_when_closed(e):
    close = e.pick("close")
    if not close:
        return False
    e.events.append({"t": e.events[-1]["t"], "p": "other", "n": 1, "k": "recv", "link": close["link"], "conv": "conv0",
                     "seq": 1, "prev": 0})
    return True


@fault
def lost_ack(e):
    row = e.stored(e.pick("ack")["op"])
    e.drop_row("item", row)
    return True


@fault
def changed_ack(e):
    e.stored(e.pick("ack")["op"])["body"] = body_hash({"text": "something else"})
    return True


@fault
def phantom(e):
    row = e.row("item", lambda r: r["role"] == "customer" and r["kind"] == "text")
    e.events[:] = [x for x in e.events if not (x.get("op") in e.ops and e.ops[x["op"]]["id"] == row["id"])]
    return True


@fault
def refused_but_stored(e):
    ids = {s["id"] for s in e.all("send", lambda s: s.get("reuse"))}
    ack = e.pick("ack", lambda a: e.ops[a["op"]]["id"] not in ids)
    sends = e.all("send", lambda s: s["op"] == ack["op"])
    e.events[:] = [x for x in e.events if not (x["k"] in ("ack", "nack", "giveup") and x["op"] == ack["op"])]
    for send in sends:
        e.add_after(send, p=send["p"], k="nack", op=ack["op"], link=send["link"], code="invalid", definite=True)
    return True


@fault
def dup_number(e):
    row = dict(e.row("item", lambda r: r["kind"] == "text"))
    row["id"] = "twin"
    e.add_row("item", row)
    return True


@fault
def dup(e):
    row = dict(e.row("item", lambda r: r["kind"] == "text"))
    row["seq"] = max(r["seq"] for r in e.rows("item", lambda r: r["conv"] == row["conv"])) + 1
    row.pop("prev")
    e.add_row("item", row)
    return True


@fault
def overwrite(e):
    nack = e.pick("nack", lambda n: n["code"] == "conflict")
    if not nack:
        return False
    nack.update(k="ack", seq=1, dup=False)
    return True


@fault
def dup_seq(e):
    ack = e.pick("ack", lambda a: a["dup"] and len(e.all("ack", lambda b: b["op"] == a["op"])) > 1)
    if not ack:
        return False
    ack["seq"] += 1
    return True


@fault
def dup_flag(e):
    ack = e.pick("ack", lambda a: a["dup"] and len(e.all("ack", lambda b: b["op"] == a["op"])) > 1)
    if not ack:
        return False
    ack["dup"] = False
    return True


@fault
def gap(e):
    conv = e.row("item", lambda r: r["seq"] > 4)["conv"]
    e.renumber_items(conv, lambda seq: seq + 1 if seq > 3 else seq)
    return True


@fault
def prev(e):
    row = e.row("item", lambda r: r["prev"] > 0)
    row["prev"] -= 1
    return True


@fault
def audience(e):
    row = e.row("item", lambda r: r["kind"] == "note")
    if not row:
        return False
    row["audience"] = "public"
    return True


@fault
def vanished(e):
    recv = e.pick("recv", lambda r: r.get("id"))
    row = next(r for r in e.rows("item") if (r["conv"], r["seq"]) == (recv["conv"], recv["seq"]))
    e.drop_row("item", row)
    return True


@fault
def divergent(e):
    e.pick("recv", lambda r: r.get("id"))["body"] = body_hash({"text": "shown otherwise"})
    return True


@fault
def early(e):
    followed = e.pick("followed", lambda f: any(r["link"] == f["link"] and r["conv"] == f["conv"] for r in e.all("recv")))
    if not followed:
        return False
    e.remove(followed)
    return True


@fault
def short(e):
    followed = e.pick("followed", lambda f: len(f["items"]) > 2)
    if not followed:
        return False
    del followed["items"][e.rng.randrange(1, len(followed["items"]))]
    return True


@fault
def chain(e):
    e.pick("recv", lambda r: r["prev"] > 0)["prev"] -= 1
    return True


@fault
def repeat(e):
    recv = e.pick("recv")
    e.add_after(recv, **{key: value for key, value in recv.items() if key not in ("t", "n")})
    return True


@fault
def back(e):
    """An older item comes late, after a newer one."""
    for followed in e.all("followed", lambda f: not f.get("gap") and f["have"] == 0 and len(f["items"]) > 1):
        recvs = [r for r in e.all("recv") if (r["link"], r["conv"]) == (followed["link"], followed["conv"])]
        if len(recvs) > 1:
            recvs[0].update({k: v for k, v in recvs[1].items() if k not in ("t", "n", "p")})
            moved = dict(zip(("seq", "prev", "id", "kind", "author", "audience", "body"), followed["items"].pop(0)))
            e.add_after(recvs[1], p=recvs[1]["p"], k="recv", link=followed["link"], conv=followed["conv"], **moved)
            return True
    return False


@fault
def skip(e):
    for recv in e.rng.sample(e.all("recv"), len(e.all("recv"))):
        later = [r for r in e.events if r.get("link") == recv["link"] and r.get("conv") == recv["conv"] and r["t"] > recv["t"]]
        if later and later[0]["k"] == "recv":
            e.remove(recv)
            return True
    return False


@fault
def page(e):
    page_ = e.pick("readok", lambda r: len(r["items"]) > 2)
    if not page_:
        return False
    del page_["items"][1]
    return True


@fault
def resume_gap(e):
    """A device says that it has what its last link never brought."""
    for follow in e.rng.sample(e.all("follow"), len(e.all("follow"))):
        device = e.links[follow["link"]]["device"]
        mine = [x for x in e.events if x.get("conv") == follow["conv"] and x["k"] in ("recv", "followed", "readok")
                and e.links[x["link"]]["device"] == device and x["t"] < follow["t"]]
        paged = {entry[0] for x in mine for entry in x.get("items", ())}
        for recv in mine:
            if recv["k"] == "recv" and mine[0]["head"] < recv["seq"] <= follow["have"] and recv["seq"] not in paged:
                e.remove(recv)
                return True
    return False


@fault
def order(e):
    """What was sent after an acknowledgement is stored before the acknowledged."""
    for first in e.rng.sample(e.all("ack"), len(e.all("ack"))):
        a = e.stored(first["op"])
        for op, send in e.ops.items():
            b = e.stored(op)
            if b and not send.get("reuse") and send["conv"] == a["conv"] and send["t"] > first["t"] and b["seq"] > a["seq"]:
                a["seq"], b["seq"] = b["seq"], a["seq"]
                return True
    return False


@fault
def fifo(e):
    """Two of one outbox, one after the other, change places."""
    for op, send in e.ops.items():
        for other, after in e.ops.items():
            a, b = e.stored(op), e.stored(other)
            if a and b and send.get("box") and send["box"] == after.get("box") and send["conv"] == after["conv"] \
                    and a["seq"] < b["seq"] and not send.get("reuse") and not after.get("reuse"):
                a["seq"], b["seq"] = b["seq"], a["seq"]
                return True
    return False


@fault
def stale_read(e):
    for followed in e.rng.sample(e.all("followed"), len(e.all("followed"))):
        earlier = [a for a in e.all("ack") if e.ops[a["op"]]["conv"] == followed["conv"] and a["t"] < followed["t"]
                   and e.ops[a["op"]]["kind"] == "text" and a["seq"] > followed["have"]]
        follow = [f for f in e.all("follow") if f["link"] == followed["link"] and f["conv"] == followed["conv"]]
        earlier = [a for a in earlier if a["t"] < follow[0]["t"]]
        if earlier:
            top = max(a["seq"] for a in earlier) - 1
            followed["items"] = [i for i in followed["items"] if i[0] <= top]
            followed["head"] = top
            return True
    return False


@fault
def backward(e):
    head = e.pick("head", lambda h: h["seq"] > 1)
    if not head:
        return False
    e.add_after(head, p=head["p"], k="head", link=head["link"], conv=head["conv"], seq=head["seq"] - 1)
    return True


@fault
def late(e):
    """The push of an acknowledged item comes ten seconds after everything, and the run goes on."""
    e.events[:] = [x for x in e.events if x["k"] != "fault"]
    end = e.events[-1]["t"]
    for ack in e.rng.sample(e.all("ack", lambda a: not a["dup"]), len(e.all("ack", lambda a: not a["dup"]))):
        conv = e.ops[ack["op"]]["conv"]
        for recv in e.all("recv", lambda r: (r["conv"], r["seq"]) == (conv, ack["seq"])):
            if e.close_of(recv["link"]) == float("inf") and not any(
                    x.get("link") == recv["link"] and x.get("conv") == conv and x["t"] > recv["t"] for x in e.events):
                e.remove(recv)
                e.events.append({**recv, "t": end + 10_000_000_000})
                return True
    return False


@fault
def missed(e):
    """The last item never reaches a link that stays open."""
    for recv in reversed(e.all("recv")):
        later = [x for x in e.events if x.get("link") == recv["link"] and x.get("conv") == recv["conv"] and x["t"] > recv["t"]]
        if e.close_of(recv["link"]) == float("inf") and not later:
            e.remove(recv)
            return True
    return False


def _consumer_recv(e):
    return e.pick("recv", lambda r: e.links[r["link"]]["role"] == "customer")


@fault
def leak(e):
    recv = _consumer_recv(e)
    token = {"p": recv["p"], "k": "bytes", "link": recv["link"]}
    other = next((row["conv"] for row in e.rows("conversation") if row["conv"] != recv["conv"]), None)
    e.add_after(recv, token=f"cv:{other}", **token)
    return other is not None


@fault
def staff_leak(e):
    recv = _consumer_recv(e)
    row = e.row("item", lambda r: r["audience"] == "staff" and r["conv"] == recv["conv"])
    if not row:
        return False
    e.add_after(recv, p=recv["p"], k="recv", link=recv["link"], **{k: row[k] for k in (
        "conv", "seq", "prev", "id", "kind", "author", "audience", "body")})
    return True


@fault
def whisper_leak(e):
    for row in e.rows("item", lambda r: r["kind"] == "note" and r["data"].get("to")):
        for recv in e.all("recv", lambda r: (r["conv"], r["seq"]) == (row["conv"], row["seq"]) and not r.get("id")):
            recv.update({k: row[k] for k in ("id", "kind", "author", "audience", "body")})
            return True
    return False


@fault
def zombie(e):
    link = e.pick("open", lambda o: e.close_of(o["link"]) == float("inf") and o["role"] == "customer")
    e.add_after(link, p=link["p"], k="signout", who=link["who"])
    e.events[-1]["t"] += 10
    for event in e.events:
        if event["k"] == "signout":
            event["t"] += 1
    return link is not None and _shift_after(e, link)


def _shift_after(e, event):
    """Everything behind the sign-out of this link happens an hour later."""
    at = next(i for i, x in enumerate(e.events) if x is event)
    for later in e.events[at + 2:]:
        later["t"] += 3_600_000_000_000
    return True


@fault
def two_sessions(e):
    opened = e.row("item", lambda r: r["kind"] == "opened")
    row = e.row("item", lambda r: r["conv"] == opened["conv"] and r["seq"] > opened["seq"] and r["kind"] == "text")
    if not row:
        return False
    row.update(kind="opened", data={"session": "another", "epoch": 1}, role="system")
    return True


@fault
def no_session(e):
    row = e.row("item", lambda r: r["kind"] in ("queued", "joined", "resolved"))
    if not row:
        return False
    row["data"]["session"] = "of nobody"
    return True


@fault
def double_offer(e):
    for end in e.rows("item", lambda r: r["kind"] == "offered" and r["data"].get("result")):
        end["data"].update(offer="another")
        del end["data"]["result"]
        return True
    return False


@fault
def double_agent(e):
    """Two agents in one session: the second joins while the first serves."""
    for joined in e.rows("item", lambda r: r["kind"] == "joined"):
        after = [r for r in e.rows("item", lambda r: r["conv"] == joined["conv"] and r["seq"] > joined["seq"])]
        for row in sorted(after, key=lambda r: r["seq"]):
            if row["kind"] in ("left", "transferred", "resolved"):
                break
            if row["kind"] == "text":
                row.update(kind="joined", role="system", data={**joined["data"], "agent": "agent9",
                                                               "epoch": joined["data"]["epoch"] + 1})
                return True
    return False


@fault
def epoch(e):
    joined = e.row("item", lambda r: r["kind"] == "joined")
    if not joined:
        return False
    joined["data"]["epoch"] = joined["data"]["epoch"] - 1
    return True


@fault
def not_in_control(e):
    row = e.row("item", lambda r: r["role"] == "agent" and r["kind"] == "text")
    if not row:
        return False
    row["author"] = "agent9"
    return True


@fault
def stale_epoch(e):
    for row in e.rows("item", lambda r: r["role"] == "agent" and r["kind"] == "text"):
        for send in e.all("send", lambda s: s["id"] == row["id"]):
            send["epoch"] -= 1
            return True
    return False


@fault
def session_drift(e):
    row = e.row("session")
    if not row:
        return False
    row["epoch"] += 1
    return True


@fault
def double_accept(e):
    refused = e.pick("refused")
    accepted = e.pick("accepted")
    if not refused or not accepted:
        return False
    refused.update(k="accepted", session=accepted["session"], epoch=accepted["epoch"])
    return True


@fault
def accept_lost(e):
    accepted = e.pick("accepted")
    if not accepted:
        return False
    accepted["epoch"] += 7
    return True


@fault
def over_cap(e):
    if not e.all("accepted"):
        return False
    for agent in e.all("agent"):
        agent["capacity"] = 0
    return True


@fault
def step_dup(e):
    row = e.row("journal")
    if not row:
        return False
    e.add_row("journal", {**row, "input": None, "items": []})
    return True


@fault
def step_skip(e):
    row = e.row("journal")
    if not row:
        return False
    e.drop_row("journal", row)
    return True


@fault
def input_twice(e):
    for row in e.rows("journal"):
        twin = next((r for r in e.rows("journal") if r["run"] == row["run"] and r is not row), None)
        if twin:
            twin["input"] = row["input"]
            return True
    return False


@fault
def out_dup(e):
    for row in e.rows("journal"):
        twin = next((r for r in e.rows("journal") if r["run"] == row["run"] and r is not row), None)
        if twin:
            twin["items"].append(row["items"][0])
            return True
    return False


@fault
def out_lost(e):
    row = e.row("journal")
    if not row:
        return False
    row["items"].append("never stored")
    return True


@fault
def out_phantom(e):
    row = e.row("journal", lambda r: len(e.rows("journal")) > 1)
    if not row:
        return False
    row["items"].pop()
    return True


@fault
def stuck_run(e):
    row = e.row("run")
    if not row:
        return False
    row["state"] = "running"
    return True


@fault
def revision(e):
    row = e.row("item", lambda r: r["kind"] == "process")
    if not row:
        return False
    row["data"]["revision"] += 1
    return True


@fault
def outbox_stuck(e):
    e.pick("outbox")["left"] = 1
    return True


@fault
def outbox_lost(e):
    ids = {s["id"] for s in e.all("send", lambda s: s.get("reuse"))}
    ack = e.pick("ack", lambda a: e.ops[a["op"]].get("box") and e.ops[a["op"]]["id"] not in ids
                 and e.ops[a["op"]]["box"].startswith("customer"))
    row = e.stored(ack["op"])
    e.events[:] = [x for x in e.events if not (x["k"] in ("ack", "nack") and x["op"] == ack["op"])]
    e.drop_row("item", row)
    return True


@fault
def slow_recovery(e):
    end = e.pick("fault", lambda f: f["phase"] == "end")
    if not end:
        return False
    end["within_ms"] = 1
    after = next(i for i, x in enumerate(e.events) if x is end)
    return _later(e, after)


def _later(e, at):
    for later in e.events[at + 1:]:
        later["t"] += 5_000_000_000
    return True
