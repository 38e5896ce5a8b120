package import LinuxRuntime
internal import RecorderCore
package import WebTransport

/// The way to the school's servers and to the service's asynchronous interface. It is told by `send` and answers by
/// `takeEvents`; the notifier is raised when there is something to take. Those two belong to the daemon's loop,
/// everything else to the transport's thread.
@safe package final class UploadClient: TransportClient, HTTPExchangeDelegate, @unchecked Sendable {
    private enum Question {
        case upload(UploadRequest)
        case transcription(TranscriptionRequest)
    }

    private struct Running {
        var number: Int
        var question: Question
        var exchange: HTTPExchange
    }

    private let loop: TransportLoop
    private let commands = BoundedQueue<UploaderCommand>(capacity: Limits.uploadCommands)
    private let events: EventQueue<UploaderEvent>
    private var settings: UploaderSettings
    private var running: [Running] = []

    /// Takes its place on the thread; connects to nothing yet.
    ///
    /// - Parameter notifier: raised after each event.
    package init(settings: UploaderSettings, thread: TransportThread, notifier: EventNotifier) {
        self.settings = settings
        loop = thread.loop
        events = EventQueue(capacity: Limits.uploadEvents, notifier: notifier)
        thread.add(self)
    }

    /// False when the queue is full or the thread is shut down.
    package func send(_ command: UploaderCommand) -> Bool {
        guard !loop.isStopping, commands.push(command) else { return false }
        loop.wake()
        return true
    }

    /// What has happened since the last call, in order.
    package func takeEvents() -> [UploaderEvent] { events.takeAll() }

    // MARK: On the transport's thread

    package var hasPendingEvents: Bool { events.hasPendingEvents }

    package func loopEnded() {
        running = []
    }

    package func loopDidWake(_ loop: TransportLoop) {
        for command in commands.takeAll() {
            switch command {
            case .upload(let number, let request): begin(number, .upload(request))
            case .transcribe(let number, let request): begin(number, .transcription(request))
            case .cancel(let number):
                guard let place = running.firstIndex(where: { $0.number == number }) else { continue }
                running.remove(at: place).exchange.cancel(loop)
            case .bearer(let bearer): settings.bearer = bearer
            case .restBearer(let bearer): settings.restBearer = bearer
            }
        }
        events.flush()
    }

    private func begin(_ number: Int, _ question: Question) {
        do throws(UplinkFailure) {
            guard running.count < UploaderLimits.exchanges else {
                throw UplinkFailure(.stalled, "\(running.count) exchanges are under way already")
            }
            let request =
                switch question {
                case .upload(let request): try TusRequests.request(request, settings)
                case .transcription(let request): try RESTRequests.request(request, settings)
                }
            let exchange = HTTPExchange(request, delegate: self, loop: loop)
            running.append(Running(number: number, question: question, exchange: exchange))
            loop.open(exchange)
        } catch {
            tell(number, question, error)
        }
    }

    // MARK: From the exchanges

    package func exchange(_ exchange: HTTPExchange, didSend bytes: Int64) {
        guard let place = running.firstIndex(where: { $0.exchange === exchange }) else { return }
        events.post(.progress(running[place].number, bytes: bytes))
    }

    package func exchange(_ exchange: HTTPExchange, endedWith outcome: HTTPOutcome) {
        guard let place = running.firstIndex(where: { $0.exchange === exchange }) else { return }
        let ended = running.remove(at: place)
        switch (outcome, ended.question) {
        case (.failed(let failure), let question):
            tell(ended.number, question, failure)
        case (.response(let response), .upload(let request)):
            let answer = TusResponses.read(response, to: request, at: exchange.endpoint)
            events.post(.uploaded(ended.number, answer), isLast: true)
        case (.response(let response), .transcription(let request)):
            let answer = RESTResponses.read(response, to: request, at: exchange.endpoint)
            events.post(.transcribed(ended.number, answer), isLast: true)
        }
    }

    private func tell(_ number: Int, _ question: Question, _ failure: UplinkFailure) {
        switch question {
        case .upload: events.post(.uploaded(number, .failed(failure)), isLast: true)
        case .transcription: events.post(.transcribed(number, .failed(failure)), isLast: true)
        }
    }
}
