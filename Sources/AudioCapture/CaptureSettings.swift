package import RecorderCore

/// Settings of the capture thread.
package struct CaptureSettings: Equatable, Sendable {
    /// An ALSA PCM name, for example `plughw:CARD=Microphone`.
    package var device: String
    /// Opened while `device` is away; empty: none is.
    package var fallback: String
    package var channel: ChannelSelection
    /// Nil: the card's mixer is left alone.
    package var volume: CaptureVolume?
    /// The device stays open between lessons.
    package var standsBy: Bool
    /// Seconds of sound before START that a recording begins with; only with `standsBy`.
    package var preRollSeconds: Int

    package init(
        device: String, fallback: String = "", channel: ChannelSelection = .mix, volume: CaptureVolume? = nil,
        standsBy: Bool = false, preRollSeconds: Int = 0
    ) {
        self.device = device
        self.fallback = fallback
        self.channel = channel
        self.volume = volume
        self.standsBy = standsBy
        self.preRollSeconds = preRollSeconds
    }
}
