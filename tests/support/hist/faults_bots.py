"""Faults against what rules_bots promises: bots from outside, their processes, and the watchdog."""
from .fault import fault
from .history import STATE_KINDS


def _said(e):
    """(row, send) of what bots' processes have posted."""
    sends = {(s["conv"], s["author"], s["id"]): s for s in e.all("send") if s["author"] == "bot"}
    for row in e.rows("item", lambda r: r["role"] == "bot" and r["kind"] == "text"):
        send = sends.get((row["conv"], row["author"], row["id"]))
        if send:
            yield row, send


def _control(e, why):
    return e.rows("item", lambda r: r["kind"] == "control" and r["data"]["why"] == why)


@fault
def bot_stale_epoch(e):
    for _, send in _said(e):
        send["epoch"] -= 1
        return True
    return False


@fault
def two_holders(e):
    """A second process takes control of what the first one has; or is told that it was given the same."""
    release = next(iter(_control(e, "released")), None)
    if release and e.rng.random() < 0.5:
        release["data"].update(holder="another", why="accepted")
        return True
    for accepted in e.all("accepted"):
        first = next(a for a in e.all("accept") if a["op"] == accepted["op"])
        if first["who"] != "bot":
            continue
        other = next((link for link in e.links.values() if link["who"] == "bot" and link["p"] != first["p"]
                      and link["t"] < first["t"] < e.close_of(link["link"])), None)
        if other:
            e.add_after(accepted, p=other["p"], k="accepted", op="second", session=accepted["session"], epoch=accepted["epoch"])
            e.add_after(accepted, p=other["p"], k="accept", op="second", link=other["link"], who="bot", conv=first["conv"],
                        offer=first["offer"])
            return True
    return False


@fault
def bot_out_of_control(e):
    """Released, it posts later."""
    for release in _control(e, "released"):
        before = e.rows("item", lambda r, to=release: r["conv"] == to["conv"] and r["seq"] < to["seq"] and r["kind"] in STATE_KINDS)
        begun = max((row["seq"] for row in before), default=0)
        speaks = next((row for row, _ in _said(e) if row["conv"] == release["conv"] and begun < row["seq"] < release["seq"]), None)
        if speaks:
            speaks["seq"], release["seq"] = release["seq"], speaks["seq"]
            return True
    return False


@fault
def answered_twice(e):
    """Two processes answer the same words, each under an id of its own."""
    by_conv = {}
    for row, send in _said(e):
        other = by_conv.setdefault(row["conv"], send)
        if other is not send:
            send["answers"] = other["answers"]
            return True
    return False


@fault
def watchdog_early(e):
    """The process is taken for silent after its answer was stored."""
    for release in _control(e, "released"):
        after = [row for row, _ in _said(e) if row["conv"] == release["conv"] and row["seq"] == release["seq"] - 1]
        if after:
            release["data"]["why"] = "silent"
            return True
    return False
