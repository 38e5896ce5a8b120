/// The way to the speech service: one attempt at a time, a burst of attempts after a loss, then slow probes.
package struct UplinkState: Equatable, Sendable {
    /// When a red uplink is tried again.
    package enum Probe: Equatable, Sendable {
        /// Only a person can mend it.
        case never
        case onNetworkChange
        case at(MonotonicTime)
    }

    package enum Link: Equatable, Sendable {
        /// Record only.
        case off
        case waiting(until: MonotonicTime)
        case requesting(attempt: Int, deadline: MonotonicTime)
        case connecting(SessionRequest, deadline: MonotonicTime)
        case live(SessionRequest, since: MonotonicTime)
        /// The service has said its last word.
        case finished
        case failed(FailureReason, Probe)
    }

    package internal(set) var link: Link
    /// Attempts made in this burst, the running one included; 0 once a session has proved stable.
    package internal(set) var burst = 0
    /// Set while red: a probe under way does not turn the light amber.
    var givenUp: FailureReason?
    /// Token requests made in this recording: names the answer that is awaited.
    var requests = 0
    /// Sessions opened in this recording.
    package internal(set) var sessions = 0
    package internal(set) var lastLive: MonotonicTime?
    /// Whether any session of this recording was live.
    var wasLive = false

    init(enabled: Bool) {
        link = enabled ? .waiting(until: MonotonicTime(milliseconds: .min)) : .off
    }

    var phase: Phase {
        if let givenUp {
            if case .live = link { return .live }
            return .failed(givenUp)
        }
        let retrying = wasLive || burst > 1
        switch link {
        case .off, .live, .finished: return .live
        case .waiting: return burst == 0 ? .requesting : .reconnecting(attempt: burst)
        case .requesting: return retrying ? .reconnecting(attempt: burst) : .requesting
        case .connecting: return retrying ? .reconnecting(attempt: burst) : .connecting
        case .failed(let reason, _): return .failed(reason)
        }
    }

    /// The session whose messages count.
    package var session: SessionRequest? {
        switch link {
        case .connecting(let request, _), .live(let request, _): request
        case .off, .waiting, .requesting, .finished, .failed: nil
        }
    }

    var deadline: MonotonicTime? {
        switch link {
        case .waiting(let until): until
        case .requesting(_, let deadline), .connecting(_, let deadline): deadline
        case .failed(_, .at(let probe)): probe
        case .off, .live, .finished, .failed(_, .never), .failed(_, .onNetworkChange): nil
        }
    }
}
