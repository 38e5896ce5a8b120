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
        case opening
        case recording
        /// Gone, within the grace time: zeros are recorded.
        case lost(String)
        case failed(String)
    }

    package enum Disk: Equatable, Sendable {
        case writing
        case failed(String)
    }

    package let header: RecordingHeader
    package internal(set) var stage = Stage.recording
    package internal(set) var microphone = Microphone.opening
    package internal(set) var disk = Disk.writing
    package internal(set) var uplink: UplinkState
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

    init(header: RecordingHeader, uplink: UplinkState) {
        self.header = header
        self.uplink = uplink
    }

    /// Audio is being lost: this outranks everything that the uplink has to say.
    var localFailure: FailureReason? {
        if case .failed(let reason) = microphone { return .microphone(reason) }
        if case .failed(let reason) = disk { return .disk(reason) }
        return nil
    }

    package var phase: Phase {
        guard stage == .recording else { return .finishing }
        if let localFailure { return .failed(localFailure) }
        return uplink.phase
    }

    var stageDeadline: MonotonicTime? {
        switch stage {
        case .recording: nil
        case .stoppingCapture(let deadline), .finalWords(let deadline), .closingStore(let deadline): deadline
        }
    }
}
