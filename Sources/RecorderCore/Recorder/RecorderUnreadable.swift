/// A message that cannot be read ends its session, and the next one, which hears the same second, may end by the same.
/// After the second time the live text goes on behind that place.
extension Recorder {
    /// How near to each other two places count as the same: a session that came further has got past it.
    private static let sameSamples = 2 * SampleIndex.samplesPerSecond

    func noteUnreadable(_ failure: UplinkFailure, _ request: SessionRequest, lesson: inout Lesson) {
        guard failure.isUnreadable else { return }
        let place = lesson.uplink.lastAnsweredSession == request.id ? lesson.uplink.worked : request.base
        var times: Int64 = 1
        if let last = lesson.uplink.unreadable, abs(place.samples(since: last.at)) <= Self.sameSamples {
            times = last.times + 1
        }
        lesson.uplink.unreadable = UplinkState.Unreadable(at: place, times: times)
        guard times > 1 else { return }
        // Further each time, up to the distance at which it would be another place.
        lesson.uplink.skipped = place.advanced(by: min(times - 1, 2) * SampleIndex.samplesPerSecond)
    }

    /// Where a session of the live text begins that would begin at `base`.
    func skipping(_ base: SampleIndex, _ lesson: Lesson, _ turn: inout Turn) -> SampleIndex {
        let place = min(lesson.uplink.skipped, head)
        guard base < place else { return base }
        if lesson.transcript.resumePoint < place {
            let line = "skip from_ms=\(lesson.transcript.resumePoint.milliseconds) to_ms=\(place.milliseconds)"
            let why = "what is there ends each session: the service sends a message that cannot be read"
            turn.log(.error, line + " reason=\(LogEntry.quoted(why))")
        }
        return place
    }
}

extension Turn where Effect == RecorderEffect {
    /// What was odd in a message of the service.
    mutating func reached(_ message: ServiceMessage) {
        if message.oddTokens > 0 { emit(.reached(.serviceTokens, count: Int64(message.oddTokens))) }
        if message.oddPositions > 0 { emit(.reached(.servicePositions, count: Int64(message.oddPositions))) }
        if message.translatedTokens > 0 { emit(.reached(.translatedTokens, count: Int64(message.translatedTokens))) }
    }
}
