/// Who has sessions of the speech service.
package enum SessionOwner: Equatable, Sendable {
    /// The lesson that is recorded.
    case lesson
    /// The text of saved lessons.
    case backfill
}

/// The name of one session. Numbers go on from recording to recording: what comes late for one is nobody else's.
package struct SessionID: Equatable, Sendable {
    package let owner: SessionOwner
    package let number: Int

    package static func lesson(_ number: Int) -> SessionID { SessionID(owner: .lesson, number: number) }
    package static func backfill(_ number: Int) -> SessionID { SessionID(owner: .backfill, number: number) }
}

/// The name of one request for a key; numbers as those of sessions.
package struct KeyRequestID: Equatable, Sendable {
    package let owner: SessionOwner
    package let number: Int

    package static func lesson(_ number: Int) -> KeyRequestID { KeyRequestID(owner: .lesson, number: number) }
    package static func backfill(_ number: Int) -> KeyRequestID { KeyRequestID(owner: .backfill, number: number) }
}

extension SessionID {
    /// One number for both, as the log and the transcript have it: the backfill's are below zero.
    package var rawValue: Int {
        switch owner {
        case .lesson: number
        case .backfill: -number
        }
    }
}
