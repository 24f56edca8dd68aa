package parley

import java.util.concurrent.CompletableFuture
import java.util.function.Consumer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asExecutor
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.channels.trySendBlocking
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.future.await

/**
 * Events as they come, until the client is disconnected or closed; collect it once at a time. What is not collected yet
 * waits: sixty-four events here, the others in the library. Cancelling the collector lets the thread go at once.
 */
fun Client.events(): Flow<Event> = callbackFlow {
    val listening = listen(Dispatchers.IO.asExecutor(), Consumer<Event> { event -> trySendBlocking(event) }, Runnable { close() })
    awaitClose { listening.close() }
}

/** Any request by its name in the protocol, with its data as JSON. Throws ParleyException. Collect events() meanwhile. */
suspend fun Client.ask(type: String, dataJson: String = "{}"): Event = call(type, dataJson).answer()

/** The answer to one of the client's futures: `chat.requestHuman(null, null, null).answer()`. */
suspend fun CompletableFuture<Event>.answer(): Event = await()

/** `Client("wss://...") { token(jwt); keep(folder, user) }` */
fun Client(url: String, configure: Options.() -> Unit = {}): Client = Client(Options(url).apply(configure))

/** The rows of a view, as a list that a screen shows: give it every event. True when it changed. */
class Rows(private val view: Long) {
    /** Oldest first. What a row holds is at "row.…" of its event; an update brings only what has changed. */
    val events: List<List<Event>> get() = rows
    private val rows = mutableListOf<MutableList<Event>>()

    fun apply(event: Event): Boolean {
        if (event.name() != "view" || event.call() != view) return false
        val index = event.seq().toInt()
        when (event.text("change")) {
            "insert" -> rows.add(index, mutableListOf(event))
            "update" -> rows[index].add(0, event)
            "remove" -> rows.removeAt(index)
            "reset" -> rows.clear()
            else -> return false
        }
        return true
    }

    /** The newest text at a path of a row, "item.body.text" or "state". */
    fun text(index: Int, path: String): String? = rows[index].asSequence().mapNotNull { it.text("row.$path") }.firstOrNull()
}
