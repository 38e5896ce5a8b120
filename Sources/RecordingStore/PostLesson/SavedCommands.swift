package import RecorderCore

/// What becomes of recordings once they are saved.
package struct PostLessonPolicy: Equatable, Sendable {
    /// What has no text may still get it: such a recording is packed once its text is settled.
    package var transcribes: Bool
    /// There is a school to send to; without one nothing is packed.
    package var uploads: Bool

    package init(transcribes: Bool = false, uploads: Bool = false) {
        self.transcribes = transcribes
        self.uploads = uploads
    }
}

/// What the store is told of recordings that are saved. Changes are made in the order in which they come; what the disk
/// refuses is tried again, and the answer comes late. All of it goes on while a lesson is recorded, but for packages
/// and clips, which wait for its end.
package enum SavedCommand: Sendable {
    /// The oldest recording that is to go to the school, packed now unless it is already: answered by `package`. A
    /// question that still waits is replaced.
    case nextPackage(skipping: [RecordingID])
    /// How far a file has come: answered by `packageNoted`.
    case packageFile(RecordingID, name: String, url: String?, isSent: Bool)
    /// The school has it: answered by `packageNoted`, with an empty name.
    case packageDone(RecordingID)
    /// The oldest recording whose text has holes: answered by `text`.
    case nextText(skipping: [RecordingID])
    /// As `StoreCommand.read`, of a saved recording: answered by `StoreEvent.audio`.
    case read(session: Int, RecordingID, from: SampleIndex)
    /// Final tokens for holes, and all that is without text from now on, to the recording's end.
    case textTokens(RecordingID, [FinalToken], covered: SampleIndex, holes: [Gap])
    /// The tokens of one speaker are another's.
    case mergeSpeaker(RecordingID, Int, into: Int)
    /// No text will come any more; `reason`: why some is missing, or empty. Answered by `textSettled`.
    case settleText(RecordingID, reason: String)
    /// What the service calls the audio and the transcription that were begun; empty: there is none.
    case noteJob(RecordingID, fileID: String, transcriptionID: String)
    /// A FLAC file of this part, to be sent: answered by `clipMade`. It replaces the recording's last one.
    case makeClip(RecordingID, Range<SampleIndex>)
    /// It was sent, or is not wanted any more. A start of the store removes all.
    case removeClip(RecordingID)
}

/// What the store reports of recordings that are saved.
package enum SavedEvent: Equatable, Sendable {
    /// Nil: there is none, until another recording is saved or its text is settled. `waiting`: recordings that are not
    /// at the school, those that were skipped among them; `bytesLeft`: what is to be sent of them.
    case package(UploadPackage?, waiting: Int, bytesLeft: Int64)
    /// It is on the medium.
    case packageNoted(RecordingID, name: String)
    case text(GapsToFill?)
    /// It is on the medium, and so are the tokens before it.
    case textSettled(RecordingID)
    /// Tokens had to be refused, since the index could not be written for too long. What was not saved is still a hole;
    /// no more is taken for this recording until the next `nextText`.
    case textLost(RecordingID)
    /// `bytes` is 0 when there is no such audio.
    case clipMade(RecordingID, path: String, bytes: Int64)
    /// The disk refuses what is to be done; it is tried again, and no lesson is disturbed. Told once.
    case failed(StoreError)
}
