import LinuxRuntime
import RecorderCore
import RecordingStore
import Testing

extension StoreTests {
    @Suite struct ReplayTests {
        /// Asks for samples until the store has none, as a session does.
        private func readAll(_ bench: StoreBench, from start: Int64, to end: Int64) throws -> [Int16] {
            var samples: [Int16] = []
            while start + Int64(samples.count) < end {
                let from = SampleIndex(start + Int64(samples.count))
                #expect(bench.store.send(.read(session: .lesson(7), from: from)))
                let event = try bench.wait { if case .audio(.lesson(7), from, _) = $0 { true } else { false } }
                guard case .audio(_, _, let part) = event, !part.isEmpty else { break }
                #expect(part.count <= Limits.replaySamples + Int(Limits.flacBlockSamples))
                samples += part
            }
            return samples
        }

        @Test func `a running recording is read back from any sample on, across its files`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 160_000)
            _ = try bench.open()
            for _ in 0..<30 {
                bench.feed(16_000)
                try bench.commit()
            }
            for start: Int64 in [0, 1, 100_000, 159_999, 160_000, 333_333] {
                let samples = try readAll(bench, from: start, to: 470_000)
                #expect(samples.count >= 470_000 - Int(start))
                #expect(samples == Pattern.part(start, samples.count), "from \(start)")
            }
            _ = try bench.close()
        }

        @Test func `what is not there is answered by nothing, and so is a store without a recording`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            #expect(bench.store.send(.read(session: .lesson(7), from: .zero)))
            try bench.wait { $0 == .audio(session: .lesson(7), from: .zero, []) }
            _ = try bench.open()
            bench.feed(16_000)
            try bench.commit()
            let beyond = SampleIndex(1_000_000)
            #expect(bench.store.send(.read(session: .lesson(7), from: beyond)))
            try bench.wait { $0 == .audio(session: .lesson(7), from: beyond, []) }
            _ = try bench.close()
        }

        @Test func `two sessions that are behind are both answered`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 160_000)
            _ = try bench.open()
            bench.feed(400_000)
            try bench.commit()
            #expect(bench.store.send(.read(session: .lesson(1), from: SampleIndex(300_000))))
            #expect(bench.store.send(.read(session: .lesson(2), from: SampleIndex(10_000))))
            var answered: [Int: [Int16]] = [:]
            while answered.count < 2 {
                let event = try bench.wait { if case .audio = $0 { true } else { false } }
                if case .audio(let session, _, let samples) = event { answered[session.number] = samples }
            }
            #expect(answered[1]?.elementsEqual(Pattern.part(300_000, answered[1]?.count ?? 0)) == true)
            #expect(answered[2]?.elementsEqual(Pattern.part(10_000, answered[2]?.count ?? 0)) == true)
            #expect(answered.values.allSatisfy { $0.count >= Limits.replaySamples })
        }
    }
}
