/// What is waited for has a deadline: an answer that is lost, or never given, stops nothing for good.
extension Backfill {
    /// What is known of a lesson beside its text.
    struct Kept {
        let id: RecordingID
        let failures: Int
        let unreadable: Int
        let skipped: [SampleIndex]
        let lastError: String

        init(_ job: Job) {
            id = job.id
            failures = job.failures
            unreadable = job.unreadable
            skipped = job.skipped
            lastError = job.lastError
        }

        func give(to job: inout Job) {
            guard job.id == id else { return }
            job.failures = failures
            job.unreadable = unreadable
            job.skipped = skipped
            job.lastError = lastError
        }
    }

    /// Whoever is asked something, or comes on, has all his time again.
    mutating func expectAnswer(within milliseconds: Int64, _ turn: Turn) {
        answerDue = turn.after(milliseconds: milliseconds)
    }

    mutating func answerMissing(_ turn: inout Turn) {
        // During a lesson the store has other things to do.
        guard !isPaused, answerDue <= turn.now else { return }
        switch work {
        case .none:
            return
        case .asked:
            work = .none
            askAt = turn.now
        case .lesson(var job):
            switch job.step {
            case .trying, .polling, .done:
                return
            case .makingClip:
                job.clip = nil
                failed(UplinkFailure(.journal, "the audio was not cut in time"), &job, &turn)
            case .exchanging:
                turn.emit(.cancelRequest)
                failed(UplinkFailure(.timeout, "the service gave no answer"), &job, &turn)
            case .settling:
                // What the store has of it is where it goes on.
                work = .none
                askAt = turn.now
            }
            if case .lesson = work { work = .lesson(job) }
        }
        turn.log(.error, "transcribe state=stuck")
    }

    /// What is there may end each session: after the second time it is left, for the sake of the others.
    func noteUnreadable(_ failure: UplinkFailure, _ job: inout Job, _ turn: inout Turn) {
        guard failure.isUnreadable else {
            job.unreadable = 0
            return
        }
        job.unreadable += 1
        guard job.unreadable > 1, let gap = nextGap(job) else { return }
        job.unreadable = 0
        job.skipped.append(gap.lowerBound)
        let line = "gap state=left id=\(job.id.text) from_ms=\(gap.lowerBound.milliseconds)"
        turn.log(.error, line + " reason=\(LogEntry.quoted(failure.detail))")
    }
}
