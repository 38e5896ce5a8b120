internal import LinuxRuntime
internal import RecorderCore
internal import Uploader

/// The way to the school's servers as the daemon sees it: it numbers what is asked, so that an answer to what was given
/// up is nobody's, and looks after the secret.
final class SchoolDriver {
    private let client: UploadClient?
    private let bearerFile: SecretFile
    private let restBearerFile: SecretFile
    private let log: Log
    private var newest = 0
    /// Commands that the client had no room for.
    private(set) var refusals: Int64 = 0
    /// The numbers of what is under way; 0: nothing.
    private var uploading = 0
    private var transcribing = 0
    private var secret: String?
    /// Why there can be no exchange, although it is wanted.
    private var problem: UplinkFailure?
    private var askSecretAt = MonotonicTime(milliseconds: 0)
    /// Answers that are known without asking anybody.
    private var ready: [UploaderEvent] = []

    private static let secretMilliseconds: Int64 = 10_000

    /// - Parameters:
    ///   - client: nil: there is no way out.
    ///   - problem: why.
    init(
        _ client: UploadClient?, secret: String?, bearerFile: SecretFile, restBearerFile: SecretFile,
        problem: UplinkFailure?, log: Log
    ) {
        self.client = client
        self.secret = secret
        self.bearerFile = bearerFile
        self.restBearerFile = restBearerFile
        self.problem = problem
        self.log = log
    }

    func send(_ request: UploadRequest) {
        newest += 1
        uploading = newest
        guard problem == nil, give(.upload(newest, request)) else {
            ready.append(.uploaded(newest, .failed(problem ?? Self.overloaded)))
            return
        }
    }

    func send(_ request: TranscriptionRequest) {
        newest += 1
        transcribing = newest
        if case .uploadAudio = request { renewRestSecret() }
        guard give(.transcribe(newest, request)) else {
            ready.append(.transcribed(newest, .failed(problem ?? Self.overloaded)))
            return
        }
    }

    func cancelUpload() {
        cancel(uploading)
        uploading = 0
    }

    func cancelTranscription() {
        cancel(transcribing)
        transcribing = 0
    }

    private func cancel(_ number: Int) {
        // One that is not taken ends by its own time-outs, and is nobody's answer.
        if number > 0 { _ = give(.cancel(number)) }
    }

    /// - Returns: whether there is somebody to take it, with room for it.
    private func give(_ command: UploaderCommand) -> Bool {
        guard let client else { return false }
        let isTaken = client.send(command)
        if !isTaken { refusals += 1 }
        return isTaken
    }

    private static let overloaded = UplinkFailure(.stalled, "the uplink thread does not keep up")

    /// Whether `takeEvents` has something that no notifier tells of.
    var hasAnswers: Bool { !ready.isEmpty }

    /// What is still waited for.
    func takeEvents() -> [UploaderEvent] {
        let events = ready + (client?.takeEvents() ?? [])
        ready = []
        return events.filter { event in
            switch event {
            case .uploaded(let number, _):
                guard number == uploading else { return false }
                uploading = 0
                return true
            case .transcribed(let number, _):
                guard number == transcribing else { return false }
                transcribing = 0
                return true
            case .progress(let number, _):
                return number == uploading
            }
        }
    }

    // MARK: Secrets

    /// - Parameter isHeld: nothing goes before the secret is another one.
    func nextDeadline(isHeld: Bool) -> MonotonicTime? { isHeld ? askSecretAt : nil }

    /// Whether there is another secret than before.
    func renewSecret(now: MonotonicTime) -> Bool {
        guard askSecretAt <= now else { return false }
        askSecretAt = now.adding(milliseconds: Self.secretMilliseconds)
        let fresh: String?
        do throws(SystemError) {
            fresh = try bearerFile.read()
        } catch {
            problem = UplinkFailure(.configuration, error.message)
            return false
        }
        guard fresh != secret || problem != nil, give(.bearer(fresh)) else { return false }
        secret = fresh
        problem = nil
        log.write(.info, "upload secret=renewed")
        return true
    }

    /// Read anew for each file: it is seldom needed.
    private func renewRestSecret() {
        do throws(SystemError) {
            let fresh = try restBearerFile.read()
            _ = give(.restBearer(fresh))
        } catch {
            log.write(.error, "transcribe reason=\(LogEntry.quoted(error.message))")
        }
    }
}
