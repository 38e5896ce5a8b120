package import LinuxRuntime
internal import RecorderCore
package import WebTransport

/// The way to the school's servers and to the service's asynchronous interface. It is told by `send` and answers by
/// `takeEvents`; the notifier is raised when there is something to take. Those two belong to the daemon's loop,
/// everything else to the transport's thread.
@safe package final class UploadClient: WebClient, HTTPListener, @unchecked Sendable {
    private enum Question {
        case upload(UploadRequest)
        case transcription(TranscriptionRequest)
    }

    private struct Running {
        var number: Int
        var question: Question
        var exchange: HTTPExchange
    }

    private let engine: WebEngine
    private let commands = BoundedQueue<UploaderCommand>(capacity: Limits.uploadCommands)
    private let outlet: EventOutlet<UploaderEvent>
    private var settings: UploaderSettings
    private var running: [Running] = []

    /// Takes its place on the thread; connects to nothing yet.
    ///
    /// - Parameter notifier: raised after each event.
    package init(settings: UploaderSettings, thread: WebThread, notifier: EventNotifier) {
        self.settings = settings
        engine = thread.engine
        outlet = EventOutlet(capacity: Limits.uploadEvents, notifier: notifier)
        thread.host(self)
    }

    /// False when the queue is full or the thread is shut down.
    package func send(_ command: UploaderCommand) -> Bool {
        guard !engine.isStopping, commands.push(command) else { return false }
        engine.wake()
        return true
    }

    /// What has happened since the last call, in order.
    package func takeEvents() -> [UploaderEvent] { outlet.takeAll() }

    // MARK: On the transport's thread

    package var isHolding: Bool { outlet.isHolding }

    package func engineEnded() {
        running = []
    }

    package func wake(_ engine: WebEngine) {
        for command in commands.takeAll() {
            switch command {
            case .upload(let number, let request): begin(number, .upload(request))
            case .transcribe(let number, let request): begin(number, .transcription(request))
            case .cancel(let number):
                guard let place = running.firstIndex(where: { $0.number == number }) else { continue }
                running.remove(at: place).exchange.cancel(engine)
            case .bearer(let bearer): settings.bearer = bearer
            case .restBearer(let bearer): settings.restBearer = bearer
            }
        }
        outlet.postHeld()
    }

    private func begin(_ number: Int, _ question: Question) {
        do throws(UplinkFailure) {
            guard running.count < UploaderLimits.exchanges else {
                throw UplinkFailure(.stalled, "\(running.count) exchanges are under way already")
            }
            let request =
                switch question {
                case .upload(let request): try TusQuestions.request(request, settings)
                case .transcription(let request): try ServiceQuestions.request(request, settings)
                }
            let exchange = HTTPExchange(request, listener: self, engine: engine)
            running.append(Running(number: number, question: question, exchange: exchange))
            engine.begin(exchange)
        } catch {
            tell(number, question, error)
        }
    }

    // MARK: From the exchanges

    package func sent(_ bytes: Int64, of exchange: HTTPExchange) {
        guard let place = running.firstIndex(where: { $0.exchange === exchange }) else { return }
        outlet.post(.progress(running[place].number, bytes: bytes))
    }

    package func ended(_ exchange: HTTPExchange, _ outcome: HTTPOutcome) {
        guard let place = running.firstIndex(where: { $0.exchange === exchange }) else { return }
        let ended = running.remove(at: place)
        switch (outcome, ended.question) {
        case (.failed(let failure), let question):
            tell(ended.number, question, failure)
        case (.answer(let answer), .upload(let request)):
            let answer = TusAnswers.read(answer, to: request, at: exchange.endpoint)
            outlet.post(.uploaded(ended.number, answer), isLast: true)
        case (.answer(let answer), .transcription(let request)):
            let answer = ServiceAnswers.read(answer, to: request, at: exchange.endpoint)
            outlet.post(.transcribed(ended.number, answer), isLast: true)
        }
    }

    private func tell(_ number: Int, _ question: Question, _ failure: UplinkFailure) {
        switch question {
        case .upload: outlet.post(.uploaded(number, .failed(failure)), isLast: true)
        case .transcription: outlet.post(.transcribed(number, .failed(failure)), isLast: true)
        }
    }
}
