"""Publishing over live runs: each is tried first, those that can go on move between two steps, the others stay or go to a
person; whoever dies while that happens, nothing is said twice and nobody is stranded."""
import asyncio
import json
import os
import re

import pytest

from server import Failed, run
from test_flows import dialogue, kill
from test_main_job import CARE
from waiting import ended, until

FIRST = """flow { id = "tea", title = "Tea", apology = "Sorry." }
local a = ask { id = "kind", text = "Which tea?" }
local b = ask { id = "cups", text = "How many cups?" }
say(b .. " of " .. a)
"""
SECOND = """flow { id = "tea", title = "Tea and more" }
local a = ask { id = "kind", text = "Which tea, please?" }
local b = ask { id = "cups", text = "How many cups?" }
say("At once: " .. b .. " of " .. a)
"""


def publish(shop, source, *flags, name="tea", verb="publish"):
    path = os.path.join(shop.site.folder, f"{name}.lua")
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    return json.loads(shop.site.cli("flow", verb, path, "--json", *flags))


async def tea(shop, name, *answers):
    """A customer who stands behind as many questions as there are answers."""
    customer = await shop.customer(name)
    customer.stay()
    await customer.post("hello")
    for question, answer in zip(("Which tea", "How many"), answers):
        await customer.until(lambda: customer.texts()[-1].startswith(question), what=question)
        await customer.post(answer)
    question = ("Which tea", "How many")[len(answers)]
    await customer.until(lambda: customer.texts()[-1].startswith(question), what=question)
    return customer


def open_shop(shop):
    shop.site.flow("tea", FIRST)
    shop.app = shop.site.app("teas", queue="care", flow="tea")


async def new_runs_get(shop, words):
    """A server learns of it a moment after publishing has ended; who comes in between gets the version before."""
    said, n = None, 0
    while said != words:
        n += 1
        assert n < 1000, f"still {said}"
        customer = await shop.customer(f"new{n}")
        await customer.post("hello")
        await customer.until(lambda: len(customer.texts()) > 1)
        said = customer.texts()[-1]
        await customer.link.close()


@pytest.mark.parametrize("in_memory", [True, False])
async def test_who_can_go_on_moves_and_who_cannot_stays(shop, in_memory):
    open_shop(shop)
    with shop.serve() as server:
        ann, bob = await tea(shop, "ann", "green"), await tea(shop, "bob")
        if not in_memory:
            await kill(shop, [ann, bob], 0, 0)
        report = publish(shop, SECOND)
        assert [report[k] for k in ("runs", "go_on", "part", "moved", "to_person", "with_person")] == [2, 1, 1, 1, 0, 0]
        [part] = report["parts"]
        assert (part["count"], part["was_line"], part["line"], part["file"], part["code"]) == (1, 2, 2, "tea.lua", "E301")
        assert part["step"] == 2 and 'ask "kind" in line 2' in part["text"]
        await bob.post("black")
        await bob.until(lambda: bob.texts()[-1] == "How many cups?")
        await bob.post("2")
        await bob.until(lambda: "At once: 2 of black" in bob.texts(), what="the new version")
        await ann.post("3")
        await ann.until(lambda: "3 of green" in ann.texts(), what="the old version")
        assert [text for text in bob.texts() if text == "How many cups?"] == ["How many cups?"]
        await new_runs_get(shop, "Which tea, please?")
        assert server.process.poll() is None
        await shop.quiet()
    shop.judge()


async def test_the_others_go_to_a_person_when_told_to(shop):
    open_shop(shop)
    with shop.serve():
        ann, bob, eve = await tea(shop, "ann", "green"), await tea(shop, "bob"), await tea(shop, "eve", "red")
        kim = await shop.desk("kim", status=None)
        await eve.handoff()
        await until(lambda: shop.site.sql("SELECT count(*) FROM flow_run WHERE waiting->>'escaped' = 'true'") == [(1,)],
                    what="eve to wait for a person")
        report = publish(shop, SECOND, "--others", "person")
        assert [report[k] for k in ("runs", "moved", "part", "to_person", "with_person")] == [3, 1, 2, 1, 1]
        await ann.until(lambda: ann.kinds()[-1] == "queued", what="a person to be called")
        assert ann.texts()[-1] == "Sorry."
        assert [i["body"]["why"] for i in ann.items() if i["kind"] == "queued"] == ["failed"]
        assert "queued" not in bob.kinds()
        assert shop.site.sql("SELECT data->'told'->>'code' FROM flow_journal WHERE call = 'failed'") == [("E301",)]
        await kim.status("online")
        await kim.accept(await kim.offered(eve.main))
        await kim.resolve(eve.main)
        await eve.until(lambda: eve.texts()[-1] == "How many cups?" and eve.texts().count("How many cups?") == 2)
        await eve.post("5")
        await eve.until(lambda: "5 of red" in eve.texts(), what="the version that she began with")
        await shop.close()


async def test_moved_at_every_step_the_dialogue_is_the_same(shop):
    """Through a choice, a wrong answer, a handoff and back: the same flow a line further down, published at each step."""
    shop.site.flow("care", CARE)
    shop.app = shop.site.app("care-app", queue="care", flow="care")
    moved = []

    async def move(shop, clients, now, at):
        if now == at:
            moved.append(publish(shop, "-- moved\n" * (at + 1) + CARE, name="care"))
    with shop.serve():
        whole = await dialogue(shop, "undisturbed")
        for step in range(7):
            assert await dialogue(shop, f"moved{step}", step, move) == whole, f"moved after {step}"
            assert moved[-1]["part"] == 0
        assert sum(report["moved"] for report in moved) >= 5
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("point", ["flow_before_step", "move_before_submit", "move_after_submit", "move_after_commit",
                                   "flow_after_step"])
async def test_a_server_that_dies_in_the_first_step_of_the_new_version_takes_it_once(shop, point):
    open_shop(shop)
    with shop.serve() as server:
        bob = await tea(shop, "bob")
        publish(shop, SECOND)
        server.kill()
        server.start(fault=f"{point}:1")
        rising = asyncio.ensure_future(risen(server))
        await bob.post("black")
        await rising
        await bob.until(lambda: bob.texts()[-1] == "How many cups?", 60)
        await bob.post("2")
        await bob.until(lambda: "At once: 2 of black" in bob.texts(), 60)
        assert bob.texts().count("How many cups?") == 1
        await shop.quiet()
    shop.judge()


async def risen(server):
    """Waits for the server to die, and starts it again."""
    await ended(server.process)
    await asyncio.get_running_loop().run_in_executor(None, server.start)


def crash_points():
    with open(os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "server", "base",
                           "fault.def"), encoding="utf-8") as file:
        return re.findall(r"^FAULT\((publish_\w+)", file.read(), re.M)


@pytest.mark.parametrize("point", crash_points())
async def test_publishing_that_dies_anywhere_is_finished_by_publishing_again(shop, point):
    open_shop(shop)
    with shop.serve():
        ann, bob = await tea(shop, "ann", "green"), await tea(shop, "bob")
        path = os.path.join(shop.site.folder, "tea.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SECOND)
        with pytest.raises(Failed, match="exit -9"):
            run("flow", "publish", path, env={**shop.site.env, "PARLEY_FAULT": f"{point}:1"})
        report = publish(shop, SECOND)
        assert report["part"] == 1 and report["moved"] == (0 if point == "publish_after_move" else 1)
        await bob.post("black")
        await bob.until(lambda: bob.texts()[-1] == "How many cups?")
        await bob.post("2")
        await bob.until(lambda: "At once: 2 of black" in bob.texts())
        await ann.post("3")
        await ann.until(lambda: "3 of green" in ann.texts())
        await shop.quiet()
    shop.judge()


async def test_going_back_brings_the_runs_back_too(shop):
    open_shop(shop)
    with shop.serve():
        bob = await tea(shop, "bob")
        publish(shop, SECOND)
        with pytest.raises(Failed, match="no version"):
            shop.site.cli("flow", "rollback", "tea", "0000")
        report = json.loads(shop.site.cli("flow", "rollback", "tea", "--json"))
        assert (report["moved"], report["title"]) == (1, "Tea")
        versions = json.loads(shop.site.cli("flow", "versions", "tea", "--json"))
        assert [(v["title"], v["current"], v["runs"]) for v in versions] == [
            ("Tea", True, 1), ("Tea and more", False, 0), ("Tea", False, 1)]
        await bob.post("black")
        await bob.until(lambda: bob.texts()[-1] == "How many cups?")
        await bob.post("2")
        await bob.until(lambda: "2 of black" in bob.texts())
        await shop.close()


async def test_what_would_part_is_known_without_publishing(shop):
    open_shop(shop)
    with shop.serve():
        await tea(shop, "ann", "green")
        with pytest.raises(Failed, match="exit 7"):
            publish(shop, SECOND, verb="replay")
        meant = SECOND.replace('"Which tea, please?"', 'since "polite" and "Which tea, please?" or "Which tea?"')
        assert publish(shop, meant, verb="replay")["part"] == 0
        assert len(json.loads(shop.site.cli("flow", "versions", "tea", "--json"))) == 1
        await shop.close()
