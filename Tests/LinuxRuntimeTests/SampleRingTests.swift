import LinuxRuntime
import RecorderCore
import Testing

private func append(_ samples: [Int16], to ring: SampleRing) {
    samples.withUnsafeBufferPointer { ring.append($0) }
}

private func read(_ ring: SampleRing, from start: Int64, _ count: Int) -> (SampleRing.ReadResult, [Int16]) {
    var target = [Int16](repeating: -1, count: count)
    let result = target.withUnsafeMutableBufferPointer { ring.read(from: SampleIndex(start), into: $0) }
    return (result, target)
}

struct SampleRingTests {
    @Test func `what is appended is read, from any position`() {
        let ring = SampleRing(capacity: 16)
        append([1, 2, 3, 4, 5], to: ring)
        #expect(ring.head == SampleIndex(5))
        #expect(read(ring, from: 0, 5) == (.copied(5), [1, 2, 3, 4, 5]))
        #expect(read(ring, from: 3, 5) == (.copied(2), [4, 5, -1, -1, -1]))
        #expect(read(ring, from: 1, 2) == (.copied(2), [2, 3]))
    }

    @Test func `a reader that has caught up gets nothing, one that is ahead too`() {
        let ring = SampleRing(capacity: 16)
        append([1, 2], to: ring)
        #expect(read(ring, from: 2, 4).0 == .copied(0))
        #expect(read(ring, from: 9, 4).0 == .copied(0))
        #expect(read(ring, from: 0, 0).0 == .copied(0))
    }

    @Test func `the last capacity of samples can be read, not one more`() {
        let ring = SampleRing(capacity: 8)
        append((1...20).map { Int16($0) }, to: ring)
        #expect(read(ring, from: 12, 8) == (.copied(8), [13, 14, 15, 16, 17, 18, 19, 20]))
        #expect(read(ring, from: 11, 8).0 == .overrun(oldest: SampleIndex(12)))
        #expect(read(ring, from: 0, 1).0 == .overrun(oldest: SampleIndex(12)))
    }

    @Test(arguments: [0, 1, 7, 8, 9, 1_000]) func `silence is zeros, also when longer than the ring`(count: Int64) {
        let ring = SampleRing(capacity: 8)
        append([1, 2, 3, 4, 5, 6, 7, 8, 9], to: ring)
        ring.appendSilence(count)
        #expect(ring.head == SampleIndex(9 + count))
        append([77], to: ring)
        let newest = read(ring, from: 9 + count - 7, 8)
        let kept = (0..<7).map { offset in
            let index = 9 + count - 7 + Int64(offset)
            return index < 9 ? Int16(index + 1) : 0
        }
        #expect(newest == (.copied(8), kept + [77]))
    }

    @Test func `a new recording begins at zero and sees nothing of the last`() {
        let ring = SampleRing(capacity: 8)
        append([1, 2, 3], to: ring)
        ring.reset()
        #expect(ring.head == .zero)
        #expect(read(ring, from: 0, 3).0 == .copied(0))
        append([9], to: ring)
        #expect(read(ring, from: 0, 3) == (.copied(1), [9, -1, -1]))
    }

    @Test func `a resumed recording has nothing before its start`() {
        let ring = SampleRing(capacity: 8)
        append([1, 2, 3], to: ring)
        ring.reset(to: SampleIndex(100))
        append([4], to: ring)
        #expect(read(ring, from: 100, 3) == (.copied(1), [4, -1, -1]))
        #expect(read(ring, from: 99, 3).0 == .overrun(oldest: SampleIndex(100)))
    }

    @Test func `positions of years of audio work`() {
        let ring = SampleRing(capacity: 8)
        ring.reset(to: SampleIndex(1 << 45))
        append([1, 2, 3, 4, 5, 6, 7, 8, 9], to: ring)
        #expect(read(ring, from: 1 << 45 + 1, 0).0 == .copied(0))
        #expect(read(ring, from: (1 << 45) + 1, 8) == (.copied(8), [2, 3, 4, 5, 6, 7, 8, 9]))
    }

    @Test func `a reader beside the producer never sees a torn or foreign sample`() throws {
        let ring = SampleRing(capacity: 1 << 9)
        let total: Int64 = 400_000
        func value(_ index: Int64) -> Int16 { Int16(truncatingIfNeeded: index &* 31 &+ 7) }
        let producer = try Thread(name: "producer") {
            var head: Int64 = 0
            while head < total {
                let chunk = (head..<head + 100).map { Int16(truncatingIfNeeded: $0 &* 31 &+ 7) }
                chunk.withUnsafeBufferPointer { ring.append($0) }
                head += 100
            }
        }
        var next: Int64 = 0
        var wrong = 0
        var seen: Int64 = 0
        while next < total {
            let (result, samples) = read(ring, from: next, 64)
            switch result {
            case .copied(let count):
                for offset in 0..<count where samples[offset] != value(next + Int64(offset)) { wrong += 1 }
                next += Int64(count)
                seen += Int64(count)
            case .overrun(let oldest):
                #expect(oldest.value > next)
                next = oldest.value
            }
        }
        producer.join()
        #expect(wrong == 0)
        #expect(seen > 0)
    }
}
