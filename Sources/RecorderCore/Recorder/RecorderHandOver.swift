/// A lesson that is wanted while the last one is still being finished, and what becomes of that one.
extension Recorder {
    /// START during a lesson. While one is recorded it is refused; one that is only being finished is in nobody's way:
    /// what text it lacks comes later.
    mutating func startMeanwhile(_ request: StartRequest, _ lesson: inout Lesson, _ turn: inout Turn) {
        guard lesson.stage != .recording, !hasPendingStart else {
            let busy = pendingStart?.request.header.id ?? lesson.header.id
            refuse("start", "already recording " + busy.text, .busy, &turn)
            return
        }
        if let refusal = request.spaceRefusal {
            refuse("start", refusal, .noSpace, &turn)
            return
        }
        awaitStart(request, &turn)
        switch lesson.stage {
        case .recording, .stoppingCapture: break
        case .finalWords: closeStore(&lesson, &turn)
        case .closingStore(let deadline): lesson.stage = .closingStore(deadline: min(deadline, handOver(turn)))
        }
    }

    /// Until when the end of a lesson may take: another one may be waiting.
    func closeDeadline(_ turn: Turn) -> MonotonicTime {
        hasPendingStart ? handOver(turn) : turn.after(milliseconds: Limits.storeCloseMilliseconds)
    }

    private func handOver(_ turn: Turn) -> MonotonicTime {
        turn.after(milliseconds: Limits.storeHandOverMilliseconds)
    }

    mutating func awaitStart(_ request: StartRequest, _ turn: inout Turn) {
        turn.log(.info, "start id=\(request.header.id.text) state=waiting")
        pendingStart = PendingStart(request: request, pressedAt: turn.now)
    }

    /// STOP before the lesson began.
    /// - Returns: whether one was waiting.
    mutating func cancelPending(_ turn: inout Turn) -> Bool {
        guard let pending = pendingStart else { return false }
        pendingStart = nil
        turn.log(.warning, "start id=\(pending.request.header.id.text) state=cancelled")
        return true
    }

    /// Begins the lesson that waits, when nothing is in its way any more.
    mutating func beginPending(_ turn: inout Turn) {
        guard !isRecording, !isCaptureBusy, let pending = pendingStart else { return }
        pendingStart = nil
        var request = pending.request
        // Its first sample is recorded now, and not when the button was pressed.
        let late = turn.now.milliseconds(since: pending.pressedAt)
        request.header.startedAt.milliseconds += late
        request.header.boot?.milliseconds += late
        start(request, &turn)
    }

    // MARK: The end

    /// - Parameter samples: that are on disk; nil when the store does not answer.
    func closed(
        _ lesson: Lesson, samples: Int64?, words: Int, _ sound: RecordedSound, _ turn: inout Turn
    ) -> Ending {
        let recorded = lesson.end ?? lesson.committed
        let saved = SampleIndex(samples ?? lesson.committed.value)
        var ending = Ending(id: lesson.header.id, recorded: recorded, saved: saved, sound: sound)
        if samples == nil || saved < recorded {
            let missing = "\(Self.seconds(saved)) of \(Self.seconds(recorded)) s are saved: "
            if case .failed(let reason) = lesson.disk {
                ending.problem = missing + reason
            } else {
                ending.problem = missing + "the disk did not take the recording's end in time"
            }
        }
        var line = "stop id=\(lesson.header.id.text) samples=\(saved.value) words=\(words)"
        if let problem = ending.problem { line += " missing=\(LogEntry.quoted(problem))" }
        turn.log(ending.problem == nil ? .info : .error, line)
        return ending
    }

    /// The disk has taken the end of the last lesson after all.
    mutating func savedLate(_ summary: RecordingSummary, _ turn: inout Turn) {
        guard var ending, ending.problem != nil, summary.header.id == ending.id else { return }
        ending.saved = SampleIndex(summary.samples)
        ending.sound = summary.sound
        if ending.saved >= ending.recorded { ending.problem = nil }
        self.ending = ending
        let line = "stop id=\(ending.id.text) samples=\(summary.samples) words=\(summary.words) state=late"
        turn.log(.warning, line)
    }

    private static func seconds(_ place: SampleIndex) -> String {
        let tenths = place.milliseconds / 100
        return "\(tenths / 10).\(tenths % 10)"
    }
}
