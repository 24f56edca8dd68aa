"""Faults against what rules_log promises: what is stored, once and in order."""
from .fault import fault
from .history import body_hash


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
