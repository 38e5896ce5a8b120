/// A command to the capture thread.
package enum CaptureCommand: Equatable, Sendable {
    /// The microphone's first sample is the recording's sample `at`.
    case start(at: SampleIndex)
    case stop
}

/// An event from the capture thread. Between `start()` and the `.stopped` that answers `stop()`, the ring's head
/// follows the monotonic clock, whatever the microphone does.
package enum CaptureEvent: Equatable, Sendable {
    /// The microphone delivers; its first sample is sample 0. `realtime`: the kernel granted SCHED_FIFO.
    case started(realtime: Bool)
    /// Zeros were written for samples that were lost. A long loss gives a mark every second, each beginning where the
    /// last one ended.
    case silence(SilenceMark)
    /// The microphone is lost, or was not there at the start; it is opened again. `reason`: in full, for people;
    /// the capture thread, which makes no text, leaves it to who takes the event.
    case deviceLost(errno: Int32 = 0, reason: String = "")
    /// The microphone delivers again.
    case deviceBack
    /// How loud the last second of its samples was. `clipped`: runs of at least `Limits.clippedRun` samples at full
    /// scale.
    case level(CaptureLevel, clipped: Int)
    /// What is wrong with the device's channels has changed.
    case channels(ChannelFaults)
    /// The device's clock was measured, every 5 s.
    case clock(DeviceClock)
    /// What the device does between lessons has changed; `reason` as with `deviceLost`.
    case standby(Standby, reason: String = "")
    /// The recording ends at `end`, the ring's head.
    case stopped(end: SampleIndex)
}

/// `audio.standby`: the microphone between lessons.
package enum Standby: UInt8, Equatable, Sendable {
    /// It is closed, or a lesson has it.
    case off
    case open
    /// It cannot be opened, or was lost; it is tried again every second.
    case away

    /// As `status` and the log name it.
    package var name: String {
        switch self {
        case .off: "off"
        case .open: "open"
        case .away: "away"
        }
    }
}

/// Loudness over one second, in tenths of dB relative to full scale (20·log10 of amplitude/32768): a sine at full
/// scale has a peak of 0 and an RMS of −30.
package struct CaptureLevel: Equatable, Sendable {
    /// Stands for silence: below the quietest sample (−90.3 dBFS).
    package static let silenceTenths = -1_200

    package var peakTenths: Int
    package var rmsTenths: Int

    package init(peakTenths: Int, rmsTenths: Int) {
        self.peakTenths = peakTenths
        self.rmsTenths = rmsTenths
    }

    package static let silence = CaptureLevel(peakTenths: silenceTenths, rmsTenths: silenceTenths)
}

/// A microphone that was opened.
package struct CaptureOpening: Equatable, Sendable {
    package var device: String
    /// ALSA's name of its card's mixer.
    package var control: String
    /// Why it is the fallback; nil: it is the first.
    package var fallbackReason: String?
    /// What the card's mixer does to it.
    package var mixer: MixerReport

    package init(device: String, control: String, fallbackReason: String? = nil, mixer: MixerReport) {
        self.device = device
        self.control = control
        self.fallbackReason = fallbackReason
        self.mixer = mixer
    }
}
