/// A point on the monotonic clock, in milliseconds since an arbitrary start (CLOCK_MONOTONIC's). It drives every
/// timer; it never jumps when the wall clock is set.
package struct MonotonicTime: Comparable, Hashable, Sendable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }

    package func adding(milliseconds: Int64) -> Self {
        Self(milliseconds: self.milliseconds + milliseconds)
    }

    /// Milliseconds from `earlier` to this time; negative when `earlier` is later.
    package func milliseconds(since earlier: Self) -> Int64 {
        milliseconds - earlier.milliseconds
    }
}
