"""Processes: declared types and what is missing, and the same process in the hands of customer, bot and agent."""
import json
import os

import pytest

from parley_link import Refused
from server import Failed

REFUND = {"name": "refund", "steps": ["order", "amount", "confirm"],
          "fields": [{"name": "order", "type": "text", "required": True, "step": "order"},
                     {"name": "iban", "type": "text", "required": True, "step": "amount"},
                     {"name": "note", "type": "text"},
                     {"name": "agreed", "type": "boolean", "required": True}]}

FLOW = """
flow { id = "claims", title = "Claims" }
local p = process.start { type = "refund", key = "r", data = { order = "A1" } }
ask { id = "go", text = "Go on?" }
p:step("confirm", { agreed = true })
say "Done."
handoff { queue = "care", reason = "refund" }
"""


def declare(site, app, what):
    path = os.path.join(site.folder, "type.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(what if isinstance(what, str) else json.dumps(what))
    return json.loads(site.cli("process-type", "add", app, path, "--json"))["version"]


def missing(process):
    return [(m["field"], m.get("step")) for m in process.get("missing", [])]


def test_a_change_is_the_next_version(site):
    site.app("shop")
    assert declare(site, "shop", REFUND) == 1
    assert declare(site, "shop", REFUND) == 1
    assert declare(site, "shop", {**REFUND, "fields": []}) == 2
    listed = json.loads(site.cli("process-type", "list", "--json"))
    assert [(t["name"], t["app"], t["version"], t["steps"], t["fields"]) for t in listed] == [
        ("refund", "shop", 1, "order amount confirm", 4), ("refund", "shop", 2, "order amount confirm", 0)]


@pytest.mark.parametrize("what, complaint", [
    ("{", "no JSON map"), ([], "no JSON map"), ({}, "`name` is due"), ({"name": "A b", "steps": ["a"]}, "`name` is due"),
    ({"name": "x"}, "`steps` is due"), ({"name": "x", "steps": []}, "`steps` is due"),
    ({"name": "x", "steps": ["a", "A"]}, r"steps\[1\] is no name"), ({"name": "x", "steps": ["a", "a"]}, r"steps\[1\] is there twice"),
    ({"name": "x", "steps": ["a"], "fields": {}}, "`fields` is a list"),
    ({"name": "x", "steps": ["a"], "fields": [{"name": "f"}, {}]}, r"fields\[1\] needs a `name`"),
    ({"name": "x", "steps": ["a"], "fields": [{"name": "f", "required": 1}]}, r"fields\[0\].required"),
    ({"name": "x", "steps": ["a"], "fields": [{"name": "f", "step": "b"}]}, r"fields\[0\].step is none"),
])
def test_what_is_no_declaration_is_refused(site, what, complaint):
    site.app("shop")
    with pytest.raises(Failed, match=complaint):
        declare(site, "shop", what)


def test_an_unknown_app_is_named(site):
    with pytest.raises(Failed, match="exit 3.*no app `nowhere`"):
        declare(site, "nowhere", REFUND)


async def test_a_declared_type_says_what_is_missing(shop):
    declare(shop.site, "shop", REFUND)
    with shop.serve(workers=2):
        ann = await shop.customer("ann")
        process = await ann.process_start("refund", data={"order": "A1", "iban": ""})
        assert (process["version"], process["step"]) == (1, "order")
        assert missing(process) == [("iban", "amount"), ("agreed", None)]
        declare(shop.site, "shop", {**REFUND, "steps": ["all"], "fields": [{"name": "all", "required": True}]})
        bob = await shop.customer("bob")
        while (newer := await bob.process_start("refund"))["version"] == 1:
            pass    # until the server has read it
        assert (newer["version"], newer["step"], missing(newer)) == (2, "all", [("all", None)])
        process = await ann.process_step(process, step="amount", data={"iban": "DE00"})
        assert (process["version"], missing(process)) == (1, [("agreed", None)])
        with pytest.raises(Refused, match="stale") as stale:
            await ann.process_step({**process, "revision": 1}, step="amount")
        assert missing(stale.value.current) == [("agreed", None)]
        kim = await shop.desk("kim")
        await ann.post("help")
        offer = await kim.briefed(ann.main)
        assert [missing(p) for p in offer["dossier"]["processes"]] == [[("agreed", None)]]
        accepted = await kim.accept(offer)
        assert accepted["dossier"]["processes"][0]["version"] == 1
        done = await kim.process_step(process, ann.main, state="done", data={"agreed": False}, epoch=kim.threads[ann.main].epoch)
        assert "missing" not in done or done["missing"] == []
        item = next(i for i in ann.items() if i["kind"] == "process")
        assert item["body"]["step"] == "order"
        await shop.quiet()
    shop.judge()


async def test_an_undeclared_type_has_nothing_missing(shop):
    declare(shop.site, "shop", REFUND)
    with shop.serve():
        ann = await shop.customer("ann")
        process = await ann.process_start("anything", data={"a": 1})
        assert "version" not in process and "step" not in process and not process.get("missing")
        await shop.quiet()
    shop.judge()


ASKS = """
flow { id = "asks", title = "Asks for what is missing" }
local p = process.start { type = "refund", data = { order = "A1" } }
local function all(p)
    local names = { p.at, p.version }
    for _, m in ipairs(p.missing) do table.insert(names, m.field .. "@" .. (m.step or "-")) end
    return table.concat(names, " ")
end
say(all(p))
ask { id = "go", text = "Go on?" }
p = process.get { id = p.process }
say(all(p))
p = p:step("amount", { amount = 5 })
say(all(p))
p = p:step("confirm", { iban = "DE00", agreed = true })
say(all(p))
"""


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_flow_knows_what_is_missing_and_its_first_item_the_first_step(shop, encoding):
    shop.site.flow("asks", ASKS)
    app = shop.site.app("asks-app", queue="care", flow="asks")
    declare(shop.site, "asks-app", {"name": "refund", "steps": ["order", "amount", "confirm"], "fields": [
        {"name": "order", "required": True, "step": "order"}, {"name": "iban", "required": True, "step": "amount"},
        {"name": "amount", "required": True, "step": "amount"}, {"name": "agreed", "required": True}, {"name": "note"}]})
    with shop.serve():
        ann = await shop.customer("ann", app=app, encoding=encoding)
        await ann.post("Hello")
        await ann.until(lambda: "Go on?" in ann.texts())
        item = next(i for i in ann.items() if i["kind"] == "process")
        assert (item["body"]["step"], item["body"]["revision"]) == ("order", 1)
        [process] = (await ann.request("process.get", conversation=ann.main))["processes"]
        await ann.process_step(process, data={"iban": "DE11"})
        await ann.post("yes")
        await ann.until(lambda: "confirm 1" in ann.texts(), what="the flow to end")
        said = [t for t in ann.texts() if " 1" in t]
        assert said == ["order 1 iban@amount amount@amount agreed@-", "order 1 amount@amount agreed@-", "amount 1 agreed@-",
                        "confirm 1"]
        await shop.quiet()
    shop.judge()


async def test_one_process_for_bot_customer_and_agent(shop):
    shop.site.flow("claims", FLOW)
    shop.app = shop.site.app("claims-app", queue="care", flow="claims")
    declare(shop.site, "claims-app", REFUND)
    with shop.serve(workers=2):
        ann = await shop.customer("ann")
        await ann.post("Hello")
        await ann.until(lambda: "Go on?" in ann.texts(), what="the question")
        [process] = (await ann.request("process.get", conversation=ann.main))["processes"]
        assert (process["version"], process["step"], process["data"]) == (1, "order", {"order": "A1"})
        assert missing(process) == [("iban", "amount"), ("agreed", None)]
        process = await ann.process_step(process, step="amount", data={"iban": "DE00"})
        await ann.post("yes")
        await ann.until(lambda: "Done." in ann.texts(), what="the flow to go on")
        kim = await shop.desk("kim")
        offer = await kim.briefed(ann.main)
        [process] = offer["dossier"]["processes"]
        assert process["data"] == {"order": "A1", "iban": "DE00", "agreed": True} and process["step"] == "confirm"
        assert not process.get("missing") and process["revision"] == 3
        await kim.accept(offer)
        done = await kim.process_step(process, ann.main, state="done", epoch=kim.threads[ann.main].epoch)
        assert (done["state"], done["revision"]) == ("done", 4)
        await ann.until(lambda: ann.kinds().count("process") == 4, what="every step")
        await shop.quiet()
    shop.judge()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_an_agent_begins_a_process_while_in_control(shop, encoding):
    with shop.serve(workers=2):
        ann, kim = await shop.customer("ann"), await shop.desk("kim", encoding=encoding)
        conv = await shop.served(ann, kim)
        process = await kim.process_start("refund", conv, data={"order": "A1"})
        assert (process["revision"], process["data"]) == (1, {"order": "A1"})
        await ann.until(lambda: "process" in ann.kinds(), what="the process")
        epoch = kim.threads[conv].epoch
        await kim.resolve(conv)
        for believed in (epoch, None):
            with pytest.raises(Refused, match="stale|wrong_state"):
                await kim.process_start("refund", conv, epoch=believed)
        await shop.quiet()
    shop.judge()


STEPS = """flow { id = "claims", title = "Claims" }
local p = process.start { type = "claim", steps = { "received", { "checked", "We have looked at it" }, "paid" }, data = { sum = 12 } }
ask "Go on?"
p:step("checked", { by = "Mira" })
ask "And now?"
p:done()
"""


async def test_the_steps_of_a_flows_process_are_progress_that_everybody_sees(shop):
    shop.site.flow("claims", STEPS)
    shop.app = shop.site.app("claims", queue="care", flow="claims")
    with shop.serve():
        ann = await shop.customer("ann")
        for words, question in (("Hello", "Go on?"), ("yes", "And now?")):
            await ann.post(words)
            await ann.until(lambda q=question: q in ann.texts())
        await ann.post("now")
        await ann.until(lambda: ann.kinds().count("process") == 3)
        seen = [(i["body"]["step"], i["body"]["state"], i["body"]["data"]["progress"]) for i in ann.items() if i["kind"] == "process"]
        assert seen == [("received", "open", {"step": 1, "of": 3}), ("checked", "open", {"step": 2, "of": 3}),
                        ("checked", "done", {"step": 3, "of": 3})]
        (data,), = shop.site.sql("select data from process where conversation = %s", ann.main)
        assert data == {"sum": 12, "by": "Mira", "progress": {"step": 3, "of": 3},
                        "steps": [{"step": "received"}, {"step": "checked", "label": "We have looked at it"}, {"step": "paid"}]}
        await shop.quiet()
    shop.judge()
