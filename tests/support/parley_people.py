"""Who the clients are: somebody who is served, somebody who serves; and the same for code without a loop."""
import asyncio

from parley_client import Client
from parley_link import WAIT
from parley_wire import uuid7


class Customer(Client):
    """Somebody who is served."""

    async def context(self, context, conv=None):
        return await self.request("context.put", conversation=conv or self.main, context=context)

    async def handoff(self, conv=None, **why):
        return await self.request("handoff.request", conversation=conv or self.main, **why)

    async def process_start(self, type, conv=None, process=None, **more):
        if self.staff:
            more.setdefault("epoch", self.threads[conv].epoch)
        answer = await self.request("process.start", conversation=conv or self.main, process=process or uuid7(), type=type, **more)
        return answer["process"]

    async def process_step(self, process, conv=None, id=None, **change):
        answer = await self.request("process.step", conversation=conv or self.main, process=process["process"], id=id or uuid7(),
                                    revision=change.pop("revision", process["revision"]), **change)
        return answer["process"]


class Agent(Customer):
    """Somebody who serves."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.offers, self.ended, self.desk = {}, {}, None
        self.over = set()       # offers that were answered: a desk drawn up before may still show them

    def _desk(self, desk):
        self.desk = desk
        for offer in desk["offers"]:
            if offer["offer"] not in self.over:
                self.offers.setdefault(offer["offer"], offer)

    def _other_push(self, type, data):
        if type == "offer" and data["offer"]["offer"] not in self.over:
            self.offers[data["offer"]["offer"]] = data["offer"]
        elif type == "offer.ended":
            self.ended[data["offer"]] = data
            self.over.add(data["offer"])
            self.offers.pop(data["offer"], None)
        elif type == "desk":
            self._desk(data["desk"])

    async def status(self, status):
        return (await self.request("status.set", status=status))["status"]

    async def offered(self, conv=None, timeout=WAIT):
        """The offer of a conversation, or of any, once there is one."""
        return await self.until(lambda: next((o for o in self.offers.values() if conv in (None, o["conversation"])), None),
                                timeout, "an offer")

    async def briefed(self, conv=None, timeout=WAIT):
        """The same with its whole dossier: a desk says only who it is, and may be there first."""
        return await self.until(lambda: next((o for o in self.offers.values() if conv in (None, o["conversation"]) and
                                              ("offer", {"offer": o}) in self.pushes), None), timeout, "an offer with its dossier")

    async def accept(self, offer):
        """The answer to offer.accept; the conversation is followed. Raises Refused."""
        op, link, conv = f"{self.name}.a{next(self.ops)}", self.welcomed, offer["conversation"]
        self.log("accept", op=op, link=link.id, who=self.me, conv=conv, offer=offer["offer"])

        def heard(data, error):
            if data or error and error["code"] != "limit":
                self.over.add(offer["offer"])
            if data:
                service = data["thread"]["service"]
                self.log("accepted", op=op, session=service["session"], epoch=service["epoch"])
                self._followed(link, data["thread"], self._thread(conv), 0)
            elif error:
                self.log("refused", op=op, code=error["code"])
        self.offers.pop(offer["offer"], None)
        return await link.request("offer.accept", conversation=conv, offer=offer["offer"], on_reply=heard)

    async def decline(self, offer, reason=None):
        self.over.add(offer["offer"])
        self.offers.pop(offer["offer"], None)
        return await self.request("offer.decline", conversation=offer["conversation"], offer=offer["offer"], reason=reason)

    def say(self, text, conv, epoch=None):
        return self.post(text, conv, epoch=epoch or self.threads[conv].epoch)

    def note(self, text, conv, to=None):
        body = {"text": text, **({"to": to} if to else {})}
        return self._enqueue("note", {"conversation": conv, "id": uuid7(), **body}, body)

    async def _leave(self, verb, conv, epoch=None, **more):
        thread = self.threads[conv]
        self.log("leave", op=f"{self.name}.l{next(self.ops)}", who=self.me, session=(thread.service or {}).get("session"))
        return await self.request(verb, conversation=conv, epoch=epoch or thread.epoch, **more)

    async def resolve(self, conv, **more):
        return await self._leave("resolve", conv, **more)

    async def release(self, conv, **more):
        return await self._leave("release", conv, **more)

    async def transfer(self, conv, queue, **more):
        return await self._leave("transfer", conv, queue=queue, **more)


async def first_offered(agents, conv=None, timeout=WAIT):
    """(agent, offer): whoever of them is offered the conversation first."""
    waiting = {asyncio.ensure_future(agent.offered(conv, timeout)): agent for agent in agents}
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    first = done.pop()
    return waiting[first], first.result()


class Blocking:
    """A client for code without a loop: the same calls, each of which waits for its end."""

    def __init__(self, client):
        self._client = client

    @classmethod
    def open(cls, kind, *args, **options):
        loop = asyncio.new_event_loop()

        async def begin():
            client = kind(*args, **options)
            await client.connect()
            return client
        self = cls(loop.run_until_complete(begin()))
        self._loop = loop
        return self

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if not callable(value):
            return value

        def call(*args, **options):
            async def there():
                result = value(*args, **options)
                return await result if hasattr(result, "__await__") else result
            return self._loop.run_until_complete(there())
        return call

    def end(self):
        self._loop.run_until_complete(self._client.__aexit__())
        self._loop.close()
