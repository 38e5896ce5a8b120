internal import RecorderCore

/// Makes 16 kHz mono s16 of a device's own frames: floats of every format, the loudness of each channel, one channel of
/// them, 16 kHz, and 16 bits. What is 16 kHz mono s16 already comes out as it went in. No dither (decision
/// own-resampler). All memory is taken at the beginning.
@safe final class SampleConverter {
    /// Frames that are converted in one go.
    static let blockFrames = Int(Limits.periodSamples)
    /// What a 16-bit converter gives for whatever is louder; those of more bits give more.
    private static let fullScale: Float = 32_767

    let parameters: PCMParameters
    let selection: ChannelSelection
    /// Where the device's frames are read to.
    let frames: UnsafeMutableRawPointer
    private var watch = ChannelWatch()
    private let levels: ChannelLevels
    private let meters: UnsafeMutablePointer<ChannelMeter>
    /// Frames that the meters have measured since they last told.
    private var meteredFrames = 0
    /// Floats are on the scale of 16 bits.
    private let samples: UnsafeMutableBufferPointer<Float>
    private let mono: UnsafeMutableBufferPointer<Float>
    private let resampled: UnsafeMutableBufferPointer<Float>
    private let output: UnsafeMutableBufferPointer<Int16>
    private let resampler: Resampler?
    /// Of the channels, as many as are measured and mixed.
    private let measured: Int

    /// Nil: out of memory.
    init?(parameters: PCMParameters, selection: ChannelSelection, levels: ChannelLevels) {
        let rate = parameters.framesPerSecond
        if Int64(rate) == SampleIndex.samplesPerSecond {
            resampler = nil
        } else {
            guard let resampler = Resampler(rate: rate) else { return nil }
            self.resampler = resampler
        }
        self.parameters = parameters
        self.selection = selection
        self.levels = levels
        measured = min(parameters.channels, ChannelWatch.channelLimit)
        let room = max(Self.blockFrames, Resampler.room(for: Self.blockFrames, rate: rate))
        let bytes = Self.blockFrames * parameters.bytesPerFrame
        unsafe frames = .allocate(byteCount: bytes, alignment: 16)
        // ALSA's null device writes nothing.
        _ = unsafe frames.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        unsafe samples = .allocate(capacity: Self.blockFrames * parameters.channels)
        unsafe mono = .allocate(capacity: Self.blockFrames)
        unsafe resampled = .allocate(capacity: room)
        unsafe output = .allocate(capacity: room)
        unsafe meters = .allocate(capacity: measured)
        unsafe meters.initialize(repeating: ChannelMeter(), count: measured)
        unsafe samples.initialize(repeating: 0)
        unsafe mono.initialize(repeating: 0)
        unsafe resampled.initialize(repeating: 0)
        unsafe output.initialize(repeating: 0)
    }

    deinit {
        unsafe frames.deallocate()
        unsafe meters.deallocate()
        unsafe samples.deallocate()
        unsafe mono.deallocate()
        unsafe resampled.deallocate()
        unsafe output.deallocate()
    }

    /// What is wrong with the channels, as far as it is known.
    var faults: ChannelFaults {
        var faults = watch.faults
        if case .one(let number) = selection, number > parameters.channels { faults.isMissing = true }
        return faults
    }

    /// A recording begins. What is known of the channels stays known.
    func beginMeasuring() {
        for channel in 0..<measured { unsafe meters[channel] = ChannelMeter() }
        meteredFrames = 0
    }

    /// The next frame has nothing to do with those before.
    func beginStream() { resampler?.begin() }

    /// Runs of samples at full scale in what is recorded, since the recording began.
    var clipped: Int {
        if case .one(let number) = selection, number <= measured { return unsafe meters[number - 1].clipped }
        var sum = 0
        for channel in 0..<measured { unsafe sum += meters[channel].clipped }
        return sum
    }

    /// What `count` frames at `frames` make; valid until the next call.
    func convert(_ count: Int) -> UnsafeMutableBufferPointer<Int16> {
        load(count * parameters.channels)
        measure(count)
        mix(count)
        guard let resampler else { return unsafe quantise(mono, count) }
        let made = unsafe resampler.process(.init(rebasing: mono[..<count]), into: resampled)
        return unsafe quantise(resampled, made)
    }

    /// What is still on its way when no frame follows; the next frame begins a stream of its own.
    func flush() -> UnsafeMutableBufferPointer<Int16> {
        guard let resampler else { return unsafe .init(rebasing: output[..<0]) }
        let made = unsafe resampler.flush(
            zeros: .init(rebasing: mono[..<min(resampler.latency, mono.count)]), into: resampled)
        return unsafe quantise(resampled, made)
    }

    // MARK: The steps

    private func load(_ count: Int) {
        switch parameters.format {
        case .s16:
            let source = unsafe frames.assumingMemoryBound(to: Int16.self)
            for index in 0..<count { unsafe samples[index] = Float(source[index]) }
        case .s32:
            let source = unsafe frames.assumingMemoryBound(to: Int32.self)
            for index in 0..<count { unsafe samples[index] = Float(source[index]) / 65_536 }
        case .s24:
            // The highest byte may hold anything.
            let source = unsafe frames.assumingMemoryBound(to: Int32.self)
            for index in 0..<count { unsafe samples[index] = Float(source[index] << 8) / 65_536 }
        case .s24packed:
            let source = unsafe frames.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count {
                let place = 3 * index
                let low = unsafe Int32(source[place]) << 8 | Int32(source[place + 1]) << 16
                let high = unsafe Int32(truncatingIfNeeded: UInt32(source[place + 2]) << 24)
                unsafe samples[index] = Float(high | low) / 65_536
            }
        case .float:
            let source = unsafe frames.assumingMemoryBound(to: Float.self)
            for index in 0..<count {
                let value = unsafe source[index] * 32_768
                unsafe samples[index] = abs(value) <= 1e6 ? value : 0
            }
        }
    }

    private func measure(_ count: Int) {
        guard count > 0 else { return }
        let (channels, reference) = (parameters.channels, watch.reference)
        var power = ChannelWatch.Values(repeating: 0)
        var products = power
        var means = power
        for channel in 0..<measured {
            var (sum, squares, product, peak) = (Float(0), Float(0), Float(0), Float(0))
            var meter = unsafe meters[channel]
            for index in 0..<count {
                let value = unsafe samples[index * channels + channel]
                sum += value
                squares += value * value
                product += unsafe value * samples[index * channels + reference]
                peak = max(peak, abs(value))
                meter.count(isFullScale: abs(value) >= Self.fullScale)
            }
            meter.add(peak: peak, squares: squares)
            unsafe meters[channel] = meter
            means[channel] = sum / Float(count)
            power[channel] = squares / Float(count) - means[channel] * means[channel]
            products[channel] = product / Float(count)
        }
        publish(count)
        guard measured > 1 else { return }
        for channel in 0..<measured { products[channel] -= means[channel] * means[reference] }
        watch.heard(
            power: power, products: products, channels: measured,
            milliseconds: count * 1_000 / parameters.framesPerSecond)
    }

    /// Ten times a second.
    private func publish(_ count: Int) {
        meteredFrames += count
        guard meteredFrames >= parameters.framesPerSecond / 10 else { return }
        for channel in 0..<measured {
            let level = unsafe meters[channel].takeLevel(frames: meteredFrames)
            unsafe levels.publish(ChannelLevel(level: level, clipped: meters[channel].clipped), channel)
        }
        meteredFrames = 0
    }

    private func mix(_ count: Int) {
        let channels = parameters.channels
        var used: Float = 0
        for channel in 0..<measured where isUsed(channel) { used += 1 }
        let weight = 1 / used
        for index in 0..<count { unsafe mono[index] = 0 }
        for channel in 0..<measured where isUsed(channel) {
            for index in 0..<count {
                unsafe mono[index] += weight * samples[index * channels + channel]
            }
        }
    }

    private func isUsed(_ channel: Int) -> Bool {
        if case .one(let number) = selection, number <= measured { return channel == number - 1 }
        return !watch.isLeftOut(channel)
    }

    /// Rounded, and cut off at full scale instead of wrapped.
    private func quantise(
        _ source: UnsafeMutableBufferPointer<Float>, _ count: Int
    ) -> UnsafeMutableBufferPointer<Int16> {
        for index in 0..<count {
            let value = unsafe min(max(source[index], -32_768), 32_767)
            unsafe output[index] = Int16(Int32(value < 0 ? value - 0.5 : value + 0.5))
        }
        return unsafe .init(rebasing: output[..<count])
    }
}
