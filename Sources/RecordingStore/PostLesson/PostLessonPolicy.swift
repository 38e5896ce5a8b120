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
