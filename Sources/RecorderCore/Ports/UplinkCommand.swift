/// A command to the uplink.
package enum UplinkCommand: Equatable, Sendable {
    case requestKey(attempt: KeyRequestID)
    /// Drops a request that nobody waits for; no effect when there is none.
    case cancelKey(attempt: KeyRequestID)
    case open(SessionRequest)
    /// Sends the audio before `end`, then `finish`, and waits for the service's last message.
    case finish(session: SessionID, end: SampleIndex)
    /// Ends a session at once; no effect when there is none.
    case close(session: SessionID)
    /// Samples from the journal, requested by `audioWanted`; empty: they cannot be read.
    case audio(session: SessionID, from: SampleIndex, [Int16])

    /// Places in the queue that must stay free when it is queued: what ends something finds room when others do not.
    package var reservedPlaces: Int {
        switch self {
        case .requestKey, .open, .audio: Limits.uplinkCommands / 4 * 3
        case .cancelKey, .finish, .close: 0
        }
    }

    /// What follows when it could not even be queued; nil where nobody waits for an answer. What is refused of a
    /// session's audio ends that session (`Limits.replayAnswerMilliseconds`).
    package func refused(_ failure: UplinkFailure) -> UplinkEvent? {
        switch self {
        case .requestKey(let attempt): .keyFailed(attempt: attempt, failure)
        case .open(let request): .closed(session: request.id, failure)
        case .finish(let session, _): .closed(session: session, failure)
        case .cancelKey, .close, .audio: nil
        }
    }
}

/// An event from the uplink.
package enum UplinkEvent: Equatable, Sendable {
    case key(attempt: KeyRequestID, SessionKey)
    case keyFailed(attempt: KeyRequestID, UplinkFailure)
    /// Connected, and the first message written.
    case opened(session: SessionID, tookMilliseconds: Int64)
    case message(session: SessionID, ServiceMessage)
    /// The samples before this are written to the connection; posted at most twice a second.
    case sent(session: SessionID, through: SampleIndex)
    /// The session needs samples that the ring no longer has.
    case audioWanted(session: SessionID, from: SampleIndex)
    /// The last event of a session; nil after its `finished` or our own close.
    case closed(session: SessionID, UplinkFailure?)

    /// Whose it is.
    package var owner: SessionOwner {
        switch self {
        case .key(let attempt, _), .keyFailed(let attempt, _): attempt.owner
        case .opened(let session, _), .message(let session, _), .sent(let session, _), .audioWanted(let session, _),
            .closed(let session, _):
            session.owner
        }
    }
}
