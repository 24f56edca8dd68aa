import CParley
import Foundation

/// What happened. Fields are reached by their paths, "item.body.text", "desk.offers.0.queue"; which there are is said in
/// parley/client.h. Any thread may read it; it is freed with its last reference.
public final class Event: @unchecked Sendable {
    private let pointer: OpaquePointer
    private let lock = NSLock()

    init(_ owned: OpaquePointer) {
        pointer = owned
    }

    deinit {
        parley_event_free(pointer)
    }

    /// "item", "state", "outbox", "view", "reply", ...
    public var name: String { text("event") ?? "" }
    /// Of a reply: the number of the call. Of a view: its number.
    public var call: UInt64 { parley_event_call(pointer) }
    /// Of a reply, an outbox entry, a state: how it went, 0 is good.
    public var status: Int32 { parley_event_status(pointer) }
    /// An item's number, a view's index.
    public var seq: Int64 { parley_event_seq(pointer) }
    /// All of it, as one line of JSON.
    public var json: String { String(cString: parley_event_json(pointer)) }

    public func text(_ path: String) -> String? {
        lock.during { parley_event_text(pointer, path).map { String(cString: $0) } }
    }

    /// A number, or a boolean as 0 or 1.
    public func number(_ path: String, otherwise: Int64 = 0) -> Int64 {
        lock.during { parley_event_int(pointer, path, otherwise) }
    }

    public func real(_ path: String, otherwise: Double = 0) -> Double {
        lock.during { parley_event_real(pointer, path, otherwise) }
    }

    /// Entries of an array or map; 0 when there is none.
    public func count(_ path: String) -> Int {
        lock.during { Int(parley_event_count(pointer, path)) }
    }

    /// The name of a map's member; nil beyond the last.
    public func key(_ path: String, _ index: Int) -> String? {
        lock.during { parley_event_key(pointer, path, UInt32(index)).map { String(cString: $0) } }
    }
}

/// A call that failed: `code` is the status's name, for example "stale"; `reply` has what the server said, under "error".
public struct ParleyError: Error, CustomStringConvertible {
    public let status: Int32
    public let code: String
    public let text: String
    public let reply: Event?

    init(_ status: Int32, reply: Event? = nil) {
        self.status = status
        self.reply = reply
        code = String(cString: parley_status_name(status))
        text = reply?.text("error.text") ?? String(cString: parley_status_text(status))
    }

    public var description: String { "\(code): \(text)" }
}

extension NSLocking {
    func during<T>(_ work: () throws -> T) rethrows -> T {
        lock()
        defer { unlock() }
        return try work()
    }
}
