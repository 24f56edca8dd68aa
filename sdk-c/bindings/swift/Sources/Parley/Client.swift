import CParley
import Foundation

/// Parley's client. What happens is an async sequence of events; calls return at once, and what the server answers is
/// awaited, while somebody takes the events. A conversation that is nil is the customer's main one.
public final class Client: @unchecked Sendable {
    /// What a client is made with; see parley_config in parley/client.h.
    public struct Options: Sendable {
        public var url: String
        public var token: String?
        /// Where what was said and heard is kept; with `user`, who is signed in. Without: in memory. Give the folder the
        /// file-protection class that the app wants; `completeUntilFirstUserAuthentication` lets a push be worked on.
        public var folder: String?
        public var user: String?
        public var device: String?
        public var locale: String?
        public var timeZone: String?
        public var appName: String?
        public var appVersion: String?
        public var caFile: String?
        public var page: UInt32 = 50
        public var backgroundMs: UInt32 = 30000
        public var flags: UInt32 = 0

        public init(url: String, token: String? = nil) {
            self.url = url
            self.token = token
        }
    }

    private let lock = NSRecursiveLock()
    private let arrival = Arrival()
    private var handle: OpaquePointer?
    private var calls: [UInt64: CheckedContinuation<Event, Error>] = [:]

    public init(_ options: Options) throws {
        var config = parley_config()
        parley_config_init(&config, UInt32(MemoryLayout<parley_config>.size))
        let texts = [options.url, options.token, options.device, options.locale, options.timeZone, options.appName,
                     options.appVersion, options.caFile, options.folder, options.user].map { $0.flatMap { strdup($0) } }
        defer { texts.forEach { free($0) } }
        (config.url, config.token, config.device) = (pointer(texts[0]), pointer(texts[1]), pointer(texts[2]))
        (config.locale, config.time_zone) = (pointer(texts[3]), pointer(texts[4]))
        (config.app_name, config.app_version) = (pointer(texts[5]), pointer(texts[6]))
        (config.ca_file, config.folder, config.user) = (pointer(texts[7]), pointer(texts[8]), pointer(texts[9]))
        (config.page, config.background_ms, config.flags) = (options.page, options.backgroundMs, options.flags)
        let status = parley_client_new(&config, &handle)
        guard status == 0 else { throw ParleyError(status) }
        parley_set_wakeup(handle, { Unmanaged<Arrival>.fromOpaque($0!).takeUnretainedValue().came() },
                          Unmanaged.passUnretained(arrival).toOpaque())
    }

    deinit {
        parley_client_free(handle)      // before `arrival` goes: afterwards nothing is called
    }

    // MARK: Life

    public func connect() throws { try check(with { parley_connect($0) }) }
    /// Closes the connection until the next connect; the events end once all have been taken.
    public func disconnect() throws { try with { parley_close($0) } }
    public func setToken(_ token: String) throws { try check(with { parley_set_token($0, token) }) }
    /// Forgets this user: drops what was not sent and deletes the files. Afterwards, close.
    public func signOut() throws { try check(with { parley_sign_out($0) }) }
    /// How this phone is woken while the app is away; nil: not any more.
    public func pushRegister(platform: String, token: String?) throws {
        try check(with { parley_push_register($0, platform, token) })
    }

    /// For a silent push: takes what is there and sends what waits, in at most so long.
    public func sync(limitMs: Int32) async throws -> Event { try await call("sync", "{\"limit_ms\":\(limitMs)}") }
    public func setForeground(_ on: Bool) throws { try with { parley_set_foreground($0, on ? 1 : 0) } }
    public func networkChanged(reachable: Bool) throws { try with { parley_network_changed($0, reachable ? 1 : 0) } }
    /// PARLEY_STATE_*: 3 is online.
    public func state() throws -> Int32 { try with { parley_state($0) } }
    public func unread() throws -> UInt32 { try with { parley_unread_total($0) } }

    /// Joins the library's thread and frees everything. Whoever waits for an event or an answer is let go.
    public func close() {
        lock.lock()
        let (mine, waiting) = (handle, calls)
        handle = nil
        calls = [:]
        parley_client_free(mine)
        lock.unlock()
        arrival.came()
        waiting.values.forEach { $0.resume(throwing: ParleyError(27)) }
    }

    // MARK: Events

    /// Events as they come, until the client is disconnected or closed. One task at a time.
    public var events: AsyncStream<Event> {
        AsyncStream { await self.next() }
    }

    /// The oldest event, once there is one; nil when none can come any more, or the task was cancelled.
    public func next() async -> Event? {
        while !Task.isCancelled {
            if let event = pull() { return event }
            if isEnded() { return nil }
            await arrival.wait()
        }
        return nil
    }

    /// The oldest event, or nil: for loops of the host's own.
    public func pull() -> Event? {
        lock.lock()
        let event = handle.flatMap { parley_next_event($0, 0) }.map { Event($0) }
        let call = event.flatMap { $0.call != 0 && $0.name == "reply" ? calls.removeValue(forKey: $0.call) : nil }
        lock.unlock()
        if let event = event, let call = call {
            event.status == 0 ? call.resume(returning: event) : call.resume(throwing: ParleyError(event.status, reply: event))
        }
        return event
    }

    private func isEnded() -> Bool {
        lock.during { handle == nil || parley_state(handle) == 8 }
    }

    // MARK: Saying something: kept when the call returns, also offline; gives the id for life

    @discardableResult public func send(_ text: String, in conversation: String? = nil) throws -> String {
        try say(text) { parley_send_text($0, conversation, text, $1) }
    }

    /// An item of any kind; the body is a map in JSON.
    @discardableResult public func post(_ kind: String, body: String, in conversation: String? = nil) throws -> String {
        try say(body) { parley_post($0, conversation, kind, body, $1) }
    }

    /// Answers the choices that are number `seq`.
    @discardableResult public func tap(_ seq: Int64, value: String, label: String? = nil, in conversation: String? = nil) throws -> String {
        try say(value) { parley_tap($0, conversation, seq, value, label, $1) }
    }

    /// Answers the form that is number `seq`, with a map of values in JSON.
    @discardableResult public func submitForm(_ seq: Int64, values: String, in conversation: String? = nil) throws -> String {
        try say(values) { parley_submit_form($0, conversation, seq, values, $1) }
    }

    public func retry(_ id: String) throws { try check(with { parley_outbox_retry($0, id) }) }
    public func discard(_ id: String) throws { try check(with { parley_outbox_discard($0, id) }) }
    /// What is queued, on its way or failed: "outbox.0.id" and so on.
    public func outbox() throws -> Event { try found(with { parley_outbox_list($0) }) }
    /// Where the customer was, from what is known here.
    public func recap(in conversation: String? = nil) throws -> Event { try found(with { parley_recap($0, conversation) }) }

    /// Keeps what is half written, any JSON; nil forgets it.
    public func draft(_ json: String?, number: Int64 = 0, in conversation: String? = nil) throws {
        try check(with { parley_draft_set($0, conversation, number, json) })
    }

    public func markRead(_ seq: Int64, in conversation: String? = nil) throws {
        try check(with { parley_mark_read($0, conversation, seq) })
    }

    public func typing(_ on: Bool = true, in conversation: String? = nil) throws {
        try with { parley_typing($0, conversation, on ? 1 : 0) }
    }

    /// What the customer is doing, any JSON; nil takes the key away.
    public func context(_ key: String, _ json: String?, in conversation: String? = nil) throws {
        try check(with { parley_context_set($0, conversation, key, json) })
    }

    /// Begins a process, also offline; its id.
    @discardableResult public func processBegin(_ type: String, data: String? = nil, title: String? = nil, step: String? = nil,
                                                in conversation: String? = nil) throws -> String {
        try say(type) { parley_process_begin($0, conversation, type, title, step, data, $1) }
    }

    /// Changes a process: shown at once, also offline, and sent on whatever it has become.
    @discardableResult public func processEdit(_ process: String, data: String? = nil, step: String? = nil, state: String? = nil,
                                               in conversation: String? = nil) throws -> String {
        try say(process) { parley_process_edit($0, conversation, process, step, state, data, $1) }
    }

    /// Answers a conflict: what is given takes the place of what was said.
    public func processMerge(_ id: String, data: String? = nil, step: String? = nil, state: String? = nil) throws {
        try check(with { parley_process_merge($0, id, step, state, data) })
    }

    /// A class of what never leaves this device in the context; with neither keys nor shape it masks nothing.
    public func contextMask(_ name: String, keys: String? = nil, shape: String? = nil) throws {
        try check(with { parley_context_mask($0, name, keys, shape) })
    }

    // MARK: Screens

    /// A window on a thread's newest rows; "view" events with this number keep it up to date.
    public func viewThread(count: UInt32 = 50, in conversation: String? = nil) throws -> UInt64 {
        try numbered { parley_view_thread($0, conversation, count, $1) }
    }

    public func viewList() throws -> UInt64 { try numbered { parley_view_list($0, $1) } }
    public func viewMore(_ view: UInt64, count: UInt32 = 50) throws { try check(with { parley_view_more($0, view, count) }) }
    public func viewClose(_ view: UInt64) throws { try with { parley_view_close($0, view) } }

    // MARK: Asking for something

    /// Any request by its name in the protocol, with its data as JSON; the reply's "data". Throws ParleyError.
    public func call(_ type: String, _ data: String = "{}") async throws -> Event {
        try await withCheckedThrowingContinuation { continuation in
            lock.lock()
            defer { lock.unlock() }
            do {
                let number = try numbered { parley_call_json($0, "{\"type\":\"\(type)\",\"data\":\(data)}", $1) }
                calls[number] = continuation
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    // MARK: How calls are made

    private func with<T>(_ use: (OpaquePointer) throws -> T) throws -> T {
        lock.lock()
        defer { lock.unlock() }
        guard let open = handle else { throw ParleyError(27) }
        return try use(open)
    }

    private func check(_ status: Int32) throws {
        if status != 0 { throw ParleyError(status) }
    }

    /// A character 0 would cut the text short in C.
    private func say(_ text: String, _ use: (OpaquePointer, UnsafeMutablePointer<CChar>) -> Int32) throws -> String {
        if text.utf8.contains(0) { throw ParleyError(2) }
        var id = [CChar](repeating: 0, count: 37)
        try check(with { use($0, &id) })
        return String(cString: id)
    }

    private func numbered(_ use: (OpaquePointer, UnsafeMutablePointer<UInt64>) -> Int32) throws -> UInt64 {
        var number: UInt64 = 0
        try check(with { use($0, &number) })
        return number
    }

    private func found(_ event: OpaquePointer?) throws -> Event {
        guard let event = event else { throw ParleyError(17) }
        return Event(event)
    }
}

private func pointer(_ text: UnsafeMutablePointer<CChar>?) -> UnsafePointer<CChar>? {
    text.map { UnsafePointer($0) }
}

/// One task that waits, and a library that says "look" from any thread, before or after the task began to wait.
private final class Arrival: @unchecked Sendable {
    private let lock = NSLock()
    private var waiter: CheckedContinuation<Void, Never>?
    private var isHere = false

    func came() {
        lock.lock()
        let waiting = waiter
        waiter = nil
        isHere = waiting == nil
        lock.unlock()
        waiting?.resume()
    }

    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                lock.lock()
                let now = isHere
                isHere = false
                if !now { waiter = continuation }
                lock.unlock()
                if now { continuation.resume() }
            }
        } onCancel: {
            came()
        }
    }
}
