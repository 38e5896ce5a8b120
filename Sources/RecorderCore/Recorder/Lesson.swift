/// A recording in progress: what survives every reconnect.
package struct Lesson: Equatable, Sendable {
    /// How far STOP has come.
    package enum Stage: Equatable, Sendable {
        case recording
        /// STOP was pressed; the capture thread hands over what the device still holds.
        case stoppingCapture(deadline: MonotonicTime)
        /// All audio is there; the service's last words are awaited.
        case finalWords(deadline: MonotonicTime)
        case closingStore(deadline: MonotonicTime)
    }

    package enum Microphone: Equatable, Sendable {
        /// It has not delivered a sample yet; after `deadline` it counts as lost.
        case opening(deadline: MonotonicTime)
        case recording
        /// It delivers nothing, and is tried again: zeros are recorded.
        case lost(String)
    }

    struct UntoldLevel: Equatable, Sendable {
        var quiet = 0
        var clipped = 0
    }

    package enum Disk: Equatable, Sendable {
        case writing
        case failed(String)
    }

    package let header: RecordingHeader
    package internal(set) var stage = Stage.recording
    package internal(set) var microphone: Microphone
    package internal(set) var level = LevelWatch()
    package internal(set) var measured = MeasuredSound()
    package internal(set) var channelFaults = ChannelFaults()
    package internal(set) var clock = ClockWatch()
    /// Seconds that were quiet, and clipped, and that the store does not know of yet.
    var untoldLevel = UntoldLevel()
    package internal(set) var disk = Disk.writing
    package internal(set) var uplink = UplinkState()
    package internal(set) var transcript = LiveTranscript()
    /// Where the recording ends, once it is known.
    package internal(set) var end: SampleIndex?
    package internal(set) var committed = SampleIndex.zero
    package internal(set) var lastSave: MonotonicTime?
    /// Stretches of silence: marks that touch are one.
    package internal(set) var silences = 0
    var silenceEnd = SampleIndex(-1)
    package internal(set) var lostSamples: Int64 = 0
    package internal(set) var overruns = 0
    /// The latest thing that went wrong, for `status`.
    package internal(set) var lastError = ""

    init(header: RecordingHeader, now: MonotonicTime) {
        self.header = header
        microphone = .opening(deadline: now.adding(milliseconds: Limits.microphoneOpenMilliseconds))
    }

    /// Audio is being lost: this outranks everything that the uplink has to say.
    var localFailure: FailureReason? {
        if case .lost(let reason) = microphone, stage == .recording { return .microphone(reason) }
        if case .failed(let reason) = disk { return .disk(reason) }
        return nil
    }

    package var phase: Phase {
        if let localFailure { return .failed(localFailure) }
        guard stage == .recording else { return .finishing }
        let phase = uplink.phase
        // What is said before the first sample is not recorded: nobody may take the light for "live" yet.
        if case .opening = microphone, phase == .live { return .starting }
        return phase
    }

    var microphoneDeadline: MonotonicTime? {
        if case .opening(let deadline) = microphone, stage == .recording { return deadline }
        return nil
    }

    var stageDeadline: MonotonicTime? {
        switch stage {
        case .recording: nil
        case .stoppingCapture(let deadline), .finalWords(let deadline), .closingStore(let deadline): deadline
        }
    }
}
