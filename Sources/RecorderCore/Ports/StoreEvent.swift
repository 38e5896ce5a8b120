/// What the store reports. The machines of the core take it as an input; each takes what is its own.
package enum StoreEvent: Equatable, Sendable {
    /// The directory, the first file and the index's row are on the medium.
    case opened(RecordingID)
    /// Samples before `through` are on the medium.
    case committed(through: SampleIndex)
    /// The store came too late for these samples; zeros are in their place, and the mark is in the index.
    case ringOverrun(SilenceMark)
    /// Writing fails, and why; it is tried again at every commit.
    case failed(String)
    /// Writing works again.
    case recovered
    case closed(RecordingSummary)
    /// What is open could not be ended as it was asked for: the disk refuses, and it is tried again; or the ring has
    /// the next recording already, and `closed` follows at once. Told when `saved` changes, too.
    case closeFailed(CloseFailure)
    /// The index was damaged while it was used, and was made anew; the open recording follows.
    case rebuilt(RebuiltIndex)
    /// A bound was reached so many times since it was last told.
    case reached(Bound, count: Int64)
    /// An uploaded recording was deleted.
    case deleted(Retention.Deletion)
    /// A recording that was left open could not be saved, and why; the next `open` tries again.
    case recoveryFailed(String)
    /// Space could not be made, and why; it is tried again after the next recording.
    case deletionFailed(String)
    /// The answer to `read`; without samples when there are none.
    case audio(session: SessionID, from: SampleIndex, [Int16])
    case postLesson(PostLessonEvent)
}

/// What the store reports of recordings that are saved.
package enum PostLessonEvent: Equatable, Sendable {
    /// Nil: there is none, until another recording is saved or its text is settled. `waiting`: recordings that are not
    /// at the school, those that were skipped among them; `bytesLeft`: what is to be sent of them.
    case package(UploadPackage?, waiting: Int, bytesLeft: Int64)
    /// It is on the medium.
    case packageNoted(RecordingID, name: String)
    /// Nil: no saved recording lacks text.
    case text(GapsToFill?)
    /// It is on the medium, and so are the words before it.
    case textSettled(RecordingID)
    /// Words had to be refused, since the index could not be written for too long. What was not saved is still a gap;
    /// no more is taken for this recording until the next `nextText`.
    case textLost(RecordingID)
    /// `bytes` is 0 when there is no such audio.
    case clipMade(RecordingID, path: String, bytes: Int64)
    /// The disk refuses what is to be done, and why; it is tried again, and no lesson is disturbed. Told once.
    case failed(String)
}

/// A recording that is to end and cannot, as the disk refuses, or that lost its end meanwhile.
package struct CloseFailure: Equatable, Sendable {
    package var id: RecordingID
    /// Samples of it that are on the medium, and how many it was to have.
    package var saved: SampleIndex
    package var wanted: SampleIndex
    package var reason: String

    package init(id: RecordingID, saved: SampleIndex, wanted: SampleIndex, reason: String) {
        self.id = id
        self.saved = saved
        self.wanted = wanted
        self.reason = reason
    }
}

/// An index that was made anew from the audio files, or that took the place of another version's.
package struct RebuiltIndex: Equatable, Sendable {
    /// What was in its place is called so in `box.state_directory`; nil: there was nothing, or it could not be moved.
    package var kept: String?
    /// Why that could not be used; empty when it was missing.
    package var reason: String
    /// The index that this version had made before another one took over, with what was recorded meanwhile.
    package var isTakenUp: Bool
    package var recordings: Int
    package var words: Int
    /// Of so many the marks of silence are not known any more: silence that the box put there counts as sound.
    package var unmarked: Int

    package init(
        kept: String?, reason: String, isTakenUp: Bool, recordings: Int, words: Int, unmarked: Int
    ) {
        self.kept = kept
        self.reason = reason
        self.isTakenUp = isTakenUp
        self.recordings = recordings
        self.words = words
        self.unmarked = unmarked
    }
}
