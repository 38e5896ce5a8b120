import Foundation
import RecorderCore
import Synchronization
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

extension StoreTests {
    /// Packing beside lessons, and on disks that refuse.
    @Suite(.serialized) struct PackingFaultTests {
        private let scratch = Scratch()
        private static let words = (0..<40).map { token(" word\($0)", Int64($0) * 900) }

        @Test func `START does not wait for a long lesson that is being packed`() throws {
            let trace = DiskTrace()
            let bench = try StoreBench(scratch.path, later: StoreBench.both, storage: TracedStorage(trace))
            bench.ring.reset()
            // Six hours of words, 2.5 a second.
            let id = try bench.open()
            for part in 0..<54 {
                let words = (0..<1_000).map { token(" word\(part)-\($0)", Int64(part * 1_000 + $0) * 6_400) }
                _ = bench.store.send(.tokens(words, covered: .zero))
            }
            bench.feed(40_000)
            _ = try bench.close()
            var delays: [Int64] = []
            for attempt: UInt64 in 2...6 {
                // In the middle: the transcript is being written.
                let started = try EventNotifier()
                trace.onEach { _ in started.raise() }
                #expect(bench.store.send(.saved(.nextParcel(skipping: []))))
                let deadline = Clock.now.adding(milliseconds: 60_000)
                #expect(Poll.readable(started.fileDescriptor, until: deadline))
                trace.onEach { _ in }
                bench.ring.reset()
                let start = Clock.now
                _ = try bench.open(StoreBench.header(attempt))
                delays.append(Clock.now.milliseconds(since: start))
                #expect(!FileManager.default.fileExists(atPath: scratch.path + "/recordings/\(id.text)/manifest.json"))
                bench.feed(4_000)
                _ = try bench.close()
            }
            let event = try bench.waitSaved { if case .parcel = $0 { true } else { false } }
            guard case .parcel(let parcel?, _, _) = event else { throw StoreBench.Missing() }
            #expect(parcel.recording == id)
            try SavedFiles(directory: scratch.path).expectPackage(parcel)
            print("packing: START after \(delays) ms")
            // One of them may have met a busy machine.
            #expect(delays.sorted()[2] <= 100)
        }

        @Test func `long transcripts are packed in little memory`() throws {
            let bench = try StoreBench(scratch.path, later: StoreBench.both)
            // What the heap of a process that has run other tests costs in any case.
            var packedBefore: [RecordingID] = []
            func grown(thousands: Int) throws -> (bytes: Int64, grown: Int) {
                let header = StoreBench.header(UInt64(packedBefore.count + 1))
                defer { packedBefore.append(header.id) }
                return try packed(bench, header, thousands: thousands, skipping: packedBefore)
            }
            let short = try grown(thousands: 1)
            // Other suites of the process take memory as well meanwhile, but not each time.
            var growth = Int.max
            for _ in 0..<4 where growth >= 3_000 {
                let long = try grown(thousands: 54)
                print("packing: \(short.bytes / 1_024) and \(long.bytes / 1_024) KB of transcript: the process has")
                print("packing: grown by \(short.grown) and \(long.grown) KB")
                #expect(long.bytes > 4 << 20)
                growth = min(growth, long.grown - short.grown)
            }
            #expect(growth < 3_000)
        }

        /// A recording of so many words, as a package: the transcript's bytes, and how many KB the process has grown.
        private func packed(
            _ bench: StoreBench, _ header: RecordingHeader, thousands: Int, skipping skipped: [RecordingID]
        ) throws -> (bytes: Int64, grown: Int) {
            bench.ring.reset()
            let id = try bench.open(header)
            for part in 0..<thousands {
                let words = (0..<1_000).map { token(" word\(part)-\($0)", Int64(part * 1_000 + $0) * 6_400) }
                _ = bench.store.send(.tokens(words, covered: .zero))
                _ = bench.store.send(.commit)
                try bench.wait { if case .committed = $0 { true } else { false } }
            }
            bench.feed(40_000)
            _ = try bench.close()
            try forgetPeak()
            let before = peakKilobytes()
            let parcel = try #require(try bench.nextParcel(skipping: skipped).parcel)
            #expect(parcel.recording == id)
            let transcript = parcel.files.first { $0.name == "transcript.json" }
            return (transcript?.bytes ?? 0, peakKilobytes() - before)
        }

        /// VmHWM (proc(5)).
        private func peakKilobytes() -> Int {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
            return Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
        }

        /// What is free goes back, and the peak is set to what is left (proc(5), clear_refs).
        private func forgetPeak() throws {
            let trim = unsafeBitCast(dlsym(nil, "malloc_trim"), to: (@convention(c) (Int) -> Int32).self)
            _ = trim(0)
            try File("/proc/self/clear_refs", .write).write(Array("5".utf8), at: 0)
        }

        @Test(arguments: [EIO, ENOSPC, EROFS])
        func `a disk that refuses the package is told once, and a lesson goes on`(error: Int32) throws {
            let undisturbed = try effects()
            for place in 0..<undisturbed {
                let scratch = Scratch(in: TracedLesson.memory)
                let trace = DiskTrace()
                trace.begin(scratch.path)
                defer { trace.end() }
                let bench = try StoreBench(
                    scratch.path + "/state", segmentSamples: 32_000, later: StoreBench.both,
                    storage: TracedStorage(trace))
                let id = try bench.lesson(1, samples: 40_000, Self.words)
                let first = trace.count
                trace.respond { number, _ in number >= first + place ? error : 0 }
                #expect(bench.store.send(.saved(.nextParcel(skipping: []))))
                try bench.waitSaved { if case .failed = $0 { true } else { false } }
                trace.respond(nil)
                bench.ring.reset()
                _ = try bench.open(StoreBench.header(2))
                bench.feed(4_000)
                #expect(try bench.close().samples == 4_000)
                let parcel = try #require(try bench.nextParcel().parcel)
                #expect(parcel.recording == id && bench.failures.isEmpty)
                try SavedFiles(directory: scratch.path + "/state").expectPackage(parcel)
                let told = bench.events.filter { if case .saved(.failed) = $0 { true } else { false } }
                #expect(told.count == 1, "\(told)")
            }
            print("packing fault: errno \(error), \(undisturbed) changes")
        }

        /// The changes of packing.
        private func effects() throws -> Int {
            let scratch = Scratch(in: TracedLesson.memory)
            let trace = DiskTrace()
            trace.begin(scratch.path)
            defer { trace.end() }
            let bench = try StoreBench(
                scratch.path + "/state", segmentSamples: 32_000, later: StoreBench.both, storage: TracedStorage(trace))
            try bench.lesson(1, samples: 40_000, Self.words)
            let first = trace.count
            _ = try bench.nextParcel()
            return trace.count - first
        }

        @Test func `one recording that cannot be read keeps no other back`() throws {
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000, later: StoreBench.both)
            let ids = try (1...2).map { try bench.lesson($0, samples: 40_000, Self.words) }
            let path = segmentPath(scratch.path, ids[0], 1)
            #expect(rename(path, path + ".away") == 0 && mkdir(path, 0o700) == 0)
            #expect(try bench.nextParcel().parcel?.recording == ids[1])
            #expect(bench.events.contains { if case .saved(.failed) = $0 { true } else { false } })
            #expect(rmdir(path) == 0 && rename(path + ".away", path) == 0)
            #expect(try bench.nextParcel().parcel?.recording == ids[0])
        }

        @Test func `notes that the index refuses are made later, in order`() throws {
            let trace = DiskTrace()
            trace.begin(scratch.path)
            defer { trace.end() }
            let bench = try StoreBench(
                scratch.path, segmentSamples: 32_000, later: StoreBench.both, storage: TracedStorage(trace))
            let id = try bench.lesson(1, samples: 40_000, Self.words)
            _ = try bench.nextParcel()
            trace.respond { _, effect in effect.path.contains("index.sqlite") ? EIO : 0 }
            let note = SavedCommand.parcelFile(id, name: "manifest.json", url: "https://x/7", isSent: true)
            #expect(bench.store.send(.saved(note)))
            try bench.waitSaved { if case .failed = $0 { true } else { false } }
            #expect(try RecordingIndex(directory: scratch.path).parcel(id).allSatisfy { !$0.isSent })
            trace.respond(nil)
            try bench.ask(.parcelDone(id)) { $0 == .parcelNoted(id, name: "manifest.json") }
            try bench.waitSaved { $0 == .parcelNoted(id, name: "") }
            #expect(try RecordingIndex(directory: scratch.path).summary(id)?.state == .uploaded)
        }

        @Test func `an uploaded lesson whose index was lost is packed again, byte by byte the same`() throws {
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000, later: LaterPolicy(uploads: true))
            // No words: they are lost with the index.
            let id = try bench.lesson(1, samples: 40_000, [])
            let first = try #require(try bench.nextParcel().parcel)
            try bench.upload(first)
            bench.store.shutdown()
            #expect(run("rm '\(scratch.path)'/index.sqlite*"))
            let next = try StoreBench(scratch.path, segmentSamples: 32_000, later: LaterPolicy(uploads: true))
            let again = try #require(try next.nextParcel().parcel)
            #expect(again.recording == id && again.files.prefix(2) == first.files.prefix(2).map(\.fresh)[...])
            #expect(again.files.allSatisfy { $0.url == nil && !$0.isSent })
            try SavedFiles(directory: scratch.path).expectPackage(again)
            #expect(try RecordingIndex(directory: scratch.path).gaps(id).map(\.reason) == ["index lost"])
        }
    }
}

extension ParcelFile {
    fileprivate var fresh: ParcelFile {
        ParcelFile(name: name, contentType: contentType, bytes: bytes, sha256: sha256)
    }
}
