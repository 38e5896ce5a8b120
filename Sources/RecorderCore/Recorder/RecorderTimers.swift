/// All that the recorder waits for, as one table: what it is, when it is due, and what follows. Times are read out of
/// the state and kept nowhere else, so none can be forgotten.
extension Recorder {
    /// In the order in which those that are due together are seen to.
    package enum Timer: CaseIterable, Sendable {
        case primary
        case rollOver
        case secondary
        case prefetchedKey
        case gap
        case secondHearing
        case microphone
        case stage
        case refusedStart

        var name: String {
            switch self {
            case .primary: "primary"
            case .rollOver: "roll-over"
            case .secondary: "secondary"
            case .prefetchedKey: "prefetched-key"
            case .gap: "gap"
            case .secondHearing: "second-hearing"
            case .microphone: "microphone"
            case .stage: "stage"
            case .refusedStart: "refused-start"
            }
        }
    }

    /// The first of all.
    var deadline: MonotonicTime? {
        guard let lesson else { return refusedStart?.until }
        var next: MonotonicTime?
        for timer in Timer.allCases {
            guard let deadline = deadline(of: timer, lesson) else { continue }
            next = min(next ?? deadline, deadline)
        }
        return next
    }

    /// The table for people: what is waited for, and how many milliseconds still.
    package func timers(now: MonotonicTime) -> String {
        var text = ""
        for timer in Timer.allCases {
            guard let due = timer == .refusedStart ? refusedStart?.until : lesson.flatMap({ deadline(of: timer, $0) })
            else { continue }
            text += (text.isEmpty ? "" : " ") + "\(timer.name)=\(due.milliseconds(since: now))"
        }
        return text
    }

    private func deadline(of timer: Timer, _ lesson: Lesson) -> MonotonicTime? {
        switch timer {
        case .primary: lesson.uplink.primary.deadline
        case .rollOver: rollOverAt(lesson)
        case .secondary: lesson.uplink.secondary?.attempt.deadline
        case .prefetchedKey: lesson.uplink.prefetched.deadline
        case .gap: gapAt(lesson)
        case .secondHearing: secondHearingAt(lesson)
        case .microphone: lesson.microphoneDeadline
        case .stage: lesson.stageDeadline
        // It is told of only while no lesson is recorded.
        case .refusedStart: nil
        }
    }

    /// A live session's age is bounded: by the service and by its key; and by its lag, if it does not hurry.
    private func rollOverAt(_ lesson: Lesson) -> MonotonicTime? {
        guard lesson.stage == .recording, lesson.uplink.primary.isLive else { return nil }
        if lesson.uplink.secondary?.isSuccessor == true { return nil }
        let age = settings.sessionMilliseconds
        return lesson.uplink.primary.since.adding(
            milliseconds: lesson.uplink.isCatchUpDisabled ? min(Limits.realTimePaceMilliseconds, age) : age)
    }

    /// - Returns: what became of the lesson, when it is over.
    mutating func tick(_ lesson: inout Lesson, _ turn: inout Turn) -> Ending? {
        for timer in Timer.allCases {
            guard let deadline = deadline(of: timer, lesson), deadline <= turn.now else { continue }
            if let ending = expired(timer, &lesson, &turn) { return ending }
        }
        return nil
    }

    private mutating func expired(_ timer: Timer, _ lesson: inout Lesson, _ turn: inout Turn) -> Ending? {
        switch timer {
        case .primary: attemptExpired(.primary, &lesson, &turn)
        case .rollOver:
            turn.log(.info, "roll-over session=\(lesson.uplink.session?.id.rawValue ?? 0)")
            lesson.uplink.isCatchUpDisabled = false
            beginSuccessor(&lesson, &turn)
        case .secondary: attemptExpired(.secondary, &lesson, &turn)
        case .prefetchedKey: prefetchExpired(&lesson, &turn)
        case .gap: fillGap(&lesson, &turn)
        case .secondHearing: hearAgain(&lesson, &turn)
        case .microphone:
            receiveCapture(.deviceLost(reason: "it is open but delivers nothing"), &lesson, &turn)
        case .stage: return stageExpired(&lesson, &turn)
        case .refusedStart: refusedStart = nil
        }
        return nil
    }
}
