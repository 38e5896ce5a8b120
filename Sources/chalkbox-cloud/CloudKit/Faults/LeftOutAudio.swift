/// Audio that a session is sent and never hears: 2 s of each 3, so that it still makes progress.
struct LeftOutAudio {
    private static let bytesPerMillisecond = 2 * samplesPerMillisecond
    private static let leftOutMilliseconds = 2_000
    private static let turnMilliseconds = 3_000

    private var bytesLeft = 0
    private var bytesSince = 0

    mutating func begin(milliseconds: Int) {
        bytesLeft = milliseconds * Self.bytesPerMillisecond
        bytesSince = 0
    }

    /// Whether a frame of so many bytes is left out.
    mutating func takes(_ count: Int) -> Bool {
        guard bytesLeft > 0 else { return false }
        let place = bytesSince / Self.bytesPerMillisecond % Self.turnMilliseconds
        bytesSince += count
        guard place < Self.leftOutMilliseconds else { return false }
        bytesLeft -= count
        return true
    }
}
