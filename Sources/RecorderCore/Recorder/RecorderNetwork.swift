/// What the network's changes mean for the sessions of a lesson.
extension Recorder {
    /// - Parameter what: for people.
    mutating func networkChanged(_ what: String, _ lesson: inout Lesson, _ turn: inout Turn) {
        networkLoss = nil
        turn.log(.info, "network change=\(LogEntry.quoted(what))")
        switch lesson.uplink.primary.state {
        case .idle:
            // Only a person can mend it, or all is said; the network is not what was missing.
            return
        case .live:
            // The old way may still work, or be dead without a word: the new one is made before the old is given up.
            if lesson.stage == .recording { beginSuccessor(&lesson, &turn) }
        case .backingOff, .requestingKey, .connecting:
            lesson.uplink.primary.cancel(&turn)
            lesson.uplink.failure = nil
            lesson.uplink.attemptsInBurst = 1
            lesson.uplink.changedAt = turn.now
            beginAttempt(&lesson, &turn)
        }
    }

    mutating func networkLost(_ what: String, _ lesson: inout Lesson, _ turn: inout Turn) {
        networkLoss = what
        turn.log(.warning, "network change=\(LogEntry.quoted(what))")
        switch lesson.uplink.primary.state {
        case .idle, .backingOff:
            return
        case .requestingKey, .connecting, .live:
            // What is under way would hang until its own time-out, and so would a successor.
            lesson.uplink.primary.abort(&turn)
            closeSecondary(&lesson, &turn)
            primaryFailed(UplinkFailure(.unreachable, what), &lesson, &turn)
        }
    }

    /// Nothing more is awaited from the service.
    func abandonUplink(_ lesson: inout Lesson, _ turn: inout Turn) {
        let session = lesson.uplink.primary.sessionID
        lesson.uplink.primary.cancel(&turn)
        if let session { closeTrack(session, &lesson, &turn) }
        closeSecondary(&lesson, &turn)
        dropPrefetched(&lesson, &turn)
    }
}
