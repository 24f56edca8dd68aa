#!/usr/bin/python3
"""Measures a release build: a real server, a private Postgres and a load generator side by side on this machine.

    tests/bench/run.py [NAME] [--json] [--seconds N] [--runs N] [--workers N]

NAME picks the figures whose name contains it; --json prints one object a line: name, value, unit, baseline, ratio. The
baseline is what the figure is held against: for `durable_delivered`, `server_cpu_us` and `postgres_cpu_us` what Postgres
alone does with the same rows, for `durable_delivered_w1` what all cores could do if there were only the kernel's TCP and
Postgres, for a latency the bare commit, for what has none the aim. `ratio` is value / baseline. The C SDK's (`sdk_...`):
paint against a bare select of the same rows, post against a bare insert, sync against one socket that pours the same bytes. `flow_adds` is what
comes between the customer's words and the flow's reply, `flow_beside` the same while others meet a flow that never ends,
eats memory or, for comparison, fails at once, against `flow_adds`.

fsync is on, tokens are verified (ES256), every message is acknowledged after its commit, received by another device in
order and counted in the table afterwards. Before each run there is a checkpoint, and the segments of the log that it will
fill are there, as they are in any cluster that is an hour old. Each figure is the median of its runs, with the lowest and
the highest behind it.
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "release")
os.environ["PARLEY"] = os.path.join(BUILD, "parley")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))

import flows  # noqa: E402
import publishing  # noqa: E402
from postgres import Cluster  # noqa: E402
from server import Server, Site  # noqa: E402

TUNED = {"shared_buffers": "1GB", "wal_compression": "lz4", "wal_buffers": "64MB", "max_wal_size": "8GB", "min_wal_size": "2GB",
         "checkpoint_timeout": "15min", "effective_cache_size": "8GB", "random_page_cost": "1.1", "jit": "off"}
SDK_CLIENTS, MISSED_BY_SDK, FEW, POSTS, IDLE_SECONDS = 100, 10000, 10, 1000, 100
PAIRS, WINDOW, IDLE, RESUMERS, MISSED = 200, 32, 10000, 1000, 50
SEGMENTS, SEGMENT = 40, 16 << 20

# name: (unit, aim)
FIGURES = {
    "bare_append": ("messages/s", None), "bare_commit_p50": ("ms", None), "bare_commit_p99": ("ms", None),
    "durable_delivered": ("messages/s", 80000), "durable_delivered_w1": ("messages/s", 50000),
    "server_cpu_us": ("us", 8), "postgres_cpu_us": ("us", 6),
    "e2e_p50_5000": ("ms", 0.4), "e2e_p99_5000": ("ms", 1.0),
    "resume_50": ("resumes/s", 6000), "resume_50_server_us": ("us", None), "resume_50_postgres_us": ("us", None),
    "resume_50_recap": ("resumes/s", None), "resume_50_recap_server_us": ("us", None), "resume_50_recap_postgres_us": ("us", None),
    "reconnect_10000": ("s", 3),
    "idle_kib_plain": ("KiB", 4), "idle_kib_tls": ("KiB", 19),
    "history_100k": ("ratio", 1.2), "start_s": ("s", 0.5),
    "sdk_paint_10000": ("ms", None), "sdk_paint_first": ("ms", None), "sdk_sync_10000": ("ms", None),
    "sdk_post_p50": ("us", None), "sdk_post_p99": ("us", None), "sdk_client_kib": ("KiB", None),
    "sdk_resume_bytes": ("bytes", 1024), "sdk_resume_round_trips": ("", 1),
    "flow_check_50_files": ("ms", 100), "flow_steps": ("steps/s", None), "flow_suspended_run": ("bytes", None),
    "flow_replay_50_steps": ("us", None), "flow_replay_1000_steps": ("us", None), "flow_suspended_runs_per_gib": ("runs", None),
    "flow_evicted_run": ("bytes", None), "flow_publish_10000": ("s", None), "flow_publish_10000_part": ("s", None),
    "flow_publish_kib": ("KiB", None),
    "flow_steps_served": ("steps/s", None), "flow_adds_p50": ("ms", None), "flow_adds_p99": ("ms", None),
    "flow_beside_failing_p50": ("ms", None), "flow_beside_failing_p99": ("ms", None),
    "flow_beside_endless_p50": ("ms", None), "flow_beside_endless_p99": ("ms", None),
    "flow_beside_hog_p50": ("ms", None), "flow_beside_hog_p99": ("ms", None),
    "sdk_wakeups_foreground": ("an hour", 150), "sdk_wakeups_background": ("an hour", 0),
}


class Bench:
    def __init__(self, args):
        self.args, self.baselines = args, {}
        self.folder = tempfile.mkdtemp(prefix="parley-bench-")
        self.wanted = [name for name in FIGURES if args.name in name]

    def __enter__(self):
        self.cluster = Cluster(**TUNED).__enter__()
        self.site = Site(self.cluster, self.folder)
        self.app = self.site.app("bench")
        self.sql = self.site.sql
        return self

    def __exit__(self, *_):
        self.cluster.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def wants(self, *names):
        return any(name in self.wanted for name in names)

    # --- tools ---

    def age(self):
        """Fills segments of the log: after a checkpoint they are used again instead of made anew inside a run."""
        self.cluster.run("postgres", "SELECT count(pg_logical_emit_message(false, '', repeat('x', %s))) FROM generate_series(1, %s)",
                         SEGMENT - 65536, SEGMENTS)
        self.cluster.run("postgres", "CHECKPOINT")

    def serve(self, **sets):
        self.cluster.run("postgres", "CHECKPOINT")
        return Server(self.site, "server", workers=self.args.workers,
                      sets={"log.level": "warn", "server.rate_factor": "1000000", **sets})

    def tokens(self, who, n):
        """A file with the tokens of n customers: who-0, who-1 ..."""
        path = os.path.join(self.folder, who)
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.writelines(self.app.token(f"{who}-{i}", ttl=36000, name="Ana") + "\n" for i in range(n))
        return path

    def command(self, server, tokens, mode, *options):
        return [os.path.join(BUILD, "loadgen"), str(server.port), tokens, mode, *map(str, options)]

    def load(self, server, tokens, mode, *options):
        """The load generator's object; what else it printed is left in self.text."""
        costs = ["--server", server.process.pid, "--postgres", self.cluster.process.pid]
        done = subprocess.run(self.command(server, tokens, mode, *options, *costs), capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise SystemExit(f"{done.stderr}{server.tail()}")
        self.text = done.stdout
        return json.loads(done.stdout) if done.stdout.startswith("{") else {}

    def enter(self, server, who, n):
        """Makes n customers with their conversations; the file that says what they have."""
        path = os.path.join(self.folder, f"{who}.have")
        self.load(server, self.tokens(who, n), "resume")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.text)
        return path

    def items(self, conversations, n, after=0):
        """So many texts of 200 bytes in each of the conversations, which has `after` already."""
        self.sql("INSERT INTO item (conversation, id, author, seq, prev, at, kind, role, audience, body)"
                 " SELECT c.id, gen_random_uuid(), c.customer, s, s - 1, now(), 1, 1, 0,"
                 "        jsonb_build_object('text', repeat('x', 188))"
                 " FROM conversation c CROSS JOIN generate_series(%s, %s) s WHERE c.id = ANY(%s::uuid[])",
                 after + 1, after + n, conversations)
        self.sql("VACUUM ANALYZE item")

    def repeat(self, measure):
        """Of what measure returns, each with the values of all runs."""
        runs = [measure() for _ in range(self.args.runs)]
        return {key: [run[key] for run in runs] for key in runs[0]}

    def say(self, name, values, baseline=None):
        """values: of each run, or one."""
        unit, aim = FIGURES[name]
        values = values if isinstance(values, list) else [values]
        value, low, high = statistics.median(values), min(values), max(values)
        baseline = baseline or aim
        ratio = value / baseline if baseline else None
        if name not in self.wanted:
            return
        if self.args.json:
            print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, "baseline": baseline and round(baseline, 4),
                              "ratio": ratio and round(ratio, 3), "low": round(low, 4), "high": round(high, 4)}), flush=True)
            return
        more = unit.endswith("/s")
        span = f" ({low:.3f} to {high:.3f})" if len(values) > 1 else ""
        aimed = "" if aim is None else f"   aim {'>=' if more else '<='} {aim:g}"
        missed = ", missed;" if aim is not None and (value < aim if more else value > aim) else "  "
        beside = f"{missed} {ratio:.2f} of {baseline:g}" if baseline and baseline != aim else missed.rstrip("; ")
        print(f"{name:22} {value:12.3f} {unit}{span}{aimed}{beside}", flush=True)

    # --- figures ---

    def bare(self):
        self.age()
        lines = []
        for command in (["bare_append", self.site.dsn, str(self.args.seconds)], ["bare_exchange"]):
            done = subprocess.run([os.path.join(BUILD, command[0]), *command[1:]], check=True, capture_output=True, text=True)
            lines += done.stdout.splitlines()
        self.baselines = {row["name"]: row["value"] for row in map(json.loads, lines)}
        bare_us = self.baselines["bare_exchange_cpu"] + self.baselines["bare_append_pg_cpu"]
        self.baselines["bare_w1"] = len(os.sched_getaffinity(0)) * 1e6 / bare_us
        for name in ("bare_append", "bare_commit_p50", "bare_commit_p99"):
            self.say(name, self.baselines[name])
        self.sql("TRUNCATE item")

    def pairs(self, server, *options):
        """One run, and that the table holds exactly what was acknowledged."""
        tokens = self.tokens("pair", PAIRS)
        self.cluster.run("postgres", "CHECKPOINT")
        [(before,)] = self.sql("SELECT count(*) FROM item")
        seen = self.load(server, tokens, "pairs", "--seconds", self.args.seconds, *options)
        [(after,)] = self.sql("SELECT count(*) FROM item")
        if after - before != seen["acked"]:
            raise SystemExit(f"{seen['acked']} messages were acknowledged, {after - before} rows are stored")
        if self.args.verbose:
            print(options, seen, file=sys.stderr)
        return seen

    def durable(self):
        with self.serve() as server:
            if self.wants("durable_delivered", "server_cpu_us", "postgres_cpu_us"):
                seen = self.repeat(lambda: self.pairs(server, "--window", WINDOW))
                self.say("durable_delivered", seen["rate"], self.baselines.get("bare_append"))
                self.say("server_cpu_us", seen["server_us"])
                self.say("postgres_cpu_us", seen["postgres_us"], self.baselines.get("bare_append_pg_cpu"))
            if self.wants("durable_delivered_w1"):
                seen = self.repeat(lambda: self.pairs(server, "--window", 1))
                self.say("durable_delivered_w1", seen["rate"], self.baselines.get("bare_w1"))
            if self.wants("e2e_p50_5000", "e2e_p99_5000"):
                seen = self.repeat(lambda: self.pairs(server, "--rate", 5000))
                self.say("e2e_p50_5000", seen["p50"], self.baselines.get("bare_commit_p50"))
                self.say("e2e_p99_5000", seen["p99"], self.baselines.get("bare_commit_p99"))

    def resume(self):
        with self.serve() as server:
            figures = [f"resume_50{recap}{what}" for recap in ("", "_recap") for what in ("", "_server_us", "_postgres_us")]
            if self.wants(*figures):
                have = self.enter(server, "resumer", RESUMERS)
                with open(have, encoding="ascii") as file:
                    ids = [line.split()[0] for line in file]
                self.items(ids, MISSED)
                def measure(*options):
                    seen = self.load(server, self.tokens("resumer", RESUMERS), "resume", "--have", have, "--items", MISSED,
                                     "--seconds", self.args.seconds, *options)
                    return dict(zip(figures[3:] if options else figures[:3], (seen["rate"], seen["server_us"], seen["postgres_us"])))
                seen = self.repeat(lambda: {**measure(), **measure("--recap")})     # in turn, so that both meet the same noise
                if self.args.verbose:
                    print(seen, file=sys.stderr)
                for name in figures:
                    self.say(name, seen[name])
            if self.wants("reconnect_10000"):
                have = self.enter(server, "idle", IDLE)
                seen = self.repeat(lambda: self.load(server, self.tokens("idle", IDLE), "storm", "--have", have, "--at-once", 1000))
                if self.args.verbose:
                    print(seen, file=sys.stderr)
                self.say("reconnect_10000", seen["seconds"])

    def history(self):
        """Time from connect to welcome with the newest 50, one at a time."""
        with self.serve() as server:
            took = {}
            for n in (100, 100000):
                who = f"history{n}"
                have = self.enter(server, who, 1)
                with open(have, encoding="ascii") as file:
                    self.items([file.read().split()[0]], n)
                measure = lambda: self.load(server, self.tokens(who, 1), "resume", "--at-once", 1, "--items", 50, "--seconds", 1)
                took[n] = min(measure()["p50"] for _ in range(max(3, self.args.runs)))
            self.say("history_100k", took[100000] / took[100])

    def certificate(self):
        names = [os.path.join(self.folder, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=bench", "-days", "2", "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
        return {"tls.certificate": names[0], "tls.key": names[1]}

    def idle(self, name, sets, *options):
        """User memory of the server with 10,000 links against none."""
        with self.serve(**sets) as server:
            tokens = self.tokens("idle", IDLE)
            before = resident_kib(server.process.pid)
            with subprocess.Popen(self.command(server, tokens, "hold", *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as clients:
                if not clients.stdout.readline():
                    raise SystemExit(server.tail())
                self.say(name, (resident_kib(server.process.pid) - before) / IDLE)
                clients.stdin.close()

    def start(self):
        def once():
            server = self.serve()
            began = time.monotonic()
            server.start()
            took = time.monotonic() - began
            server.stop()
            return {"s": took}
        self.say("start_s", self.repeat(once)["s"])

    # --- the C SDK, against the same server ---

    def sdk(self, server, mode, folder, n):
        """The object that sdkbench prints."""
        done = subprocess.run([os.path.join(BUILD, "sdkbench"), mode, str(server.port), self.tokens("sdk", SDK_CLIENTS), folder, str(n)],
                              capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise SystemExit(f"{done.stderr}{server.tail()}")
        if self.args.verbose:
            print(mode, done.stdout.strip(), file=sys.stderr)
        return json.loads(done.stdout)

    def new_site(self):
        """A database in which nothing of what was measured before is."""
        self.site.close()
        self.site = Site(self.cluster, self.folder)
        self.app, self.sql = self.site.app("bench"), self.site.sql
        return self.site

    def anew(self):
        """A database whose numbers begin anew: the conversations of the SDK's customers there."""
        self.new_site()
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.folder, "sdk"))
        with self.serve() as server, open(self.enter(server, "sdk", SDK_CLIENTS), encoding="ascii") as file:
            return [line.split()[0] for line in file]

    def with_missed(self, n):
        """A client that has some items and missed n: what it cost to be told of them, and its folder then."""
        folder = tempfile.mkdtemp(dir=self.folder)
        conversation = self.anew()[0]
        self.items([conversation], FEW)
        with self.serve() as server:
            self.sdk(server, "fetch", folder, FEW)
        self.items([conversation], n, FEW)
        with self.serve() as server:
            return self.sdk(server, "fetch", folder, FEW + n), folder

    def disk(self):
        runs = [self.with_missed(MISSED_BY_SDK) for _ in range(self.args.runs if self.wants("sdk_sync_10000") else 1)]
        self.say("sdk_sync_10000", [run["ms"] for run, _ in runs], statistics.median(run["raw_ms"] for run, _ in runs))
        folder = runs[-1][1]
        with self.serve() as server:
            if self.wants("sdk_paint_10000", "sdk_paint_first"):
                seen = self.repeat(lambda: self.sdk(server, "paint", folder, MISSED_BY_SDK))
                self.say("sdk_paint_10000", seen["ms"], statistics.median(seen["bare_ms"]))
                self.say("sdk_paint_first", seen["first_ms"], statistics.median(seen["bare_first_ms"]))
            if self.wants("sdk_resume_bytes", "sdk_resume_round_trips"):
                seen = self.repeat(lambda: self.sdk(server, "resume", folder, MISSED_BY_SDK + FEW))
                self.say("sdk_resume_bytes", seen["bytes"])
                self.say("sdk_resume_round_trips", seen["round_trips"])
            if self.wants("sdk_post_p50", "sdk_post_p99"):
                seen = self.repeat(lambda: self.sdk(server, "post", self.copy_of(folder), POSTS))
                self.say("sdk_post_p50", seen["p50_us"], statistics.median(seen["bare_p50_us"]))
                self.say("sdk_post_p99", seen["p99_us"], statistics.median(seen["bare_p99_us"]))

    def copy_of(self, folder):
        return shutil.copytree(folder, tempfile.mkdtemp(dir=self.folder), dirs_exist_ok=True)

    def asleep(self):
        self.items(self.anew(), 50)
        with self.serve() as server:
            if self.wants("sdk_client_kib"):
                self.say("sdk_client_kib", self.repeat(
                    lambda: self.sdk(server, "many", tempfile.mkdtemp(dir=self.folder), SDK_CLIENTS))["kib"])
            if self.wants("sdk_wakeups_foreground", "sdk_wakeups_background"):
                seen = self.sdk(server, "idle", tempfile.mkdtemp(dir=self.folder), IDLE_SECONDS)
                self.say("sdk_wakeups_foreground", seen["foreground"])
                self.say("sdk_wakeups_background", seen["background"])

    def engine(self):
        """What flows cost without a server: the rows of bench_flow."""
        def once():
            done = subprocess.run([os.path.join(BUILD, "bench_flow"), "--json"], cwd=ROOT, check=True, capture_output=True, text=True)
            return {row["name"]: row["value"] for row in map(json.loads, done.stdout.splitlines())}
        for name, values in self.repeat(once).items():
            if name in FIGURES:
                self.say(name, values)

    def run(self):
        baselined = ("durable_delivered", "durable_delivered_w1", "e2e_p50_5000", "e2e_p99_5000", "server_cpu_us", "postgres_cpu_us")
        served = [name for name in FIGURES if name.startswith(("flow_steps_served", "flow_adds", "flow_beside"))]
        if self.wants("bare_append", "bare_commit_p50", "bare_commit_p99", *baselined, *served):
            self.bare()
        if self.wants(*baselined):
            self.durable()
        if any("resume_50" in name or name == "reconnect_10000" for name in self.wanted):
            self.resume()
        if self.wants("idle_kib_plain"):
            self.idle("idle_kib_plain", {})
        if self.wants("idle_kib_tls"):
            self.idle("idle_kib_tls", self.certificate(), "--tls")
        if self.wants("history_100k"):
            self.history()
        if self.wants("start_s"):
            self.start()
        if self.wants("sdk_sync_10000", "sdk_paint_10000", "sdk_paint_first", "sdk_resume_bytes", "sdk_resume_round_trips",
                      "sdk_post_p50", "sdk_post_p99"):
            self.disk()
        if self.wants("flow_check_50_files", "flow_steps", "flow_suspended_run", "flow_replay_50_steps", "flow_replay_1000_steps",
                      "flow_suspended_runs_per_gib"):
            self.engine()
        if self.wants("flow_evicted_run", "flow_publish_10000", "flow_publish_10000_part", "flow_publish_kib"):
            publishing.measure(self)
        if self.wants(*served):
            flows.measure(self)
        if self.wants("sdk_client_kib", "sdk_wakeups_foreground", "sdk_wakeups_background"):
            self.asleep()


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("name", nargs="?", default="", help="part of a figure's name; all when not given")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--seconds", type=int, default=4, help="length of each run")
    parser.add_argument("--runs", type=int, default=3, help="runs of each figure, of which the median counts")
    parser.add_argument("--workers", type=int, default=1, help="threads of the server")
    parser.add_argument("--verbose", action="store_true", help="each run, to stderr")
    args = parser.parse_args()
    bench = Bench(args)
    if not bench.wanted:
        raise SystemExit(f"no figure's name contains {args.name!r}; there are: {' '.join(FIGURES)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    with bench:
        bench.run()


if __name__ == "__main__":
    main()
