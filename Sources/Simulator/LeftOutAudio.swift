internal import RecorderCore

/// A session whose service leaves out audio: it counts, and places words, as if there had been none of it.
struct LeftOutAudio {
    /// Milliseconds that are missing so far.
    private var missing: Int64 = 0
    /// Where the present stretch began, in the recording; nil: the service hears.
    private var start: Int64?
    /// How much later than in the session's own time the recogniser places things.
    private var shift: Int64 = 0
    private var heard: Int64 = 0

    /// What a service must have heard before its lag tells anything.
    private static let beganMilliseconds: Int64 = 5_000

    /// A shorter stretch is not noticed (`LagWatch`).
    private static let shortestMilliseconds: Int64 = 2_200

    /// - Parameter left: milliseconds for which what is sent is not heard any more.
    mutating func hear(
        _ recogniser: inout Recogniser, through now: Int64, base: Int64, extraDelay: Int64, isFinished: Bool,
        left: Int64, again: (_ base: Int64) -> Recogniser
    ) -> ServiceMessage {
        if start == nil, left > Self.shortestMilliseconds, heard - base >= Self.beganMilliseconds { start = heard }
        if let from = start, isFinished, now - from < Self.shortestMilliseconds { start = nil }
        guard let from = start else {
            heard = now
            return placed(recogniser.hear(through: now, extraDelay: extraDelay, isFinished: isFinished))
        }
        if !isFinished, left > 0 || now - from < Self.shortestMilliseconds {
            return placed(recogniser.hear(through: from, extraDelay: extraDelay, isFinished: false))
        }
        // What it had heard before becomes final, be it the half of a word.
        var message = placed(recogniser.hear(through: from, extraDelay: 0, isFinished: true))
        start = nil
        heard = now
        missing += now - from
        shift = now - missing - base
        var next = again(now)
        next.voices = recogniser.voices
        recogniser = next
        let rest = placed(recogniser.hear(through: now, extraDelay: extraDelay, isFinished: isFinished))
        message.tokens += rest.tokens
        message.finalAudioMilliseconds = rest.finalAudioMilliseconds
        message.totalAudioMilliseconds = rest.totalAudioMilliseconds
        message.finished = isFinished
        return message
    }

    /// In the session's own time.
    private func placed(_ message: ServiceMessage) -> ServiceMessage {
        var message = message
        for place in message.tokens.indices {
            message.tokens[place].startMilliseconds += shift
            message.tokens[place].endMilliseconds += shift
        }
        message.finalAudioMilliseconds += shift
        message.totalAudioMilliseconds += shift
        return message
    }
}

extension World {
    /// What the service says in a session of the audio that it was sent.
    func recognise(_ session: Session, heard: Int64, extraDelay: Int64, isFinished: Bool) -> ServiceMessage {
        let base = session.request.base.milliseconds
        var left: Int64 = 0
        // It is noticed in the sessions of the live text.
        let isLive = session.request.end == nil && !session.request.isSaved
        for (number, fault) in plan.faults.enumerated() where isLive && isActive[number] {
            if fault.kind == .audioLeftOut { left = max(left, fault.at + fault.duration - now) }
        }
        var message = session.leftOut.hear(
            &session.recogniser, through: heard, base: base, extraDelay: extraDelay, isFinished: isFinished,
            left: left
        ) { recogniser(serial: session.serial, base: $0) }
        message.sentMilliseconds = session.sent / SampleIndex.samplesPerMillisecond - base
        return message
    }

    func recogniser(serial: Int, base: Int64) -> Recogniser {
        Recogniser(
            seed: plan.seed, serial: serial, script: script, base: base, offset: plan.sessionOffset,
            finality: plan.finality, mixesModels: plan.mixesModels)
    }
}
