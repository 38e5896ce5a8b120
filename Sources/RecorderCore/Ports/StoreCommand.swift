/// What the store is told. The machines of the core want it as an effect, and it goes to the store's thread as it is.
package enum StoreCommand: Equatable, Sendable {
    /// Begins a recording at sample 0 of the ring. One that is still open is ended as interrupted.
    case open(RecordingHeader)
    /// Opens the interrupted recording again: the ring begins with sample `at`, zeros are between.
    case reopen(at: SampleIndex)
    /// The interrupted recording is over.
    case closeInterrupted
    /// New final words in order. `covered`: the sample up to which all has its final text; `gaps`: what has none, of
    /// what is before the last.
    case words([Word], covered: SampleIndex, gaps: [Gap] = [])
    case silence(SilenceMark)
    /// All words of a speaker so far are another's, who is the same person; the number may be given anew.
    case mergeSpeaker(Int, into: Int)
    /// So many more samples were very quiet, for too long to be a pause, or clipped.
    case level(quietSamples: Int64, clippedSamples: Int64)
    /// STOP: how loud the recording was, and how fast the microphone's clock.
    case measured(MeasuredSound)
    /// Commit at once rather than at the next interval.
    case commit
    /// Samples of the open recording from `from` on, for a session of the uplink: answered by `audio`.
    case read(session: SessionID, from: SampleIndex)
    /// Delete uploaded recordings that may go.
    case freeSpace
    /// STOP was pressed: saved at once, so that the recording does not go on after a power cut.
    case stopped
    /// Save up to sample `end`; or, when the ring has the next recording already, what was taken of this one before:
    /// that counts as interrupted, and `closeFailed` tells it.
    case close(end: SampleIndex, gaps: [Gap], interrupted: Bool)
    case postLesson(PostLessonCommand)
}

/// What the store is told of recordings that are saved. Changes are made in the order in which they come; what the disk
/// refuses is tried again, and the answer comes late. All of it goes on while a lesson is recorded, but for packages
/// and clips, which wait for its end.
package enum PostLessonCommand: Equatable, Sendable {
    /// The oldest recording that is to go to the school, but none of these; packed now unless it is already: answered
    /// by `package`. A question that still waits is replaced.
    case nextPackage(skipping: [RecordingID])
    /// How far a file has come: kept before anything is done that builds on it. Answered by `packageNoted`.
    case packageFile(RecordingID, name: String, url: String?, isSent: Bool)
    /// The school has it: answered by `packageNoted`, with an empty name.
    case packageDone(RecordingID)
    /// The oldest recording whose text has gaps: answered by `text`.
    case nextText
    /// As `StoreCommand.read`, of a saved recording: answered by `StoreEvent.audio`.
    case read(session: SessionID, RecordingID, from: SampleIndex)
    /// Final words for gaps, and all that is without text from now on, to the recording's end.
    case words(RecordingID, [Word], covered: SampleIndex, gaps: [Gap])
    /// As `StoreCommand.mergeSpeaker`.
    case mergeSpeaker(RecordingID, Int, into: Int)
    /// No text will come any more; `reason`: why some is missing, or empty. Answered by `textSettled`.
    case settleText(RecordingID, reason: String)
    /// What the service holds: noted, so that it can be deleted there after a restart.
    case noteJob(RecordingID, TranscriptionJob)
    /// A FLAC file of this part, to be sent: answered by `clipMade`. It replaces the recording's last one.
    case makeClip(RecordingID, Range<SampleIndex>)
    /// It was sent, or is not wanted any more. A start of the store removes all.
    case removeClip(RecordingID)
}
