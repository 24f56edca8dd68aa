package parley;

import java.util.concurrent.CompletableFuture;

/**
 * What an app says and asks: the calls of {@link Client}. What each does is said in parley/client.h under the same name. A
 * conversation that is null is the customer's main one; other texts may be null where that is said.
 */
public abstract class Calls {
    Calls() {
    }

    /** Carries the call out: its number, or 0. */
    abstract long order(String type, Data data);

    /** Says something: its id. */
    abstract String say(String type, Data data);

    /** Any request by its name in the protocol, with its data as JSON. Fails with ParleyException. */
    public abstract CompletableFuture<Event> call(String type, String dataJson);

    private CompletableFuture<Event> ask(String type, Data data) {
        return call(type, data.toString());
    }

    // --- saying something: kept when the call returns, also offline; gives the id for life ---

    public String send(String text) {
        return send(null, text);
    }

    public String send(String conversation, String text) {
        return say("send", Data.in(conversation).text("text", text));
    }

    /** An item of any kind; the body is a map in JSON. */
    public String post(String conversation, String kind, String bodyJson) {
        return say("post", Data.in(conversation).text("kind", kind).json("body", bodyJson));
    }

    /** Answers the choices that are number seq; the label may be null. */
    public String tap(String conversation, long seq, String value, String label) {
        return say("tap", Data.in(conversation).number("seq", seq).text("value", value).text("label", label));
    }

    /** Answers the form that is number seq. */
    public String submitForm(String conversation, long seq, String valuesJson) {
        return say("submit", Data.in(conversation).number("seq", seq).json("values", valuesJson));
    }

    /** Staff: what only staff see; with `to`, what only that member of staff sees. */
    public String note(String conversation, String text, String to) {
        return say("note", Data.in(conversation).text("text", text).text("to", to));
    }

    /** Begins a process: shown at once, also offline; its id. Title, step and data may be null. */
    public String processBegin(String conversation, String type, String title, String step, String dataJson) {
        return say("process.begin", Data.in(conversation).text("type", type).text("title", title).text("step", step).json("data", dataJson));
    }

    /**
     * Changes a process, sent on whatever it has become meanwhile; the id of the change. Step, state ("open", "done",
     * "failed") and data may be null, not all.
     */
    public String processEdit(String conversation, String process, String step, String state, String dataJson) {
        return say("process.edit", Data.in(conversation).text("process", process).text("step", step).text("state", state).json("data", dataJson));
    }

    /** Answers a conflict: what is given takes the place of what was said. */
    public void processMerge(String id, String step, String state, String dataJson) {
        order("process.merge", new Data().text("id", id).text("step", step).text("state", state).json("data", dataJson));
    }

    public void retry(String id) {
        order("retry", new Data().text("id", id));
    }

    public void discard(String id) {
        order("discard", new Data().text("id", id));
    }

    /** Keeps what is half written, any JSON; null forgets it. Number 0 is what stands in the composer. */
    public void draft(String conversation, long number, String valueJson) {
        order("draft", Data.in(conversation).number("number", number).json("value", valueJson));
    }

    public void markRead(String conversation, long seq) {
        order("read", Data.in(conversation).number("seq", seq));
    }

    /** What the customer is doing, any JSON; null takes the key away. */
    public void context(String conversation, String key, String valueJson) {
        order("context", Data.in(conversation).text("key", key).json("value", valueJson));
    }

    /** A class of what never leaves this device in the context; with neither keys nor shape it masks nothing. */
    public void contextMask(String name, String keys, String shape) {
        order("mask", new Data().text("class", name).text("keys", keys).text("shape", shape));
    }

    // --- screens ---

    /** A window on a thread's newest rows; "view" events with this number keep it up to date. */
    public long viewThread(String conversation, int count) {
        return order("view", Data.in(conversation).number("count", count));
    }

    public long viewList() {
        return order("view.list", new Data());
    }

    public void viewMore(long view, int count) {
        order("view.more", new Data().number("view", view).number("count", count));
    }

    public void viewClose(long view) {
        order("view.close", new Data().number("view", view));
    }

    // --- asking for something ---

    public CompletableFuture<Event> loadOlder(String conversation, int count) {
        return ask("older", Data.in(conversation).number("count", count));
    }

    /** A person, please; queue and reason may be null. */
    public CompletableFuture<Event> requestHuman(String conversation, String queue, String reason) {
        return ask("handoff.request", Data.in(conversation).text("queue", queue).text("reason", reason));
    }

    public CompletableFuture<Event> leaveQueue(String conversation) {
        return ask("queue.leave", Data.in(conversation));
    }

    public CompletableFuture<Event> openConversation(String topic) {
        return ask("conversation.open", new Data().text("topic", topic));
    }

    /** Begins a process now, as the server says; offline and at once: processBegin. */
    public CompletableFuture<Event> processStart(String conversation, String type, String title, String step, String dataJson) {
        return ask("process.start", Data.in(conversation).text("type", type).text("title", title).text("step", step).json("data", dataJson));
    }

    /** Changes a process that stands at that revision. */
    public CompletableFuture<Event> processStep(String conversation, String process, long revision, String step, String state, String dataJson) {
        return ask("process.step", Data.in(conversation).text("process", process).number("revision", revision).text("step", step)
            .text("state", state).json("data", dataJson));
    }

    /** One process; null: the open ones. */
    public CompletableFuture<Event> processGet(String conversation, String process) {
        return ask("process.get", Data.in(conversation).text("process", process));
    }

    /** Items as they stand in the log: above `after` if it is not negative, else below `before` if it is above 0, else the newest. */
    public CompletableFuture<Event> range(String conversation, long after, long before, int count) {
        Data data = Data.in(conversation).number("limit", count);
        if (after >= 0)
            data.number("after", after);
        else if (before > 0)
            data.number("before", before);
        return ask("range", data);
    }

    /** Null: the customer's own; staff name whose. */
    public CompletableFuture<Event> getConversations(String customer) {
        return ask("conversations", new Data().text("customer", customer));
    }

    /** What may be begun with, for a screen on which nothing has been said; null: in the flows' own language. */
    public CompletableFuture<Event> getStarts(String language) {
        return ask("starts", new Data().text("language", language));
    }

    /** The context in force at a number; 0: now. */
    public CompletableFuture<Event> contextGet(String conversation, long at) {
        Data data = Data.in(conversation);
        return ask("context.get", at > 0 ? data.number("at", at) : data);
    }

    /** A place to PUT a file to, once: "data.url"; then post a media item that names "data.blob". */
    public CompletableFuture<Event> upload(String conversation, String name, String type, long bytes, String sha256) {
        return ask("upload", Data.in(conversation).text("name", name).text("type", type).number("bytes", bytes).text("sha256", sha256));
    }

    /** A place to GET the file of a media item from, once: "data.url". */
    public CompletableFuture<Event> download(String conversation, String blob) {
        return ask("download", Data.in(conversation).text("blob", blob));
    }

    // --- agents ---

    /** "online", "busy", "away" or "offline". */
    public CompletableFuture<Event> setStatus(String status) {
        return ask("status.set", new Data().text("status", status));
    }

    /** The desk: status, sessions, offers, queues. */
    public CompletableFuture<Event> getInbox() {
        return ask("inbox", new Data());
    }

    /** Takes an offer; fails with "taken" when somebody else was first. */
    public CompletableFuture<Event> accept(String conversation, String offer) {
        return ask("offer.accept", Data.in(conversation).text("offer", offer));
    }

    /** The reason may be null. */
    public CompletableFuture<Event> decline(String conversation, String offer, String reason) {
        return ask("offer.decline", Data.in(conversation).text("offer", offer).text("reason", reason));
    }

    /** Follows a conversation: its newest items come, then all that is said. */
    public CompletableFuture<Event> subscribe(String conversation) {
        return ask("subscribe", Data.in(conversation));
    }

    public CompletableFuture<Event> unsubscribe(String conversation) {
        return ask("unsubscribe", Data.in(conversation));
    }

    /** The reason may be null. */
    public CompletableFuture<Event> transfer(String conversation, String queue, String reason) {
        return ask("transfer", Data.in(conversation).text("queue", queue).text("reason", reason));
    }

    /** Gives it back to the flow that handed it over; outcome and note may be null. */
    public CompletableFuture<Event> release(String conversation, String outcome, String note) {
        return ask("release", Data.in(conversation).text("outcome", outcome).text("note", note));
    }

    /** Outcome and note may be null. */
    public CompletableFuture<Event> resolve(String conversation, String outcome, String note) {
        return ask("resolve", Data.in(conversation).text("outcome", outcome).text("note", note));
    }

    /** Takes up again what was resolved, within 24 hours. */
    public CompletableFuture<Event> reopen(String conversation) {
        return ask("reopen", Data.in(conversation));
    }
}
