internal import LinuxRuntime
internal import RecorderCore

/// Whether the disk has refused some work, and when it is tried again.
struct DiskRetry {
    /// Nil: at once.
    private(set) var at: MonotonicTime?
    private var isReported = false

    static let now = MonotonicTime(milliseconds: 0)

    /// When it is to be done.
    var due: MonotonicTime { at ?? Self.now }

    /// - Returns: whether it is news.
    mutating func failed() -> Bool {
        at = Clock.now.adding(milliseconds: Limits.postLessonRetryMilliseconds)
        defer { isReported = true }
        return !isReported
    }

    mutating func succeeded() {
        at = nil
        isReported = false
    }

    /// Somebody has asked: there may be a reason.
    mutating func reset() {
        at = nil
    }
}
