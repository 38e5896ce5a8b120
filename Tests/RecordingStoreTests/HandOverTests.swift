import LinuxRuntime
import RecorderCore
import RecordingStore
import Testing

extension StoreTests {
    /// A disk that hangs over the end of a lesson: the next one is in the ring when it goes on.
    struct HandOverTests {
        @Test func `a recording takes nothing of the next one that is in the ring`() throws {
            let scratch = Scratch()
            let ring = SampleRing()
            let first = StoreBench.header(1)
            let store = try store(scratch, ring, with: first)
            // The store hangs from here on.
            feed(ring, 32_000)
            #expect(store.send(.close(end: ring.head, gaps: [], interrupted: false)))
            ring.reset()
            [Int16](repeating: 4_321, count: 48_000).withUnsafeBufferPointer { ring.append($0) }
            let second = StoreBench.header(2)
            #expect(store.send(.open(second)))
            #expect(store.send(.close(end: ring.head, gaps: [], interrupted: false)))
            store.turn()
            let closed = store.takeEvents().compactMap { event -> RecordingSummary? in
                if case .closed(let summary) = event { summary } else { nil }
            }
            #expect(closed.map(\.header.id) == [first.id, second.id])
            #expect(closed.map(\.samples) == [16_000, 48_000])
            #expect(try readBack(first.id, scratch.path) == (16_000, true))
            store.shutdown()
        }

        /// The lesson was to be longer: what is known of samples that the ring does not have any more goes with them.
        @Test func `a recording that lost its end keeps no gap, silence or word behind it, and it is told`() throws {
            let scratch = Scratch()
            let ring = SampleRing()
            let first = StoreBench.header(1)
            let store = try store(scratch, ring, with: first)
            feed(ring, 48_000)
            let across = Gap(start: SampleIndex(8_000), end: SampleIndex(40_000), reason: "no network")
            let behind = Gap(start: SampleIndex(48_000), end: SampleIndex(64_000), reason: "no network")
            #expect(store.send(.silence(mark(4_000, 4_000, .deviceLost))))
            #expect(store.send(.silence(mark(12_000, 20_000, .deviceLost))))
            #expect(store.send(.silence(mark(30_000, 31_000, .overrun))))
            #expect(store.send(.close(end: ring.head, gaps: [across, behind], interrupted: false)))
            ring.reset()
            #expect(store.send(.open(StoreBench.header(2))))
            store.turn()
            let events = store.takeEvents()
            #expect(
                events.contains {
                    guard case .closeFailed(let failure) = $0 else { return false }
                    return failure.id == first.id && failure.saved.value == 16_000 && failure.wanted.value == 64_000
                })
            store.shutdown()
            let index = try RecordingIndex(directory: scratch.path)
            let saved = try #require(try index.recordings().first { $0.header.id == first.id })
            #expect((saved.samples, saved.gaps, saved.gapSamples, saved.interrupted) == (16_000, 1, 8_000, true))
            #expect(try Verification(directory: scratch.path).check(first.id) { _, _ in }.problems == [])
        }

        /// A second of the recording is on the disk.
        private func store(_ scratch: Scratch, _ ring: SampleRing, with header: RecordingHeader) throws -> StoreThread {
            let store = try StoreThread(
                directory: scratch.path, ring: ring, notifier: try EventNotifier(), isThreaded: false)
            #expect(store.send(.open(header)))
            feed(ring, 16_000)
            store.turn()
            #expect(store.send(.commit))
            store.turn()
            return store
        }

        private func mark(_ start: Int64, _ end: Int64, _ reason: SilenceMark.Reason) -> SilenceMark {
            SilenceMark(start: SampleIndex(start), end: SampleIndex(end), reason: reason)
        }

        private func feed(_ ring: SampleRing, _ count: Int) {
            Pattern.part(ring.head.value, count).withUnsafeBufferPointer { ring.append($0) }
        }
    }
}
