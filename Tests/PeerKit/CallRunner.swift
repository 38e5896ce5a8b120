internal import LinuxRuntime
internal import RecorderCore
package import WebTransport

/// Runs calls on a transport thread of its own, and keeps the events of all of them.
package final class CallRunner {
    package let client: HTTPClient
    package private(set) var events: [HTTPClient.Event] = []
    private let notifier: EventNotifier
    private let thread: TransportThread
    /// Last, so that it goes last.
    private let lock: LWSContextLock

    /// - Parameter suite: which of the suites with a context of libwebsockets this is.
    package init(suite: String) throws {
        lock = LWSContextLock(suite)
        notifier = try EventNotifier()
        thread = try TransportThread(log: Log(threshold: .error))
        client = HTTPClient(thread: thread, notifier: notifier)
    }

    deinit {
        thread.shutdown()
    }

    /// False when the call has not ended after 40 s.
    package func run(_ call: any HTTPCall) -> Bool {
        guard client.send(call) else { return false }
        return wait { if case .ended(let ended) = $0, ended === call { true } else { nil } } ?? false
    }

    /// The first event that matches; nil after 40 s.
    package func wait<T>(_ match: (HTTPClient.Event) -> T?) -> T? {
        notifier.first(among: &events, takenBy: client.takeEvents, match)
    }
}
