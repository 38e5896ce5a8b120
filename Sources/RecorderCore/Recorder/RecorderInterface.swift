/// A person's wish to record, with what only the outside knows.
package struct StartRequest: Equatable, Sendable {
    package var header: RecordingHeader
    /// Nil when there is room; else why the recording must not begin.
    package var spaceRefusal: String?
    /// So much of what was heard before the press begins the recording; the header's times are of that, too.
    package var preRollMilliseconds: Int64

    package init(header: RecordingHeader, spaceRefusal: String? = nil, preRollMilliseconds: Int64 = 0) {
        self.header = header
        self.preRollMilliseconds = preRollMilliseconds
        self.spaceRefusal = spaceRefusal
    }
}

/// Everything that can happen to the recorder.
package enum RecorderInput: Equatable, Sendable {
    case start(StartRequest)
    /// An interrupted recording goes on.
    case resume(InterruptedRecording, at: SampleIndex)
    case stop

    case capture(CaptureEvent)

    case store(StoreEvent)

    /// Of the lesson's own sessions.
    case uplink(UplinkEvent)

    /// There is a usable route to the network, where there was none or another one: no point in waiting longer.
    case networkChanged(String)
    /// The last usable route is gone.
    case networkLost(String)
    /// `nextDeadline` may have passed.
    case tick
}

/// Everything that the recorder can want done.
package enum RecorderEffect: SessionEffect, Equatable, Sendable {
    case capture(CaptureCommand)

    case store(StoreCommand)

    case uplink(UplinkCommand)

    /// Words became final: those who follow the transcript are told.
    case words([Word])
    /// What the service believes the newest words to be changed.
    case interim(String)
    case refused(why: String, code: RefusalCode)
    /// A bound was reached, so many times.
    case reached(Bound, count: Int64)
    case log(LogEntry)
}

/// Why a command was not carried out, as the control socket names it.
package enum RefusalCode: Equatable, Sendable {
    case busy
    case noSpace
    case notRecording

    package var name: String {
        switch self {
        case .busy: "busy"
        case .noSpace: "no-space"
        case .notRecording: "not-recording"
        }
    }
}

/// What of the configuration the recorder's decisions need.
package struct RecorderSettings: Equatable, Sendable {
    /// False: record only.
    package var transcription: Bool
    package var reconnect: ReconnectPolicy
    /// A session this old is replaced before the service ends it.
    package var sessionMilliseconds: Int64
    /// Seconds of audio a second when behind.
    package var catchUpRate: Double
    /// What has no text at the end gets it after the lesson.
    package var transcribesLater: Bool
    /// `transcription.second_hearing`
    package var hearsAgain: Bool
    /// `audio.level_warning_dbfs`.
    package var levelWarningDecibels: Int
    /// `audio.channel`.
    package var channel: ChannelSelection

    package init(
        transcription: Bool, reconnect: ReconnectPolicy, sessionMilliseconds: Int64 = 55 * 60_000,
        catchUpRate: Double = 1.5, transcribesLater: Bool = false, hearsAgain: Bool = true,
        levelWarningDecibels: Int = -55, channel: ChannelSelection = .mix
    ) {
        self.transcription = transcription
        self.reconnect = reconnect
        self.sessionMilliseconds = sessionMilliseconds
        self.catchUpRate = catchUpRate
        self.transcribesLater = transcribesLater
        self.hearsAgain = hearsAgain
        self.levelWarningDecibels = levelWarningDecibels
        self.channel = channel
    }
}
