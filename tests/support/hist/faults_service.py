"""Faults against what rules_service promises: who had control, flows, processes."""
from .fault import fault


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
    agents = e.all("agent")
    tried = {t["op"] for t in e.all("accept", lambda t: t["who"] in [agent["who"] for agent in agents])}
    gone = e.rows("item", lambda r: r["kind"] == "queued" and r["data"].get("why") == "agent_lost")
    lost = {row["data"]["session"] for row in gone}
    if not e.all("accepted", lambda a: a["op"] in tried and a["session"] not in lost):
        return False
    for agent in agents:
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
