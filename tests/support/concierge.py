"""Recorded dialogues as a company: what its services and a language service would have answered, and flows for them.

    company = Company(dialogues)                # answers by HTTP, on a port of its own, until company.close()
    flows(dialogues, folder)                    # a flow for each service, from what its calls needed
    expected(dialogue)                          # every state of every transaction, in order
"""
import collections
import json
import os
import shutil
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e", "concierge")


def kind_of(service, name):
    return f"{service}/{name}".lower()


def turns(dialogue):
    """(the customer's words, the transaction that they are about or None, the call that followed or None, its result)"""
    both = zip(dialogue["turns"][::2], dialogue["turns"][1::2])
    return [(said["text"], said.get("process"), reply.get("call"), reply.get("result")) for said, reply in both]


def wishes(dialogue):
    """For each of the customer's words: [(kind, what is told of it now, whether it is to be done, the call, its result)]"""
    for words, under_way, call, result in turns(dialogue):
        found = []
        if under_way:
            kind = kind_of(under_way["service"], under_way["type"])
            found.append((kind, under_way["data"], None, None))
        if call:
            kind = kind_of(call["service"], call["method"])
            if found and found[0][0] == kind:
                found = [(kind, under_way["data"], call, result)]
            else:       # words about two things at once
                found.append((kind, call["parameters"], call, result))
        yield words, found


def understood(dialogue):
    """What a language service says of each of the customer's words."""
    known, every = {}, list(wishes(dialogue))
    for n, (words, found) in enumerate(every):
        answer = []
        for kind, data, call, _ in found:
            before = known.get(kind, {})
            answer.append({"service": kind.split("/")[0], "intent": kind.split("/")[1], "go": call is not None,
                           "slots": {k: v for k, v in data.items() if before.get(k) != v},
                           "forget": [k for k in before if k not in data]})
            known[kind] = data
        yield words, {"wishes": answer, "over": n == len(every) - 1}


def expected(dialogue):
    """[(kind, state, data)], each change of a transaction: as told, word for word, and then as it was booked."""
    history, known, under_way = [], {}, {}
    for _, found in wishes(dialogue):
        for kind, data, call, result in found:
            news = known.get(kind) != data
            if news or (call and kind not in under_way):
                history.append((kind, "open", data))
                under_way[kind] = True
            known[kind] = data
            if call:
                del under_way[kind]
                history.append((kind, "done", {**data, **call["parameters"], "result": result}) if result else
                               (kind, "failed", {**data, "reason": "nothing found"}))
    return history


def calls(dialogue):
    """[(kind, what was told, what is answered)]"""
    return [(kind, data, {"booked": call["parameters"], "result": result} if result else None)
            for _, found in wishes(dialogue) for kind, data, call, result in found if call]


# ---- flows ----

def needs(dialogues):
    """{service: {intent: what every call of it was told}}"""
    found = collections.defaultdict(dict)
    for dialogue in dialogues:
        for _, about in wishes(dialogue):
            for kind, data, call, _ in about:
                service, intent = kind.split("/")
                before = found[service].get(intent)
                found[service][intent] = before if not call else set(data) if before is None else before & set(data)
    return {service: {intent: names or set() for intent, names in intents.items()} for service, intents in found.items()}


def lua_list(names):
    return "{ " + ", ".join(f'"{name}"' for name in sorted(names)) + " }" if names else "{}"


def flows(dialogues, folder):
    """Writes the flows; the path of the one that begins."""
    services = needs(dialogues)
    for service, intents in services.items():
        rows = "\n".join(f'  {intent} = {lua_list(names)},' for intent, names in sorted(intents.items()))
        with open(os.path.join(folder, f"{service}.lua"), "w", encoding="utf-8") as file:
            file.write(f'flow {{ id = "{service}", title = "{service.title()}" }}\n\nlocal it = ...\nlocal needs = {{\n{rows}\n}}\n'
                       f'it.needs, it.title = needs[it.wish.intent], "{service.title()}"\nreturn call("transaction", it)\n')
    branches = "\nelse".join(f'if it.wish.service == "{service}" then\n  return call("{service}", it)' for service in sorted(services))
    with open(os.path.join(folder, "services.lua"), "w", encoding="utf-8") as file:
        file.write(f'flow {{ id = "services", title = "Which service" }}\n\nlocal it = ...\n{branches}\nend\n')
    for name in ("concierge.lua", "transaction.lua"):
        shutil.copy(os.path.join(HERE, name), folder)
    return os.path.join(folder, "concierge.lua")


# ---- services ----

class Company:
    """Both services. A key is answered once and the same again; what was called is kept for each customer."""

    def __init__(self, dialogues):
        self.heard = {d["id"]: list(understood(d)) for d in dialogues}
        self.answers = {d["id"]: calls(d) for d in dialogues}
        self.called, self.keys, self.lock = collections.defaultdict(list), {}, threading.Lock()
        company = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = urllib.parse.urlsplit(self.path)
                who = urllib.parse.parse_qs(path.query)["customer"][0]
                if path.path == "/language/heard":
                    answer = company.hear(who, asked)
                else:
                    answer = company.call(who, path.path[len("/company/"):], asked["told"], self.headers["Idempotency-Key"])
                said = json.dumps(answer).encode()
                try:
                    self.send_response(200 if answer else 404)
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:
                    pass        # who asked has died

            def log_message(self, *_):
                pass

        class Http(ThreadingHTTPServer):
            def handle_error(self, *_):
                pass        # a server that was killed while it asked

        self.http = Http(("127.0.0.1", 0), Handler)
        base = f"http://127.0.0.1:{self.http.server_port}"
        self.settings = {"flows.services": f"language={base}/language, company={base}/company", "flows.private_network": "yes"}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def hear(self, who, asked):
        words, answer = self.heard[who][asked["turn"] - 1]
        return answer if words == asked["words"] else None

    def call(self, who, kind, told, key):
        """Each new key is this customer's next call."""
        with self.lock:
            if key not in self.keys:
                done = self.called[who]
                done.append((kind, told or {}))
                known = self.answers[who]
                self.keys[key] = known[len(done) - 1][2] if len(done) <= len(known) else None
            return self.keys[key]

    def close(self):
        self.http.shutdown()
        self.http.server_close()
