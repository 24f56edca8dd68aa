package parley;

/** A call that failed. */
public final class ParleyException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final String code;
    private final transient Event reply;

    ParleyException(int status, String code, String text, Event reply) {
        super(code + ": " + text);
        this.status = status;
        this.code = code;
        this.reply = reply;
    }

    /** PARLEY_*, as in parley/client.h. */
    public int status() {
        return status;
    }

    /** The status's name, for example "stale". */
    public String code() {
        return code;
    }

    /** What the server said, under "error"; null when it was not asked. */
    public Event reply() {
        return reply;
    }
}
