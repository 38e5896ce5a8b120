/// Everything that can happen to the transcription of saved lessons.
package enum BackfillInput: Equatable, Sendable {
    /// A lesson was saved, or there may be others: ask the store.
    case saved
    case lessonBegan
    case lessonEnded
    /// As for the recorder: there is a usable route to the network.
    case networkChanged
    case networkLost
    /// The store's answer to `askText`: nil when no saved recording lacks text.
    case text(GapsToFill?)
    /// The store could not keep all words; what it has not is still a hole.
    case textLost(RecordingID)
    /// What `settle` wanted is on disk.
    case settled(RecordingID)
    /// A person does not want to wait for the next try.
    case retry

    /// Of its own sessions.
    case uplink(UplinkEvent)

    case clipMade(RecordingID, path: String)
    case clipFailed(RecordingID, String)
    case answer(TranscriptionAnswer)
    /// `nextDeadline` may have passed.
    case tick
}

/// Everything that the transcription of saved lessons can want done.
package enum BackfillEffect: SessionEffect, Equatable, Sendable {
    case askText
    /// New final words of a saved recording, as `RecorderEffect.storeTokens`.
    case storeTokens(RecordingID, [FinalToken], covered: SampleIndex, holes: [Gap])
    case mergeSpeaker(RecordingID, Int, into: Int)
    /// The recording's text is all that there will be; why, when something is missing. Answered by `settled`.
    case settle(RecordingID, reason: String)

    case uplink(UplinkCommand)

    /// These samples as a FLAC file: answered by `clipMade` or `clipFailed`.
    case makeClip(RecordingID, Range<SampleIndex>)
    /// The file is not needed any more.
    case removeClip(RecordingID)
    /// What the service holds: noted, so that it can be deleted there after a restart.
    case noteJob(RecordingID, TranscriptionJob)
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
