@testable import RecorderCore
import Testing

@Suite struct `A session's way` {
    typealias Step = SessionAttempt.Step

    private static let request = SessionRequest(
        id: 1, key: Box.key, recording: Box.header.id, base: .zero)

    private static func turn(_ milliseconds: Int64 = 0) -> Turn<RecorderEffect> {
        Turn(now: MonotonicTime(milliseconds: milliseconds))
    }

    /// An attempt that has come so far.
    private static func attempt(at step: Step, _ turn: inout Turn<RecorderEffect>) -> SessionAttempt {
        var attempt = SessionAttempt("primary")
        switch step {
        case .idle: break
        case .backingOff: attempt.backOff(until: nil, &turn)
        case .requestingKey: attempt.requestKey(1, &turn)
        case .connecting: attempt.connect(request, &turn)
        case .live:
            attempt.connect(request, &turn)
            attempt.opened(&turn)
        }
        return attempt
    }

    @Test func `goes from a key to a session to its end, and every step is logged`() {
        var turn = Self.turn()
        var attempt = SessionAttempt("primary")
        attempt.backOff(until: MonotonicTime(milliseconds: 5), &turn)
        attempt.requestKey(7, &turn)
        attempt.connect(Self.request, &turn)
        attempt.opened(&turn)
        attempt.cancel(&turn)
        var lines: [String] = []
        var effects: [RecorderEffect] = []
        for effect in turn.effects {
            if case .log(let entry) = effect { lines.append(entry.line) } else { effects.append(effect) }
        }
        #expect(
            lines == [
                "session name=primary from=idle to=backing-off",
                "session name=primary from=backing-off to=requesting-key",
                "session name=primary from=requesting-key to=connecting",
                "session name=primary from=connecting to=live",
                "session name=primary from=live to=idle",
            ])
        let commands: [UplinkCommand] = [.requestKey(attempt: 7), .open(Self.request), .close(session: 1)]
        #expect(effects == commands.map { .uplink($0) })
    }

    @Test func `has no other steps than those of the table`() {
        let legal = Step.allCases.map { old in
            Step.allCases.map { old.allows($0) ? "✓" : "·" }.joined()
        }
        #expect(legal == ["·✓✓✓·", "✓✓✓✓·", "✓✓·✓·", "✓✓··✓", "✓✓···"])
    }

    @Test func `stops a test when a step is not in the table`() async {
        await #expect(processExitsWith: .failure) {
            var turn = Self.turn()
            var attempt = Self.attempt(at: .live, &turn)
            attempt.requestKey(2, &turn)
        }
        await #expect(processExitsWith: .failure) {
            var turn = Self.turn()
            var attempt = Self.attempt(at: .requestingKey, &turn)
            attempt.requestKey(2, &turn)
        }
    }

    @Test func `has a deadline wherever something is awaited, and says what did not come`() {
        for step in Step.allCases {
            var turn = Self.turn(1_000)
            let attempt = Self.attempt(at: step, &turn)
            #expect(attempt.state.step == step)
            let isAwaiting = step != .idle && step != .backingOff
            #expect((attempt.deadline.map { $0 > turn.now } ?? false) == isAwaiting, "\(step)")
            #expect((attempt.overdue != nil) == isAwaiting, "\(step)")
        }
    }

    @Test func `is gone on with by another one that is in its place`() {
        for step in [Step.requestingKey, .connecting, .live] {
            var turn = Self.turn()
            let successor = Self.attempt(at: step, &turn)
            var primary = SessionAttempt("primary")
            primary.takeOver(successor, &turn)
            #expect(primary.state == successor.state)
            #expect(primary.deadline == successor.deadline)
        }
    }

    @Test func `is cancelled as far as it has come`() {
        let close = RecorderEffect.uplink(.close(session: 1))
        let wanted: [[RecorderEffect]] = [[], [], [.uplink(.cancelKey(attempt: 1))], [close], [close]]
        for (step, effects) in zip(Step.allCases, wanted) {
            var turn = Self.turn()
            var attempt = Self.attempt(at: step, &turn)
            var after = Self.turn()
            attempt.cancel(&after)
            #expect(attempt.state == .idle)
            #expect(after.effects.filter { if case .log = $0 { false } else { true } } == effects)
        }
    }
}

@Suite struct `The recorder's timers` {
    @Test func `are one table that can be read`() throws {
        var box = Box()
        box.goLive()
        #expect(
            box.recorder.timers(now: box.now) == "primary=60000 roll-over=3300000 prefetched-key=25000")
        let next = try #require(box.recorder.nextDeadline)
        #expect(next.milliseconds(since: box.now) == 25_000)
        box.happens(.stop)
        #expect(box.recorder.timers(now: box.now) == "primary=60000 stage=3000")
    }
}
