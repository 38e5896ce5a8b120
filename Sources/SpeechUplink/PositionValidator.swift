internal import RecorderCore

/// Compares the positions that the service reports with the audio it was sent. A service that reports a position beyond
/// that is no longer trusted about what is final: the next session would begin too late, and words would be lost.
struct PositionValidator: Equatable {
    /// Services count in frames of up to 120 ms (docs/PROTOCOL.md, Messages).
    private static let slackMilliseconds: Int64 = 250

    private var isTrusted = true
    /// Milliseconds of the session's audio up to which final words have come.
    private(set) var spoken: Int64 = 0

    /// Clamps positions that are impossible, and counts them.
    ///
    /// - Parameter sent: milliseconds of audio that were written to the connection.
    mutating func check(_ message: inout ServiceMessage, sent: Int64) {
        let most = sent + Self.slackMilliseconds
        for place in message.tokens.indices {
            let end = message.tokens[place].endMilliseconds
            message.tokens[place].startMilliseconds = min(message.tokens[place].startMilliseconds, sent)
            message.tokens[place].endMilliseconds = min(end, sent)
            // The end of a token that is not final is a guess.
            guard message.tokens[place].isFinal else { continue }
            if end > most { message.oddPositions += 1 } else { spoken = max(spoken, min(end, sent)) }
        }
        let total = message.totalAudioMilliseconds
        let final = message.finalAudioMilliseconds
        if total > most { message.oddPositions += 1 }
        if final > most || total > 0 && final > total + Self.slackMilliseconds { message.oddPositions += 1 }
        if message.oddPositions > 0 { isTrusted = false }
        message.totalAudioMilliseconds = min(total, sent)
        message.finalAudioMilliseconds = min(final, isTrusted ? sent : spoken)
    }
}
