internal import AsyncTranscription
internal import LinuxRuntime
internal import RecorderCore
internal import SchoolUpload
internal import WebTransport

/// Uploads and transcriptions as the daemon sees them: at most one call of each, of which a cancelled one is forgotten
/// at once; and their secrets.
final class UploadDriver {
    private let client: HTTPClient?
    private var uploads: UploadSettings
    private var secret: UploadSecret
    private var transcriptions: TranscriptionSettings
    private let bearerFile: SecretFile
    private let restBearerFile: SecretFile
    private let log: Log
    /// Commands that the client had no room for.
    private(set) var refusals: Int64 = 0
    /// What is under way.
    private var upload: UploadCall?
    private var transcription: TranscriptionCall?
    /// Calls that ended without being sent.
    private var unsent: [any HTTPCall] = []

    /// - Parameters:
    ///   - client: nil: there are no connections.
    ///   - problem: why.
    init(
        _ client: HTTPClient?, _ uploads: UploadSettings, _ transcriptions: TranscriptionSettings,
        bearerFile: SecretFile, restBearerFile: SecretFile, problem: UplinkFailure?, log: Log
    ) {
        self.client = client
        self.uploads = uploads
        self.transcriptions = transcriptions
        self.bearerFile = bearerFile
        self.restBearerFile = restBearerFile
        secret = UploadSecret(bearer: uploads.bearer, problem: problem, isConnected: client != nil)
        self.log = log
    }

    func send(_ request: UploadRequest) {
        let call = UploadCall(request, uploads)
        upload = call
        send(call, secret.problem)
    }

    func send(_ request: TranscriptionRequest) {
        if case .uploadAudio = request { renewRestSecret() }
        let call = TranscriptionCall(request, transcriptions)
        transcription = call
        send(call, client == nil ? secret.problem : nil)
    }

    /// - Parameter problem: why it cannot be sent.
    private func send(_ call: any HTTPCall, _ problem: UplinkFailure?) {
        guard problem == nil, let client, isQueued(client.send(call)) else {
            call.fail(problem ?? UplinkFailure(.busy, "the uplink thread does not keep up"))
            unsent.append(call)
            return
        }
    }

    func cancelUpload() {
        cancel(upload)
        upload = nil
    }

    func cancelTranscription() {
        cancel(transcription)
        transcription = nil
    }

    private func cancel(_ call: (any HTTPCall)?) {
        // A call whose cancellation finds no room ends by its own time-outs, and is not known any more.
        if let call, let client { _ = isQueued(client.cancel(call)) }
    }

    private func isQueued(_ result: Bool) -> Bool {
        if !result { refusals += 1 }
        return result
    }

    /// Whether `takeEvents` has something that no notifier tells of.
    var hasAnswers: Bool { !unsent.isEmpty }

    /// What has happened since the last call, also to calls that were cancelled or replaced meanwhile.
    func takeEvents() -> [HTTPClient.Event] {
        let events = unsent.map { HTTPClient.Event.ended($0) } + (client?.takeEvents() ?? [])
        unsent = []
        return events
    }

    func isUpload(_ call: any HTTPCall) -> Bool { call === upload }

    /// The answer to the upload request that is under way; nil when `call` is another one.
    func uploadAnswer(_ call: any HTTPCall) -> UploadAnswer? {
        guard let ended = upload, call === ended else { return nil }
        upload = nil
        return ended.answer
    }

    /// The answer to the transcription request that is under way; nil when `call` is another one.
    func transcriptionAnswer(_ call: any HTTPCall) -> TranscriptionAnswer? {
        guard let ended = transcription, call === ended else { return nil }
        transcription = nil
        return ended.answer
    }

    // MARK: Secrets

    /// - Parameter isBlocked: nothing goes before the secret is another one.
    func nextDeadline(isBlocked: Bool) -> MonotonicTime? { secret.nextDeadline(isAuthorizationBlocked: isBlocked) }

    /// Whether there is another secret than before.
    func renewSecret(now: MonotonicTime) -> Bool {
        guard secret.isDue(at: now) else { return false }
        do throws(SystemError) {
            guard secret.found(try bearerFile.read()) else { return false }
        } catch {
            secret.failed(error.message)
            return false
        }
        uploads.bearer = secret.bearer
        log.write(.info, "upload secret=renewed")
        return true
    }

    /// Read anew for each file: it is seldom needed.
    private func renewRestSecret() {
        do throws(SystemError) {
            transcriptions.bearer = try restBearerFile.read()
        } catch {
            log.write(.error, "transcribe reason=\(LogEntry.quoted(error.message))")
        }
    }
}
