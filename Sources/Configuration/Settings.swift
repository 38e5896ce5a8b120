package import RecorderCore

/// `chalkbox.conf`, parsed and checked. The schema's table gives every key's default and range.
package struct Settings: Equatable, Sendable {
    package struct Box: Equatable, Sendable {
        /// Empty: the host name.
        package var name = ""
        package var stateDirectory = ""
        package var controlSocket = ""
        package var reserveMegabytes = 0
        package var resumeSeconds = 0
        package var keepDays = 0
    }

    package struct Audio: Equatable, Sendable {
        package var device = ""
        /// Used while `device` is away; empty: none is.
        package var fallbackDevice = ""
        package var channel = ChannelSelection.mix
        /// Nil: the card's mixer is left alone.
        package var captureVolume: CaptureVolume?
        /// The device stays open between lessons.
        package var standby = false
        /// Kept in memory between lessons, and put before START; it takes standby with it.
        package var preRollSeconds = 0
        package var levelWarningDBFS = 0
    }

    package struct Transcription: Equatable, Sendable {
        package var tokenURL = ""
        package var tokenBearerFile = ""
        package var webSocketURL = ""
        package var model = ""
        package var languageHints: [String] = []
        /// The languages of the hints are all that is spoken.
        package var languageHintsStrict = false
        /// The class's vocabulary, a term a line; empty: none.
        package var termsFile = ""
        package var speakerDiarization = false
        package var secondHearing = false
        package var languageIdentification = false
        package var endpointDetection = false
        package var sessionMinutes = 0.0
        /// Seconds of audio a second.
        package var catchUpRate = 0.0
        package var restURL = ""
        package var restBearerFile = ""
        package var restModel = ""
        package var enabled = false
    }

    package struct Reconnect: Equatable, Sendable {
        package var attempts = 0
        package var capSeconds = 0
        package var jitterMilliseconds = 0
        package var slowProbeSeconds = 0
        package var on503 = On503.retry
        package var deadAfterMilliseconds = 0
    }

    package struct Upload: Equatable, Sendable {
        package var url = ""
        package var manifestURL = ""
        package var bearerFile = ""
        /// Where the objects lie at the server (tus metadata `bucketName`).
        package var bucket = ""
        /// The box's own certificate for the school's servers, and its key: PEM files; empty: none.
        package var certificateFile = ""
        package var keyFile = ""
        package var chunkMegabytes = 0
        package var duringLesson = false
        package var limitKilobitsPerSecond = 0
    }

    package struct Panel: Equatable, Sendable {
        package enum Driver: Sendable {
            case gpio
            case socket
            case none
        }

        package var driver = Driver.none
        package var startLine = ""
        package var stopLine = ""
        package var greenLine = ""
        package var amberLine = ""
        package var redLine = ""
        /// The buttons'.
        package var activeLow = false
        package var lampsActiveLow = false
        package var debounceMilliseconds = 0
    }

    package var box = Box()
    package var audio = Audio()
    package var transcription = Transcription()
    package var reconnect = Reconnect()
    package var upload = Upload()
    package var panel = Panel()
    /// `tls.ca_file`; empty: the system's store.
    package var caFile = ""
    package var logLevel = LogLevel.info
}

/// A mistake in the configuration: where, and what is accepted there.
package struct ConfigurationProblem: Equatable, Sendable {
    /// Empty: it shows only when the setting is used.
    package var file: String
    /// From 1; nil for what is missing and for `--set`.
    package var line: Int?
    /// `section.key`, or empty.
    package var key: String
    package var message: String

    /// For example `chalkbox.conf:12: reconnect.attempts: 0 is out of range; accepted: 1 to 20`.
    package var text: String {
        var text = file
        if let line { text += ":\(line)" }
        if !key.isEmpty { text += (file.isEmpty ? "" : ": ") + key }
        return text + ": " + message
    }
}
