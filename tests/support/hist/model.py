"""Valid histories from a model: a small world that keeps every promise, with the troubles that clients live through.

world(seed) gives the events of one run. Customers on several devices, agents, a flow, a bot from outside; links that drop before and after
the commit, refusals, repeats on purpose, ids used again, slow links that fall behind, handoffs, races for an offer,
transfers, notes, processes. The checker must find nothing in it; faults.py plants what it must find.
"""
import random

from .history import STAFF_KINDS, body_hash

MS = 1_000_000


class World:
    def __init__(self, seed, customers=3, agents=2, steps=120, processes=2):
        self.rng = random.Random(seed)
        self.now, self.events, self.lines, self.made = 1_000 * MS, [], {}, 0
        self.convs = [Conv(self, f"conv{i}", f"customer{i}") for i in range(customers)]
        self.agents = [Agent(self, f"agent{i}", capacity=2) for i in range(agents)]
        for agent in self.agents:
            self.log("driver", "agent", who=agent.who, capacity=agent.capacity)
        self.processes = [Process(self, f"process{i}") for i in range(processes)]
        self.phones = [Phone(self, conv, d) for conv in self.convs for d in range(self.rng.choice((1, 2)))]
        self.clients = self.phones + self.agents + self.processes
        for client in self.clients:
            client.connect()
        for _ in range(steps):
            self.step()
        self.finish()

    def log(self, p, k, **fields):
        self.now += self.rng.randrange(1, 3) * MS
        self.lines[p] = self.lines.get(p, 0) + 1
        event = {"t": self.now, "p": p, "n": self.lines[p], "k": k, **fields}
        event["at"] = f"{p}:{event['n']}"
        self.events.append(event)

    def fresh(self, what):
        self.made += 1
        return f"{what}{self.made}"

    def step(self):
        moves = [(self.customer_speaks, 10), (self.agent_acts, 8), (self.routes, 6), (self.reads, 2), (self.drops, 2),
                 (self.beacons, 1), (self.falls_behind, 1), (self.fault, 0.3), (self.transacts, 2), (self.leaves, 0.5),
                 (self.process_acts, 8), (self.watches, 0.5)]
        move = self.rng.choices([m for m, _ in moves], [w for _, w in moves])[0]
        move()
        for client in self.clients:
            if self.rng.random() < 0.7:
                client.drain()

    def customer_speaks(self):
        self.rng.choice(self.phones).speak()

    def agent_acts(self):
        self.rng.choice(self.agents).act()

    def routes(self):
        conv = self.rng.choice(self.convs)
        if conv.session and conv.session["state"] == "queued":
            conv.offer(self.rng.choice(self.agents), self)
        elif conv.session and conv.session["outside"] and conv.session["state"] == "bot" and not conv.session["process"]:
            self.rng.choice(self.processes).accept(conv)

    def process_acts(self):
        self.rng.choice(self.processes).act()

    def watches(self):
        """A process that has something to answer is taken for silent."""
        process = self.rng.choice(self.processes)
        for conv in process.serves:
            if process.unanswered(conv):
                process.let_go(conv, "silent")
                return

    def reads(self):
        self.rng.choice(self.clients).read()

    def drops(self):
        client = self.rng.choice(self.clients)
        client.disconnect()
        client.connect()

    def beacons(self):
        client = self.rng.choice(self.clients)
        for conv in client.following:
            client.wait(("head", conv))

    def falls_behind(self):
        client = self.rng.choice(self.phones)
        client.fall_behind()

    def fault(self):
        name = self.fresh("fault")
        self.log("driver", "fault", id=name, phase="begin")
        self.log("driver", "fault", id=name, phase="end", within_ms=600_000)

    def transacts(self):
        self.rng.choice(self.convs).process_step()

    def leaves(self):
        conv = self.rng.choice(self.convs)
        if conv.session and conv.session["state"] == "queued" and conv.session["run"]:
            conv.move("left", who="customer", outcome="left")
            conv.session["state"] = "bot"

    def finish(self):
        for phone in self.phones:
            phone.settle()
        self.phones[0].speak(plain=True)
        for client in self.clients:
            client.drain()
        self.log("driver", "quiet")
        for phone in self.phones:
            self.log(phone.p, "outbox", box=phone.p, left=0)
        for conv in self.convs:
            conv.dump()


class Conv:
    """The server's side of one conversation."""

    def __init__(self, world, name, customer):
        self.world, self.name, self.customer = world, name, customer
        self.items, self.ids, self.followers = [], {}, []
        self.session, self.sessions, self.runs, self.journal, self.processes = None, [], [], [], {}

    def head(self, staff):
        seqs = [r["seq"] for r in self.items if staff or r["audience"] == "public"]
        return seqs[-1] if seqs else 0

    def append(self, id, author, role, kind, body, data=None):
        """Commits one item and queues it for every follower; a repeat gets the first number."""
        if (author, id) in self.ids:
            return self.ids[(author, id)], True
        row = {"conv": self.name, "seq": len(self.items) + 1, "prev": self.head(False), "id": id, "author": author,
               "role": role, "kind": kind, "audience": "staff" if kind in STAFF_KINDS else "public", "body": body}
        if data is not None:
            row["data"] = data
        self.items.append(row)
        self.ids[(author, id)] = row["seq"]
        for client in self.followers:
            if client.staff or row["audience"] == "public":
                client.wait(("recv", self, row))
        return row["seq"], False

    def shown(self, row, client):
        prev = row["seq"] - 1 if client.staff else row["prev"]
        whisper = (row.get("data") or {}).get("to") if row["kind"] == "note" else None
        if whisper and client.who not in (whisper, row["author"]):
            return [row["seq"], prev]
        return [row["seq"], prev, row["id"], row["kind"], row["author"], row["audience"], row["body"]]

    def page(self, client, after, limit):
        """(items, gap) above `after`, the newest `limit` of them."""
        rows = [r for r in self.items if r["seq"] > after and (client.staff or r["audience"] == "public")]
        kept = rows[-limit:]
        gap = [after + 1, kept[0]["seq"] - 1] if len(rows) > len(kept) else None
        return [self.shown(r, client) for r in kept], gap

    def move(self, kind, **data):
        data = {"session": self.session["session"], "epoch": self.session["epoch"], **data}
        self.append(self.world.fresh("sys"), "parley", "system", kind, body_hash(data), data)

    def open_session(self):
        run, outside = None, bool(self.world.processes) and self.world.rng.random() < 0.4
        if not outside and self.world.rng.random() < 0.8:
            run = {"run": self.world.fresh("run"), "conv": self.name, "state": "waiting", "step": 0}
            self.runs.append(run)
        self.session = {"session": self.world.fresh("session"), "conv": self.name, "epoch": 1, "run": run,
                        "state": "bot" if run or outside else "queued", "agent": None, "outside": outside, "process": None}
        self.sessions.append(self.session)
        self.move("opened", **({"flow": "demo"} if run or outside else {}))
        if not run and not outside:
            self.move("queued", queue="q", why="default")

    def bot_turn(self, seq):
        """One step of the run: consumes the customer's item, says one or two things."""
        run = self.session["run"] if self.session else None
        if not run or self.session["state"] != "bot":
            return
        run["step"] += 1
        made = [f"{run['run']}.{run['step']}.{n}" for n in range(self.world.rng.choice((1, 1, 2)))]
        self.journal.append({"run": run["run"], "step": run["step"], "input": seq, "items": made})
        for id in made:
            self.append(id, "flow", "bot", "text", body_hash({"text": id}))
            self.items[-1]["run"] = run["run"]
        if self.world.rng.random() < 0.25:
            self.session["epoch"] += 1
            self.session["state"] = "queued"
            self.move("queued", queue="q", why="flow")

    def offer(self, agent, world):
        """Held out to one agent; taken (perhaps raced for), declined, or expired."""
        offer = world.fresh("offer")
        self.move("offered", offer=offer, agent=agent.who)
        del self.items[-1]["data"]["epoch"]
        self.session["state"] = "offered"
        fate = world.rng.choice(("accept", "accept", "race", "decline")) if len(agent.serves) < agent.capacity else "decline"
        if fate == "decline":
            self.move("offered", offer=offer, agent=agent.who, result=world.rng.choice(("declined", "expired")))
            self.session["state"] = "queued"
            return
        rivals = [a for a in world.agents if a is not agent]
        agent.accept(self, offer, rivals if fate == "race" else [])

    def process_step(self):
        if not self.session:
            return
        if not self.processes or self.world.rng.random() < 0.2:
            self.processes[self.world.fresh("process")] = 0
        process = self.world.rng.choice(sorted(self.processes))
        self.processes[process] += 1
        data = {"process": process, "type": "order", "revision": self.processes[process], "state": "open"}
        self.append(self.world.fresh("step"), self.customer, "customer", "process", body_hash(data), data)

    def dump(self):
        db = [("conversation", {"conv": self.name, "customer": self.customer})]
        db += [("item", row) for row in self.items]
        db += [("session", {k: s[k] for k in ("session", "conv", "state", "epoch", "agent")}) for s in self.sessions]
        db += [("run", run) for run in self.runs] + [("journal", row) for row in self.journal]
        db += [("process", {"process": p, "conv": self.name, "revision": r}) for p, r in self.processes.items()]
        for table, row in db:
            self.world.log("driver", "db", table=table, row=row)


class Client:
    """What phones and agents have in common: a link, what is under way to it, what it holds."""
    staff = False

    def __init__(self, world, p, who, role):
        self.world, self.p, self.who, self.role = world, p, who, role
        self.link, self.pending, self.following, self.held = None, [], [], {}

    def connect(self):
        self.link = self.world.fresh("link")
        self.world.log(self.p, "open", link=self.link, node="n1", who=self.who, role=self.role, device=self.p)
        for conv in self.following:
            self.follow(conv)

    def follow(self, conv):
        have = self.held.get(conv.name, 0)
        self.world.log(self.p, "follow", link=self.link, conv=conv.name, have=have)
        limit = self.world.rng.choice((3, 50, 250)) if have else self.world.rng.choice((5, 50))
        items, gap = conv.page(self, have, limit)
        head = conv.head(self.staff)
        extra = {"gap": gap} if gap else {}
        self.world.log(self.p, "followed", link=self.link, conv=conv.name, have=have, head=head, items=items, page=not have,
                       **extra)
        conv.followers.append(self)
        if gap and have:
            self.fetch(conv, gap[0] - 1, gap[1])
        self.held[conv.name] = head

    def fetch(self, conv, after, to):
        """Reads (after, to] page by page, as a client that was told of a gap."""
        while after < to:
            op = self.world.fresh("read")
            self.world.log(self.p, "read", op=op, link=self.link, conv=conv.name, after=after, limit=4)
            rows = [r for r in conv.items if r["seq"] > after and (self.staff or r["audience"] == "public")][:4]
            self.world.log(self.p, "readok", op=op, link=self.link, conv=conv.name, head=conv.head(self.staff),
                           items=[conv.shown(r, self) for r in rows])
            after = rows[-1]["seq"] if rows else to

    def disconnect(self):
        """The network takes the link; what was under way is lost."""
        self.pending.clear()
        self.world.log(self.p, "close", link=self.link, by="net")
        for conv in self.following:
            conv.followers.remove(self)

    def wait(self, message):
        self.pending.append(message)

    def drain(self):
        """Everything under way arrives, in order."""
        pending, self.pending = self.pending, []
        for what, *rest in pending:
            if what == "recv":
                self.receive(*rest)
            elif what == "head":
                self.world.log(self.p, "head", link=self.link, conv=rest[0].name, seq=self.held[rest[0].name])
            elif what == "ack":
                op, seq, dup = rest
                self.world.log(self.p, "ack", op=op, link=self.link, seq=seq, dup=dup)

    def receive(self, conv, row):
        if row["seq"] <= self.held[conv.name]:
            return
        names = ("seq", "prev", "id", "kind", "author", "audience", "body")
        self.world.log(self.p, "recv", link=self.link, conv=conv.name, **dict(zip(names, conv.shown(row, self))))
        sort = "cv" if row["audience"] == "public" else "st"
        if self.world.rng.random() < 0.1:
            self.world.log(self.p, "bytes", link=self.link, token=f"{sort}:{conv.name}")
        self.held[conv.name] = row["seq"]

    def read(self):
        if not self.following:
            return
        self.drain()
        conv = self.world.rng.choice(self.following)
        self.fetch(conv, self.world.rng.randrange(len(conv.items) + 1), len(conv.items))


class Phone(Client):
    def __init__(self, world, conv, number):
        super().__init__(world, f"{conv.customer}.{number}", conv.customer, "customer")
        self.conv, self.following, self.unknown = conv, [conv], None

    def send(self, op, id, body, **more):
        self.world.log(self.p, "send", op=op, conv=self.conv.name, id=id, author=self.who, kind="text", body=body,
                       link=self.link, **more)

    def commit(self, op, id, body):
        if self.conv.session is None:
            self.conv.open_session()
        seq, dup = self.conv.append(id, self.who, "customer", "text", body)
        if not dup:
            self.conv.bot_turn(seq)
        return seq, dup

    def speak(self, plain=False):
        """One send, with one of the fates that a send can have."""
        self.drain()
        id, op = self.world.fresh("id"), self.world.fresh("op")
        body = body_hash({"text": f"cv:{self.conv.name} {id}"})
        fates = ("stored", "stored", "stored", "ack lost", "send lost", "refused", "given up", "repeated", "reused", "abandoned")
        fate = "stored" if plain else self.world.rng.choice(fates)
        self.send(op, id, body, box=self.p)
        if fate == "refused":
            self.world.log(self.p, "nack", op=op, link=self.link, code="rate_limited", definite=True)
            if self.world.rng.random() < 0.5:
                self.world.log(self.p, "giveup", op=op)
                return
            self.send(op, id, body, box=self.p)
        if fate in ("ack lost", "given up", "abandoned"):
            if fate != "abandoned":
                self.commit(op, id, body)
            self.disconnect()
            self.connect()
            if fate != "ack lost":
                self.world.log(self.p, "giveup", op=op)
                return
            self.send(op, id, body, box=self.p)
        elif fate == "send lost":
            self.disconnect()
            self.connect()
            self.send(op, id, body, box=self.p)
        self.wait(("ack", op, *self.commit(op, id, body)))
        self.drain()
        self.after(fate, op, id, body)

    def after(self, fate, op, id, body):
        if fate == "repeated":
            self.send(op, id, body, box=self.p)
            self.wait(("ack", op, *self.commit(op, id, body)))
        elif fate == "reused":
            other = self.world.fresh("op")
            self.send(other, id, body_hash({"text": "another"}), reuse=True)
            self.world.log(self.p, "nack", op=other, link=self.link, code="conflict", definite=True)

    def fall_behind(self):
        """A slow link: queued live packets are dropped, the head is told, the client asks for the range."""
        lost = [m for m in self.pending if m[0] == "recv"]
        self.pending = [m for m in self.pending if m[0] != "recv"]
        self.drain()
        if lost:
            self.world.log(self.p, "head", link=self.link, conv=self.conv.name, seq=lost[-1][2]["seq"])
            self.fetch(self.conv, self.held[self.conv.name], lost[-1][2]["seq"])
            self.held[self.conv.name] = self.conv.head(False)

    def settle(self):
        if self.world.rng.random() < 0.5:
            self.disconnect()
            self.connect()
        self.drain()


class Agent(Client):
    staff = True

    def __init__(self, world, who, capacity):
        super().__init__(world, f"desk.{who}", who, "agent")
        self.capacity, self.serves = capacity, []

    def accept(self, conv, offer, rivals):
        op = self.world.fresh("accept")
        self.drain()
        self.world.log(self.p, "accept", op=op, link=self.link, who=self.who, conv=conv.name, offer=offer)
        losers = [(rival, self.world.fresh("accept")) for rival in rivals]
        for rival, other in losers:
            rival.drain()
            self.world.log(rival.p, "accept", op=other, link=rival.link, who=rival.who, conv=conv.name, offer=offer)
        conv.session.update(epoch=conv.session["epoch"] + 1, state="live", agent=self.who)
        conv.move("joined", agent=self.who, name=self.who)
        self.world.log(self.p, "accepted", op=op, session=conv.session["session"], epoch=conv.session["epoch"])
        for rival, other in losers:
            self.world.log(rival.p, "refused", op=other, code="taken")
        self.serves.append(conv)
        if conv in self.following:
            self.drain()
        else:
            self.following.append(conv)
            self.follow(conv)

    def act(self):
        self.drain()
        if not self.serves:
            return
        conv = self.world.rng.choice(self.serves)
        self.world.rng.choice((self.says, self.says, self.says, self.notes, self.stale, self.passes_on))(conv)

    def post(self, conv, kind, data, epoch=None):
        id, op = self.world.fresh("id"), self.world.fresh("op")
        extra = {"epoch": epoch} if epoch else {}
        self.world.log(self.p, "send", op=op, conv=conv.name, id=id, author=self.who, kind=kind, body=body_hash(data),
                       link=self.link, box=self.p, **extra)
        return op, id

    def says(self, conv):
        data = {"text": self.world.fresh("words")}
        op, id = self.post(conv, "text", data, conv.session["epoch"])
        self.wait(("ack", op, *conv.append(id, self.who, "agent", "text", body_hash(data))))

    def notes(self, conv):
        data = {"text": self.world.fresh("note")}
        if self.world.rng.random() < 0.4:
            data["to"] = self.world.rng.choice(self.world.agents).who
        op, id = self.post(conv, "note", data)
        self.wait(("ack", op, *conv.append(id, self.who, "agent", "note", body_hash(data), data)))

    def stale(self, conv):
        op, _ = self.post(conv, "text", {"text": "too late"}, conv.session["epoch"] - 1)
        self.world.log(self.p, "nack", op=op, link=self.link, code="stale", definite=True)
        self.world.log(self.p, "giveup", op=op)

    def passes_on(self, conv):
        """Transfers, releases to the flow, or resolves."""
        session = conv.session
        self.world.log(self.p, "leave", op=self.world.fresh("leave"), link=self.link, who=self.who, session=session["session"])
        session.update(epoch=session["epoch"] + 1, agent=None)
        self.serves.remove(conv)
        way = self.world.rng.choice(("transferred", "left", "resolved"))
        if way == "transferred":
            session["state"] = "queued"
            conv.move(way, queue="q")
        elif session["run"] or session["outside"]:
            session["state"] = "bot"
            conv.move(way, **({"who": "agent", "outcome": "returned"} if way == "left" else {"outcome": "resolved", "closed": False}))
        else:
            session["state"] = "closed"
            conv.move("resolved", outcome="resolved", closed=True)
            conv.session = None


class Process(Client):
    """One process of a bot from outside: answers what was said, hands over, is let go of."""
    staff = True

    def __init__(self, world, p):
        super().__init__(world, p, "bot", "bot")
        self.serves = []

    def accept(self, conv):
        op, offer, session = self.world.fresh("accept"), self.world.fresh("offer"), conv.session
        self.drain()
        self.world.log(self.p, "accept", op=op, link=self.link, who=self.who, conv=conv.name, offer=offer)
        session.update(epoch=session["epoch"] + 1, process=self)
        conv.move("control", bot=self.who, holder=self.p, why="accepted")
        self.world.log(self.p, "accepted", op=op, session=session["session"], epoch=session["epoch"])
        self.serves.append(conv)
        if conv not in self.following:
            self.following.append(conv)
            self.follow(conv)

    def unanswered(self, conv):
        """What the customer said after the bot's last word."""
        last = max((r["seq"] for r in conv.items if r["role"] == "bot" and r["author"] == self.who), default=0)
        return [r for r in conv.items if r["seq"] > last and r["role"] == "customer" and r["kind"] == "text"]

    def act(self):
        self.drain()
        if not self.serves:
            return
        conv = self.world.rng.choice(self.serves)
        waiting = self.unanswered(conv)
        if waiting:
            self.answers(conv, waiting[0])
        else:
            self.world.rng.choice((self.stale, self.releases, self.releases, self.hands_off, self.resolves))(conv)

    def post(self, conv, data, epoch, id=None, **more):
        op, id = self.world.fresh("op"), id or self.world.fresh("id")
        self.world.log(self.p, "send", op=op, conv=conv.name, id=id, author=self.who, kind="text", body=body_hash(data),
                       link=self.link, box=self.p, epoch=epoch, **more)
        return op, id

    def answers(self, conv, row):
        data, to = {"text": f"an answer to {row['id']}"}, f"{row['id']}/0"
        op, id = self.post(conv, data, conv.session["epoch"], id=f"answer to {to}", answers=to)
        self.wait(("ack", op, *conv.append(id, self.who, "bot", "text", body_hash(data))))

    def stale(self, conv):
        op, _ = self.post(conv, {"text": "too late"}, conv.session["epoch"] - 1)
        self.world.log(self.p, "nack", op=op, link=self.link, code="stale", definite=True)
        self.world.log(self.p, "giveup", op=op)

    def releases(self, conv):
        self.let_go(conv, "released")

    def let_go(self, conv, why):
        self.ends(conv)
        conv.move("control", bot=self.who, why=why)

    def hands_off(self, conv):
        self.ends(conv)
        conv.session["state"] = "queued"
        conv.move("queued", queue="q", why="flow")

    def resolves(self, conv):
        self.ends(conv)
        conv.session["state"] = "closed"
        conv.move("resolved", outcome="resolved", closed=True)
        conv.session = None

    def ends(self, conv):
        self.serves.remove(conv)
        conv.session.update(epoch=conv.session["epoch"] + 1, process=None)


def world(seed, **size):
    """The events of one valid run."""
    return World(seed, **size).events
