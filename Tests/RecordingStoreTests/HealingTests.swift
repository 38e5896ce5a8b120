import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    /// An index that becomes rubbish while it is used.
    struct HealingTests {
        private let scratch = Scratch()
        private var directory: String { scratch.path }
        private var file: String { directory + "/index.sqlite" }

        /// What is done to the file in its place, as shell commands.
        static let damages = [
            "head -c $(stat -c %s FILE) /dev/urandom | dd of=FILE conv=notrunc status=none",
            "truncate -s 0 FILE", "truncate -s 1500 FILE", "head -c 200000 /dev/urandom | tee FILE FILE-wal >/dev/null",
            "printf 'no database' >FILE",
        ]

        private func damage(_ command: String) { #expect(run(command.replacing("FILE", with: file))) }

        private func rebuilt(_ bench: StoreBench) throws -> RebuiltIndex {
            let event = try bench.wait { if case .rebuilt = $0 { true } else { false } }
            guard case .rebuilt(let index) = event else { throw StoreBench.Missing() }
            return index
        }

        private func expectWhole() throws {
            #expect(run("sqlite3 '\(file)' 'PRAGMA integrity_check' | grep -qx ok"))
            #expect(try Verification(directory: directory).indexProblems() == [])
        }

        @Test(arguments: damages)
        func `an index that becomes rubbish in mid-lesson is made anew, and the lesson is saved whole`(
            damage command: String
        ) throws {
            let bench = try StoreBench(directory)
            let old = try bench.lesson(1, samples: 20_000, [word("old", 1_000)])
            bench.ring.reset()
            let id = try bench.open(StoreBench.header(2))
            bench.feed(100_000)
            _ = bench.store.send(.words([word("first", 1_000)], covered: SampleIndex(20_000)))
            let mark = SilenceMark(start: SampleIndex(40_000), end: SampleIndex(48_000), reason: .overrun)
            _ = bench.store.send(.silence(mark))
            _ = bench.store.send(.level(quietSamples: 32_000, clippedSamples: 16_000))
            try bench.commit()
            damage(command)
            _ = bench.store.send(.words([word("second", 50_000)], covered: SampleIndex(60_000)))
            _ = bench.store.send(.commit)
            let index = try rebuilt(bench)
            #expect(index.kept?.hasPrefix("index.sqlite.damaged-") == true && index.recordings == 1, "\(index)")
            bench.feed(50_000)
            _ = bench.store.send(.words([word("third", 101_000)], covered: SampleIndex(110_000)))
            let end = Gap(start: SampleIndex(110_000), end: SampleIndex(150_000), reason: "offline")
            let summary = try bench.close(gaps: [end])
            #expect(summary.samples == 150_000 && summary.silenceSamples == 8_000)
            #expect(summary.quietSamples == 32_000 && summary.clippedSamples == 16_000 && !summary.interrupted)
            #expect(try readBack(id, directory) == (150_000, true))
            let reader = try RecordingIndex(directory: directory)
            #expect(try reader.recordings().map(\.header.id) == [old, id])
            let words = try reader.words(id).map(\.text)
            let gaps = try reader.gaps(id)
            if words == ["first", "second", "third"] {
                #expect(gaps == [end])
            } else {
                #expect(words == ["second", "third"], "\(gaps)")
                #expect(gaps == [Gap(start: .zero, end: SampleIndex(20_000), reason: "index lost"), end])
            }
            #expect(try Verification(directory: directory).check(id) { _, _ in }.problems == [])
            try expectWhole()
            bench.store.shutdown()
            let next = try StoreBench(directory)
            #expect(next.store.rebuilt == nil && next.store.recovered.isEmpty)
        }

        @Test(arguments: damages)
        func `an idle box's index that becomes rubbish is made anew at the next lesson`(damage command: String) throws {
            let bench = try StoreBench(directory)
            let old = try bench.lesson(1, samples: 20_000, [word("old", 1_000)])
            damage(command)
            for number: UInt64 in 2...3 {
                bench.ring.reset()
                let id = try bench.lesson(number, samples: 30_000, [word("new", 1_000)])
                #expect(try RecordingIndex(directory: directory).words(id).map(\.text) == ["new"])
            }
            let list = try RecordingIndex(directory: directory).recordings()
            #expect(list.map(\.samples) == [20_000, 30_000, 30_000] && list[0].header.id == old)
            #expect(bench.rebuilds == 1)
            try expectWhole()
        }

        @Test(arguments: damages)
        func `an index that becomes rubbish before STOP does not keep the lesson from being saved`(
            damage command: String
        ) throws {
            let bench = try StoreBench(directory)
            _ = try bench.lesson(1, samples: 20_000, [word("old", 1_000)])
            bench.ring.reset()
            let id = try bench.open(StoreBench.header(2))
            bench.feed(100_000)
            damage(command)
            #expect(try bench.close().samples == 100_000)
            #expect(bench.rebuilds == 1)
            #expect(try RecordingIndex(directory: directory).recordings().count == 2)
            #expect(try readBack(id, directory) == (100_000, true))
            try expectWhole()
        }

        @Test(arguments: [
            "DELETE FROM recording", "DROP TABLE token", "DROP TABLE recording",
            "UPDATE token SET place = place + 1; UPDATE recording SET number = number + 7",
        ])
        func `rows and tables that others take away are no reason to lose a lesson`(change: String) throws {
            let bench = try StoreBench(directory)
            let id = try bench.open()
            bench.feed(50_000)
            _ = bench.store.send(.words([word("first", 1_000)], covered: SampleIndex(20_000)))
            try bench.commit()
            #expect(run("sqlite3 '\(file)' '\(change)'"))
            _ = bench.store.send(.words([word("second", 22_000)], covered: SampleIndex(30_000)))
            bench.feed(50_000)
            #expect(try bench.close().samples == 100_000)
            let reader = try RecordingIndex(directory: directory)
            #expect(try reader.recordings().map(\.header.id) == [id])
            #expect(try reader.words(id).map(\.text).last == "second")
            #expect(try Verification(directory: directory).check(id) { _, _ in }.problems == [])
        }

        @Test func `a store that ends saves the lesson, and enters all others, in a new index`() throws {
            let bench = try StoreBench(directory)
            for number: UInt64 in 1...40 {
                bench.ring.reset()
                _ = try bench.lesson(number, samples: 4_000, [])
            }
            bench.ring.reset()
            let id = try bench.open(StoreBench.header(50))
            bench.feed(90_000)
            damage(Self.damages[0])
            bench.store.shutdown()
            let list = try RecordingIndex(directory: directory).recordings()
            #expect(list.count == 41 && list.last?.header.id == id && list.last?.samples == 90_000)
        }

        @Test(.enabled(if: TinyDisk.isPermitted, "needs the right to set attributes"))
        func `an index that can be neither used nor set aside is told, and made anew when it can`() throws {
            let bench = try StoreBench(directory)
            let old = try bench.lesson(1, samples: 20_000, [word("old", 1_000)])
            bench.ring.reset()
            let id = try bench.open(StoreBench.header(2))
            bench.feed(100_000)
            try bench.commit()
            damage(Self.damages[0])
            let places = "'\(directory)' '\(directory)/recordings'"
            guard run("chattr +i \(places) 2>/dev/null") else { return }
            defer { run("chattr -i \(places)") }
            _ = bench.store.send(.close(end: bench.ring.head, gaps: [], interrupted: false))
            let event = try bench.wait { if case .closeFailed = $0 { true } else { false } }
            guard case .closeFailed(let failure) = event else { return }
            #expect(failure.saved.value == 100_000 && failure.wanted.value == 100_000)
            #expect(failure.reason.contains("damaged"))
            #expect(run("chattr -i \(places)"))
            _ = bench.store.send(.commit)
            #expect(try bench.closed().samples == 100_000)
            #expect(bench.rebuilds == 1)
            #expect(try RecordingIndex(directory: directory).recordings().map(\.header.id) == [old, id])
        }
    }
}

extension StoreBench {
    /// How often the index was made anew.
    var rebuilds: Int {
        _ = takeNew()
        return events.count { if case .rebuilt = $0 { true } else { false } }
    }
}
