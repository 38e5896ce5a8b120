import RecorderCore
import Testing

/// The machine that fills gaps of saved lessons, told one thing after another; logs are left out of what it wants.
final class BackfillBox {
    /// A lesson of 30 s without text from 10 s to 20 s.
    static let lesson: InterruptedRecording = {
        let end = SampleIndex(milliseconds: 30_000)
        let gap = Gap(
            start: SampleIndex(milliseconds: 10_000), end: SampleIndex(milliseconds: 20_000), reason: "offline")
        let wall = WallTime(milliseconds: 1_790_000_000_000)
        return InterruptedRecording(
            header: RecordingHeader(
                id: RecordingID(startedAt: wall, randomHigh: 1, randomLow: 2), label: "", startedAt: wall,
                clockSynchronised: true),
            saved: end, coverage: Coverage(through: end, gaps: [gap]), words: [], wordCount: 0, speakers: [])
    }()

    var backfill: Backfill
    var now = MonotonicTime(milliseconds: 1_000)

    init(_ mode: BackfillSettings.Mode) {
        backfill = Backfill(settings: BackfillSettings(mode: mode), seed: 1)
    }

    @discardableResult
    func tell(_ input: BackfillInput) -> [BackfillEffect] {
        backfill.receive(input, now: now).filter { if case .log = $0 { false } else { true } }
    }

    /// At its next deadline.
    func wait() -> [BackfillEffect] {
        guard let deadline = backfill.nextDeadline else { return [] }
        now = deadline
        return tell(.tick)
    }

    func begin(_ job: TranscriptionJob = TranscriptionJob()) -> [BackfillEffect] {
        #expect(tell(.saved).isEmpty)
        #expect(wait() == [.store(.nextText)])
        let text = GapsToFill(
            recording: Self.lesson, gaps: Self.lesson.coverage.gaps(before: Self.lesson.saved, reason: "offline"),
            job: job)
        return tell(.store(.text(text)))
    }
}
