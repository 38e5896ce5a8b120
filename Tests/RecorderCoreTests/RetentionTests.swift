import RecorderCore
import Testing

@Suite struct `What may be deleted` {
    private static let day: Int64 = 86_400_000
    private static let now = WallTime(milliseconds: 1_795_507_200_000)

    private func recording(
        _ days: Int64, _ state: RecordingState, clockSynchronised: Bool = true, bytes: Int64 = 100
    ) -> Retention.Candidate {
        let start = WallTime(milliseconds: Self.now.milliseconds - days * Self.day - 1)
        let id = RecordingID(startedAt: start, randomHigh: 0, randomLow: UInt64(bitPattern: days))
        return Retention.Candidate(
            id: id, state: state, startedAt: start, clockSynchronised: clockSynchronised, bytes: bytes)
    }

    private func plan(
        _ recordings: [Retention.Candidate], keepDays: Int = 30, free: Int64 = 1_000, now: WallTime? = Self.now
    ) -> [Retention.Deletion] {
        let policy = RetentionPolicy(keepDays: keepDays, reserveBytes: 500)
        return Retention.plan(recordings, policy: policy, freeBytes: free, now: now)
    }

    private func removal(_ recording: Retention.Candidate, _ reason: Retention.Reason) -> Retention.Deletion {
        Retention.Deletion(id: recording.id, bytes: recording.bytes, reason: reason)
    }

    @Test func `nothing goes while there is room and nothing is old`() {
        #expect(plan([recording(29, .uploaded), recording(1, .uploaded)]).isEmpty)
    }

    @Test func `what is old goes, and only what is uploaded`() {
        let states: [RecordingState] = [.recording, .saved, .uploading, .uploaded]
        let old = states.enumerated().map { recording(Int64(31 + $0), $1) }
        #expect(plan(old) == [removal(old[3], .age)])
    }

    @Test func `for space the oldest go, and no more than are needed`() {
        let all = [recording(3, .uploaded), recording(9, .uploaded), recording(12, .saved), recording(6, .uploaded)]
        #expect(plan(all, free: 350) == [removal(all[1], .space), removal(all[3], .space)])
        #expect(plan(all, free: 499) == [removal(all[1], .space)])
        #expect(plan(all, free: 500).isEmpty)
        #expect(plan(all, free: 0).count == 3)
    }

    @Test func `what goes by age makes room`() {
        let all = [recording(40, .uploaded), recording(9, .uploaded)]
        #expect(plan(all, free: 450) == [removal(all[0], .age)])
    }

    @Test func `without days only space counts`() {
        #expect(plan([recording(4_000, .uploaded)], keepDays: 0).isEmpty)
    }

    @Test func `a lesson that began before the clock was set has no age`() {
        let all = [recording(20_000, .uploaded, clockSynchronised: false), recording(31, .uploaded)]
        #expect(plan(all) == [removal(all[1], .age)])
        #expect(plan(all, free: 450) == [removal(all[0], .space), removal(all[1], .age)])
    }

    @Test func `a clock that may be wrong deletes nothing by age`() {
        #expect(plan([recording(400, .uploaded)], now: nil).isEmpty)
        #expect(plan([recording(400, .uploaded)], free: 0, now: nil).map(\.reason) == [.space])
        // Started with a clock that was ahead.
        #expect(plan([recording(-400, .uploaded)]).isEmpty)
    }
}
