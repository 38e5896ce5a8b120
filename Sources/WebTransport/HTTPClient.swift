package import LinuxRuntime
package import RecorderCore

/// A request, and what its response means. Its methods run on the transport's thread, so that neither a large file nor
/// a long response holds up the thread that asks.
package protocol HTTPCall: AnyObject, Sendable {
    func makeRequest() throws(UplinkFailure) -> HTTPRequest
    /// The response has arrived, whatever its status; `endpoint` is the request's. The answer can be read from the call
    /// once `.ended` is taken from the client.
    func receive(_ response: HTTPResponse, from endpoint: Endpoint)
    /// There is no response. Instead of `receive`, never after it.
    func fail(_ failure: UplinkFailure)
}

/// Carries out calls to HTTP servers. Commands go in by `send` and `cancel`, events come out by `takeEvents`; the
/// notifier is raised when there are events. Those are for the daemon's loop, everything else runs on the transport's
/// thread.
@safe package final class HTTPClient: TransportClient, HTTPExchangeDelegate, @unchecked Sendable {
    /// Calls are told apart by identity.
    package enum Event: Sendable {
        /// Bytes of the request's body that the server has; posted at most twice a second.
        case progress(any HTTPCall, bytes: Int64)
        /// Posted once for each call, unless it was cancelled.
        case ended(any HTTPCall)
    }

    private enum Command: Sendable {
        case send(any HTTPCall)
        case cancel(any HTTPCall)
    }

    private let loop: TransportLoop
    private let commands = BoundedQueue<Command>(capacity: Limits.uploadCommands)
    private let events: EventQueue<Event>
    private var running: [(call: any HTTPCall, exchange: HTTPExchange)] = []

    /// Joins the transport's thread; connects to nothing yet.
    ///
    /// - Parameter notifier: raised after each event.
    package init(thread: TransportThread, notifier: EventNotifier) {
        loop = thread.loop
        events = EventQueue(capacity: Limits.uploadEvents, notifier: notifier)
        thread.add(self)
    }

    /// False when the queue is full or the thread is shut down.
    package func send(_ call: any HTTPCall) -> Bool { push(.send(call)) }

    /// Ends a call, which gets no event any more. No effect when it has ended already.
    ///
    /// - Returns: false when the queue is full or the thread is shut down.
    package func cancel(_ call: any HTTPCall) -> Bool { push(.cancel(call)) }

    private func push(_ command: Command) -> Bool {
        guard !loop.isStopping, commands.push(command) else { return false }
        loop.wake()
        return true
    }

    /// What has happened since the last call, in order.
    package func takeEvents() -> [Event] { events.takeAll() }

    // MARK: On the transport's thread

    package var hasPendingEvents: Bool { events.hasPendingEvents }

    package func loopEnded() {
        running = []
    }

    package func loopDidWake(_ loop: TransportLoop) {
        for command in commands.takeAll() {
            switch command {
            case .send(let call):
                start(call)
            case .cancel(let call):
                guard let place = running.firstIndex(where: { $0.call === call }) else { continue }
                running.remove(at: place).exchange.cancel(loop)
            }
        }
        events.flush()
    }

    private func start(_ call: any HTTPCall) {
        do throws(UplinkFailure) {
            guard running.count < TransportLimits.exchanges else {
                throw UplinkFailure(.busy, "\(running.count) exchanges are under way already")
            }
            let exchange = HTTPExchange(try call.makeRequest(), delegate: self, loop: loop)
            running.append((call, exchange))
            loop.open(exchange)
        } catch {
            call.fail(error)
            events.post(.ended(call), isLast: true)
        }
    }

    // MARK: Called by the exchanges

    package func exchange(_ exchange: HTTPExchange, didSend bytes: Int64) {
        guard let place = running.firstIndex(where: { $0.exchange === exchange }) else { return }
        events.post(.progress(running[place].call, bytes: bytes))
    }

    package func exchange(_ exchange: HTTPExchange, endedWith outcome: HTTPOutcome) {
        guard let place = running.firstIndex(where: { $0.exchange === exchange }) else { return }
        let call = running.remove(at: place).call
        switch outcome {
        case .response(let response): call.receive(response, from: exchange.endpoint)
        case .failed(let failure): call.fail(failure)
        }
        events.post(.ended(call), isLast: true)
    }
}
