/// What the microphone's thread finds out about the device: its channels and its clock.
extension Recorder {
    func heard(_ faults: ChannelFaults, _ lesson: inout Lesson, _ turn: inout Turn) {
        let before = lesson.channelFaults.text(of: settings.channel)
        lesson.channelFaults = faults
        let text = faults.text(of: settings.channel)
        guard text != before else { return }
        let state = text.isEmpty ? "fine" : "faulty reason=" + LogEntry.quoted(text)
        turn.log(.warning, "channels state=" + state)
    }

    func heard(_ clock: DeviceClock, _ lesson: inout Lesson, _ turn: inout Turn) {
        let before = lesson.clock.isWrong
        lesson.clock.heard(clock)
        guard lesson.clock.isWrong != before else { return }
        turn.log(.warning, "clock state=\(before ? "fine" : "wrong") " + Self.figures(clock))
    }

    /// At the end of a lesson.
    func tellMeasured(_ lesson: inout Lesson, _ turn: inout Turn) {
        lesson.measured.driftPartsPerMillion = lesson.clock.drift
        if lesson.measured.loudestTenths != nil { turn.emit(.store(.measured(lesson.measured))) }
        guard let clock = lesson.clock.newest, lesson.clock.drift != nil else { return }
        turn.log(.info, "clock state=measured " + Self.figures(clock) + " over_ms=\(clock.milliseconds)")
    }

    private static func figures(_ clock: DeviceClock) -> String {
        "says_hz=\(clock.nominalRate) measured_hz=\(clock.measuredRate) ppm=\(clock.partsPerMillion)"
    }
}

extension Lesson {
    /// See `ChannelFaults.described`.
    package func microphoneFault(of selection: ChannelSelection) -> (problem: String, note: String) {
        channelFaults.described(selection, clock)
    }
}

extension ChannelFaults {
    /// What is wrong with the microphone although it delivers, and what to do: what costs sound, and what does not.
    /// Empty: nothing.
    package func described(_ selection: ChannelSelection, _ clock: ClockWatch) -> (problem: String, note: String) {
        guard let newest = clock.newest, clock.isWrong else {
            let text = text(of: selection)
            // A mix goes on with the others.
            return selection == .mix ? ("", text) : (text, "")
        }
        let problem =
            "the microphone says \(newest.nominalRate) frames a second and gives \(newest.measuredRate): pitch and "
            + "times are wrong; use another sound card"
        return (problem, "")
    }
}
