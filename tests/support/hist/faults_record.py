"""Faults of the record itself: what no run can have written down."""
from .fault import fault


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
