/// What is known of a recording when it begins. It never changes afterwards.
package struct RecordingHeader: Equatable, Sendable {
    package var id: RecordingID
    /// Class or student, as the person who started it said; at most `Limits.labelBytes` of UTF-8, or empty.
    package var label: String
    /// UTC of sample 0.
    package var startedAt: WallTime
    /// Whether the kernel said that the clock was synchronised when `startedAt` was read.
    package var clockSynchronised: Bool
    /// The moment of sample 0 for as long as the machine is not started again; the index does not keep it.
    package var boot: BootTime?

    package init(
        id: RecordingID, label: String, startedAt: WallTime, clockSynchronised: Bool, boot: BootTime? = nil
    ) {
        self.id = id
        self.label = label
        self.startedAt = startedAt
        self.clockSynchronised = clockSynchronised
        self.boot = boot
    }
}

/// A time that no clock setting changes, and that means nothing after the next start of the machine.
package struct BootTime: Equatable, Sendable {
    /// /proc/sys/kernel/random/boot_id (random(4)): another one at each start.
    package var id: String
    /// CLOCK_MONOTONIC, which begins with the boot.
    package var milliseconds: Int64

    package init(id: String, milliseconds: Int64) {
        self.id = id
        self.milliseconds = milliseconds
    }
}

/// Samples that the microphone did not deliver and that were filled with zeros so that the time line stays true.
package struct SilenceMark: Equatable, Sendable {
    package enum Reason: Int, Sendable {
        /// The capture thread came too late: ALSA overran its buffer.
        case overrun = 1
        /// The device was gone (unplugged, sound server restarted).
        case deviceLost = 2
        /// The store came too late and the ring had wrapped.
        case ringOverrun = 3
        /// Nothing was recorded: the power was gone, or the recorder was not running.
        case interruption = 4
        /// The file with it was deleted or moved while the recording went on.
        case fileLost = 5

        /// As the transcript's `silences` and the log name it.
        package var name: String {
            switch self {
            case .overrun: "overrun"
            case .deviceLost: "device lost"
            case .ringOverrun: "ring overrun"
            case .interruption: "interruption"
            case .fileLost: "file lost"
            }
        }
    }

    package var start: SampleIndex
    package var end: SampleIndex
    package var reason: Reason

    package init(start: SampleIndex, end: SampleIndex, reason: Reason) {
        self.start = start
        self.end = end
        self.reason = reason
    }
}

/// A part of the recording without final text, and why.
package struct Gap: Equatable, Sendable {
    package var start: SampleIndex
    package var end: SampleIndex
    package var reason: String

    package init(start: SampleIndex, end: SampleIndex, reason: String) {
        self.start = start
        self.end = end
        self.reason = reason
    }
}

/// How far a recording has come.
package enum RecordingState: Int, Sendable {
    case recording = 1
    case saved = 2
    case uploading = 3
    case uploaded = 4

    package var name: String {
        switch self {
        case .recording: "recording"
        case .saved: "saved"
        case .uploading: "uploading"
        case .uploaded: "uploaded"
        }
    }
}

/// One line of `chalkbox recordings`.
package struct RecordingSummary: Equatable, Sendable {
    package var header: RecordingHeader
    package var state: RecordingState
    /// Samples that are safely on disk.
    package var samples: Int64
    package var words: Int
    package var speakers: Int
    /// Samples up to which the service has said its last word, without gaps.
    package var covered: Int64
    /// True when the recording ended by something else than STOP.
    package var interrupted: Bool
    /// What has no text, how many times and how many samples in all; known once the recording is saved.
    package var gaps = 0
    package var gapSamples: Int64 = 0
    /// No text will come any more, whatever is missing.
    package var isTextSettled = false
    /// Silence that the box put in the place of samples that it did not get (`SilenceMark`).
    package var silenceSamples: Int64 = 0
    /// Samples with sound that have their final text: `coverage` without the silence.
    package var coveredSound: Int64 = 0
    /// While the microphone's level was too low for speech, and while it was too high, as `StoreCommand.level` told.
    package var quietSamples: Int64 = 0
    package var clippedSamples: Int64 = 0
    package var measured = MeasuredSound()
    /// Of the package for the school: the bytes of its files, and of those that have arrived; 0 before there is one.
    package var packageBytes: Int64 = 0
    package var sentBytes: Int64 = 0

    package init(
        header: RecordingHeader, state: RecordingState, samples: Int64, words: Int, speakers: Int,
        covered: Int64, interrupted: Bool
    ) {
        self.header = header
        self.state = state
        self.samples = samples
        self.words = words
        self.speakers = speakers
        self.covered = covered
        self.interrupted = interrupted
    }

    /// What has its final text. Where text is missing between words, the gaps say so and the rest has it; without any
    /// gap it ends with the service's last word: of what was never to be transcribed there is no gap either.
    /// - Parameter gaps: of this recording, by start.
    @inline(never)
    package func coverage(_ gaps: [Gap]) -> Coverage {
        let isCounted = state != .recording && !gaps.isEmpty
        return Coverage(through: SampleIndex(isCounted ? samples : covered), gaps: gaps)
    }

    /// Of what has sound. A recording without any sound has no text either.
    package var coveredPercent: Int64 {
        let sound = samples - silenceSamples
        return sound > 0 ? coveredSound * 100 / sound : 0
    }
}
