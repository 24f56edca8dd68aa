"""The example flows as they stand in the tree, on a server: two that need one to be seen whole."""
import contextlib
import http.server
import json
import os
import threading

from server import ROOT

EXAMPLES = os.path.join(ROOT, "server", "flow", "examples")
MINUTE = 60


@contextlib.contextmanager
def service(answers):
    """{path: what it answers}; the bodies that it was sent, by path."""
    asked = {path: [] for path in answers}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked[self.path].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def publish(shop, name, queue):
    shop.site.cli("flow", "publish", os.path.join(EXAMPLES, f"{name}.lua"))
    if queue != shop.care:
        shop.site.queue(queue)
    shop.app = shop.site.app(f"{name}-app", queue=queue, flow=name)


async def asked(customer, text):
    """The question that begins so, once it stands last."""
    def last():
        words = [i for i in customer.items() if i["role"] == "bot" and i["kind"] in ("text", "choices")]
        return words[-1] if words and words[-1]["body"]["text"].startswith(text) else None
    return await customer.until(last, what=text)


async def tap(customer, text, value):
    question = await asked(customer, text)
    await customer.post({"to": question["seq"], "value": value}, kind="choice")


async def answer(customer, text, words):
    await asked(customer, text)
    await customer.post(words)


def process_of(customer):
    """What the customer's device shows of the transaction: where it stands, and all that became known on the way."""
    steps = [i["body"] for i in customer.items() if i["kind"] == "process"]
    return steps[-1]["state"], {key: value for step in steps for key, value in step.get("data", {}).items()}


async def test_a_quote_begun_on_a_phone_goes_on_on_a_tablet(shop):
    """The phone is gone, the server dies, twelve minutes pass; the tablet shows it all and goes on, the phone sees the end."""
    publish(shop, "quote", "sales")
    with service({"/home": {"monthly": 12.4}}) as (url, sent):
        with shop.serve(sets={"flows.services": f"rates={url}", "flows.private_network": "yes"}) as server:
            phone = await shop.customer("ann")
            await phone.post("a quote please")
            await tap(phone, "What do you live in?", "flat")
            await answer(phone, "How many square metres?", "72,5")
            await asked(phone, "Since when?")
            begun = phone.texts()
            await phone.drop()
            server.kill()
            shop.site.set_clock(12 * MINUTE)
            server.start()
            tablet = await shop.customer("ann.tablet")
            await asked(tablet, "I have kept what you told me.")
            assert tablet.texts()[:len(begun)] == begun
            assert process_of(tablet) == ("open", {"kind": "flat", "area": 72.5})
            await tablet.post({"type": "app.opened", "fallback": "The app was opened", "data": {"device": "tablet"}}, kind="custom")
            await answer(tablet, "Since when?", "1.4.2020")
            await answer(tablet, "How many claims", "0")
            await tap(tablet, "That would be €12.40 a month.", "yes")
            await tablet.until(lambda: "resolved" in tablet.kinds(), what="the end")
            await phone.reconnect()
            await phone.until(lambda: "resolved" in phone.kinds(), what="the end, on the phone")
            known = {"kind": "flat", "area": 72.5, "since": "2020-04-01", "claims": 0}
            for device in (tablet, phone):
                assert device.texts()[-1] == "Welcome! The contract is in your mail."
                assert process_of(device) == ("done", {**known, "price": 12.4})
            assert sent["/home"] == [known]
            assert shop.site.sql("SELECT state, data FROM process") == [(2, {**known, "price": 12.4})]
            await shop.quiet()
    shop.judge()


async def test_a_rating_is_asked_once_and_a_bad_one_brings_somebody(shop):
    publish(shop, "csat", "care")
    with shop.serve():
        ann, kim = await shop.customer("ann"), await shop.desk("kim")
        await ann.post("feedback")
        await tap(ann, "How did we do?", "1")
        await answer(ann, "I am sorry. What went wrong?", "Nobody called back")
        await tap(ann, "Thank you for telling us. Shall", "yes")
        offer = await kim.offered(ann.main)
        assert (offer["dossier"]["reason"], offer["dossier"]["summary"]) == ("1 of 5 points", "Nobody called back")
        assert offer["dossier"]["collected"] == {"csat": 1, "csat_words": "Nobody called back"}
        await kim.accept(offer)
        await kim.resolve(ann.main)
        await asked(ann, "Thank you. It helps")
        await ann.until(lambda: ann.kinds().count("resolved") == 2, what="the session to end")
        await ann.post("more feedback")
        await asked(ann, "You have told us lately.")
        await shop.quiet()
    shop.judge()
