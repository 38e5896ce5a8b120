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
            let store = try StoreThread(
                directory: scratch.path, ring: ring, notifier: try EventNotifier(), isThreaded: false)
            let first = StoreBench.header(1)
            #expect(store.send(.open(first)))
            feed(ring, 16_000)
            store.turn()
            #expect(store.send(.commit))
            store.turn()
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

        private func feed(_ ring: SampleRing, _ count: Int) {
            Pattern.part(ring.head.value, count).withUnsafeBufferPointer { ring.append($0) }
        }
    }
}
