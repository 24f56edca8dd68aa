"""What a planted fault is made with: the list of them all, and the history that is to be broken."""
FAULTS = {}


def fault(function):
    FAULTS[function.__name__.upper()] = function
    return function


class Editor:
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
