internal import CSpeexDSP
internal import RecorderCore

/// libspeexdsp's resampler from a device's rate to 16 kHz, one channel (decision own-resampler). Its filter reaches
/// half its length to both sides; that is taken out of the sample index (`speex_resampler_skip_zeros`), so the first
/// sample that comes out stands where the first frame stood, and the newest 4 ms of frames wait in it. It allocates
/// when it is made, and never again; it takes no lock (resample.c).
@safe final class Resampler {
    /// The lowest whose pass band is flat to 7.2 kHz: −108 dB at 8.1 kHz.
    private static let quality: Int32 = 7

    private let state: OpaquePointer
    private let rate: Int64
    /// Frames that went in and samples that came out since it began.
    private var taken: Int64 = 0
    private var given: Int64 = 0

    /// Nil: out of memory.
    init?(rate: Int) {
        var error: Int32 = 0
        guard
            let state = unsafe speex_resampler_init(
                1, UInt32(rate), UInt32(SampleIndex.samplesPerSecond), Self.quality, &error)
        else { return nil }
        unsafe self.state = state
        self.rate = Int64(rate)
        begin()
    }

    deinit {
        unsafe speex_resampler_destroy(state)
    }

    /// What comes next has nothing to do with what was before.
    func begin() {
        _ = unsafe speex_resampler_reset_mem(state)
        _ = unsafe speex_resampler_skip_zeros(state)
        (taken, given) = (0, 0)
    }

    /// Samples that this many frames can make, at most.
    static func room(for frames: Int, rate: Int) -> Int {
        frames * Int(SampleIndex.samplesPerSecond) / rate + 2
    }

    /// - Parameter output: room for what the frames can make.
    /// - Returns: how many samples were made.
    func process(_ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) -> Int {
        taken += Int64(input.count)
        let made = unsafe run(input, into: output)
        given += Int64(made)
        return made
    }

    /// The samples of the frames that still wait, with silence after them; then it begins anew.
    /// - Parameter zeros: room for `latency` frames.
    func flush(
        zeros: UnsafeMutableBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) -> Int {
        let due = (taken * SampleIndex.samplesPerSecond + rate - 1) / rate - given
        unsafe zeros.update(repeating: 0)
        let made = unsafe run(UnsafeBufferPointer(zeros), into: output)
        begin()
        return min(made, Int(max(due, 0)))
    }

    /// Frames.
    var latency: Int { unsafe Int(speex_resampler_get_input_latency(state)) }

    private func run(
        _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) -> Int {
        var (used, made) = (0, 0)
        while used < input.count, made < output.count {
            var (frames, samples) = (UInt32(input.count - used), UInt32(output.count - made))
            guard let source = input.baseAddress, let target = output.baseAddress else { break }
            _ = unsafe speex_resampler_process_float(state, 0, source + used, &frames, target + made, &samples)
            guard frames > 0 || samples > 0 else { break }
            used += Int(frames)
            made += Int(samples)
        }
        return made
    }
}
