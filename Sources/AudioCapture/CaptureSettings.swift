/// Settings of the capture thread.
package struct CaptureSettings: Equatable, Sendable {
    /// An ALSA PCM name, for example `plughw:CARD=Microphone`.
    package var device: String

    package init(device: String) {
        self.device = device
    }
}
