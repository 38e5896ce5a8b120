import Glibc
import RecorderCore
import Synchronization
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

extension StoreTests {
    /// Commands for a store that does not keep up: none is lost.
    struct WaitingTests {
        /// Hangs at the next sync until it is let go.
        private final class HangingDisk: Storage, @unchecked Sendable {
            let isHanging = Atomic<Bool>(false)
            let hangs = Atomic<Bool>(false)

            override func perform(_ effect: StorageEffect) throws(SystemError) {
                while effect.isSync, isHanging.load(ordering: .acquiring) {
                    hangs.store(true, ordering: .releasing)
                    usleep(5_000)
                }
                try super.perform(effect)
            }
        }

        /// Takes no more audio once it is full; SQLite's files lie elsewhere.
        private final class FullDisk: Storage, @unchecked Sendable {
            let isFull = Atomic<Bool>(false)

            override func perform(_ effect: StorageEffect) throws(SystemError) {
                if isFull.load(ordering: .acquiring), effect.path.hasSuffix(".flac") {
                    throw SystemError(effect.name, effect.path, number: ENOSPC)
                }
                try super.perform(effect)
            }
        }

        @Test func `words do not wait as long for a commit as sound does`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = try bench.open()
            bench.feed(16_000)
            try bench.commit()
            bench.feed(16_000)
            let sent = Clock.now
            #expect(bench.store.send(.words([word("one", 1_000)], covered: SampleIndex(2_000))))
            try bench.wait { if case .committed(let through) = $0 { through.value > 16_000 } else { false } }
            let took = Clock.now.milliseconds(since: sent)
            #expect(took >= Limits.wordsCommitMilliseconds - 50 && took < Limits.commitMilliseconds, "\(took) ms")
            _ = try bench.close()
        }

        @Test(arguments: [false, true])
        func `what STOP could not save before the recorder ended is told at its next start`(isDamaged: Bool) throws {
            let scratch = Scratch()
            let disk = FullDisk()
            let bench = try StoreBench(scratch.path, storage: disk)
            _ = try bench.lesson(1, samples: 20_000, [word("old", 1_000)])
            bench.ring.reset()
            let id = try bench.open(StoreBench.header(2))
            bench.feed(16_000 * 3)
            try bench.commit()
            disk.isFull.store(true, ordering: .releasing)
            bench.feed(16_000 * 2)
            _ = bench.store.send(.stopped)
            _ = bench.store.send(.close(end: bench.ring.head, gaps: [], interrupted: false))
            try bench.wait { if case .closeFailed = $0 { true } else { false } }
            if isDamaged {
                // The new index has to know it as well.
                #expect(run("printf 'no database' >'\(scratch.path)/index.sqlite'"))
                _ = bench.store.send(.commit)
                try bench.wait { if case .rebuilt = $0 { true } else { false } }
                try bench.waitUntilAllIsDone()
            }
            bench.store.shutdown()
            let next = try StoreBench(scratch.path, resumes: true)
            let recovered = try #require(next.store.recovered.first { $0.summary.header.id == id })
            let kept = recovered.summary.samples
            #expect(recovered.summary.interrupted && kept >= 40_000)
            #expect(recovered.lostSamples == 80_000 - kept)
        }

        @Test func `what can be one command is one, in order`() {
            var waiting = WaitingCommands()
            let at = { SampleIndex($0) }
            for number: Int64 in 0..<1_000 {
                waiting.add(.words([word("\(number)", number * 10)], covered: at(number * 10), gaps: []))
                waiting.add(.silence(SilenceMark(start: at(number), end: at(number + 1), reason: .overrun)))
                waiting.add(.level(quietSamples: 2, clippedSamples: 1))
                waiting.add(.commit)
            }
            waiting.add(.mergeSpeaker(2, into: 1))
            waiting.add(.words([word("last", 0, speaker: 2)], covered: at(20_000), gaps: []))
            waiting.add(.silence(SilenceMark(start: at(5_000), end: at(5_001), reason: .overrun)))
            waiting.add(.close(end: at(9), gaps: [], interrupted: false))
            waiting.add(.open(StoreBench.header()))
            waiting.add(.words([word("other", 0)], covered: .zero))
            let kinds = waiting.list.map { String("\($0)".prefix { $0 != "(" }) }
            #expect(
                kinds == [
                    "words", "silence", "level", "commit", "mergeSpeaker", "words", "silence", "close", "open",
                    "words",
                ])
            guard case .words(let words, let covered, _) = waiting.list[0] else { return }
            #expect(words.count == 1_000 && covered == at(9_990))
            guard case .level(2_000, 1_000) = waiting.list[2] else { return #expect(Bool(false)) }
            let queue = BoundedQueue<StoreCommand>(capacity: 4)
            waiting.move(to: queue)
            #expect(waiting.list.count == 6 && queue.takeAll().count == 4)
        }

        @Test func `a disk that hangs is told after some seconds, and nothing sent meanwhile is lost`() throws {
            let scratch = Scratch()
            let disk = HangingDisk()
            let bench = try StoreBench(scratch.path, storage: disk)
            let id = try bench.open()
            bench.feed(400_000)
            try bench.commit()
            disk.isHanging.store(true, ordering: .releasing)
            defer { disk.isHanging.store(false, ordering: .releasing) }
            bench.feed(20_000)
            _ = bench.store.send(.commit)
            while !disk.hangs.load(ordering: .acquiring) { usleep(1_000) }
            let count = 3 * Limits.storeCommands
            for number in 0..<count {
                _ = bench.store.send(
                    .words([word("w\(number)", Int64(number) * 400)], covered: SampleIndex(Int64(number) * 400)))
                _ = bench.store.send(.commit)
            }
            let start = Clock.now
            while !bench.events.contains(where: { $0 == .failed(StoreError.late(directory: scratch.path).message) }) {
                guard Clock.now.milliseconds(since: start) < 20_000 else { return #expect(Bool(false), "not told") }
                _ = Poll.readable(bench.notifier.fileDescriptor, until: bench.store.nextDeadline ?? Clock.now)
                _ = bench.store.tend(now: Clock.now)
                _ = bench.takeNew()
            }
            #expect(Clock.now.milliseconds(since: start) >= Limits.storeLateMilliseconds - 200)
            #expect(bench.events.contains { $0 == .reached(.storeCommands, count: 1) })
            disk.isHanging.store(false, ordering: .releasing)
            while !bench.events.contains(.recovered) {
                guard Clock.now.milliseconds(since: start) < 40_000 else { return #expect(Bool(false), "for ever red") }
                _ = Poll.readable(bench.notifier.fileDescriptor, until: bench.store.nextDeadline ?? Clock.now)
                _ = bench.store.tend(now: Clock.now)
                _ = bench.takeNew()
            }
            #expect(bench.store.nextDeadline == nil)
            let summary = try bench.close()
            #expect(summary.words == count && summary.samples == 420_000)
            #expect(try RecordingIndex(directory: scratch.path).words(id).map(\.text) == (0..<count).map { "w\($0)"})
        }

        @Test func `events that found no room come when there is room, without another command`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let count = Limits.storeEvents + 50
            // Nothing is open: each is answered at once. The last one's answer is on its way behind the full queue.
            for number in 0..<count {
                _ = bench.store.send(.read(session: .lesson(number), from: .zero))
                while bench.store.nextDeadline != nil { _ = bench.store.tend(now: Clock.now) }
            }
            try bench.waitUntilAllIsDone()
            try bench.wait { if case .audio(.lesson(count - 1), _, _) = $0 { true } else { false } }
            #expect(bench.events.count { if case .audio = $0 { true } else { false } } == count)
        }

        @Test func `a bound that one message reaches many times is one event`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            _ = try bench.open()
            bench.feed(40_000)
            let words = (0..<500).map { word("w", 16_000_000 + Int64($0)) }
            _ = bench.store.send(.words(words, covered: .zero))
            _ = try bench.close()
            let told = bench.events.filter { if case .reached(.servicePositions, _) = $0 { true } else { false } }
            #expect(told == [.reached(.servicePositions, count: 500)])
        }

        @Test func `words that too many wait before are a gap afterwards, and the next lesson has none`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path)
            let id = try bench.open()
            bench.feed(1_000_000)
            try bench.commit()
            let other = try Database(path: scratch.path + "/index.sqlite", .write)
            try other.execute("BEGIN IMMEDIATE", doing: "hold it")
            _ = bench.store.send(.level(quietSamples: Limits.levelSamples, clippedSamples: 0))
            _ = bench.store.send(.commit)
            try bench.wait { if case .failed = $0 { true } else { false } }
            // A word each 10 samples; the last ones are refused.
            let all = (0..<90_000).map { word("w", Int64($0) * 10) }
            for start in stride(from: 0, to: all.count, by: 1_000) {
                let end = SampleIndex(Int64(start + 1_000) * 10)
                #expect(bench.store.send(.words(Array(all[start..<start + 1_000]), covered: end)))
            }
            let refused = all.count - Limits.waitingWords / 1_000 * 1_000
            try bench.wait { if case .reached(.waitingWords, _) = $0 { true } else { false } }
            try other.execute("ROLLBACK", doing: "let go")
            _ = bench.store.send(.commit)
            try bench.wait { $0 == .recovered }
            // What comes then is taken again.
            _ = bench.store.send(.words([word("again", 950_000)], covered: SampleIndex(960_000)))
            let offline = Gap(start: SampleIndex(970_000), end: SampleIndex(1_000_000), reason: "offline")
            let summary = try bench.close(gaps: [offline])
            let counted = bench.events.reduce(Int64(0)) {
                if case .reached(.waitingWords, let count) = $1 { $0 + count } else { $0 }
            }
            #expect(counted == Int64(refused) && summary.words == all.count - refused + 1)
            let gaps = try RecordingIndex(directory: scratch.path).gaps(id)
            let start = SampleIndex(Int64(all.count - refused) * 10)
            #expect(gaps.first == Gap(start: start, end: SampleIndex(900_990), reason: "not saved"))
            #expect(gaps.count == 2 && gaps.last == offline)
            #expect(summary.covered <= start.value && !summary.isTextSettled)
            bench.ring.reset()
            let next = try bench.open(StoreBench.header(2))
            bench.feed(20_000)
            _ = bench.store.send(.words([word("fine", 1_000)], covered: SampleIndex(20_000)))
            #expect(try bench.close().covered == 20_000)
            #expect(try RecordingIndex(directory: scratch.path).gaps(next).isEmpty)
        }
    }
}
