"""A process of a bot from outside, and the ids of its answers."""
import hashlib
import uuid

from parley_link import Gone, Refused
from parley_people import Agent


def answer_id(id, n=0):
    """The id of the nth answer to an item, whoever makes it: the time of the item's id, and a digest for the rest."""
    digest = hashlib.sha256(f"{id}/{n}".encode()).digest()
    ours = bytearray(uuid.UUID(id).bytes[:6] + digest[:10])
    ours[6] = ours[6] & 0x0F | 0x70
    ours[8] = ours[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(ours)))


class Bot(Agent):
    """Takes sessions and answers, each answer under an id that is made of what it answers: so whoever answers the same once
    more answers it once."""

    async def status(self, status, capacity=None):
        return (await self.request("status.set", status=status, capacity=capacity))["status"]

    def answer(self, item, text, conv, n=0, epoch=None):
        """Says it in answer to an item."""
        entry = self.post(text, conv, id=answer_id(item["id"], n), epoch=epoch or self.threads[conv].epoch)
        entry.answers = f"{item['id']}/{n}"
        return entry

    async def hand_off(self, conv, **more):
        return await self._leave("handoff.request", conv, **more)

    def unanswered(self, conv):
        """What the customer said after the bot's last word."""
        items = self.items(conv)
        last = max((i["seq"] for i in items if i.get("role") == "bot" and i["kind"] != "process"), default=0)
        return [i for i in items if i["seq"] > last and i.get("role") in ("customer", "guest")]

    async def serve(self, reply=lambda item: f"You said: {item['body'].get('text')}"):
        """Takes every offer and answers every word of a customer, until cancelled."""
        answered, epochs = set(), {}
        while True:
            changed = self.changed
            for offer in list(self.offers.values()):
                try:
                    thread = (await self.accept(offer))["thread"]
                    epochs[offer["conversation"]] = thread["service"]["epoch"]
                except (Refused, Gone):
                    pass
            for conv, epoch in list(epochs.items()):
                for item in self.unanswered(conv):
                    if (item["id"], epoch) not in answered:
                        answered.add((item["id"], epoch))
                        self.answer(item, reply(item), conv, epoch=epoch)
            await changed.wait()
