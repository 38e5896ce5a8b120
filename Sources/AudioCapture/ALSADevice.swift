internal import CALSA
internal import RecorderCore

/// A PCM, opened for capture at 16 kHz mono s16, non-blocking (alsa/pcm.h).
@safe final class ALSADevice: CaptureDevice {
    /// The hardware parameters that the device accepted.
    struct PCMParameters: Equatable {
        var periodSamples: Int
        var bufferSamples: Int
        /// ALSA's `plug` converts, because the device itself cannot give 16 kHz mono s16.
        var isConverted: Bool
    }

    /// Descriptors of one PCM, at most; a hardware device has one.
    private static let descriptorLimit = 16

    let parameters: PCMParameters
    private let pcm: OpaquePointer
    private let descriptors: UnsafeMutablePointer<pollfd>
    /// The PCM's; the wake descriptor follows them.
    private let descriptorCount: UInt32

    /// - Parameter wake: a descriptor that ends a wait when it is readable, or −1.
    init(name: String, wake: Int32) throws(CaptureError) {
        chalk_alsa_silence()
        let (pcm, parameters) = try unsafe Self.open(name)
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

    func read(into target: UnsafeMutableBufferPointer<Int16>) -> Int {
        let count = unsafe snd_pcm_readi(pcm, target.baseAddress, snd_pcm_uframes_t(target.count))
        return count == -Int(Errno.tryAgain) ? 0 : count
    }

    // MARK: Opening

    /// The device as it is named; when that cannot give the format, through `plug`.
    private static func open(_ name: String) throws(CaptureError) -> (OpaquePointer, PCMParameters) {
        let pcm = try unsafe openAsIs(name, device: name)
        do throws(CaptureError) {
            return unsafe (pcm, try configure(pcm, device: name, isConverted: false))
        } catch {
            unsafe snd_pcm_close(pcm)
            guard case .format = error else { throw error }
        }
        // alsa.conf: `plug:SLAVE`; the quotes keep a name's own commas and colons together.
        let converting = try unsafe openAsIs("plug:'\(name)'", device: name)
        do throws(CaptureError) {
            return unsafe (converting, try configure(converting, device: name, isConverted: true))
        } catch {
            unsafe snd_pcm_close(converting)
            throw error
        }
    }

    private static func openAsIs(_ name: String, device: String) throws(CaptureError) -> OpaquePointer {
        unsafe chalk_alsa_message()[0] = 0
        var pcm: OpaquePointer?
        let result = unsafe snd_pcm_open(&pcm, name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK)
        guard result >= 0, let pcm = unsafe pcm else {
            throw .open(device: device, errno: -result, detail: lastMessage)
        }
        return unsafe pcm
    }

    /// Format, rate and channels exactly; period and buffer as near as the device gives.
    private static func configure(
        _ pcm: OpaquePointer, device: String, isConverted: Bool
    ) throws(CaptureError) -> PCMParameters {
        var hardware: OpaquePointer?
        guard unsafe snd_pcm_hw_params_malloc(&hardware) >= 0, let hardware = unsafe hardware else {
            throw .format(device: device, errno: Errno.invalid, what: "its parameters", detail: "")
        }
        defer { unsafe snd_pcm_hw_params_free(hardware) }
        func require(_ result: Int32, _ what: String) throws(CaptureError) {
            guard result < 0 else { return }
            throw .format(device: device, errno: -result, what: what, detail: lastMessage)
        }
        try require(unsafe snd_pcm_hw_params_any(pcm, hardware), "any format")
        try require(
            unsafe snd_pcm_hw_params_set_access(pcm, hardware, SND_PCM_ACCESS_RW_INTERLEAVED), "interleaved access")
        try require(unsafe snd_pcm_hw_params_set_format(pcm, hardware, SND_PCM_FORMAT_S16_LE), "16-bit samples")
        try require(unsafe snd_pcm_hw_params_set_channels(pcm, hardware, 1), "one channel")
        let rate = UInt32(SampleIndex.samplesPerSecond)
        try require(unsafe snd_pcm_hw_params_set_rate(pcm, hardware, rate, 0), "16000 samples a second")
        var period = snd_pcm_uframes_t(Limits.periodSamples)
        var buffer = snd_pcm_uframes_t(Limits.captureBufferSamples)
        try require(unsafe snd_pcm_hw_params_set_buffer_size_near(pcm, hardware, &buffer), "a buffer of 2 s")
        try require(
            unsafe snd_pcm_hw_params_set_period_size_near(pcm, hardware, &period, nil), "a period of 100 ms")
        try require(unsafe snd_pcm_hw_params(pcm, hardware), "16 kHz mono with these buffers")
        _ = unsafe snd_pcm_hw_params_get_period_size(hardware, &period, nil)
        _ = unsafe snd_pcm_hw_params_get_buffer_size(hardware, &buffer)
        try unsafe configureWakes(pcm, device: device, period: period)
        return PCMParameters(periodSamples: Int(period), bufferSamples: Int(buffer), isConverted: isConverted)
    }

    /// Wakes once a period. The start is explicit, not by the first read.
    private static func configureWakes(
        _ pcm: OpaquePointer, device: String, period: snd_pcm_uframes_t
    ) throws(CaptureError) {
        var software: OpaquePointer?
        guard unsafe snd_pcm_sw_params_malloc(&software) >= 0, let software = unsafe software else {
            throw .format(device: device, errno: Errno.invalid, what: "its parameters", detail: "")
        }
        defer { unsafe snd_pcm_sw_params_free(software) }
        var result = unsafe snd_pcm_sw_params_current(pcm, software)
        if result >= 0 { result = unsafe snd_pcm_sw_params_set_avail_min(pcm, software, period) }
        if result >= 0 { result = unsafe snd_pcm_sw_params(pcm, software) }
        guard result >= 0 else {
            throw .format(device: device, errno: -result, what: "a wake-up each period", detail: lastMessage)
        }
    }

    private static var lastMessage: String {
        unsafe String(cString: chalk_alsa_message()).trimmingSpaces
    }
}
