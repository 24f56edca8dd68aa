"""What it takes to publish a version over 10,000 live runs that have answered 20 questions each: one run for real, the
others copies of it."""
import asyncio
import json
import os
import subprocess
import time

from shop import Shop

RUNS = 10000
QUIZ = """flow { id = "quiz", title = "Quiz" }
local answers = {}
for n = 1, 30 do
  answers[n] = ask { text = "%s", match = "^[a-z0-9 ]+$", timeout = "1d" }
end
say "%s"
"""
COPIES = """
WITH run AS (SELECT * FROM flow_run WHERE id = %s),
     copy AS (INSERT INTO flow_run SELECT (jsonb_populate_record(NULL::flow_run, to_jsonb(run) || jsonb_build_object('id', gen_random_uuid()))).*
                FROM run, generate_series(1, %s) RETURNING id)
INSERT INTO flow_journal SELECT copy.id, j.entry, j.step, j.call, j.line, j.data
  FROM copy, flow_journal j JOIN run ON j.run = run.id
"""


async def asked(site):
    shop = Shop(site)
    shop.app = site.app("quizzes", queue="care", flow="quiz")
    with shop.serve():
        ann = await shop.customer("ann")
        for n in range(21):
            await ann.post(f"word {n}")
            await ann.until(lambda n=n: ann.texts().count("How is it?") == n + 1)
        await shop.close()
    return site.sql("SELECT id FROM flow_run")


def publish(site, source):
    """Seconds, KiB, and what was reported."""
    path = os.path.join(site.folder, "quiz.lua")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    begin = time.monotonic()
    child = subprocess.Popen([os.environ["PARLEY"], "flow", "publish", path, "--json"], stdout=subprocess.PIPE,
                             env={**os.environ, **site.env}, text=True)
    report = json.loads(child.stdout.read())
    _, _, usage = os.wait4(child.pid, 0)
    return time.monotonic() - begin, usage.ru_maxrss, report


def measure(bench):
    """A change that comes later, which all can go on with; and one of the first question, which none can."""
    site = bench.new_site()
    site.flow("quiz", QUIZ % ("How is it?", "Thank you."))
    [(run,)] = asyncio.run(asked(site))
    site.sql(COPIES, run, RUNS - 1)
    site.sql("VACUUM ANALYZE flow_run")
    site.sql("VACUUM ANALYZE flow_journal")
    [(size,)] = site.sql("SELECT pg_total_relation_size('flow_run') + pg_total_relation_size('flow_journal')")
    bench.say("flow_evicted_run", size / RUNS)
    moved, parted, kib = [], [], []
    for n in range(bench.args.runs):
        for seen, question in ((moved, "How is it?"), (parted, "How was it?")):
            took, memory, report = publish(site, QUIZ % (question, f"Thank you {n}{question}"))
            assert report["runs"] == RUNS and report["moved"] == (RUNS if seen is moved else 0), report
            seen.append(took)
            kib.append(memory)
    bench.say("flow_publish_10000", moved)
    bench.say("flow_publish_10000_part", parted)
    bench.say("flow_publish_kib", kib)
