/// Everything that can happen to the uploads.
package enum OutboxInput: Equatable, Sendable {
    /// A recording may have become ready: ask the store.
    case saved
    case lessonBegan
    case lessonEnded
    /// As for the recorder: there is a usable route to the network.
    case networkChanged
    case networkLost
    case store(PostLessonEvent)
    case answer(UploadAnswer)
    /// Bytes of the running request that were written to the connection.
    case progress(bytes: Int64)
    /// The box has another secret than before.
    case bearerChanged
    /// A person does not want to wait; nil: for any lesson.
    case retry(RecordingID?)
    /// `nextDeadline` may have passed.
    case tick
}

/// Everything that the uploads can want done.
package enum OutboxEffect: MachineEffect, Equatable, Sendable {
    case store(PostLessonCommand)
    /// Answered by `answer`, once, unless it is cancelled.
    case request(UploadRequest)
    case cancelRequest
    case log(LogEntry)
}

/// How lessons go to the school.
package struct OutboxSettings: Equatable, Sendable {
    /// False: nowhere.
    package var isOn: Bool
    /// What goes in one request; every one but a file's last has just this size.
    package var chunkBytes: Int64
    package var duringLesson: Bool
    /// The school is told of each complete lesson.
    package var hasManifest: Bool

    package init(isOn: Bool, chunkBytes: Int64 = 6 << 20, duringLesson: Bool = false, hasManifest: Bool = true) {
        self.isOn = isOn
        self.chunkBytes = chunkBytes
        self.duringLesson = duringLesson
        self.hasManifest = hasManifest
    }
}

/// A lesson that waits for a person.
package struct BlockedPackage: Equatable, Sendable {
    package var recording: RecordingID
    package var reason: String
}

/// For `status`.
package struct OutboxStatus: Equatable, Sendable {
    /// Lessons that are not at the school yet.
    package var waiting: Int
    package var bytesLeft: Int64
    /// The lesson in hand, and its file that goes now.
    package var recording: RecordingID?
    package var file: String
    /// Of that lesson.
    package var bytesDone: Int64
    package var bytes: Int64
    package var bytesASecond: Int64
    /// Nil: none is planned, or it is under way.
    package var nextAttempt: MonotonicTime?
    package var lastError: String
    package var blocked: [BlockedPackage]
}
