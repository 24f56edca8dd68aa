/* Makes every call once that asks the server for something, in C++. */
#include <parley/client.hpp>

#include <cstdlib>

static void until(parley::Client &desk, const char *text)
{
    while (!desk.next().is("item.body.text", text)) {
    }
}

int main()
{
    const std::string conv = std::getenv("PARLEY_CONV"), other = std::getenv("PARLEY_OTHER"), digest(64, 'a');
    parley::Config config(std::getenv("PARLEY_URL"), "t");
    config.flags = PARLEY_WIRE_JSON | PARLEY_NO_RECEIPTS;
    parley::Client desk;
    if (!desk.open(config))
        return 1;
    desk.connect();
    desk.subscribe(conv);
    until(desk, "hello");
    desk.send("hi", conv);
    desk.post("location", R"({"latitude":1.5,"longitude":2.5})", conv);
    desk.tap(1, "a", "A", conv);
    desk.submit_form(1, R"({"x":"1"})", conv);
    desk.note("psst", other, conv);
    const std::string begun = desk.process_begin("order", R"({"a":1})", "An order", "one", conv).id;
    desk.process_edit(begun, R"({"b":2})", "two", "open", conv);
    desk.mark_read(1, conv);
    desk.typing(true, conv);
    desk.context_set("screen", R"("cart")", conv);
    desk.request_human("billing", "money", conv);
    desk.leave_queue(conv);
    desk.open_conversation("returns");
    desk.process_start("claim", "Claim", "one", R"({"a":1})", conv);
    desk.process_step(other, 3, "two", "open", R"({"a":2})", conv);
    desk.process_get(other, conv);
    desk.range(-1, 7, 3, conv);
    desk.get_conversations(other);
    desk.get_starts("pt-BR");
    desk.context_get(9, conv);
    desk.upload("a.png", "image/png", 7, digest, conv);
    desk.download(other, conv);
    desk.set_status("busy");
    desk.get_inbox();
    desk.accept(conv, other);
    desk.decline(conv, other, "lunch");
    desk.transfer(conv, "billing", "money");
    desk.release(conv, "done", "note");
    desk.resolve(conv, "done", "note");
    desk.reopen(conv);
    desk.unsubscribe(other);
    until(desk, "enough");
    return 0;
}
