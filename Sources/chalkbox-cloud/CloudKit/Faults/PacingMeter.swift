/// How far a session's audio is ahead of a rate: a token bucket that drains at that rate.
struct PacingMeter {
    private var levelMilliseconds = 0.0
    private var lastMilliseconds: Int?
    private(set) var worstMilliseconds = 0

    /// Takes note of audio.
    ///
    /// - Returns: audio beyond what the rate allowed so far.
    mutating func audio(milliseconds: Double, rate: Double, at now: Int) -> Int {
        let elapsed = lastMilliseconds.map { now - $0 } ?? 0
        lastMilliseconds = now
        levelMilliseconds = max(0, levelMilliseconds - rate * Double(elapsed)) + milliseconds
        worstMilliseconds = max(worstMilliseconds, Int(levelMilliseconds))
        return Int(levelMilliseconds)
    }
}
