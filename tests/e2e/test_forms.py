"""Forms: files that are answered, fields that are shown when others say so."""
import asyncio
import hashlib
import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from parley_link import Refused
from parley_wire import uuid7
from server import program
from test_chat_desk import file
from test_files import refused

PUBLIC = "https://chat.example"
PHOTO = b"\x89PNG\r\n\x1a\nnot much of a picture"
RETURNS = """
flow { id = "returns", title = "Return an item", escape = { queue = "care" } }
local f = form {
  id = "return", title = "Return an item", submit = "Send",
  fields = {
    { id = "order", label = "Order", required = true, match = "^A\\\\d+$" },
    { id = "reason", label = "Why?", required = true, options = { { "size", "Wrong size" }, { "broken", "Arrived broken" } } },
    { id = "sure", label = "Unpacked?", type = "boolean", show_if = { reason = "broken" } },
    { id = "photo", label = "Photo", type = "file", accept = { "image/*" }, required = true, show_if = { sure = true } },
  },
}
if not f.photo then
  return say("No photo of " .. f.order .. ", " .. f.reason)
end
say(f.photo.name .. " " .. f.photo.type .. " " .. f.photo.size)
local case, err = http.post { url = "{shop}/cases", json = { order = f.order, photo = f.photo.url, again = { f.photo.url } }, tries = 3 }
say("Case " .. (case and case.id or err.kind))
local foreign, denied = http.post { url = "{shop}/cases", json = { photo = "{file:" .. f.order:gsub("A", "") .. "}" } }
say("Foreign " .. (foreign and foreign.id or denied.kind))
local other, why = http.post { url = "{shop}/cases", json = { photo = "{file:01998f3e-0000-7000-8000-000000000000}" } }
say("Other " .. (other and other.id or why.kind))
handoff { queue = "care", reason = "look at it" }
""".replace('f.order:gsub("A", "")', 'f.order')


class Cases:
    """A service that fetches what it is told of: the first time it has it, and breaks."""

    def __init__(self):
        self.got, self.server = [], None
        cases = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                urls = [u for u in (body["photo"], *body.get("again", [])) if u.startswith(PUBLIC)]
                cases.got.append([(u, *cases.server.http("GET", urlsplit(u).path, None)) for u in urls])
                said = json.dumps({"id": len(cases.got)}).encode()
                self.send_response(500 if len(cases.got) == 1 else 200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.settings = {"flows.services": f"shop=http://127.0.0.1:{self.http.server_port}", "flows.private_network": "yes"}
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def cases():
    made = Cases()
    yield made
    made.http.shutdown()
    made.http.server_close()


async def photo(server, client, name="broken.png", type="image/png"):
    said = {"name": name, "type": type, "bytes": len(PHOTO), "sha256": hashlib.sha256(PHOTO).hexdigest()}
    slot = await client.request("upload", conversation=client.main, **said)
    await asyncio.to_thread(server.http, "PUT", urlsplit(slot["url"]).path, PHOTO)
    return {"blob": slot["blob"], **said}


async def form_of(shop, name):
    client = await shop.customer(name)
    await client.post("hello")
    return client, await client.until(lambda: next((i for i in client.items() if i["kind"] == "form"), None))


def returns(shop):
    shop.site.flow("returns", RETURNS)
    shop.app = shop.site.app("returns-app", queue="care", flow="returns")


async def test_a_file_is_an_answer_and_a_service_gets_it_once(shop, cases):
    returns(shop)
    with shop.serve(sets={**cases.settings, "server.public_url": PUBLIC}) as server:
        cases.server = server
        ann, form = await form_of(shop, "ann")
        body = form["body"]
        assert body["submit"] == "Send" and body["fields"][3]["accept"] == "image/*"
        assert body["fields"][3]["show_if"] == [{"field": "sure", "is": "true"}]
        sent = await photo(server, ann)
        values = {"order": "A1", "reason": "broken", "sure": True, "photo": sent}
        await ann.post({"to": form["seq"], "values": values}, kind="form_answer")
        await ann.until(lambda: any(t.startswith("Other") for t in ann.texts()), 60, "the calls")
        assert ann.texts()[-4:] == [f"broken.png image/png {len(PHOTO)}", "Case 2", "Foreign 3", "Other denied"]
        first, second, foreign = cases.got
        assert [status for _, status, _ in first + second] == [200] * 4 and foreign == []
        assert len({url for url, _, _ in first + second}) == 4, "an address is good for one download, and new in each try"
        assert (await asyncio.to_thread(server.http, "GET", urlsplit(second[0][0]).path))[0] == 404
        kim = await shop.desk("kim")
        dossier = (await kim.accept(await kim.offered(ann.main)))["dossier"]
        assert dossier["collected"]["return"]["photo"] == sent
        await shop.close()


async def test_without_an_address_of_its_own_a_server_lends_no_file(shop, cases):
    """A service could not say whom to ask for it."""
    returns(shop)
    with shop.serve(sets=cases.settings) as server:
        ann, form = await form_of(shop, "ann")
        values = {"order": "A1", "reason": "broken", "sure": True, "photo": await photo(server, ann)}
        await ann.post({"to": form["seq"], "values": values}, kind="form_answer")
        await ann.until(lambda: "Case not_configured" in ann.texts(), 60, "the call to be refused")
        await shop.close()


async def test_an_answer_says_the_truth_of_its_files(shop, cases):
    returns(shop)
    with shop.serve(sets=cases.settings) as server:
        cases.server = server
        ann, form = await form_of(shop, "ann")
        bob = await shop.customer("bob")
        mine, others, text = await photo(server, ann), await photo(server, bob), await photo(server, ann, "a.txt", "text/plain")

        async def answer(**values):
            return await refused(ann, {"to": form["seq"], "values": {"order": "A1", **values}}, kind="form_answer")

        at = "data.body.values.photo"
        assert await answer(photo={"blob": mine["blob"]}) == ("invalid", at + ".name")
        assert await answer(photo={**mine, "blob": "x"}) == ("bad_id", at + ".blob")
        assert await answer(photo={**mine, "blob": uuid7()}) == ("not_found", at + ".blob")
        assert await answer(photo=others) == ("not_found", at + ".blob")
        assert await answer(photo={**mine, "type": "image/jpeg"}) == ("invalid", at + ".type")
        assert await answer(photo={**mine, "bytes": 7}) == ("invalid", at + ".bytes")
        assert await answer(photo={**mine, "sha256": "0" * 64}) == ("invalid", at + ".sha256")
        assert await answer(photo=text) == ("invalid", at)
        assert await answer(order=mine) == ("invalid", "data.body.values.order")
        assert await answer(photo=mine, other=mine) == ("invalid", "data.body.values.other")
        with pytest.raises(Refused, match="invalid"):
            await ann.request("post", conversation=ann.main, id=uuid7(), kind="form_answer",
                              body={"to": 1, "values": {"photo": mine}})
        await ann.post({"to": form["seq"], "values": {"order": "A1", "reason": "size", "sure": True, "photo": mine}},
                       kind="form_answer")
        await ann.until(lambda: "No photo of A1, size" in ann.texts(), what="what is not shown to have no answer")
        await shop.close()


def test_a_form_is_filled_in_at_the_terminal(shop, cases, tmp_path):
    returns(shop)
    (tmp_path / "broken.png").write_bytes(PHOTO)
    (tmp_path / "notes.txt").write_bytes(PHOTO)
    with shop.serve(sets=cases.settings) as server:
        cases.server = server
        token = file(shop, "ana.jwt", shop.app.token("ana"))
        with subprocess.Popen([program(), "chat", "--server", server.url, "--token", token], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as chat:
            shown = []

            def until(words):
                while words not in "".join(shown[-1:]):
                    shown.append(chat.stdout.readline())
                    assert shown[-1], "".join(shown) + chat.stderr.read()

            def type_(*lines):
                chat.stdin.write("".join(line + "\n" for line in lines))
                chat.stdin.flush()

            type_("hello")
            until("/form fills it in")
            type_("/form", "", "A1", "7", "2", "maybe", "yes", f"{tmp_path}/gone.png", f"{tmp_path}/notes.txt",
                  f"{tmp_path}/broken.png")
            for words in ("This one is needed", "The number of one of these", "yes or no", "no such file", "takes image/*",
                          f"broken.png image/png {len(PHOTO)}", "Case not_configured"):
                until(words)
            type_(f"/file {tmp_path}/notes.txt")
            until(f"[notes.txt, text/plain, {len(PHOTO)} bytes]")
            chat.stdin.close()
            assert chat.wait(60) == 0
