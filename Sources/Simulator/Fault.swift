package import RecorderCore

/// Something that goes wrong, or is pressed, at a time.
package struct Fault: Equatable, Sendable {
    package enum TokenTrouble: Equatable, Sendable {
        case status(Int)
        case busy(seconds: Int)
        case hangs
        case keysExpire(seconds: Int)
    }

    package enum Kind: Equatable, Sendable {
        // The network
        case carrierLost(newAddress: Bool)
        case blackHole
        /// Packets are lost and sent again: everything waits, nothing dies.
        case stall
        case addressChanged
        case flapping
        case falseHint(isUp: Bool)
        // The service and the token endpoint
        case token(TokenTrouble)
        case serviceRefuses(UplinkFailure.Cause)
        case serviceHangs
        /// Sessions are accepted, and nothing is heard of them again.
        case serviceMute
        case sessionsEnd(UplinkFailure.Cause)
        /// Sessions are opened, and refused by the first message: there is no place for them.
        case noPlace(ServiceErrorType)
        /// `finished` before the lesson is.
        case sessionsFinish
        case slowWords
        case strictPace
        case finalTokensTwice
        case noLastWord
        /// What sessions are sent is not heard, and not counted.
        case audioLeftOut
        // The box
        case microphoneLost
        case overrun
        /// The microphone gives nothing but silence.
        case muted
        case captureStuck
        case diskFails
        case diskSlow
        /// A name look-up blocks the uplink thread.
        case uplinkBlocked
        /// The loop comes late to what the uplink reported.
        case loopBusy
        case wallClockJumps
        case powerCut
        // People
        case startPressed
        case stopPressed
    }

    package var at: Int64
    package var duration: Int64
    package var kind: Kind
    /// Milliseconds until the system tells of it; nil when it never does.
    package var hint: Int64?

    /// Whether words may come late, or not at all, for its sake.
    var disturbsUplink: Bool {
        switch kind {
        case .carrierLost, .blackHole, .stall, .addressChanged, .flapping, .falseHint, .token, .serviceRefuses,
            .serviceHangs, .serviceMute, .sessionsEnd, .noPlace, .sessionsFinish, .slowWords, .strictPace, .noLastWord,
            .audioLeftOut, .uplinkBlocked, .loopBusy, .powerCut:
            true
        case .finalTokensTwice, .microphoneLost, .overrun, .muted, .captureStuck, .diskFails, .diskSlow,
            .wallClockJumps, .startPressed, .stopPressed:
            false
        }
    }
}

extension Fault: CustomStringConvertible {
    package var description: String {
        var text = "at \(at) ms"
        if duration > 0 { text += " for \(duration) ms" }
        text += ": \(kind)".replacing("RecorderCore.", with: "")
        if let hint { text += ", told after \(hint) ms" }
        return text
    }
}
