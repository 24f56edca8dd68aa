"""The database of a run as lines for the checker: the one place that knows the schema."""
import json

from .history import STATE_KINDS, body_hash

KEEP_BODY = STATE_KINDS | {"process", "note"}
RUN_STATES = {1: "running", 2: "waiting", 3: "handoff", 4: "ended", 5: "failed"}


def dump(query, defs, log):
    """query(sql) gives rows, defs the names behind numbers, log is the driver's recorder."""
    kinds = {entry["number"]: kind for kind, entry in defs.kinds.items()}
    roles, audiences, states = defs.names["role"], defs.names["audience"], defs.names["session_state"]
    for conv, customer in query("SELECT id::text, customer::text FROM conversation"):
        log("db", table="conversation", row={"conv": conv, "customer": customer})
    for conv, seq, prev, id, author, role, kind, audience, body in query(
            "SELECT conversation::text, seq, prev, id::text, author::text, role, kind, audience, body::text FROM item"):
        body = json.loads(body)
        row = {"conv": conv, "seq": seq, "prev": prev, "id": id, "author": author, "role": roles[role], "kind": kinds[kind],
               "audience": audiences[audience], "body": body_hash(body)}
        log("db", table="item", row={**row, "data": body} if kinds[kind] in KEEP_BODY else row)
    for session, conv, state, epoch, agent in query("SELECT id::text, conversation::text, state, epoch, agent::text FROM session"):
        log("db", table="session", row={"session": session, "conv": conv, "state": states[state], "epoch": epoch, "agent": agent})
    for run, conv, state in query("SELECT id::text, conversation::text, state FROM flow_run"):
        log("db", table="run", row={"run": run, "conv": conv, "state": RUN_STATES[state]})
    for run, entry in query("SELECT run::text, entry FROM flow_journal"):
        log("db", table="journal", row={"run": run, "step": entry})
    for process, conv, revision in query("SELECT id::text, conversation::text, revision FROM process"):
        log("db", table="process", row={"process": process, "conv": conv, "revision": revision})
