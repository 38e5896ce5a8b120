import Foundation
import PowerCut
import RecorderCore
import Synchronization
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

extension StoreTests {
    /// Packing on disks that refuse.
    @Suite(.serialized) struct PackingFaultTests {
        private let scratch = Scratch()
        private static let words = (0..<40).map { word("word\($0)", Int64($0) * 900) }

        @Test(arguments: [EIO, ENOSPC, EROFS])
        func `a disk that refuses the package is told once, and a lesson goes on`(error: Int32) throws {
            let undisturbed = try effects()
            for place in 0..<undisturbed {
                let scratch = Scratch(in: TracedLesson.memory)
                let trace = DiskTrace()
                trace.begin(scratch.path)
                defer { trace.end() }
                let bench = try StoreBench(
                    scratch.path + "/state", segmentSamples: 32_000, postLesson: StoreBench.both,
                    storage: trace.storage())
                let id = try bench.lesson(1, samples: 40_000, Self.words)
                let first = trace.count
                trace.respond { number, _ in number >= first + place ? error : 0 }
                #expect(bench.store.send(.postLesson(.nextPackage(skipping: []))))
                try bench.waitPostLesson { if case .failed = $0 { true } else { false } }
                trace.respond(nil)
                bench.ring.reset()
                _ = try bench.open(StoreBench.header(2))
                bench.feed(4_000)
                #expect(try bench.close().samples == 4_000)
                let package = try #require(try bench.nextPackage().package)
                #expect(package.recording == id && bench.failures.isEmpty)
                try SavedFiles(directory: scratch.path + "/state").expectPackage(package)
                let told = bench.events.filter { if case .postLesson(.failed) = $0 { true } else { false } }
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
                scratch.path + "/state", segmentSamples: 32_000, postLesson: StoreBench.both,
                storage: trace.storage())
            try bench.lesson(1, samples: 40_000, Self.words)
            let first = trace.count
            _ = try bench.nextPackage()
            return trace.count - first
        }

        @Test func `one recording that cannot be read keeps no other back`() throws {
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000, postLesson: StoreBench.both)
            let ids = try (1...2).map { try bench.lesson($0, samples: 40_000, Self.words) }
            let path = segmentPath(scratch.path, ids[0], 1)
            #expect(rename(path, path + ".away") == 0 && mkdir(path, 0o700) == 0)
            #expect(try bench.nextPackage().package?.recording == ids[1])
            #expect(bench.events.contains { if case .postLesson(.failed) = $0 { true } else { false } })
            #expect(rmdir(path) == 0 && rename(path + ".away", path) == 0)
            #expect(try bench.nextPackage().package?.recording == ids[0])
        }

        @Test func `notes that the index refuses are made later, in order`() throws {
            let trace = DiskTrace()
            trace.begin(scratch.path)
            defer { trace.end() }
            let bench = try StoreBench(
                scratch.path, segmentSamples: 32_000, postLesson: StoreBench.both, storage: trace.storage())
            let id = try bench.lesson(1, samples: 40_000, Self.words)
            _ = try bench.nextPackage()
            trace.respond { _, effect in effect.path.contains("index.sqlite") ? EIO : 0 }
            let note = PostLessonCommand.packageFile(id, name: "manifest.json", url: "https://x/7", isSent: true)
            #expect(bench.store.send(.postLesson(note)))
            try bench.waitPostLesson { if case .failed = $0 { true } else { false } }
            #expect(try RecordingIndex(directory: scratch.path).packageFiles(id).allSatisfy { !$0.isSent })
            trace.respond(nil)
            try bench.ask(.packageDone(id)) { $0 == .packageNoted(id, name: "manifest.json") }
            try bench.waitPostLesson { $0 == .packageNoted(id, name: "") }
            #expect(try RecordingIndex(directory: scratch.path).summary(id)?.state == .uploaded)
        }

        @Test func `an uploaded lesson whose index was lost is packed again, byte by byte the same`() throws {
            let bench = try StoreBench(
                scratch.path, segmentSamples: 32_000, postLesson: PostLessonPolicy(uploads: true))
            // No words: they are lost with the index.
            let id = try bench.lesson(1, samples: 40_000, [])
            let first = try #require(try bench.nextPackage().package)
            try bench.upload(first)
            bench.store.shutdown()
            #expect(run("rm '\(scratch.path)'/index.sqlite*"))
            let next = try StoreBench(scratch.path, segmentSamples: 32_000, postLesson: PostLessonPolicy(uploads: true))
            let again = try #require(try next.nextPackage().package)
            #expect(again.recording == id && again.files.prefix(2) == first.files.prefix(2).map(\.fresh)[...])
            #expect(again.files.allSatisfy { $0.url == nil && !$0.isSent })
            try SavedFiles(directory: scratch.path).expectPackage(again)
            #expect(try RecordingIndex(directory: scratch.path).gaps(id).map(\.reason) == ["index lost"])
        }
    }
}

extension UploadPackageFile {
    fileprivate var fresh: UploadPackageFile {
        UploadPackageFile(name: name, contentType: contentType, bytes: bytes, sha256: sha256)
    }
}
