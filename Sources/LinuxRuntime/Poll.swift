internal import CLinux
package import RecorderCore

/// Waiting for one descriptor, for the command line (poll(2)).
package enum Poll {
    /// Returns after this time.
    package static func sleep(milliseconds: Int64) {
        _ = readable(-1, until: Clock.now.adding(milliseconds: milliseconds))
    }

    /// - Returns: whether `descriptor` became readable (or was hung up) before `deadline`; nil waits for ever.
    package static func readable(_ descriptor: Int32, until deadline: MonotonicTime?) -> Bool {
        while true {
            var timeout: Int32 = -1
            if let deadline {
                let left = deadline.milliseconds(since: Clock.now)
                guard left > 0 else { return false }
                timeout = Int32(min(left, Int64(Int32.max)))
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = unsafe poll(&entry, 1, timeout)
            if count > 0 { return true }
            if count < 0, chalk_errno() != EINTR { return false }
        }
    }
}
