import Glibc
import LinuxRuntime
import OwnThread
import RecorderCore
import RecordingStore
import Testing

/// The parent of every suite here: one test at a time, since changes of the disk are recorded, refused and delayed for
/// the whole process.
@Suite(.ownThread, .serialized) enum StoreTests {}

/// A directory that is removed with its owner.
final class Scratch {
    let path: String

    /// - Parameter parent: `/dev/shm`: in memory, for those who make thousands.
    init(in parent: String = "/tmp") {
        var template = Array("\(parent)/chalkbox-store-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit {
        run("rm -rf '\(path)'")
    }
}

@discardableResult func run(_ command: String) -> Bool { system(command) == 0 }

func flacAccepts(_ path: String) -> Bool { run("flac --test --totally-silent '\(path)'") }

/// Samples that compress like nothing in particular, equal for equal positions; the pattern's length is prime, so
/// that no block or file boundary ever meets the same place of it again.
enum Pattern {
    static let samples: [Int16] = {
        var state: UInt32 = 1
        return (0..<99_991).map { index in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Int16(truncatingIfNeeded: (index % 400 - 200) * 40 + Int(state >> 22) - 512)
        }
    }()

    static func part(_ start: Int64, _ count: Int) -> [Int16] {
        var part: [Int16] = []
        var position = Int(start % Int64(samples.count))
        while part.count < count {
            let end = min(samples.count, position + count - part.count)
            part += samples[position..<end]
            position = 0
        }
        return part
    }
}

/// A running store, its ring, and the events that it has given so far.
final class StoreBench {
    let ring: SampleRing
    let notifier: EventNotifier
    let store: StoreThread
    let directory: String
    private(set) var events: [StoreEvent] = []
    private var seen = 0

    init(
        _ directory: String, segmentSamples: Int64 = Limits.segmentSamples, ringSamples: Int = Limits.ringSamples,
        resumes: Bool = false, retention: RetentionPolicy? = nil, postLesson: PostLessonPolicy = PostLessonPolicy(),
        storage: Storage = Storage()
    ) throws {
        self.directory = directory
        ring = SampleRing(capacity: ringSamples)
        notifier = try EventNotifier()
        store = try StoreThread(
            directory: directory, ring: ring, notifier: notifier, segmentSamples: segmentSamples, resumes: resumes,
            retention: retention, postLesson: postLesson, storage: storage)
    }

    static func header(_ number: UInt64 = 1, label: String = "7B maths") -> RecordingHeader {
        let start = WallTime(milliseconds: 1_795_507_200_000 + Int64(number))
        return RecordingHeader(
            id: RecordingID(startedAt: start, randomHigh: 7, randomLow: number), label: label, startedAt: start,
            clockSynchronised: true)
    }

    func open(_ header: RecordingHeader = StoreBench.header()) throws -> RecordingID {
        #expect(store.send(.open(header)))
        try wait { $0 == .opened(header.id) }
        return header.id
    }

    func feed(_ count: Int) {
        Pattern.part(ring.head.value, count).withUnsafeBufferPointer { ring.append($0) }
    }

    /// Commits, and waits until all whole frames of the ring are on the medium.
    func commit() throws {
        let whole = max(0, ring.head.value - 1) / Limits.flacBlockSamples * Limits.flacBlockSamples
        #expect(store.send(.commit))
        try wait { if case .committed(let through) = $0 { through.value >= whole } else { false } }
    }

    func close(gaps: [Gap] = []) throws -> RecordingSummary {
        #expect(store.send(.close(end: ring.head, gaps: gaps, interrupted: false)))
        return try closed()
    }

    func closed() throws -> RecordingSummary {
        let event = try wait { if case .closed = $0 { true } else { false } }
        guard case .closed(let summary) = event else { throw Missing() }
        return summary
    }

    /// Until the thread has worked through all commands: it has begun a round of its loop after the one that took them.
    func waitUntilAllIsDone() throws {
        let deadline = Clock.now.adding(milliseconds: 60_000)
        for _ in 1...2 {
            store.requestHeartbeat()
            while !store.heartbeat.isCurrent {
                guard Clock.now < deadline else { throw Missing() }
                usleep(1_000)
            }
        }
    }

    struct Missing: Error {}

    /// The next event, from the last one waited for, that `matches`.
    @discardableResult func wait(_ matches: (StoreEvent) -> Bool) throws -> StoreEvent {
        let deadline = Clock.now.adding(milliseconds: 60_000)
        while true {
            while seen < events.count {
                seen += 1
                if matches(events[seen - 1]) { return events[seen - 1] }
            }
            let new = store.takeEvents()
            events += new
            if new.isEmpty {
                guard Poll.readable(notifier.fileDescriptor, until: deadline) else {
                    Issue.record("no such event among \(events.suffix(5))")
                    throw Missing()
                }
                notifier.drain()
            }
        }
    }

    /// The events since the last one that was waited for, or since this was last asked.
    func takeNew() -> [StoreEvent] {
        events += store.takeEvents()
        defer { seen = events.count }
        return Array(events[seen...])
    }

    /// Why writing has failed, each time that it began to.
    var failures: [String] {
        events.compactMap { if case .failed(let error) = $0 { error } else { nil } }
    }
}

func word(
    _ text: String, _ start: Int64, speaker: Int = 1, confidence: Double = 0.97, language: String = "en"
) -> Word {
    Word(
        text: text, start: SampleIndex(start), end: SampleIndex(start + 1_000), confidence: confidence,
        speaker: speaker, language: language)
}

/// All samples of a recording, and whether they are the pattern but for the ranges given as silent.
func readBack(
    _ id: RecordingID, _ directory: String, silent: Range<Int64> = 0..<0
) throws -> (count: Int64, exact: Bool) {
    var position: Int64 = 0
    var exact = true
    let count = try AudioExport.readSamples(id, directory: directory) { block in
        var expected = Pattern.part(position, block.count)
        for offset in 0..<block.count where silent.contains(position + Int64(offset)) { expected[offset] = 0 }
        exact = exact && memcmp(expected, block.baseAddress!, block.count * 2) == 0
        position += Int64(block.count)
        return true
    }
    return (count, exact)
}

func segmentPath(_ directory: String, _ id: RecordingID, _ number: Int) -> String {
    directory + "/recordings/\(id.text)/audio-000\(number).flac"
}

func fileBytes(_ path: String) throws -> Int64 { try File(path, .read).status().bytes }
