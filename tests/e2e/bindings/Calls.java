/* Makes every call once that asks the server for something, in Java. */
import java.util.Map;
import parley.Client;
import parley.Event;
import parley.Options;

public final class Calls {
    private static void until(Client desk, String text) {
        while (!desk.next().is("item.body.text", text)) {
        }
    }

    public static void main(String[] args) {
        Map<String, String> given = System.getenv();
        String conv = given.get("PARLEY_CONV"), other = given.get("PARLEY_OTHER");
        Options options = new Options(given.get("PARLEY_URL")).token("t").flags(Client.WIRE_JSON | Client.NO_RECEIPTS);
        try (Client desk = new Client(options)) {
            desk.connect();
            desk.subscribe(conv);
            until(desk, "hello");
            desk.send(conv, "hi");
            desk.post(conv, "location", "{\"latitude\":1.5,\"longitude\":2.5}");
            desk.tap(conv, 1, "a", "A");
            desk.submitForm(conv, 1, "{\"x\":\"1\"}");
            desk.note(conv, "psst", other);
            String begun = desk.processBegin(conv, "order", "An order", "one", "{\"a\":1}");
            desk.processEdit(conv, begun, "two", "open", "{\"b\":2}");
            desk.markRead(conv, 1);
            desk.typing(conv, true);
            desk.context(conv, "screen", "\"cart\"");
            desk.requestHuman(conv, "billing", "money");
            desk.leaveQueue(conv);
            desk.openConversation("returns");
            desk.processStart(conv, "claim", "Claim", "one", "{\"a\":1}");
            desk.processStep(conv, other, 3, "two", "open", "{\"a\":2}");
            desk.processGet(conv, other);
            desk.range(conv, -1, 7, 3);
            desk.getConversations(other);
            desk.getStarts("pt-BR");
            desk.contextGet(conv, 9);
            desk.upload(conv, "a.png", "image/png", 7, "a".repeat(64));
            desk.download(conv, other);
            desk.setStatus("busy");
            desk.getInbox();
            desk.accept(conv, other);
            desk.decline(conv, other, "lunch");
            desk.transfer(conv, "billing", "money");
            desk.release(conv, "done", "note");
            desk.resolve(conv, "done", "note");
            desk.reopen(conv);
            desk.unsubscribe(other);
            until(desk, "enough");
        }
    }
}
