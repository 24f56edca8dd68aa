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
public final class Client extends Calls implements AutoCloseable {
    /** JSON instead of MessagePack on the wire. */
    public static final int WIRE_JSON = 2;
    /** ws:// also to other machines than this one: for a trusted network only. */
    public static final int ALLOW_PLAIN = 4;
    /** Does not tell others what arrived here. */
    public static final int NO_RECEIPTS = 8;

    private static final int STATE_CLOSED = 8;

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
        order("connect", new Data());
    }

    /** Closes the connection until the next connect; next() gives null once all events have been pulled. */
    public void disconnect() {
        order("close", new Data());
    }

    public void setToken(String token) {
        order("token", new Data().text("token", token));
    }

    /** Forgets this user: drops what was not sent and deletes the files. Afterwards, close. */
    public void signOut() {
        order("sign_out", new Data());
    }

    /** How this phone is woken while the app is away; a token that is null: not any more. */
    public void pushRegister(String platform, String token) {
        order("push", new Data().text("platform", platform).text("token", token));
    }

    /** For a silent push: takes what is there and sends what waits, in at most so long. */
    public CompletableFuture<Event> sync(Duration limit) {
        return call("sync", new Data().number("limit_ms", limit.toMillis()).toString());
    }

    public void setForeground(boolean on) {
        order("foreground", new Data().flag("on", on));
    }

    public void networkChanged(boolean reachable) {
        order("network", new Data().flag("reachable", reachable));
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

    // --- what is known here ---

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

    public void typing(String conversation, boolean on) {
        byte[] id = Text.to(conversation);
        with(c -> {
            typing(c, id, on);
            return null;
        });
    }

    // --- how calls are made ---

    @Override
    public CompletableFuture<Event> call(String type, String dataJson) {
        CompletableFuture<Event> call = new CompletableFuture<>();
        synchronized (calls) {
            long number = carryOut(type, dataJson);
            if (number != 0)
                calls.put(number, call);
            else
                call.complete(null);
        }
        return call;
    }

    /** The library's version: "0.1.0". */
    public static String version() {
        return Text.from(libraryVersion());
    }

    /** Text as JSON. */
    public static String quote(String text) {
        return Data.quote(text);
    }

    /** A map of texts as JSON; those that are null are left out. */
    public static String map(String... namesAndTexts) {
        Data data = new Data();
        for (int i = 0; i + 1 < namesAndTexts.length; i += 2)
            data.text(namesAndTexts[i], namesAndTexts[i + 1]);
        return data.toString();
    }

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

    private static byte[] line(String type, String dataJson) {
        return Text.to("{\"type\":" + quote(type) + ",\"data\":" + dataJson + "}");
    }

    private long carryOut(String type, String dataJson) {
        byte[] line = line(type, dataJson);
        long number = with(c -> call(c, line));
        checkLine(number < 0 ? (int) -number : 0);
        return number;
    }

    @Override
    long order(String type, Data data) {
        return carryOut(type, data.toString());
    }

    @Override
    String say(String type, Data data) {
        byte[] line = line(type, data.toString());
        int[] status = new int[1];
        byte[] said = with(c -> say(c, line, status));
        checkLine(status[0]);
        return Text.from(said);
    }

    private static void checkLine(int status) {
        String text = status != 0 ? Text.from(callError()) : "";
        if (!text.isEmpty())
            throw new ParleyException(status, Text.from(statusName(status)), text, null);
        check(status);
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

    private static native byte[] say(long client, byte[] json, int[] outStatus);

    private static native byte[] callError();

    private static native byte[] statusName(int status);

    private static native byte[] statusText(int status);

    private static native byte[] libraryVersion();
}
