/// How long uploaded recordings stay on the box.
package struct RetentionPolicy: Equatable, Sendable {
    /// Uploaded recordings older than this go; 0: only when space is needed.
    package var keepDays: Int
    /// So much is to be free for the next lesson.
    package var reserveBytes: Int64

    package init(keepDays: Int, reserveBytes: Int64) {
        self.keepDays = keepDays
        self.reserveBytes = reserveBytes
    }
}

/// Which recordings are deleted: only what is uploaded, the oldest first, and no more than is needed.
package enum Retention {
    /// A recording on the disk.
    package struct Candidate: Equatable, Sendable {
        package var id: RecordingID
        package var state: RecordingState
        package var startedAt: WallTime
        /// Whether `startedAt` is true: without that it may be 50 years off, and says nothing about the age.
        package var clockSynchronised: Bool
        package var bytes: Int64

        package init(
            id: RecordingID, state: RecordingState, startedAt: WallTime, clockSynchronised: Bool, bytes: Int64
        ) {
            self.id = id
            self.state = state
            self.startedAt = startedAt
            self.clockSynchronised = clockSynchronised
            self.bytes = bytes
        }
    }

    package enum Reason: Equatable, Sendable {
        /// Older than `keepDays`.
        case age
        /// There was less than the reserve.
        case space
        /// Of either; the power was cut in the middle of it.
        case unfinished

        package var name: String {
            switch self {
            case .age: "age"
            case .space: "space"
            case .unfinished: "unfinished"
            }
        }
    }

    /// One recording to delete.
    package struct Deletion: Equatable, Sendable {
        package var id: RecordingID
        package var bytes: Int64
        package var reason: Reason

        package init(id: RecordingID, bytes: Int64, reason: Reason) {
            self.id = id
            self.bytes = bytes
            self.reason = reason
        }
    }

    /// - Parameters:
    ///   - now: nil when the clock is not synchronised: an age that may be wrong deletes nothing.
    package static func plan(
        _ recordings: [Candidate], policy: RetentionPolicy, freeBytes: Int64, now: WallTime?
    ) -> [Deletion] {
        var free = freeBytes
        var deletions: [Deletion] = []
        for recording in recordings.ordered(by: { $0.startedAt < $1.startedAt }) where recording.state == .uploaded {
            var isOld = false
            if let now, policy.keepDays > 0, recording.clockSynchronised {
                isOld = now.milliseconds - recording.startedAt.milliseconds > Int64(policy.keepDays) * 86_400_000
            }
            guard isOld || free < policy.reserveBytes else { continue }
            free += recording.bytes
            deletions.append(
                Deletion(id: recording.id, bytes: recording.bytes, reason: isOld ? .age : .space))
        }
        return deletions
    }
}
