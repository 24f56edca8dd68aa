/* The part of the app in test_bindings.py, in C++. */
#include <parley/client.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace
{

template <typename... Words> void say(const char *format, Words... words)
{
    std::printf(format, words...);
    std::printf("\n");
    std::fflush(stdout);
}

template <typename Fits> parley::Event until(parley::Client &chat, Fits fits)
{
    while (parley::Event event = chat.next(60000))
        if (fits(event))
            return event;
    std::fprintf(stderr, "no more events\n");
    std::exit(1);
}

struct Row {
    long long seq;
    std::string text;
};

void change(std::vector<Row> &rows, const parley::Event &event)
{
    auto at = rows.begin() + event.seq();
    if (event.state() == PARLEY_VIEW_INSERT) {
        const char *text = event.text("row.item.body.text");
        rows.insert(at, Row{(long long)event.integer("row.seq"), text ? text : ""});
    } else if (event.state() == PARLEY_VIEW_UPDATE) {
        at->seq = event.integer("row.seq", at->seq);
    } else if (event.state() == PARLEY_VIEW_REMOVE) {
        rows.erase(at);
    } else if (event.state() == PARLEY_VIEW_RESET) {
        rows.clear();
    }
}

void tell_rows(parley::Client &chat, const char *word)
{
    std::vector<Row> rows;
    parley::Asked view = chat.view_thread(50);
    std::size_t texts = 0;
    while (texts < 3) {
        change(rows, until(chat, [&](const parley::Event &e) {
                   return e.type() == PARLEY_EVENT_VIEW && e.call() == view.call;
               }));
        texts = 0;
        for (const Row &row : rows)
            texts += !row.text.empty();
    }
    for (const Row &row : rows)
        if (!row.text.empty())
            say("%s %lld %s", word, row.seq, row.text.c_str());
}

auto said(const char *text)
{
    return [text](const parley::Event &e) { return e.type() == PARLEY_EVENT_ITEM && e.is("item.body.text", text); };
}

void first(parley::Client &chat)
{
    chat.connect();
    until(chat,
          [](const parley::Event &e) { return e.type() == PARLEY_EVENT_STATE && e.state() == PARLEY_STATE_ONLINE; });
    parley::Said one = chat.send(std::string("one \U0001f44b"));
    until(chat, [&](const parley::Event &e) {
        return e.type() == PARLEY_EVENT_OUTBOX && e.is("id", one.id.c_str()) && e.state() == PARLEY_OUTBOX_SENT;
    });
    say("sent %s", one.id.c_str());
    until(chat,
          [](const parley::Event &e) { return e.type() == PARLEY_EVENT_STATE && e.state() == PARLEY_STATE_BACKOFF; });
    say("lost");
    until(chat, said("while you were away"));
    say("back");
    parley::Asked step = chat.process_step(one.id, 1, "none");
    parley::Event reply =
        until(chat, [&](const parley::Event &e) { return e.type() == PARLEY_EVENT_REPLY && e.call() == step.call; });
    say("refused %s", reply.status().name());
    if (!chat.send(std::string("cut\0short", 9)))
        say("refused zero");
    if (parley::Asked range = chat.call_json("{\"type\":\"range\",\"data\":{\"after\":\"x\"}}"); !range)
        say("refused %s: %s", range.status.name(), chat.call_json_error());
    chat.send("two");
    until(chat, said("two"));
    chat.draft_set("\"half a sen\"");
    tell_rows(chat, "row");
}

} // namespace

int main()
{
    parley::Config config(std::getenv("PARLEY_URL"), std::getenv("PARLEY_TOKEN"));
    config.folder = std::getenv("PARLEY_FOLDER");
    config.user = "guest";
    config.device = std::getenv("PARLEY_DEVICE");
    parley::Client chat;
    if (parley::Status st = chat.open(config); !st)
        return std::fprintf(stderr, "%s\n", st.text()), 1;
    first(chat);
    if (parley::Client moved = std::move(chat); moved.open(config)) { /* again, without a network */
        tell_rows(moved, "kept");
        say("draft %s", moved.recap().text("drafts.0.value"));
        std::thread puller([&] {
            while (moved.next()) {
            }
            say("let go");
        });
        moved.close();
        puller.join();
    }
    say("closed");
}
