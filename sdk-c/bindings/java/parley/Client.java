package parley;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import parley.Event.Text;

/**
 * Parley's client. What happens is pulled as events, by {@link #next} or {@link #listen}, on threads of the app's own:
 * no thread of the library ever enters Java. Any thread may call, and calls return at once; what the server answers is
 * a future, completed by whoever pulls the events, so do not wait for one there. A conversation that is null is the
 * customer's main one.
 */
public final class Client implements AutoCloseable {
    /** JSON instead of MessagePack on the wire. */
    public static final int WIRE_JSON = 2;
    /** ws:// also to other machines than this one: for a trusted network only. */
    public static final int ALLOW_PLAIN = 4;
    /** Does not tell others what arrived here. */
    public static final int NO_RECEIPTS = 8;

    private static final int STATE_CLOSED = 8;

    /** What a client is made with; see parley_config in parley/client.h. */
    public static final class Options {
        private final String[] texts = new String[10];
        private int page = 50;
        private int backgroundMs = 30000;
        private int flags;

        public Options(String url) {
            texts[0] = url;
        }

        public Options token(String token) {
            return set(1, token);
        }

        public Options device(String device) {
            return set(2, device);
        }

        public Options locale(String locale) {
            return set(3, locale);
        }

        public Options timeZone(String timeZone) {
            return set(4, timeZone);
        }

        public Options app(String name, String version) {
            return set(5, name).set(6, version);
        }

        public Options caFile(String path) {
            return set(7, path);
        }

        /** Where what was said and heard is kept, and who is signed in. Without: in memory. */
        public Options keep(String folder, String user) {
            return set(8, folder).set(9, user);
        }

        public Options page(int items) {
            page = items;
            return this;
        }

        public Options background(Duration untilDisconnect) {
            backgroundMs = (int) untilDisconnect.toMillis();
            return this;
        }

        public Options flags(int flags) {
            this.flags = flags;
            return this;
        }

        private Options set(int index, String text) {
            texts[index] = text;
            return this;
        }
    }

    private final ReentrantReadWriteLock life = new ReentrantReadWriteLock();
    private final Map<Long, CompletableFuture<Event>> calls = new HashMap<>();
    private final Set<Listening> listening = new HashSet<>();
    private final AtomicBoolean closing = new AtomicBoolean();
    private long handle;

    /** Throws ParleyException when it cannot be made. */
    public Client(Options options) {
        byte[][] texts = new byte[options.texts.length][];
        for (int i = 0; i < texts.length; i++)
            texts[i] = Text.to(options.texts[i]);
        int[] status = new int[1];
        handle = open(texts, options.page, options.backgroundMs, options.flags, status);
        check(status[0]);
    }

    // --- life ---

    public void connect() {
        order("connect", "{}");
    }

    /** Closes the connection until the next connect; next() gives null once all events have been pulled. */
    public void disconnect() {
        order("close", "{}");
    }

    public void setToken(String token) {
        order("token", "{\"token\":" + quote(token) + "}");
    }

    /** Forgets this user: drops what was not sent and deletes the files. Afterwards, close. */
    public void signOut() {
        order("sign_out", "{}");
    }

    /** How this phone is woken while the app is away; a token that is null: not any more. */
    public void pushRegister(String platform, String token) {
        order("push", map("platform", platform, "token", token));
    }

    /** For a silent push: takes what is there and sends what waits, in at most so long. */
    public CompletableFuture<Event> sync(Duration limit) {
        return call("sync", "{\"limit_ms\":" + limit.toMillis() + "}");
    }

    public void setForeground(boolean on) {
        order("foreground", "{\"on\":" + on + "}");
    }

    public void networkChanged(boolean reachable) {
        order("network", "{\"reachable\":" + reachable + "}");
    }

    /** PARLEY_STATE_*: 3 is online. */
    public int state() {
        return with(Client::state);
    }

    /** Items of others that the user has not read, in all conversations. */
    public int unread() {
        return with(Client::unread);
    }

    /**
     * Joins the library's thread and frees everything. Whoever waits in next() is let go; listeners are waited for, but
     * not the one that calls this. Futures that are not answered fail.
     */
    @Override
    public void close() {
        if (closing.getAndSet(true))
            return;
        wake(handle);
        life.writeLock().lock();
        long mine = handle;
        handle = 0;
        life.writeLock().unlock();
        free(mine);
        synchronized (calls) {
            calls.values().forEach(call -> call.completeExceptionally(closed()));
            calls.clear();
        }
        Set<Listening> left;
        synchronized (listening) {
            left = new HashSet<>(listening);
        }
        left.forEach(Listening::join);
    }

    // --- events ---

    /** The oldest event; waits for one. Null: none can come any more, as the client is disconnected or closed. */
    public Event next() {
        return pull(-1, null);
    }

    /** The oldest event, waiting so long. Null: none came, or none can come. */
    public Event next(Duration timeout) {
        return pull(timeout.toMillis(), null);
    }

    /** Hands every event to the listener, one after the other, on one task of the executor, until the client or what
     *  this gives is closed. One listener at a time. */
    public Listening listen(Executor executor, Consumer<Event> listener) {
        return listen(executor, listener, () -> { });
    }

    /** The same; `ended` is run behind the last event. */
    public Listening listen(Executor executor, Consumer<Event> listener, Runnable ended) {
        Listening made = new Listening();
        executor.execute(() -> made.run(listener, ended));
        return made;
    }

    /** A listener at work. */
    public final class Listening implements AutoCloseable {
        private volatile boolean stopped;
        private Thread thread;

        /** Ends it, and waits until it has returned, unless it is the listener that calls this. */
        @Override
        public void close() {
            stopped = true;
            life.readLock().lock();
            if (!closing.get())
                wake(handle);
            life.readLock().unlock();
            join();
        }

        private void run(Consumer<Event> listener, Runnable ended) {
            thread = Thread.currentThread();
            synchronized (listening) {
                listening.add(this);
            }
            try {
                for (Event event; (event = pull(-1, this)) != null;)
                    listener.accept(event);
            } finally {
                synchronized (listening) {
                    listening.remove(this);
                    listening.notifyAll();
                }
                ended.run();
            }
        }

        private void join() {
            boolean interrupted = false;
            synchronized (listening) {
                while (listening.contains(this) && thread != Thread.currentThread()) {
                    try {
                        listening.wait();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
            }
            if (interrupted)
                Thread.currentThread().interrupt();
        }
    }

    /** Readable while an event waits; never read it. */
    public int eventDescriptor() {
        return with(Client::descriptor);
    }

    private Event pull(long timeoutMs, Listening on) {
        long end = System.nanoTime() + timeoutMs * 1000000;
        for (;;) {
            long left = timeoutMs < 0 ? -1 : Math.max(0, (end - System.nanoTime() + 999999) / 1000000);
            long pointer = 0;
            life.readLock().lock();
            try {
                if (closing.get() || (on != null && on.stopped))
                    return null;
                pointer = next(handle, (int) Math.min(Integer.MAX_VALUE, left));
                if (pointer == 0 && (left == 0 || state(handle) == STATE_CLOSED))
                    return null;
            } finally {
                life.readLock().unlock();
            }
            if (pointer != 0)
                return answered(new Event(pointer));
        }
    }

    private Event answered(Event event) {
        if (!event.name().equals("reply"))
            return event;
        CompletableFuture<Event> call;
        synchronized (calls) {
            call = calls.remove(event.call());
        }
        if (call != null && event.status() == 0)
            call.complete(event);
        else if (call != null)
            call.completeExceptionally(failed(event));
        return event;
    }

    private static ParleyException failed(Event reply) {
        String text = reply.text("error.text");
        return new ParleyException(reply.status(), reply.text("status"),
            text != null ? text : Text.from(statusText(reply.status())), reply);
    }

    // --- saying something: kept when the call returns, also offline; gives the id for life ---

    public String send(String text) {
        return send(null, text);
    }

    public String send(String conversation, String text) {
        return say("text", conversation, 0, text, null);
    }

    /** An item of any kind; the body is a map in JSON. */
    public String post(String conversation, String kind, String bodyJson) {
        return say("post", conversation, 0, kind, bodyJson);
    }

    /** Answers the choices that are number seq; the label may be null. */
    public String tap(String conversation, long seq, String value, String label) {
        return say("tap", conversation, seq, value, label);
    }

    /** Answers the form that is number seq. */
    public String submitForm(String conversation, long seq, String valuesJson) {
        return say("form", conversation, seq, valuesJson, null);
    }

    /** Staff: what only staff see; with `to`, what only that member of staff sees. */
    public String note(String conversation, String text, String to) {
        return say("note", conversation, 0, text, to);
    }

    public void retry(String id) {
        order("retry", "{\"id\":" + quote(id) + "}");
    }

    public void discard(String id) {
        order("discard", "{\"id\":" + quote(id) + "}");
    }

    /** What is queued, on its way or failed: "outbox.0.id" and so on. */
    public Event outbox() {
        return new Event(with(Client::outbox));
    }

    /** Where the customer was, from what is known here. */
    public Event recap(String conversation) {
        byte[] id = Text.to(conversation);
        long found = with(c -> recap(c, id));
        if (found == 0)
            check(17);
        return new Event(found);
    }

    /** Keeps what is half written, any JSON; null forgets it. Number 0 is what stands in the composer. */
    public void draft(String conversation, long number, String valueJson) {
        order("draft", in(conversation) + "\"number\":" + number + (valueJson == null ? "}" : ",\"value\":" + valueJson + "}"));
    }

    public void markRead(String conversation, long seq) {
        order("read", in(conversation) + "\"seq\":" + seq + "}");
    }

    public void typing(String conversation, boolean on) {
        byte[] id = Text.to(conversation);
        with(c -> {
            typing(c, id, on);
            return null;
        });
    }

    /** What the customer is doing, any JSON; null takes the key away. */
    public void context(String conversation, String key, String valueJson) {
        order("context", in(conversation) + "\"key\":" + quote(key) + (valueJson == null ? "}" : ",\"value\":" + valueJson + "}"));
    }

    /** A class of what never leaves this device in the context; with neither keys nor shape it masks nothing. */
    public void contextMask(String name, String keys, String shape) {
        order("mask", "{\"class\":" + quote(name) + (keys == null ? "" : ",\"keys\":" + quote(keys)) +
                (shape == null ? "" : ",\"shape\":" + quote(shape)) + "}");
    }

    // --- screens ---

    /** A window on a thread's newest rows; "view" events with this number keep it up to date. */
    public long viewThread(String conversation, int count) {
        return order("view", in(conversation) + "\"count\":" + count + "}");
    }

    public long viewList() {
        return order("view.list", "{}");
    }

    public void viewMore(long view, int count) {
        order("view.more", "{\"view\":" + view + ",\"count\":" + count + "}");
    }

    public void viewClose(long view) {
        order("view.close", "{\"view\":" + view + "}");
    }

    // --- asking for something ---

    /** Any request by its name in the protocol, with its data as JSON. Fails with ParleyException. */
    public CompletableFuture<Event> call(String type, String dataJson) {
        CompletableFuture<Event> call = new CompletableFuture<>();
        synchronized (calls) {
            long number = order(type, dataJson);
            if (number != 0)
                calls.put(number, call);
            else
                call.complete(null);
        }
        return call;
    }

    public CompletableFuture<Event> loadOlder(String conversation, int count) {
        return call("older", in(conversation) + "\"count\":" + count + "}");
    }

    /** A person, please; queue and reason may be null. */
    public CompletableFuture<Event> requestHuman(String conversation, String queue, String reason) {
        return call("handoff.request", map("conversation", conversation, "queue", queue, "reason", reason));
    }

    public CompletableFuture<Event> leaveQueue(String conversation) {
        return call("queue.leave", map("conversation", conversation));
    }

    public CompletableFuture<Event> openConversation(String topic) {
        return call("conversation.open", map("topic", topic));
    }

    /** The library's version: "0.1.0". */
    public static String version() {
        return Text.from(libraryVersion());
    }

    /** Text as JSON. */
    public static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\')
                out.append('\\').append(c);
            else if (c < ' ')
                out.append(String.format("\\u%04x", (int) c));
            else
                out.append(c);
        }
        return out.append('"').toString();
    }

    /** A map of texts as JSON; those that are null are left out. */
    public static String map(String... namesAndTexts) {
        StringBuilder out = new StringBuilder("{");
        for (int i = 0; i + 1 < namesAndTexts.length; i += 2)
            if (namesAndTexts[i + 1] != null)
                out.append(out.length() > 1 ? "," : "").append(quote(namesAndTexts[i])).append(':').append(quote(namesAndTexts[i + 1]));
        return out.append('}').toString();
    }

    // --- how calls are made ---

    private interface Use<T> {
        T with(long handle);
    }

    private <T> T with(Use<T> use) {
        life.readLock().lock();
        try {
            if (closing.get())
                throw closed();
            return use.with(handle);
        } finally {
            life.readLock().unlock();
        }
    }

    private long order(String type, String dataJson) {
        byte[] line = Text.to("{\"type\":" + quote(type) + ",\"data\":" + dataJson + "}");
        long number = with(c -> call(c, line));
        check(number < 0 ? (int) -number : 0);
        return number;
    }

    private String say(String what, String conversation, long seq, String a, String b) {
        byte[] word = Text.to(what), id = Text.to(conversation), first = Text.to(a), second = Text.to(b);
        int[] status = new int[1];
        byte[] said = with(c -> say(c, word, id, seq, first, second, status));
        check(status[0]);
        return Text.from(said);
    }

    private static String in(String conversation) {
        return conversation == null ? "{" : "{\"conversation\":" + quote(conversation) + ",";
    }

    private static void check(int status) {
        if (status != 0)
            throw new ParleyException(status, Text.from(statusName(status)), Text.from(statusText(status)), null);
    }

    private static ParleyException closed() {
        return new ParleyException(27, "closed", "the client was closed", null);
    }

    /** From -Dparley.jni=FILE, else from java.library.path (on Android: from the app). */
    static void load() {
        String file = System.getProperty("parley.jni");
        if (file != null)
            System.load(file);
        else
            System.loadLibrary("parley_jni");
    }

    static {
        load();
    }

    private static native long open(byte[][] texts, int page, int backgroundMs, int flags, int[] outStatus);

    private static native void wake(long client);

    private static native void free(long client);

    private static native long next(long client, int timeoutMs);

    private static native int descriptor(long client);

    private static native int state(long client);

    private static native int unread(long client);

    private static native long outbox(long client);

    private static native long recap(long client, byte[] conversation);

    private static native void typing(long client, byte[] conversation, boolean on);

    private static native long call(long client, byte[] json);

    private static native byte[] say(long client, byte[] what, byte[] conversation, long seq, byte[] a, byte[] b, int[] outStatus);

    private static native byte[] statusName(int status);

    private static native byte[] statusText(int status);

    private static native byte[] libraryVersion();
}
