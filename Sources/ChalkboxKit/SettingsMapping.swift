internal import AsyncTranscription
internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import Panel
internal import RecorderCore
internal import RecordingStore
internal import SchoolUpload
internal import SpeechUplink

// The configuration in each part's own words.

extension Settings {
    var recorder: RecorderSettings {
        RecorderSettings(
            transcription: transcription.enabled,
            reconnect: ReconnectPolicy(
                attempts: reconnect.attempts, capMilliseconds: Int64(reconnect.capSeconds) * 1_000,
                jitterMilliseconds: Int64(reconnect.jitterMilliseconds),
                slowProbeMilliseconds: Int64(reconnect.slowProbeSeconds) * 1_000, on503: reconnect.on503),
            sessionMilliseconds: Int64(transcription.sessionMinutes * 60_000),
            catchUpRate: transcription.catchUpRate, transcribesLater: transcription.enabled,
            hearsAgain: transcription.secondHearing, levelWarningDecibels: audio.levelWarningDBFS,
            channel: audio.channel)
    }

    var capture: CaptureSettings {
        CaptureSettings(
            device: audio.device, fallback: audio.fallbackDevice, channel: audio.channel, volume: audio.captureVolume,
            standsBy: audio.standby || audio.preRollSeconds > 0, preRollSeconds: audio.preRollSeconds)
    }

    var backfill: BackfillSettings {
        let mode: BackfillSettings.Mode = transcription.restURL.isEmpty ? .live : .files
        return BackfillSettings(
            mode: transcription.enabled ? mode : .none, on503: reconnect.on503, catchUpRate: transcription.catchUpRate,
            pieceMilliseconds: Int64(transcription.sessionMinutes * 60_000))
    }

    var postLesson: PostLessonPolicy {
        PostLessonPolicy(transcribes: transcription.enabled, uploads: !upload.url.isEmpty)
    }

    var retention: RetentionPolicy {
        RetentionPolicy(keepDays: box.keepDays, reserveBytes: Int64(box.reserveMegabytes) << 20)
    }

    func uplink(bearer: String?) -> UplinkSettings {
        UplinkSettings(
            tokenURL: transcription.tokenURL, tokenBearer: bearer, webSocketURL: transcription.webSocketURL,
            model: transcription.model, languageHints: transcription.languageHints,
            languageHintsStrict: transcription.languageHintsStrict, termsFile: transcription.termsFile,
            speakerDiarization: transcription.speakerDiarization,
            languageIdentification: transcription.languageIdentification,
            endpointDetection: transcription.endpointDetection,
            deadAfterMilliseconds: Int64(reconnect.deadAfterMilliseconds))
    }

    var panelLines: PanelLines {
        PanelLines(
            start: panel.startLine, stop: panel.stopLine, green: panel.greenLine, amber: panel.amberLine,
            red: panel.redLine, activeLow: panel.activeLow, lampsActiveLow: panel.lampsActiveLow,
            debounceMilliseconds: panel.debounceMilliseconds)
    }

    func uploads(bearer: String?) -> UploadSettings {
        UploadSettings(
            url: upload.url, manifestURL: upload.manifestURL, bucket: upload.bucket, bearer: bearer,
            certificateFile: upload.certificateFile, keyFile: upload.keyFile,
            kilobitsPerSecond: upload.limitKilobitsPerSecond, recordings: box.stateDirectory + "/recordings")
    }

    /// Without the secret, which is read when it is needed.
    var transcriptions: TranscriptionSettings {
        TranscriptionSettings(
            url: transcription.restURL, model: transcription.restModel, languageHints: transcription.languageHints,
            languageHintsStrict: transcription.languageHintsStrict, termsFile: transcription.termsFile,
            speakerDiarization: transcription.speakerDiarization,
            languageIdentification: transcription.languageIdentification,
            kilobitsPerSecond: upload.limitKilobitsPerSecond)
    }

    var outbox: OutboxSettings {
        OutboxSettings(
            isOn: !upload.url.isEmpty, chunkBytes: Int64(upload.chunkMegabytes) << 20,
            duringLesson: upload.duringLesson, hasManifest: !upload.manifestURL.isEmpty)
    }

    /// The secret for the service's asynchronous interface.
    var restBearerFile: String {
        transcription.restBearerFile.isEmpty ? transcription.tokenBearerFile : transcription.restBearerFile
    }
}

/// A secret in a file that only its owner may read.
struct SecretFile {
    /// Empty: there is none.
    let path: String

    /// Nil when none is configured.
    func read() throws(SystemError) -> String? {
        guard !path.isEmpty else { return nil }
        let bytes = try FileSystem.readSecret(path, limitBytes: Limits.secretBytes)
        return String(decoding: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
    }
}
