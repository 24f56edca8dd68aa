"""What a developer learns of runs in production: which there are, where each stands, and of one that failed the line, the
variables and all that it was told - enough to fail again at the desk, and to see that a mended file does not."""
import json
import os
import re
import subprocess

import pytest

from server import ROOT, Failed, program, run

FAILS = """flow { id = "bag", title = "Bag", escape = { queue = "care" } }
local name = ask { id = "name", text = "Name?" }
local bag = { size = 3, list = { 1, "two" } }
count = 7
local function pack(what)
  local label = what .. "!"
  if #label > 3 then error("too long: " .. #label) end
  return label
end
local seen = context.get("cart")
say(pack(name))
ask { id = "more", text = "More?" }
"""


def written(shop, name, source):
    path = os.path.join(shop.site.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    return path


def open_shop(shop):
    shop.site.flow("bag", FAILS)
    shop.app = shop.site.app("bags", queue="care", flow="bag")
    return shop.serve()


async def failed(shop):
    """A run that waits, and one that has failed; their rows as `flow runs` has them."""
    ann, bob = await shop.customer("ann"), await shop.customer("bob")
    for customer, name in ((ann, "Al"), (bob, "Bobby")):
        await customer.post("hello")
        await customer.until(lambda c=customer: "Name?" in c.texts())
        await customer.post(name)
    await ann.until(lambda: "More?" in ann.texts())
    await bob.until(lambda: bob.kinds()[-1] == "queued", what="a person to be called")
    [live] = json.loads(shop.site.cli("flow", "runs", "--json", "--flow", "bag"))
    [dead] = json.loads(shop.site.cli("flow", "runs", "--json", "--failed"))
    return bob, live, dead


async def test_a_failure_in_production_is_found_with_its_line_its_variables_and_its_journal(shop):
    with open_shop(shop):
        bob, live, dead = await failed(shop)
        assert bob.texts()[-1] == "Something went wrong on our side. A person will help you."
        assert (live["flow"], live["state"], live["place"], live["what"]) == ("bag", "waiting", "bag.lua:12", 'ask "more"')
        assert (dead["state"], dead["place"]) == ("failed", "bag.lua:7")
        assert dead["what"].startswith("[E501] ") and "too long: 6" in dead["what"]
        told = json.loads(shop.site.cli("flow", "logs", dead["run"], "--json"))
        assert (told["error"]["code"], told["error"]["file"], told["error"]["line"]) == ("E501", "bag.lua", 7)
        variables = {v["name"]: (v["line"], v["value"]) for v in told["variables"]}
        assert variables["what"] == (7, '"Bobby"') and variables["label"] == (7, '"Bobby!"')
        assert variables["name"] == (11, '"Bobby"') and variables["seen"] == (11, "nil")
        assert variables["count"] == (0, "7")
        assert '"two"' in variables["bag"][1] and "size = 3" in variables["bag"][1]
        assert [e["call"] for e in told["journal"]] == ["start", "ask", "context.get", "failed"]
        words = shop.site.cli("flow", "logs", dead["run"])
        assert ">   7 |   if #label > 3 then error" in words and 'bag.lua:7  label = "Bobby!"' in words
        assert re.search(r'2  step 2 +ask "name" +bag.lua:2 +{"said":4}  {"text":"Bobby"}$', words, re.M)
        standing = json.loads(shop.site.cli("flow", "logs", live["run"], "--json"))
        assert "error" not in standing and ("name", '"Al"') in [(v["name"], v["value"]) for v in standing["variables"]]
        await shop.close()


async def test_who_looks_for_failures_reads_what_to_type_next(shop):
    with open_shop(shop):
        _, live, dead = await failed(shop)

        def typed(*words):
            return subprocess.run([program(), "flow", *words], env={**os.environ, **shop.site.env}, capture_output=True, text=True, check=True).stderr

        for flags, found in (((), live), (("--failed",), dead)):
            assert typed("runs", *flags).endswith(f"\n  parley flow logs {found['run']}\n")
        assert typed("runs", "--failed", "--flow", "other") == "no run has failed\n" and typed("runs", "--failed", "--json") == ""
        commands = [line.split() for line in typed("logs", dead["run"]).splitlines() if line.startswith("  parley flow ")]
        path = written(shop, commands[0][-1].strip(">"), shop.site.cli(*commands[0][1:-1]))
        assert commands[1][1:] == ["flow", "replay", "bag.lua", "--journal", "failed.json"]
        with pytest.raises(Failed, match="exit 7"):
            run("flow", "replay", written(shop, "bag.lua", FAILS), "--journal", path)
        await shop.close()


async def test_a_failed_run_fails_again_at_the_desk_and_not_with_a_mended_file(shop):
    with open_shop(shop):
        _, live, dead = await failed(shop)
        saved = written(shop, "failed.json", shop.site.cli("flow", "logs", dead["run"], "--json"))
        broken = written(shop, "bag.lua", FAILS)
        for source in (["--run", dead["run"]], ["--journal", saved]):
            with pytest.raises(Failed, match="exit 7"):
                shop.site.cli("flow", "replay", broken, *source)
        mended = written(shop, "bag.lua", FAILS.replace("> 3", "> 30"))
        assert json.loads(shop.site.cli("flow", "replay", mended, "--run", dead["run"], "--json"))["goes_on"]
        assert json.loads(run("flow", "replay", mended, "--journal", saved, "--json"))["goes_on"], "needs a database"
        other = written(shop, "bag.lua", FAILS.replace('"name", text', '"title", text'))
        with pytest.raises(Failed, match="exit 7"):
            shop.site.cli("flow", "replay", other, "--run", live["run"])
        with pytest.raises(Failed, match="exit 3"):
            shop.site.cli("flow", "logs", "00000000-0000-7000-8000-000000000000")
        with pytest.raises(Failed, match="exit 2"):
            run("flow", "replay", mended, "--journal", mended)
        await shop.close()


async def test_a_run_that_comes_back_counts_how_long_its_journal_took(shop):
    with open_shop(shop) as server:
        ann = await shop.customer("ann")
        await ann.post("hello")
        await ann.until(lambda: "Name?" in ann.texts())
        server.kill()
        server.start()
        assert server.metrics()["parley_flow_replay_duration_seconds_count"] == 0
        await ann.reconnect()
        await ann.post("Al")
        await ann.until(lambda: "More?" in ann.texts())
        metrics = server.metrics()
        assert metrics["parley_flow_replay_duration_seconds_count"] == 1 and metrics["parley_flow_replay_duration_seconds_sum"] > 0
        with open(os.path.join(ROOT, "server", "flow", "README.md"), encoding="utf-8") as file:
            named = set(re.findall(r"`(parley_flow_\w+)`", file.read()))
        there = {re.sub(r"_(bucket|sum|count)$", "", name.split("{")[0]) for name in metrics if name.startswith("parley_flow_")}
        assert named == there, "the README and /metrics name different ones"
        await shop.close()


async def test_versions_are_compared_line_by_line(shop):
    shop.site.flow("bag", FAILS)
    first = json.loads(shop.site.cli("flow", "versions", "bag", "--json"))[0]["version"]
    mended = written(shop, "bag.lua", FAILS.replace("> 3", "> 30"))
    hunk = "@@ -4,7 +4,7 @@\n count = 7\n local function pack(what)\n   local label = what .. \"!\"\n" \
           "-  if #label > 3 then error(\"too long: \" .. #label) end\n+  if #label > 30 then error(\"too long: \" .. #label) end\n"
    assert hunk in shop.site.cli("flow", "diff", mended)
    shop.site.cli("flow", "publish", mended)
    assert shop.site.cli("flow", "diff", mended) == ""
    assert hunk in shop.site.cli("flow", "diff", "bag", first)
    assert shop.site.cli("flow", "diff", "bag", first).startswith(f"--- bag.lua {first}\n+++ bag.lua published\n")
