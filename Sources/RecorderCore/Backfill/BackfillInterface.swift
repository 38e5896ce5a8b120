/// Everything that can happen to the transcription of saved lessons.
package enum BackfillInput: Equatable, Sendable {
    /// A lesson was saved, or there may be others: ask the store.
    case saved
    case lessonBegan
    case lessonEnded
    /// As for the recorder: there is a usable route to the network.
    case networkChanged
    case networkLost
    case store(PostLessonEvent)
    /// A person does not want to wait for the next try.
    case retry

    /// Of its own sessions.
    case uplink(UplinkEvent)

    case answer(TranscriptionAnswer)
    /// `nextDeadline` may have passed.
    case tick
}

/// Everything that the transcription of saved lessons can want done.
package enum BackfillEffect: SessionEffect, Equatable, Sendable {
    case store(PostLessonCommand)

    case uplink(UplinkCommand)

    case request(TranscriptionRequest)
    case cancelRequest
    /// A bound was reached, so many times.
    case reached(Bound, count: Int64)
    case log(LogEntry)
}

/// How saved lessons get the text that they lack.
package struct BackfillSettings: Equatable, Sendable {
    package enum Mode: Equatable, Sendable {
        /// Nothing is transcribed later.
        case none
        /// Replayed through the live service between lessons.
        case live
        /// Sent as files to the asynchronous API.
        case files
    }

    package var mode: Mode
    package var on503: On503
    /// Seconds of audio a second.
    package var catchUpRate: Double
    /// No more than this at a time.
    package var pieceMilliseconds: Int64

    package init(
        mode: Mode, on503: On503 = .retry, catchUpRate: Double = 1.5, pieceMilliseconds: Int64 = 55 * 60_000
    ) {
        self.mode = mode
        self.on503 = on503
        self.catchUpRate = catchUpRate
        self.pieceMilliseconds = pieceMilliseconds
    }
}

/// For `status` and `recordings`.
package struct BackfillStatus: Equatable, Sendable {
    package var recording: RecordingID
    package var gaps: Int
    /// Without text.
    package var milliseconds: Int64
    /// Nil: under way.
    package var nextAttempt: MonotonicTime?
    package var lastError: String
}
