package parley;

/** The data of a call, as a line of JSON; what is null is left out. */
final class Data {
    private final StringBuilder out = new StringBuilder("{");

    /** About a conversation; null: the customer's main one. */
    static Data in(String conversation) {
        return new Data().text("conversation", conversation);
    }

    Data text(String name, String text) {
        return text == null ? this : json(name, quote(text));
    }

    Data number(String name, long number) {
        return json(name, Long.toString(number));
    }

    Data flag(String name, boolean flag) {
        return json(name, Boolean.toString(flag));
    }

    /** What is JSON already. */
    Data json(String name, String json) {
        if (json != null)
            out.append(out.length() > 1 ? "," : "").append(quote(name)).append(':').append(json);
        return this;
    }

    @Override
    public String toString() {
        return out + "}";
    }

    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\')
                out.append('\\').append(c);
            else if (c == 0)
                throw new IllegalArgumentException("text with a character 0 in it");
            else if (c < ' ')
                out.append(String.format("\\u%04x", (int) c));
            else
                out.append(c);
        }
        return out.append('"').toString();
    }
}
