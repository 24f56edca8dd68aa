"""Real `parley serve` processes on databases of a private cluster, for tests.

    site = Site(cluster, folder)                      # a migrated database of its own
    app = site.app("shop", queue="care")              # with a key: app.token("ann") is a customer's token
    site.agent("kim@example.com", queues=["care"])
    with site.serve(workers=2) as server:             # ready when it enters
        token = server.login("kim@example.com")
        ...
        server.kill()                                 # -9; server.start() brings it back on the same ports

What the server writes is kept in folder/NAME.log. A clock offset, crash points and settings are given to serve().
"""
import contextlib
import fcntl
import functools
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from parley_wire import uuid7

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY_S = 120
CANARY = "canary-7f3e"     # in every secret and body; must turn up in no log


def program():
    """The program to test: $PARLEY, else the newest of the build folders."""
    if os.environ.get("PARLEY"):
        return os.environ["PARLEY"]
    found = [path for preset in ("asan", "release") if os.path.exists(path := os.path.join(ROOT, "build", preset, "parley"))]
    if not found:
        raise FileNotFoundError("build/asan/parley does not exist: ./dev test builds it")
    return max(found, key=os.path.getmtime)


@functools.cache
def own_ports():
    """A hundred ports below the range that connections are given, in a circle: this process's as long as it lives, so that
    nobody else's test takes one between its choice and its server's start."""
    folder = os.path.join(tempfile.gettempdir(), "parley-ports")
    os.makedirs(folder, exist_ok=True)
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o777)
    for first in range(15000, 30000, 100):
        with contextlib.suppress(OSError):
            lock = os.open(os.path.join(folder, str(first)), os.O_CREAT | os.O_RDWR, 0o666)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return itertools.cycle(range(first, first + 100))
            except OSError:
                os.close(lock)
    raise RuntimeError("no free ports")


def free_port():
    """One of this process's ports, which nobody listens on."""
    for port in itertools.islice(own_ports(), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)     # ended connections linger for a minute
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


class Failed(Exception):
    """A command of the program ended badly."""


def run(*args, env=None, stdin=None, timeout=300):
    """One command of the program; what it printed. Raises Failed with what it complained of."""
    done = subprocess.run([program(), *args], env={**os.environ, **(env or {})}, input=stdin, text=True,
                          capture_output=True, timeout=timeout)
    if done.returncode != 0:
        raise Failed(f"parley {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class App:
    """An app and the private key that its back end signs customers' tokens with."""

    def __init__(self, site, name, key):
        self.site, self.name, self.key, self.kid = site, name, key, key["kid"]

    def token(self, name, /, ttl=3600, key=None, headers=None, at=None, **claims):
        """A customer's token; anything may be overridden, None leaves it out."""
        now = int(at or time.time() + self.site.offset)
        body = {"sub": name, "aud": "parley", "iat": now, "exp": now + ttl, "name": f"{name.title()} {CANARY}", **claims}
        body = {name: value for name, value in body.items() if value is not None}
        key = key or self.key
        head = {"kid": key.get("kid"), **(headers or {})}
        return jwt.encode(body, signing_key(key), algorithm=key["alg"], headers={k: v for k, v in head.items() if v is not None})


def signing_key(jwk):
    if jwk["kty"] == "oct":
        return jwt.utils.base64url_decode(jwk["k"].encode())
    return {"EC": ECAlgorithm, "RSA": RSAAlgorithm}[jwk["kty"]].from_jwk(json.dumps(jwk))


class Site:
    """A database with everything that servers on it share."""
    templates = {}

    def __init__(self, cluster, folder, name=None):
        self.cluster, self.folder, self.offset, self.passwords = cluster, str(folder), 0, {}
        self.scrapes = ""       # of every server, when it was told to stop
        self.name = name or "parley_" + uuid7()[-12:]
        self.clock = os.path.join(self.folder, "clock")
        self.record = os.path.join(self.folder, "history")
        os.makedirs(self.record, exist_ok=True)
        with open(self.clock, "w", encoding="ascii") as file:
            file.write("0\n")
        cluster.create(self.name, self._template())
        self.dsn = cluster.dsn(self.name)
        self.env = {"PARLEY_DATABASE_URL": self.dsn, "PARLEY_CLOCK": self.clock, "PARLEY_AUTH_MASTER_KEY": "5a" * 32,
                    "PARLEY_SERVER_ALLOW_ROOT": "yes"}

    def _template(self):
        """A migrated database to copy, made once for each cluster."""
        name = self.templates.get(self.cluster.folder)
        if name is None:
            name = "parley_template"
            self.cluster.create(name)
            run("db", "migrate", env={"PARLEY_DATABASE_URL": self.cluster.dsn(name)})
            self.templates[self.cluster.folder] = name
        return name

    def cli(self, *args, **options):
        return run(*args, env=self.env, **options)

    def sql(self, text, *args):
        return self.cluster.run(self.name, text, *args)

    def queue(self, name, *flags):
        self.cli("queue", "add", name, *flags)
        return name

    def app(self, name, queue=None, flow=None, algorithm="ES256", flags=()):
        more = (["--queue", queue] if queue else []) + (["--flow", flow] if flow else [])
        self.cli("app", "add", name, *more, *flags)
        return self.key(name, algorithm)

    def key(self, app, algorithm="ES256"):
        """Another key of an app, as an App that signs with it."""
        return App(self, app, json.loads(self.cli("app", "keys", "add", app, "--alg", algorithm)))

    def agent(self, email, queues=(), role="agent", capacity=None, name=None):
        more = [flag for queue in queues for flag in ("--queue", queue)]
        more += ["--capacity", str(capacity)] if capacity is not None else []
        more += ["--name", name or email.split("@")[0].title(), "--role", role]
        self.passwords[email] = f"{email} {CANARY}"
        self.cli("agent", "add", email, *more, "--password-stdin", stdin=self.passwords[email] + "\n")
        return email

    def program_key(self, app, role="backend", name=None):
        """The key of a bot or a back end."""
        return json.loads(self.cli("key", "add", app, name or f"a-{role}", "--role", role, "--json"))["key"]

    def flow(self, name, source):
        path = os.path.join(self.folder, f"{name}.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        self.cli("flow", "publish", path)
        return name

    def set_clock(self, seconds):
        """Moves the clock of every server; each reads it again on SIGHUP or when it starts."""
        self.offset = seconds
        with open(self.clock, "w", encoding="ascii") as file:
            file.write(f"{seconds}\n")

    def serve(self, name="server", **options):
        return Server(self, name, **options)

    def logs(self):
        """Everything that servers of this site have written."""
        texts = []
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
        return "".join(texts)

    def close(self):
        self.cluster.drop(self.name)


class Server:
    """One process. Enter it to start; leaving stops it and demands a clean end."""

    def __init__(self, site, name, workers=1, sets=None, env=None, fault=None, database=None, ports=None):
        self.site, self.name = site, name
        self.port, self.admin_port = ports or (free_port(), free_port())
        self.sets = {"server.listen": f"127.0.0.1:{self.port}", "metrics.listen": f"127.0.0.1:{self.admin_port}",
                     "server.workers": str(workers), "server.rate_factor": "100000",
                     **{key: "100000/s" for key in ("auth.guest_rate", "auth.failure_rate", "agents.address_rate")},
                     "log.format": "json", "log.level": "debug", **(sets or {})}
        self.env = {**site.env, **(env or {}), **({"PARLEY_DATABASE_URL": database} if database else {})}
        self.log_path, self.process, self.fault = os.path.join(site.folder, f"{name}.log"), None, fault

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/v1/ws"

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process is None or self.process.poll() is not None:
            return
        if kind is not None:
            self.kill()     # the clients of a failed test are still there, and draining would wait for them
            return
        code = self.stop()
        assert code == 0, f"{self.name} ended with {code}:\n{self.tail()}"

    def start(self, wait=True, fault=None):
        env = {**os.environ, **self.env}
        if fault or self.fault:
            env["PARLEY_FAULT"] = fault or self.fault
        sets = [part for key, value in self.sets.items() for part in ("--set", f"{key}={value}")]
        self.log_file = open(self.log_path, "a", encoding="utf-8")
        self.process = subprocess.Popen([program(), "serve", *sets], env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file)
        self.log_file.close()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        end = time.monotonic() + READY_S
        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode} before it was ready:\n{self.tail()}")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} was not ready within {READY_S} s:\n{self.tail()}")
            threading.Event().wait(0.01)

    def ready(self):
        try:
            return self.admin("/readyz")[0] == 200
        except OSError:
            return False

    def admin(self, path):
        """(status, text) of the operators' listener."""
        return self.http("GET", path, port=self.admin_port)

    def http(self, method, path, body=None, token=None, headers=None, port=None):
        """(status, text) of one request; a body that is no text goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=READY_S)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def login(self, email, password=None):
        asked = {"email": email, "password": password or self.site.passwords[email]}
        end = time.monotonic() + READY_S
        while True:
            try:
                status, text = self.http("POST", "/v1/login", asked)
            except (OSError, http.client.HTTPException):     # it was killed while it answered
                status, text = 503, "killed"
            if status != 503 or time.monotonic() > end:
                break
            threading.Event().wait(0.05)
        assert status == 200, f"login of {email}: {status} {text}"
        return json.loads(text)["token"]

    def guest(self, app, device):
        """The token of a new guest on that device."""
        status, text = self.http("POST", "/v1/guests", {"key": app.kid, "device": device})
        assert status in (200, 201), f"a guest of {app.name}: {status} {text}"
        return json.loads(text)["token"]

    def metrics(self):
        """{name with labels: value}."""
        lines = self.admin("/metrics")[1].splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}

    def links(self):
        """WebSocket connections that are open."""
        return sum(v for k, v in self.metrics().items() if k.split("{")[0] == "parley_connections")

    def stop(self, timeout=READY_S):
        """SIGTERM, and the exit code once it has drained. What its metrics say at the end is kept for the canary search."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.site.scrapes += self.admin("/metrics")[1]
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout=READY_S):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.name} did not end within {timeout} s:\n{self.tail()}") from None

    def kill(self):
        self.process.kill()
        return self.process.wait()

    def hup(self):
        self.process.send_signal(signal.SIGHUP)

    def tail(self, lines=25):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])


def command_lines():
    """Command line or title of every process of the program under test and of its databases, for the canary search."""
    ours, found = os.path.realpath(program()), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            text = file.read().replace(b"\0", b" ").decode("utf-8", "replace")
            if os.readlink(f"/proc/{pid}/exe") == ours or (text.startswith("postgres") and "parley" in text):
                found.append(text)
    return found
