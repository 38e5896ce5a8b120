internal import RecorderCore

/// The light tells the truth: what it shows is compared with what microphone, disk and service really do.
extension World {
    /// A microphone that is really gone may be shown as there for no longer.
    static let lossMilliseconds: Int64 = 1_200
    /// A service that does not come on may be shown as live for no longer: it is noticed after 3 s, by threads that may
    /// be busy for 6 s and more.
    static let silentServiceMilliseconds: Int64 = 15_000

    func noteLight(_ input: RecorderInput) {
        switch input {
        case .capture(.started), .capture(.deviceBack): checker.light.microphone = .delivering
        case .capture(.deviceLost):
            checker.light.microphone = .lost
            checker.light.quiet = 0
        case .capture(.level(let level, _)): checker.light.quiet = level.peakTenths < -550 ? checker.light.quiet + 1 : 0
        case .store(.failed): checker.light.isDiskFailing = true
        case .store(.recovered): checker.light.isDiskFailing = false
        case .uplink(.message(let number, let message)):
            guard message.totalAudioMilliseconds > 0 || !message.tokens.isEmpty || message.finished,
                let place = checker.sessions.firstIndex(where: { $0.id == number && $0.isOpen })
            else { return }
            checker.sessions[place].hasProgressed = true
            if !checker.sessions[place].isSecondary { checker.light.lastProgressAt = now }
        default: break
        }
    }

    /// As `Daemon.settle` shows them.
    private func lamps(_ lesson: Lesson) -> Lamps {
        let isTooSoon = planted == .greenTooSoon && lesson.uplink.session != nil && isLive(lesson)
        return Lamps(phase: isTooSoon ? .live : lesson.phase, hasAmber: true, level: lesson.level.state)
    }

    func checkLamps(_ lesson: Lesson) {
        let shown = lamps(lesson)
        outcome.mix(Int64(lesson.phase.name.utf8.count) + (shown.green == .off ? 0 : 100))
        let light = checker.light
        let isLost =
            switch light.microphone {
            case .opening(let since): now - since >= Limits.microphoneOpenMilliseconds
            case .delivering: false
            case .lost: true
            }
        if light.isDiskFailing || (isLost && lesson.stage == .recording) {
            expect(shown, Lamps(red: .doubleBlink), "audio is being lost")
        } else if lesson.stage != .recording {
            expect(shown, Lamps(amber: .blink), "it is finishing")
        } else if !isDelivering || (plan.settings.transcription && !isAnswered) {
            let isGivenUp = if case .failed = lesson.phase { true } else { false }
            expect(shown, isGivenUp ? Lamps(red: .solid) : Lamps(amber: .blink), "nothing is live")
        } else {
            expect(shown, Lamps(green: light.quiet >= Limits.quietSeconds ? .wink : .solid), "it is live")
        }
        if shown.green == .solid || shown.green == .wink { checkGreen() }
    }

    private var isDelivering: Bool {
        if case .delivering = checker.light.microphone { return true }
        return false
    }

    /// A session of the live text is open in which the service has come on.
    private var isAnswered: Bool {
        checker.sessions.contains { $0.isOpen && !$0.isSecondary && $0.hasProgressed }
    }

    /// Whatever the recorder was told.
    private func checkGreen() {
        for (number, fault) in plan.faults.enumerated() where isActive[number] && fault.kind == .microphoneLost {
            let away = now - max(fault.at, capture.startedAt)
            guard capture.isRunning, away > Self.lossMilliseconds else { continue }
            fail("the light tells the truth", "green, and the microphone is away for \(away) ms")
        }
        let silence = now - checker.light.lastProgressAt
        if plan.settings.transcription, silence > Self.silentServiceMilliseconds {
            fail("the light tells the truth", "green, and the service does not come on for \(silence) ms")
        }
    }

    private func expect(_ shown: Lamps, _ wanted: Lamps, _ why: String) {
        if shown != wanted { fail("the light tells the truth", "\(shown), and \(why)") }
    }

    /// Nothing is recorded: dark is right only when all of the last lesson is on the disk.
    func checkRestingLamps() {
        guard case .finished = recorder.phase, let ending = recorder.ending else { return }
        guard medium.samples < ending.recorded.value else { return }
        fail("what is not saved is told", "\(medium.samples) of \(ending.recorded.value) samples, and the light is off")
    }
}
