/// Why the light is red.
package enum FailureReason: Equatable, Sendable {
    /// The recording itself is in danger.
    case microphone(String)
    case disk(String)
    /// The recording goes on; the transcript does not.
    case transcription(String)

    /// A sentence part for people.
    package var text: String {
        switch self {
        case .microphone(let detail): "microphone: " + detail
        case .disk(let detail): "disk: " + detail
        case .transcription(let detail): detail
        }
    }

    /// Whether audio is being lost.
    package var losesAudio: Bool {
        switch self {
        case .microphone, .disk: true
        case .transcription: false
        }
    }
}

/// What the recorder is doing, as the light and `status` tell it. It is derived from the state, never stored.
package enum Phase: Equatable, Sendable {
    case idle
    /// Everything is there but the microphone's first sample.
    case starting
    case requesting
    case connecting
    case live
    case reconnecting(attempt: Int)
    case finishing
    case finished
    case failed(FailureReason)

    /// As `status` and the log name it.
    package var name: String {
        switch self {
        case .idle: "idle"
        case .starting: "starting"
        case .requesting: "requesting"
        case .connecting: "connecting"
        case .live: "live"
        case .reconnecting: "reconnecting"
        case .finishing: "finishing"
        case .finished: "finished"
        case .failed: "failed"
        }
    }
}
