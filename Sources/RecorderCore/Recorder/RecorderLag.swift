/// A service that has left out audio places what it says too early: its session is replaced, and what it has said since
/// is not believed (decision left-out-audio).
extension Recorder {
    /// Words of the live session, as far as they are in their places.
    /// - Returns: whether the session goes on.
    mutating func hearInPlace(
        _ message: ServiceMessage, _ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn
    ) -> Bool {
        let wasBehind = lesson.uplink.lag.isBehind
        switch lesson.uplink.lag.receive(message, now: turn.now) {
        case .inOrder:
            if lesson.uplink.lag.isTrusted(turn.now) { lesson.uplink.leftOut = 0 }
        case .believed:
            logLag("believed", .warning, session, lesson, &turn)
        case .behind:
            if !wasBehind { logLag("behind", .debug, session, lesson, &turn) }
            hear(lesson.uplink.lag.hold(message), session, &lesson, &turn)
            return true
        case .caughtUp:
            logLag("caught-up", .debug, session, lesson, &turn)
            while let held = lesson.uplink.lag.release() { hear(held, session, &lesson, &turn) }
        case .leftOut:
            replace(session, &lesson, &turn)
            return false
        }
        hear(message, session, &lesson, &turn)
        return true
    }

    @inline(never)
    private mutating func replace(_ session: SessionID, _ lesson: inout Lesson, _ turn: inout Turn) {
        logLag("left-out", .warning, session, lesson, &turn)
        turn.emit(.reached(.leftOutAudio, count: 1))
        lesson.uplink.leftOut += 1
        // It may have been too much for the service, or the service only slow.
        if lesson.uplink.leftOut > 1 { lesson.uplink.isCatchUpDisabled = true }
        lesson.uplink.primary.abort(&turn)
        let tenths = (lesson.uplink.lag.excess + 50) / 100
        let what = "the speech service left out \(tenths / 10).\(tenths % 10) s of the audio"
        primaryFailed(UplinkFailure(.audioLeftOut, what), &lesson, &turn)
    }

    @inline(never)
    private func logLag(
        _ state: String, _ level: LogLevel, _ session: SessionID, _ lesson: Lesson, _ turn: inout Turn
    ) {
        turn.log(level, "lag state=\(state) session=\(session.rawValue) ms=\(lesson.uplink.lag.excess)")
    }
}
