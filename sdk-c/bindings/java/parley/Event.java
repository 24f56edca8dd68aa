package parley;

import java.lang.ref.Cleaner;
import java.nio.charset.StandardCharsets;

/**
 * What happened. Fields are reached by their paths, "item.body.text", "desk.offers.0.queue"; which there are is said in
 * parley/client.h. Any thread may read it. It is freed when nobody refers to it any more, or sooner by {@link #close}.
 */
public final class Event implements AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();

    private static final class Owned implements Runnable {
        private long pointer;

        @Override
        public void run() {
            free(pointer);
            pointer = 0;
        }
    }

    private final Owned owned = new Owned();
    private final Cleaner.Cleanable cleanable;
    private final String name;

    Event(long pointer) {
        owned.pointer = pointer;
        cleanable = CLEANER.register(this, owned);
        name = text("event");
    }

    /** "item", "state", "outbox", "view", "reply", ... */
    public String name() {
        return name;
    }

    /** Of a reply: the number of the call. Of a view: its number. */
    public synchronized long call() {
        return call(open());
    }

    /** Of a reply, an outbox entry, a state: how it went, 0 is good. */
    public synchronized int status() {
        return status(open());
    }

    /** An item's number, a view's index. */
    public synchronized long seq() {
        return seq(open());
    }

    /** Null when there is no text at the path. */
    public synchronized String text(String path) {
        return Text.from(text(open(), Text.to(path)));
    }

    /** Whether there is this text at the path. */
    public boolean is(String path, String value) {
        return value.equals(text(path));
    }

    /** A number, or a boolean as 0 or 1. */
    public synchronized long number(String path, long otherwise) {
        return number(open(), Text.to(path), otherwise);
    }

    public synchronized double real(String path, double otherwise) {
        return real(open(), Text.to(path), otherwise);
    }

    /** Entries of an array or map; 0 when there is none. */
    public synchronized int count(String path) {
        return count(open(), Text.to(path));
    }

    /** The name of a map's member; null beyond the last. */
    public synchronized String key(String path, int index) {
        return Text.from(key(open(), Text.to(path), index));
    }

    /** All of it, as one line of JSON. */
    public synchronized String json() {
        return Text.from(json(open()));
    }

    @Override
    public synchronized void close() {
        cleanable.clean();
    }

    @Override
    public String toString() {
        return json();
    }

    private long open() {
        if (owned.pointer == 0)
            throw new IllegalStateException("the event was closed");
        return owned.pointer;
    }

    static {
        Client.load();
    }

    private static native void free(long event);

    private static native long call(long event);

    private static native int status(long event);

    private static native long seq(long event);

    private static native byte[] text(long event, byte[] path);

    private static native long number(long event, byte[] path, long otherwise);

    private static native double real(long event, byte[] path, double otherwise);

    private static native int count(long event, byte[] path);

    private static native byte[] key(long event, byte[] path, int index);

    private static native byte[] json(long event);

    /** Strings cross as UTF-8 in bytes: JNI's own strings are another encoding, which breaks emoji. */
    static final class Text {
        static byte[] to(String text) {
            if (text == null)
                return null;
            if (text.indexOf('\0') >= 0)
                throw new IllegalArgumentException("text with a character 0 in it");
            return text.getBytes(StandardCharsets.UTF_8);
        }

        static String from(byte[] text) {
            return text == null ? null : new String(text, StandardCharsets.UTF_8);
        }

        private Text() {
        }
    }
}
