/* Parley's client for C++17: owners that free themselves around the calls of parley/client.h, and nothing else.
 *
 *   parley::Config config("wss://chat.example/v1/ws", token);
 *   parley::Client chat;
 *   if (parley::Status st = chat.open(config); !st)
 *       return complain(st.text());
 *   chat.connect();
 *   chat.send("Hello");
 *   while (parley::Event event = chat.next())
 *       if (event.type() == PARLEY_EVENT_ITEM)
 *           show(event.text("item.role"), event.text("item.body.text"));
 *
 * Nothing here throws: calls give a Status. Where a std::string is made (ids), running out of memory throws
 * std::bad_alloc as everywhere in C++. The header compiles with -fno-exceptions -fno-rtti.
 *
 * A conversation that is left out is the customer's main one. Any thread may call; one thread at a time takes events;
 * end that thread before the Client goes (close() lets it go: next() then gives the events that are left, and an empty
 * one). */
#ifndef PARLEY_CLIENT_HPP
#define PARLEY_CLIENT_HPP

#include <parley/event.hpp>

#include <memory>
#include <string>
#include <utility>

namespace parley
{

/* parley_config with its defaults filled in. The text it is given must live until Client::open returns. */
struct Config : parley_config {
    explicit Config(const char *url_, const char *token_ = nullptr) noexcept
    {
        parley_config_init(this, sizeof(parley_config));
        url = url_;
        token = token_;
    }
};

/* The client; what each call does is said in parley/client.h under the same name. Open it before anything else. */
class Client
{
  public:
    Client() noexcept = default;

    /* Makes the client in state idle; one that was open is freed first. */
    Status open(const parley_config &config) noexcept
    {
        parley_client *made = nullptr;
        client_.reset();
        Status st = parley_client_new(&config, &made);
        client_.reset(made);
        return st;
    }
    /* What the destructor does: joins the client's thread, frees everything; afterwards nothing is called. */
    void free() noexcept
    {
        client_.reset();
    }
    /* For calls that are not here. */
    parley_client *get() const noexcept
    {
        return client_.get();
    }

    Status connect() noexcept
    {
        return parley_connect(get());
    }
    void close() noexcept
    {
        parley_close(get());
    }
    Status set_token(Text token) noexcept
    {
        return parley_set_token(get(), token.get());
    }
    Status sign_out() noexcept
    {
        return parley_sign_out(get());
    }
    /* No token: this phone is not to be woken any more. */
    Status push_register(Text platform, Text token) noexcept
    {
        return parley_push_register(get(), platform.get(), token.get());
    }
    /* Waits, at most so long; *out_result may be null. */
    Status sync_background(std::int32_t limit_ms, Event *out_result = nullptr) noexcept
    {
        parley_event *result = nullptr;
        Status st = parley_sync_background(get(), limit_ms, &result);
        Event owned(result);
        if (out_result)
            *out_result = std::move(owned);
        return st;
    }
    void set_foreground(bool on) noexcept
    {
        parley_set_foreground(get(), on);
    }
    void network_changed(bool reachable) noexcept
    {
        parley_network_changed(get(), reachable);
    }

    /* --- events --- */

    Event next(std::int32_t timeout_ms = -1) noexcept
    {
        return Event(parley_next_event(get(), timeout_ms));
    }
    std::int32_t event_fd() const noexcept
    {
        return parley_event_fd(get());
    }
    void set_wakeup(void (*wakeup)(void *user), void *user) noexcept
    {
        parley_set_wakeup(get(), wakeup, user);
    }
    Status step(std::int32_t timeout_ms) noexcept
    {
        return parley_step(get(), timeout_ms);
    }
    std::int32_t step_due() noexcept
    {
        return parley_step_due(get());
    }
    std::int32_t state() const noexcept
    {
        return parley_state(get());
    }

    /* --- saying something --- */

    Said send(Text text, Text conversation = {})
    {
        char id[37] = "";
        Status st = parley_send_text(get(), conversation.get(), text.get(), id);
        return {st, id};
    }
    Said post(Text kind, Text body_json, Text conversation = {})
    {
        char id[37] = "";
        Status st = parley_post(get(), conversation.get(), kind.get(), body_json.get(), id);
        return {st, id};
    }
    Said tap(std::int64_t seq, Text value, Text label = {}, Text conversation = {})
    {
        char id[37] = "";
        Status st = parley_tap(get(), conversation.get(), seq, value.get(), label.get(), id);
        return {st, id};
    }
    Said submit_form(std::int64_t seq, Text values_json, Text conversation = {})
    {
        char id[37] = "";
        Status st = parley_submit_form(get(), conversation.get(), seq, values_json.get(), id);
        return {st, id};
    }
    Said note(Text text, Text to = {}, Text conversation = {})
    {
        char id[37] = "";
        Status st = parley_note(get(), conversation.get(), text.get(), to.get(), id);
        return {st, id};
    }
    Status outbox_retry(Text id) noexcept
    {
        return parley_outbox_retry(get(), id.get());
    }
    Status outbox_discard(Text id) noexcept
    {
        return parley_outbox_discard(get(), id.get());
    }
    std::uint32_t outbox_count() const noexcept
    {
        return parley_outbox_count(get());
    }
    Event outbox_list() noexcept
    {
        return Event(parley_outbox_list(get()));
    }
    Status draft_set(Text value_json, std::int64_t number = 0, Text conversation = {}) noexcept
    {
        return parley_draft_set(get(), conversation.get(), number, value_json.get());
    }
    Status mark_read(std::int64_t seq, Text conversation = {}) noexcept
    {
        return parley_mark_read(get(), conversation.get(), seq);
    }
    Event recap(Text conversation = {}) noexcept
    {
        return Event(parley_recap(get(), conversation.get()));
    }
    void typing(bool on, Text conversation = {}) noexcept
    {
        parley_typing(get(), conversation.get(), on);
    }
    Status context_set(Text key, Text value_json, Text conversation = {}) noexcept
    {
        return parley_context_set(get(), conversation.get(), key.get(), value_json.get());
    }
    Said process_begin(Text type, Text data_json = {}, Text title = {}, Text step = {}, Text conversation = {})
    {
        char id[37] = "";
        Status st =
            parley_process_begin(get(), conversation.get(), type.get(), title.get(), step.get(), data_json.get(), id);
        return {st, id};
    }
    Said process_edit(Text process, Text data_json = {}, Text step = {}, Text state = {}, Text conversation = {})
    {
        char id[37] = "";
        Status st =
            parley_process_edit(get(), conversation.get(), process.get(), step.get(), state.get(), data_json.get(), id);
        return {st, id};
    }
    Status process_merge(Text id, Text data_json = {}, Text step = {}, Text state = {}) noexcept
    {
        return parley_process_merge(get(), id.get(), step.get(), state.get(), data_json.get());
    }
    Status context_mask(Text name, Text keys, Text shape) noexcept
    {
        return parley_context_mask(get(), name.get(), keys.get(), shape.get());
    }

    /* --- screens --- */

    Asked view_thread(std::uint32_t count = 50, Text conversation = {}) noexcept
    {
        std::uint64_t view = 0;
        Status st = parley_view_thread(get(), conversation.get(), count, &view);
        return {st, view};
    }
    Asked view_list() noexcept
    {
        std::uint64_t view = 0;
        Status st = parley_view_list(get(), &view);
        return {st, view};
    }
    Status view_more(std::uint64_t view, std::uint32_t count = 50) noexcept
    {
        return parley_view_more(get(), view, count);
    }
    void view_close(std::uint64_t view) noexcept
    {
        parley_view_close(get(), view);
    }
    std::uint32_t unread_total() const noexcept
    {
        return parley_unread_total(get());
    }

    /* --- asking for something --- */

    Asked load_older(std::uint32_t count = 50, Text conversation = {}) noexcept
    {
        return ask(parley_load_older, conversation.get(), count);
    }
    Asked request_human(Text queue = {}, Text reason = {}, Text conversation = {}) noexcept
    {
        return ask(parley_request_human, conversation.get(), queue.get(), reason.get());
    }
    Asked leave_queue(Text conversation = {}) noexcept
    {
        return ask(parley_leave_queue, conversation.get());
    }
    Asked open_conversation(Text topic) noexcept
    {
        return ask(parley_open_conversation, topic.get());
    }
    /* `out_id` gets the id of the process; it may be null. */
    Asked process_start(Text type, Text title = {}, Text step = {}, Text data_json = {}, Text conversation = {},
                        std::string *out_id = nullptr)
    {
        char id[37] = "";
        Asked asked =
            ask(parley_process_start, conversation.get(), type.get(), title.get(), step.get(), data_json.get(), id);
        if (out_id)
            *out_id = id;
        return asked;
    }
    Asked process_step(Text process, std::int64_t revision, Text step = {}, Text state = {}, Text data_json = {},
                       Text conversation = {}) noexcept
    {
        return ask(parley_process_step, conversation.get(), process.get(), revision, step.get(), state.get(),
                   data_json.get());
    }
    Asked process_get(Text process = {}, Text conversation = {}) noexcept
    {
        return ask(parley_process_get, conversation.get(), process.get());
    }
    Asked range(std::int64_t after, std::int64_t before, std::uint32_t count, Text conversation = {}) noexcept
    {
        return ask(parley_range, conversation.get(), after, before, count);
    }
    Asked get_conversations(Text customer = {}) noexcept
    {
        return ask(parley_get_conversations, customer.get());
    }
    Asked get_starts(Text language = {}) noexcept
    {
        return ask(parley_get_starts, language.get());
    }
    Asked context_get(std::int64_t at = 0, Text conversation = {}) noexcept
    {
        return ask(parley_context_get, conversation.get(), at);
    }
    Asked upload(Text name, Text type, std::int64_t bytes, Text sha256, Text conversation = {}) noexcept
    {
        return ask(parley_upload, conversation.get(), name.get(), type.get(), bytes, sha256.get());
    }
    Asked download(Text blob, Text conversation = {}) noexcept
    {
        return ask(parley_download, conversation.get(), blob.get());
    }

    /* --- agents --- */

    Asked set_status(Text status) noexcept
    {
        return ask(parley_set_status, status.get());
    }
    Asked get_inbox() noexcept
    {
        return ask(parley_get_inbox);
    }
    Asked accept(Text conversation, Text offer) noexcept
    {
        return ask(parley_accept, conversation.get(), offer.get());
    }
    Asked decline(Text conversation, Text offer, Text reason = {}) noexcept
    {
        return ask(parley_decline, conversation.get(), offer.get(), reason.get());
    }
    Asked subscribe(Text conversation) noexcept
    {
        return ask(parley_subscribe, conversation.get());
    }
    Asked unsubscribe(Text conversation) noexcept
    {
        return ask(parley_unsubscribe, conversation.get());
    }
    Asked transfer(Text conversation, Text queue, Text reason = {}) noexcept
    {
        return ask(parley_transfer, conversation.get(), queue.get(), reason.get());
    }
    Asked release(Text conversation, Text outcome = {}, Text note = {}) noexcept
    {
        return ask(parley_release, conversation.get(), outcome.get(), note.get());
    }
    Asked resolve(Text conversation, Text outcome = {}, Text note = {}) noexcept
    {
        return ask(parley_resolve, conversation.get(), outcome.get(), note.get());
    }
    Asked reopen(Text conversation) noexcept
    {
        return ask(parley_reopen, conversation.get());
    }

    /* Any call as one line of JSON; and those that say something, with the id at once. */
    Asked call_json(Text json) noexcept
    {
        return ask(parley_call_json, json.get());
    }
    Said say_json(Text json)
    {
        char id[37] = "";
        Status st = parley_say_json(get(), json.get(), id);
        return {st, id};
    }
    /* What was wrong with this thread's last of these two, in words; empty when its status says it all. */
    static const char *call_json_error() noexcept
    {
        return parley_call_json_error();
    }

  private:
    template <typename Call, typename... Arguments> Asked ask(Call call, Arguments... arguments) noexcept
    {
        std::uint64_t number = 0;
        Status st = call(get(), arguments..., &number);
        return {st, number};
    }

    struct Free {
        void operator()(parley_client *client) const noexcept
        {
            parley_client_free(client);
        }
    };
    std::unique_ptr<parley_client, Free> client_;
};

} // namespace parley

#endif
