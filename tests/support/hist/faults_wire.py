"""Faults against what rules_wire promises: what links were shown, and when."""
from .fault import fault


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
    return link is not None and _later(e, link, 2, 3600)   # all that is behind the sign-out


@fault
def slow_recovery(e):
    end = e.pick("fault", lambda f: f["phase"] == "end")
    if not end:
        return False
    end["within_ms"] = 1
    return _later(e, end, 1, 5)


def _later(e, event, skip, seconds):
    """What comes so many places after the event happens so much later."""
    at = next(i for i, x in enumerate(e.events) if x is event)
    for after in e.events[at + skip:]:
        after["t"] += seconds * 1_000_000_000
    return True
