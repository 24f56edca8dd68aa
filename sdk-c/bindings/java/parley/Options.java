package parley;

import java.time.Duration;

/** What a client is made with; see parley_config in parley/client.h. */
public final class Options {
    final String[] texts = new String[10];
    int page = 50;
    int backgroundMs = 30000;
    int flags;

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
