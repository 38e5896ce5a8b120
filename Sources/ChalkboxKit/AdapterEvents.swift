internal import AudioCapture
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import SpeechUplink

// What the adapters report, in the core's words.

extension RecorderInput {
    /// - Parameter why: the device is lost, in full.
    init?(_ event: CaptureEvent, device: String, why: String?) {
        switch event {
        case .started: self = .captureStarted
        case .silence(let mark): self = .captureSilence(mark)
        case .deviceLost(let number): self = .captureLost(why ?? "\(device): \(SystemError.text(of: number))")
        case .deviceBack: self = .captureBack
        case .level(let level, let clipped):
            self = .captureLevel(LevelSecond(peakTenths: level.peakTenths, isClipped: clipped > 0))
        case .stopped(let end): self = .captureStopped(end: end)
        }
    }

    init?(_ event: StoreEvent) {
        switch event {
        case .opened: self = .storeOpened
        case .committed(let through, _): self = .storeCommitted(through: through)
        case .ringOverrun(let mark): self = .captureSilence(mark)
        case .failed(let error): self = .storeFailed(error.message)
        case .recovered: self = .storeRecovered
        case .closed(let summary):
            self = .storeClosed(
                samples: summary.samples, words: summary.words, of: summary.header.id, sound: summary.sound)
        case .audio, .removed, .recoveryFailed, .removalFailed, .saved, .closeFailed, .rebuilt, .reached:
            return nil
        }
    }

    init?(_ event: UplinkEvent) {
        switch event {
        case .token(let attempt, let key): self = .token(attempt: attempt, key)
        case .tokenFailed(let attempt, let failure): self = .tokenFailed(attempt: attempt, failure)
        case .opened(let session, let took): self = .sessionOpened(session: session, tookMilliseconds: took)
        case .message(let session, let message): self = .sessionMessage(session: session, message)
        case .sent, .audioWanted: return nil
        case .closed(let session, let failure): self = .sessionClosed(session: session, failure)
        }
    }
}
