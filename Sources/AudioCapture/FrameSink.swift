internal import LinuxRuntime
internal import RecorderCore

/// Where the device's frames go: converted and measured, into the ring. It knows where in the recording the device's
/// stream began, so that the samples that wait in the resampler are never mistaken for lost ones.
@safe final class FrameSink {
    private let shared: CaptureSharedState
    private let selection: ChannelSelection
    private var converter: SampleConverter?
    private var meter = LevelMeter()
    private var offsets = OffsetWatch()
    /// Taken off each sample; follows `offsets` by one step in four samples, which nobody hears.
    private var offset = 0
    /// It moved since the meter's second began.
    private var isOffsetMoving = false
    private var clock = ClockMeter(rate: 1)
    private var told = ChannelFaults()
    private var clipped = 0
    /// The index of the stream's first frame, and the frames that were read since.
    private var origin = SampleIndex.zero
    private var frames: Int64 = 0
    /// Nil: nothing is kept between lessons.
    private let preRoll: PreRoll?
    /// Samples that the frames of standby have made.
    private var made: Int64 = 0

    init(shared: CaptureSharedState, selection: ChannelSelection, preRollSeconds: Int) {
        self.shared = shared
        self.selection = selection
        preRoll = preRollSeconds == 0 ? nil : PreRoll(capacity: preRollSeconds * Int(SampleIndex.samplesPerSecond))
    }

    func beginRecording() {
        beginMeasuring()
        converter?.beginStream()
    }

    private func beginMeasuring() {
        meter = LevelMeter()
        told = ChannelFaults()
        clipped = 0
        converter?.beginMeasuring()
    }

    /// A device was opened. False: out of memory.
    func attach(_ parameters: PCMParameters) -> Bool {
        shared.publish(parameters)
        if converter?.parameters == parameters { return true }
        converter = SampleConverter(parameters: parameters, selection: selection, levels: shared.channels)
        clipped = 0
        return converter != nil
    }

    /// The next frame is the ring's next sample.
    func beginStream() {
        guard let converter else { return }
        origin = shared.ring.head
        frames = 0
        clock = ClockMeter(rate: converter.parameters.framesPerSecond)
    }

    /// The place of the last of `ready` frames that nobody has read yet.
    func position(ready: Int) -> SampleIndex {
        origin.advanced(by: samples(frames + Int64(ready)))
    }

    /// So many frames, in samples.
    func samples(_ frames: Int64) -> Int64 {
        frames * SampleIndex.samplesPerSecond / Int64(converter?.parameters.framesPerSecond ?? 1)
    }

    func observe(ready: Int, at time: MonotonicTime) {
        guard let measured = clock.observe(frames: frames + Int64(ready), at: time) else { return }
        shared.report(.clock(measured))
    }

    /// Reads up to `ready` frames and appends what they make, up to `limit`.
    /// - Returns: frames, or the device's error.
    func take(_ ready: Int, from device: any CaptureDevice, limit: SampleIndex?) -> Int {
        guard let converter else { return -Int(Errno.invalid) }
        let count = unsafe device.read(into: converter.frames, frames: min(ready, SampleConverter.blockFrames))
        guard count > 0 else { return count }
        frames += Int64(count)
        unsafe append(converter.convert(count), limit: limit)
        if converter.faults != told {
            told = converter.faults
            shared.report(.channels(told))
        }
        return count
    }

    /// The stream is over, and silence follows: what still waits of it is recorded.
    func endStream(limit: SampleIndex?) {
        guard let converter else { return }
        unsafe append(converter.flush(), limit: limit)
        frames = 0
    }

    // MARK: Between lessons

    /// The device is open and no lesson is recorded: its next frame is the first of a stream.
    func beginStandby() {
        endStandby()
        (frames, made) = (0, 0)
        converter?.beginStream()
    }

    /// What is kept is forgotten.
    func endStandby() {
        preRoll?.clear()
        shared.preRoll = 0
    }

    /// Reads up to `ready` frames and keeps them as pre-roll, or throws them away.
    /// - Returns: frames, or the device's error.
    func keep(_ ready: Int, from device: any CaptureDevice) -> Int {
        guard let converter else { return -Int(Errno.invalid) }
        let count = unsafe device.read(into: converter.frames, frames: min(ready, SampleConverter.blockFrames))
        guard count > 0, let preRoll else { return count }
        frames += Int64(count)
        let samples = unsafe converter.convert(count)
        made += Int64(samples.count)
        unsafe preRoll.append(UnsafeBufferPointer(samples))
        shared.preRoll = preRoll.count
        return count
    }

    var hasPreRoll: Bool { (preRoll?.count ?? 0) > 0 }

    /// A recording begins with what was kept, and the stream goes on.
    func beginWithPreRoll() {
        guard let preRoll, let converter else { return }
        beginMeasuring()
        unsafe preRoll.take(limit: Int(Limits.periodSamples)) { unsafe append($0, limit: nil) }
        shared.preRoll = 0
        // The frames that wait in the resampler follow.
        origin = shared.ring.head.advanced(by: samples(frames) - made)
        frames = 0
        clock = ClockMeter(rate: converter.parameters.framesPerSecond)
    }

    private func append(_ made: UnsafeMutableBufferPointer<Int16>, limit: SampleIndex?) {
        var count = made.count
        if let limit { count = min(count, Int(max(0, limit.samples(since: shared.ring.head)))) }
        let samples = unsafe UnsafeMutableBufferPointer(rebasing: made[..<count])
        if offset != 0 || offset != offsets.offset { unsafe takeOffset(samples) }
        unsafe shared.ring.append(UnsafeBufferPointer(samples))
        guard var second = unsafe meter.add(UnsafeBufferPointer(samples)) else { return }
        let total = converter?.clipped ?? 0
        second.clipped = max(second.clipped, total - clipped)
        clipped = total
        if !isOffsetMoving { offsets.heard(mean: Int(second.mean)) }
        isOffsetMoving = false
        shared.publish(second)
        shared.report(.level(CaptureLevel(second), clipped: second.clipped))
    }

    private func takeOffset(_ samples: UnsafeMutableBufferPointer<Int16>) {
        if offset != offsets.offset { isOffsetMoving = true }
        for index in 0..<samples.count {
            if index % 4 == 0 { offset += (offsets.offset - offset).signum() }
            unsafe samples[index] = Int16(clamping: Int(samples[index]) - offset)
        }
    }
}
