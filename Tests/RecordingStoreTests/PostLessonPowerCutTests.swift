import Foundation
import PowerCut
import RecorderCore
import Synchronization
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

private let seedsPerCut = Int(ProcessInfo.processInfo.environment["CHALKBOX_CUTS"] ?? "") ?? 1

/// Everything that is done for a lesson once it is saved, with each change on the disk and what had been promised then.
private struct TracedAftermath {
    struct Promise {
        /// Tokens that the store was given, and those that are on the medium.
        var given = 0
        var saved = 0
        var isSettled = false
        /// The package was told of.
        var isPacked = false
        /// Notes that were answered: two for each file, and the last.
        var notes = 0
        var isUploaded = false
    }

    static let samples = 64_000
    static let before = (0..<20).map { word("a\($0)", Int64($0) * 1_000) }
    static let gap = Gap(start: SampleIndex(20_000), end: SampleIndex(50_000), reason: "offline")
    static let batches = [
        (0..<15).map { word("b\($0)", 20_000 + Int64($0) * 1_000) },
        (0..<15).map { word("c\($0)", 35_000 + Int64($0) * 1_000) },
    ]
    static let notes = 10

    let root: String
    let start: DiskImage
    let effects: [StorageEffect]
    let promises: [Promise]

    /// - Parameter version1: the lesson was recorded by an older program.
    init(version1: Bool = false) throws {
        let scratch = Scratch(in: TracedLesson.memory)
        root = scratch.path
        let state = root + "/state"
        do {
            let first = try StoreBench(state, segmentSamples: 32_000)
            try first.lesson(1, samples: Self.samples, Self.before, covered: Self.gap.start, gaps: [Self.gap])
        }
        if version1 { OldIndex.downgrade(state) }
        start = try DiskImage(reading: root)
        let trace = DiskTrace()
        trace.begin(root)
        defer { trace.end() }
        let now = Mutex(Promise())
        let list = Mutex<[Promise]>([])
        trace.onEach { _ in list.withLock { list in list.append(now.withLock { $0 }) } }
        let bench = try StoreBench(
            state, segmentSamples: 32_000, postLesson: StoreBench.both, storage: trace.storage())
        try Self.finish(bench) { change in now.withLock { change(&$0) } }
        bench.store.shutdown()
        effects = trace.effects
        promises = list.withLock { $0 } + [now.withLock { $0 }]
    }

    /// What the loop does with a saved lesson, wherever it stands, until it is at the school.
    static func finish(_ bench: StoreBench, _ note: ((inout Promise) -> Void) -> Void) throws {
        if let text = try bench.nextText() {
            let id = text.recording.header.id
            var covered = text.gaps[0].start
            for (number, batch) in batches.enumerated() where batch[0].start >= covered {
                note { $0.given += batch.count }
                let isLast = number == batches.count - 1
                covered = isLast ? gap.end : batches[number + 1][0].start
                let gaps = isLast ? [] : [Gap(start: covered, end: gap.end, reason: "offline")]
                #expect(bench.store.send(.postLesson(.words(id, batch, covered: covered, gaps: gaps))))
                // Answered after what came before it.
                _ = try bench.nextText()
                note { $0.saved += batch.count }
            }
            try bench.settle(id)
            note { $0.isSettled = true }
        }
        guard let package = try bench.nextPackage().package else { return }
        note { $0.isPacked = true }
        for file in package.files where !file.isSent {
            for isSent in [false, true] {
                try bench.ask(
                    .packageFile(package.recording, name: file.name, url: "https://x/" + file.name, isSent: isSent)
                ) { $0 == .packageNoted(package.recording, name: file.name) }
                note { $0.notes += 1 }
            }
        }
        try bench.ask(.packageDone(package.recording)) { $0 == .packageNoted(package.recording, name: "") }
        note { $0.isUploaded = true }
    }

    /// What is wrong with a box that starts on `image`, and goes on with what is left to do.
    func problems(_ image: DiskImage, _ promise: Promise, package: [String: [UInt8]]) throws -> [String] {
        let scratch = Scratch(in: TracedLesson.memory)
        image.write(to: scratch.path)
        let state = scratch.path + "/state"
        let id = TracedLesson.header.id
        var problems: [String] = []
        let bench = try StoreBench(state, segmentSamples: 32_000, ringSamples: 1 << 17, postLesson: StoreBench.both)
        defer { bench.store.shutdown() }
        if !bench.store.recovered.isEmpty || bench.store.rebuilt != nil { problems.append("recovered") }
        let index = try RecordingIndex(directory: state)
        guard let found = try index.summary(id) else { return ["no recording"] }
        let all = Self.before + Self.batches.flatMap { $0 }
        let words = try index.words(id)
        let accepted = Self.before.count + promise.saved...Self.before.count + promise.given
        if !accepted.contains(words.count) || words != Array(all.prefix(words.count)) {
            problems.append("\(words.count) words of \(accepted)")
        }
        if found.words != words.count { problems.append("\(found.words) words") }
        let edge = try index.gaps(id).first?.start.value ?? Self.gap.end.value
        if edge != 20_000 + Int64(words.count - Self.before.count) * 1_000 { problems.append("a gap from \(edge)") }
        if promise.isSettled, !found.isTextSettled { problems.append("not settled") }
        let files = try index.packageFiles(id)
        if promise.isPacked, files.isEmpty { problems.append("not packed") }
        let noted = files.reduce(0) { $0 + ($1.url == nil ? 0 : 1) + ($1.isSent ? 1 : 0) }
        if noted < promise.notes { problems.append("\(noted) of \(promise.notes) notes") }
        if promise.isUploaded != (found.state == .uploaded), promise.notes < Self.notes || promise.isUploaded {
            problems.append("state \(found.state)")
        }
        try Self.finish(bench) { _ in }
        if try index.summary(id)?.state != .uploaded { problems.append("not uploaded") }
        for (name, bytes) in package {
            let now = try? FileSystem.readFile(state + "/recordings/\(id.text)/" + name, limitBytes: 1 << 20)
            if now != bytes { problems.append(name + " differs") }
        }
        let names = try FileSystem.list(state + "/recordings/" + id.text)
        if names != package.keys.sorted() { problems.append("\(names)") }
        problems += try Verification(directory: state).check(id) { _, _ in }.problems
        problems += bench.events.compactMap { if case .postLesson(.failed(let error)) = $0 { error } else { nil } }
        return problems + bench.failures
    }
}

/// An index as version 1 of its format had it.
enum OldIndex {
    static func downgrade(_ state: String) {
        let changes = ["settled", "settled_reason", "job_file", "job_transcription"]
            .map { "ALTER TABLE recording DROP COLUMN \($0);" }
        let sql = "DROP TABLE parcel_file;" + changes.joined() + "PRAGMA user_version = 1;"
        #expect(run("sqlite3 '\(state)/index.sqlite' '\(sql) PRAGMA wal_checkpoint(TRUNCATE);' > /dev/null"))
    }
}

extension StoreTests {
    @Suite(.serialized) struct PostLessonPowerCutTests {
        @Test(arguments: [false, true])
        func `the power may go at any moment after a lesson`(version1: Bool) throws {
            let traced = try TracedAftermath(version1: version1)
            var model = DiskModel(root: traced.root, traced.start)
            var whole = DiskModel(root: traced.root, traced.start)
            for effect in traced.effects { whole.apply(effect) }
            let end = whole.cut(.kept)
            var package: [String: [UInt8]] = [:]
            for (name, bytes) in end.files where name.hasPrefix("/state/recordings/") {
                package[String(name.split(separator: "/").last ?? "")] = bytes
            }
            #expect(package.keys.sorted() == [
                "audio-0000.flac", "audio-0001.flac", "manifest.json", "transcript.json", "transcript.vtt",
            ])
            var (images, failures) = (0, 0)
            for cut in 0...traced.effects.count {
                if cut > 0 { model.apply(traced.effects[cut - 1]) }
                let mixed = (0..<seedsPerCut).map { DiskModel.Fate.mixed(seed: UInt64(cut * 1_000 + $0)) }
                for fate in [.dropped, .kept] + mixed {
                    images += 1
                    var problems: [String]
                    do {
                        problems = try traced.problems(model.cut(fate), traced.promises[cut], package: package)
                    } catch {
                        problems = ["\(error)"]
                    }
                    guard !problems.isEmpty else { continue }
                    failures += 1
                    if failures <= 5 {
                        Issue.record("cut \(cut) of \(traced.effects.count), \(fate): \(problems.prefix(4))")
                    }
                }
            }
            let what = version1 ? "from version 1" : "after a lesson"
            print("power cut \(what): \(traced.effects.count) changes, \(images) disks, \(failures) failures")
        }

        @Test func `an index of version 1 becomes one of version 2 with all that was in it`() throws {
            let scratch = Scratch()
            let bench = try StoreBench(scratch.path, segmentSamples: 32_000)
            let gap = Gap(start: SampleIndex(20_000), end: SampleIndex(40_000), reason: "offline")
            let words = (0..<20).map { word("w\($0)", Int64($0) * 900) }
            let ids = [
                try bench.lesson(1, samples: 40_000, words),
                try bench.lesson(2, samples: 40_000, words, gaps: [gap]),
            ]
            let before = try RecordingIndex(directory: scratch.path).recordings()
            bench.store.shutdown()
            OldIndex.downgrade(scratch.path)
            #expect(throws: StoreError.noIndex(file: scratch.path + "/index.sqlite")) {
                _ = try RecordingIndex(directory: scratch.path)
            }
            let next = try StoreBench(scratch.path, segmentSamples: 32_000, postLesson: StoreBench.both)
            #expect(next.store.recovered.isEmpty && next.store.rebuilt == nil)
            let index = try RecordingIndex(directory: scratch.path)
            #expect(try index.recordings() == before)
            #expect(before.map(\.isTextSettled) == [true, false])
            #expect(try index.words(ids[1]) == words && index.gaps(ids[1]) == [gap])
            #expect(try next.nextPackage().package?.recording == ids[0])
            #expect(try next.nextText()?.recording.header.id == ids[1])
            let version = try index.database.integer("PRAGMA user_version", doing: "test")
            #expect(version == 2)
        }
    }
}
