internal import CALSA
internal import RecorderCore

/// A PCM, opened for capture as the device itself works, non-blocking (alsa/pcm.h).
@safe final class ALSADevice: CaptureDevice {
    /// Descriptors of one PCM, at most; a hardware device has one.
    private static let descriptorLimit = 16

    let parameters: PCMParameters
    private let pcm: OpaquePointer
    private let descriptors: UnsafeMutablePointer<pollfd>
    /// The PCM's; the wake descriptor follows them.
    private let descriptorCount: UInt32

    /// - Parameter wake: a descriptor that ends a wait when it is readable, or −1.
    init(name: String, channel: ChannelSelection, wake: Int32) throws(CaptureError) {
        let (pcm, parameters) = try unsafe PCMOpening(name: name, channel: channel).open()
        let count = unsafe snd_pcm_poll_descriptors_count(pcm)
        guard count > 0, count <= Self.descriptorLimit else {
            unsafe snd_pcm_close(pcm)
            let number = count < 0 ? -count : Errno.invalid
            throw .stream(device: name, errno: number, operation: "snd_pcm_poll_descriptors")
        }
        unsafe descriptors = .allocate(capacity: Int(count) + 1)
        unsafe descriptors.initialize(repeating: pollfd(fd: -1, events: 0, revents: 0), count: Int(count) + 1)
        _ = unsafe snd_pcm_poll_descriptors(pcm, descriptors, UInt32(count))
        unsafe descriptors[Int(count)] = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        descriptorCount = UInt32(count)
        unsafe self.pcm = pcm
        self.parameters = parameters
    }

    deinit {
        unsafe snd_pcm_close(pcm)
        unsafe descriptors.deallocate()
    }

    func start() -> Int32 {
        let prepared = unsafe snd_pcm_prepare(pcm)
        return prepared < 0 ? prepared : unsafe snd_pcm_start(pcm)
    }

    func wait(milliseconds: Int64) -> Bool {
        let timeout = Int32(clamping: milliseconds)
        let count = unsafe poll(descriptors, nfds_t(descriptorCount) + 1, timeout)
        guard count > 0 else { return count < 0 }
        // Plug-ins learn here that their descriptor was seen; the state of the stream shows in `available`.
        var events: UInt16 = 0
        _ = unsafe snd_pcm_poll_descriptors_revents(pcm, descriptors, descriptorCount, &events)
        return true
    }

    func available() -> Int {
        unsafe snd_pcm_avail_update(pcm)
    }

    func read(into target: UnsafeMutableRawPointer, frames: Int) -> Int {
        let count = unsafe snd_pcm_readi(pcm, target, snd_pcm_uframes_t(frames))
        return count == -Int(Errno.tryAgain) ? 0 : count
    }

    /// The name of its card's mixer.
    /// - Parameter device: its own name.
    func control(_ device: String) -> String { unsafe Mixer.control(pcm, device) }
}
