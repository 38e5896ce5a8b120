internal import Synchronization
package import RecorderCore

/// The last minute of audio: one producer (the capture thread), readers that each keep their own position. Three
/// adapters use it: decision ring-in-runtime.
///
/// The producer never waits, allocates or locks. A sample is one relaxed 16-bit atomic, which costs what a plain
/// store does and leaves no data race even when a reader is overtaken; the reader finds that out afterwards by the
/// producer's `reserved` position and discards the copy (a sequence lock: H. Boehm, "Can Seqlocks Get Along With
/// Programming Language Memory Models?").
@safe package final class SampleRing: @unchecked Sendable {
    package enum ReadResult: Equatable, Sendable {
        /// This many samples from the requested position were copied; 0 when the reader has caught up.
        case copied(Int)
        /// The position has been overwritten; with the oldest sample that can still be read.
        case overrun(oldest: SampleIndex)
    }

    /// In samples.
    package let capacity: Int
    private let samples: UnsafeMutablePointer<Atomic<Int16>>
    /// Samples before this may be read.
    private let published = Atomic<Int64>(0)
    /// Samples before this minus the capacity may be overwritten already.
    private let reserved = Atomic<Int64>(0)
    /// Where the recording's time line begins in this ring; earlier samples belong to another one.
    private let origin = Atomic<Int64>(0)
    /// How many time lines there were before.
    private let resets = Atomic<Int>(0)

    /// - Parameter capacity: samples, a power of two.
    package init(capacity: Int = Limits.ringSamples) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        self.capacity = capacity
        unsafe samples = .allocate(capacity: capacity)
        for offset in 0..<capacity {
            unsafe (samples + offset).initialize(to: Atomic(0))
        }
    }

    deinit {
        unsafe samples.deinitialize(count: capacity)
        unsafe samples.deallocate()
    }

    /// The index after the newest sample.
    package var head: SampleIndex { SampleIndex(published.load(ordering: .acquiring)) }

    /// Another number with each time line: whoever reads one recording looks whether it is still there.
    package var timeline: Int { resets.load(ordering: .acquiring) }

    /// Begins a new recording's time line. Only while the producer is stopped and no reader reads.
    package func reset(to start: SampleIndex = .zero) {
        resets.wrappingAdd(1, ordering: .acquiringAndReleasing)
        origin.store(start.value, ordering: .relaxed)
        reserved.store(start.value, ordering: .relaxed)
        published.store(start.value, ordering: .releasing)
    }

    /// Appends samples; for the producer alone.
    package func append(_ source: UnsafeBufferPointer<Int16>) {
        let start = published.load(ordering: .relaxed)
        let end = start + Int64(source.count)
        reserved.store(end, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        for offset in 0..<source.count {
            let slot = Int(truncatingIfNeeded: start &+ Int64(offset)) & (capacity - 1)
            unsafe samples[slot].store(source[offset], ordering: .relaxed)
        }
        published.store(end, ordering: .releasing)
    }

    /// Appends zeros for samples that the microphone did not deliver; for the producer alone.
    package func appendSilence(_ count: Int64) {
        var left = count
        let start = published.load(ordering: .relaxed)
        let end = start + count
        reserved.store(end, ordering: .relaxed)
        atomicMemoryFence(ordering: .releasing)
        if left > Int64(capacity) { left = Int64(capacity) }
        for offset in 0..<left {
            let slot = Int(truncatingIfNeeded: end &- 1 &- offset) & (capacity - 1)
            unsafe samples[slot].store(0, ordering: .relaxed)
        }
        published.store(end, ordering: .releasing)
    }

    /// Copies samples from `start` on, as many as there are and as fit; for any reader.
    package func read(from start: SampleIndex, into target: UnsafeMutableBufferPointer<Int16>) -> ReadResult {
        let end = published.load(ordering: .acquiring)
        let count = Int(min(Int64(target.count), end - start.value))
        if count > 0 {
            for offset in 0..<count {
                let slot = Int(truncatingIfNeeded: start.value &+ Int64(offset)) & (capacity - 1)
                unsafe target[offset] = samples[slot].load(ordering: .relaxed)
            }
        }
        atomicMemoryFence(ordering: .acquiring)
        let overwritten = reserved.load(ordering: .relaxed) - Int64(capacity)
        let oldest = max(overwritten, origin.load(ordering: .relaxed))
        guard start.value >= oldest else { return .overrun(oldest: SampleIndex(oldest)) }
        return .copied(max(0, count))
    }
}
