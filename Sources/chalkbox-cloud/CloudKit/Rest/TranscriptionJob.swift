internal import Dispatch
internal import Foundation

/// One asynchronous transcription: its file goes to the recogniser of a live session. Lives on the event loop, but for
/// the recogniser.
final class TranscriptionJob: @unchecked Sendable {
    enum Phase {
        case queued
        case processing
        case completed([RecognisedToken])
        case failed(type: String, message: String)

        var name: String {
            switch self {
            case .queued: "queued"
            case .processing: "processing"
            case .completed: "completed"
            case .failed: "error"
            }
        }
    }

    private static let queue = DispatchQueue(label: "chalkbox-cloud.transcriptions", attributes: .concurrent)

    let id = UUID().uuidString.lowercased()
    let number: Int
    let request: TranscriptionRequest
    private let file: RestStore.File
    private let state: CloudState
    private let created = Date()
    private let schedule: (_ milliseconds: Int, _ action: @escaping @Sendable () -> Void) -> Void
    private(set) var phase = Phase.queued
    private var audioMilliseconds: Int?
    private var isDeleted = false

    init(
        _ request: TranscriptionRequest, _ file: RestStore.File, _ state: CloudState, number: Int,
        schedule: @escaping (_ milliseconds: Int, _ action: @escaping @Sendable () -> Void) -> Void
    ) {
        self.request = request
        self.file = file
        self.state = state
        self.number = number
        self.schedule = schedule
        note()
        schedule(delay) { [self] in process() }
    }

    private var delay: Int { state.faults.plan.restDelayMilliseconds / 2 }

    var message: RestMessage.Transcription {
        var message = RestMessage.Transcription(
            id: id, status: phase.name, created_at: HTTPRequestHandler.rfc3339(created), model: request.model,
            file_id: file.id, filename: file.name, language_hints: request.language_hints,
            enable_speaker_diarization: request.enable_speaker_diarization ?? false,
            enable_language_identification: request.enable_language_identification ?? false,
            audio_duration_ms: audioMilliseconds, client_reference_id: request.client_reference_id)
        if case .failed(let type, let reason) = phase { (message.error_type, message.error_message) = (type, reason) }
        return message
    }

    func transcript() throws(RestRefusal) -> RestMessage.Transcript {
        guard case .completed(let tokens) = phase else {
            throw RestRefusal(409, "transcription_invalid_state", "The transcription is \(phase.name).")
        }
        let message = message
        let rows = tokens.map {
            RestMessage.Token(
                text: $0.text, start_ms: $0.startMilliseconds, end_ms: $0.endMilliseconds, confidence: $0.confidence,
                speaker: message.enable_speaker_diarization ? $0.speaker : nil,
                language: message.enable_language_identification ? $0.language : nil)
        }
        return RestMessage.Transcript(id: id, text: tokens.map(\.text).joined(), tokens: rows)
    }

    func abandon() {
        isDeleted = true
        note()
    }

    private func process() {
        guard !isDeleted else { return }
        phase = .processing
        note()
        if state.faults.claim(\.restHangs) != nil { return }
        if state.faults.claim(\.restFails) != nil {
            return settle(.failed(type: "internal_error", message: "The transcription failed."))
        }
        let data: Data
        do {
            data = try file.bytes.contents()
        } catch {
            return settle(.failed(type: "file_not_found", message: "\(error)"))
        }
        let (kind, plan, number, name) = (state.configuration.recogniser, state.faults.plan, number, file.name)
        Self.queue.async { [self] in
            let result = Self.recognise(data, name: name, kind, plan, number: number)
            schedule(delay) { [self] in settle(result.phase, audioMilliseconds: result.audioMilliseconds) }
        }
    }

    private static func recognise(
        _ data: Data, name: String, _ kind: RecogniserKind, _ plan: FaultPlan, number: Int
    ) -> (phase: Phase, audioMilliseconds: Int?) {
        do {
            guard let samples = try AudioFile.samples(in: data, path: name) else {
                return (.failed(type: "invalid_audio_file", message: "\(name) is neither RIFF WAVE nor FLAC"), nil)
            }
            let recogniser = try kind.makeRecogniser(habits: ScriptHabits(plan, session: number))
            let tokens = RecognitionDistorter(session: number).distort(recogniser.transcribe(samples), plan)
            return (.completed(tokens), samples.count / samplesPerMillisecond)
        } catch let error as AudioFile.Failure {
            return (.failed(type: "invalid_audio_file", message: "\(error)"), nil)
        } catch {
            return (.failed(type: "internal_error", message: "\(error)"), nil)
        }
    }

    private func settle(_ phase: Phase, audioMilliseconds: Int? = nil) {
        self.phase = phase
        self.audioMilliseconds = audioMilliseconds
        note()
    }

    private func note() {
        state.log.transcriptionChanged(
            TranscriptionRecord(
                id: id, fileID: file.id, status: phase.name, model: request.model,
                languageHints: request.language_hints ?? [], clientReferenceID: request.client_reference_id,
                audioMilliseconds: audioMilliseconds, isDeleted: isDeleted))
    }
}
