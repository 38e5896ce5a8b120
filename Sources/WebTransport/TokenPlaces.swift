internal import RecorderCore

/// Gives a place to tokens that came without one (decision odd-token-is-repaired). Those that follow each other share
/// the time between the token before them and the one behind, `longestMilliseconds` each at most: next to the token
/// that they belong to.
struct TokenPlaces {
    private static let longestMilliseconds: Int64 = 300

    /// Milliseconds up to which there were words before the message.
    private let spoken: Int64
    /// The first token of those that have no end yet; they are the last ones.
    private var open: Int?
    /// Where they begin is known.
    private var isAnchored = false

    init(after spoken: Int64) {
        self.spoken = spoken
    }

    /// Appends a token.
    /// - Returns: whether its times are odd.
    mutating func add(
        _ token: ServiceToken, from start: Int64?, to end: Int64?, _ tokens: inout [ServiceToken]
    ) -> Bool {
        let goesOn = !token.text.begins(with: " ")
        let before = tokens.last?.endMilliseconds ?? spoken
        var token = token
        token.startMilliseconds = start ?? end.map { min($0, before) } ?? before
        token.endMilliseconds = max(token.startMilliseconds, end ?? token.startMilliseconds)
        if start != nil || end != nil {
            close(&tokens, at: token.startMilliseconds, staysWithNext: goesOn)
            if end == nil { (open, isAnchored) = (tokens.count, true) }
        } else if open == nil {
            (open, isAnchored) = (tokens.count, goesOn && before > 0)
        }
        tokens.append(token)
        guard let start, let end else { return true }
        return end < start
    }

    /// - Parameter through: milliseconds up to which the message says that its last tokens reach.
    mutating func finish(_ tokens: inout [ServiceToken], through: Int64) {
        close(&tokens, at: through, staysWithNext: true)
    }

    /// - Parameter staysWithNext: what begins at `end` is no new word.
    private mutating func close(_ tokens: inout [ServiceToken], at end: Int64, staysWithNext: Bool) {
        guard let first = open else { return }
        open = nil
        var start = tokens[first].startMilliseconds
        let count = Int64(tokens.count - first)
        let length = min(max(0, end - start), count * Self.longestMilliseconds)
        if !isAnchored, staysWithNext || start <= 0 { start = max(start, end - length) }
        for place in first..<tokens.count {
            let number = Int64(place - first)
            tokens[place].startMilliseconds = start + length * number / count
            tokens[place].endMilliseconds = start + length * (number + 1) / count
        }
    }
}
