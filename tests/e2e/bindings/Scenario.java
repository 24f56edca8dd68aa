/* The part of the app in test_bindings.py, in Java. */
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import parley.Client;
import parley.Event;
import parley.Options;
import parley.ParleyException;

public final class Scenario {
    private record Row(long seq, String text) {
    }

    private static void say(String line) throws Exception {
        System.out.write((line + "\n").getBytes("UTF-8"));
        System.out.flush();
    }

    /** Where events come from: the client itself, or a listener's queue. */
    private interface Source {
        Event next() throws InterruptedException;
    }

    private static Event until(Source source, Predicate<Event> fits) throws InterruptedException {
        for (;;) {
            Event event = source.next();
            if (event == null)
                throw new IllegalStateException("no more events");
            if (fits.test(event))
                return event;
            event.close();
        }
    }

    private static Predicate<Event> said(String text) {
        return e -> e.name().equals("item") && e.is("item.body.text", text);
    }

    private static Predicate<Event> state(String name) {
        return e -> e.name().equals("state") && e.is("state", name);
    }

    private static void rows(Client client, Source source, String word) throws Exception {
        long view = client.viewThread(null, 50);
        List<Row> rows = new ArrayList<>();
        while (rows.stream().filter(row -> row.text() != null).count() < 3) {
            Event e = until(source, event -> event.name().equals("view") && event.call() == view);
            int at = (int) e.seq();
            switch (e.text("change")) {
                case "insert" -> rows.add(at, new Row(e.number("row.seq", 0), e.text("row.item.body.text")));
                case "update" -> rows.set(at, new Row(e.number("row.seq", rows.get(at).seq()), rows.get(at).text()));
                case "remove" -> rows.remove(at);
                case "reset" -> rows.clear();
                default -> { }
            }
        }
        for (Row row : rows)
            if (row.text() != null)
                say(word + " " + row.seq() + " " + row.text());
    }

    private static void first(Client client) throws Exception {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        BlockingQueue<Event> queue = new LinkedBlockingQueue<>();
        Source source = () -> queue.poll(60, TimeUnit.SECONDS);
        Client.Listening listening = client.listen(executor, queue::add);
        client.connect();
        until(source, state("online"));
        String one = client.send("one \ud83d\udc4b");
        until(source, e -> e.name().equals("outbox") && e.is("id", one) && e.is("state", "sent"));
        say("sent " + one);
        until(source, state("backoff"));
        say("lost");
        until(source, said("while you were away"));
        say("back");
        say("range " + client.call("range", "{\"limit\":50}").get().count("data.thread.items"));
        try {
            client.call("process.step", "{\"process\":" + Client.quote(one) + ",\"revision\":1,\"step\":\"none\"}").get();
        } catch (ExecutionException e) {
            say("refused " + ((ParleyException) e.getCause()).code());
        }
        try {
            client.send("cut\0short");
        } catch (IllegalArgumentException e) {
            say("refused zero");
        }
        try {
            client.call("range", "{\"after\":\"x\"}");
        } catch (ParleyException e) {
            say("refused " + e.getMessage());
        }
        client.send("two");
        until(source, said("two"));
        client.draft(null, 0, "\"half a sen\"");
        rows(client, source, "row");
        listening.close();
        client.viewList();
        client.listen(executor, event -> client.close()); // a listener may end the client that it listens to
        executor.shutdown();
        say("let go " + executor.awaitTermination(60, TimeUnit.SECONDS));
    }

    private static void again(Client client) throws Exception {
        rows(client, () -> client.next(Duration.ofSeconds(60)), "kept");
        say("draft " + client.recap(null).text("drafts.0.value"));
        Thread puller = new Thread(() -> {
            while (client.next() != null) {
            }
        });
        puller.start();
        client.close();
        puller.join();
        try {
            client.send("late");
        } catch (ParleyException e) {
            say(e.code());
        }
    }

    public static void main(String[] args) throws Exception {
        Options options = new Options(System.getenv("PARLEY_URL")).token(System.getenv("PARLEY_TOKEN"))
            .keep(System.getenv("PARLEY_FOLDER"), "guest").device(System.getenv("PARLEY_DEVICE"));
        first(new Client(options));
        again(new Client(options));
    }
}
