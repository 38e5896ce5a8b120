import Glibc
import PowerCut
import RecorderCore
import Synchronization

@testable import LinuxRuntime
@testable import RecordingStore

/// A lesson of three minutes: every change that it made on the disk, and what had been promised before each.
struct TracedLesson {
    /// What must be true of a box whose power goes now.
    struct Promise {
        /// Samples that the microphone has delivered.
        var head: Int64 = 0
        var isOpened = false
        var isClosed = false
        /// Tokens that the store was given, and of these those that it has said to be saved; marks likewise.
        var givenWords = 0
        var savedWords = 0
        var givenMarks = 0
        var savedMarks = 0
    }

    static let header = StoreBench.header(1)
    static let segmentSamples: Int64 = 30 * SampleIndex.samplesPerSecond
    /// Between two commits, as the product's clock makes them.
    static let stepSamples = Int(Limits.commitMilliseconds * SampleIndex.samplesPerSecond / 1_000)
    /// Ends in mid-frame.
    static let samples: Int64 = 180 * SampleIndex.samplesPerSecond + 777
    static let words: [Word] = (0..<300).map { number in
        word("word\(number)", Int64(number) * 9_600, speaker: 1 + number / 7 % 3)
    }
    static let marks: [SilenceMark] = (0..<12).map { number in
        let start = SampleIndex(Int64(number) * 240_000 + 11_000)
        return SilenceMark(start: start, end: start.advanced(by: 4_800), reason: .overrun)
    }
    static let gap = Gap(start: SampleIndex(samples - 500), end: SampleIndex(samples), reason: "offline")

    /// What the changes are relative to.
    let root: String
    let effects: [StorageEffect]
    /// One for each effect, before it was made, and one for the end.
    let promises: [Promise]

    init() throws {
        let scratch = Scratch(in: Self.memory)
        root = scratch.path
        let trace = DiskTrace()
        trace.begin(root)
        defer { trace.end() }
        let bench = try StoreBench(
            root + "/box/state", segmentSamples: Self.segmentSamples, ringSamples: 1 << 17,
            storage: trace.storage())
        let beforeOpening = trace.count
        let now = Mutex(Promise())
        let list = Mutex<[Promise]>([])
        let ring = bench.ring
        trace.onEach { _ in
            var promise = now.withLock { $0 }
            promise.head = ring.head.value
            list.withLock { $0.append(promise) }
        }
        _ = try bench.open(Self.header)
        now.withLock { $0.isOpened = true }
        while ring.head.value < Self.samples {
            now.withLock { Self.say(&$0, until: ring.head.value, bench) }
            bench.feed(min(Self.stepSamples, Int(Self.samples - ring.head.value)))
            try bench.commit()
            now.withLock {
                $0.savedWords = $0.givenWords
                $0.savedMarks = $0.givenMarks
            }
        }
        _ = try bench.close(gaps: [Self.gap])
        now.withLock { $0.isClosed = true }
        bench.store.shutdown()
        effects = trace.effects
        var end = now.withLock { $0 }
        end.head = Self.samples
        promises = Array(repeating: Promise(), count: beforeOpening) + list.withLock { $0 } + [end]
    }

    /// Gives the store the words and marks of the samples so far.
    private static func say(_ promise: inout Promise, until sample: Int64, _ bench: StoreBench) {
        let words = words[promise.givenWords...].prefix { $0.end.value <= sample }
        promise.givenWords += words.count
        if let last = words.last { _ = bench.store.send(.words(Array(words), covered: last.end)) }
        for mark in marks[promise.givenMarks...] where mark.start.value <= sample {
            promise.givenMarks += 1
            _ = bench.store.send(.silence(mark))
        }
    }

    static let memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
}

/// Starts the box on what a power cut left of a `TracedLesson`, and says what is wrong with it.
struct AfterTheCut {
    let lesson: TracedLesson
    /// The files as they are when nothing was cut, and the sample at which each frame of them ends.
    private let whole: [(bytes: [UInt8], ends: [Int64: Int64])]

    init(_ lesson: TracedLesson) throws {
        self.lesson = lesson
        var model = DiskModel(root: lesson.root)
        for effect in lesson.effects { model.apply(effect) }
        let scratch = Scratch(in: TracedLesson.memory)
        model.cut(.kept).write(to: scratch.path)
        let files = SegmentFiles(StateLayout(scratch.path + "/box/state"), TracedLesson.header.id)
        var whole: [(bytes: [UInt8], ends: [Int64: Int64])] = []
        for segment in try files.numbers() {
            let bytes = try FileSystem.readFile(
                files.layout.segment(segment, of: files.id), limitBytes: 1 << 24)
            guard let (reader, _) = try files.reader(segment) else { continue }
            var ends = [reader.endByte: reader.endSample]
            while try reader.next() { ends[reader.endByte] = reader.endSample }
            whole.append((bytes, ends))
        }
        self.whole = whole
    }

    /// What `recordings verify all` says: of what the index does not know in any case.
    private func verified(_ state: String, thoroughly: Bool) throws -> [String] {
        let verification = try Verification(directory: state)
        let known = try RecordingIndex(directory: state).recordings().map(\.header.id)
        return try verification.recordings().filter { thoroughly || !known.contains($0) }
            .flatMap { try verification.check($0) { _, _ in }.problems }
    }

    /// - Parameters:
    ///   - thoroughly: decode every sample, and record another lesson.
    /// - Returns: nothing when all is well.
    func problems(_ image: DiskImage, _ promise: TracedLesson.Promise, thoroughly: Bool) -> [String] {
        let scratch = Scratch(in: TracedLesson.memory)
        image.write(to: scratch.path)
        let state = scratch.path + "/box/state"
        do {
            let bench = try StoreBench(state, segmentSamples: TracedLesson.segmentSamples, ringSamples: 1 << 14)
            defer { bench.store.shutdown() }
            var problems = try found(state, promise, thoroughly: thoroughly) + verified(state, thoroughly: thoroughly)
            if let failure = bench.store.recoveryFailure { problems.append("recovery: \(failure.message)") }
            if thoroughly { problems += try next(bench) }
            problems += bench.failures.map { "failed: \($0)" }
            return problems
        } catch let error as StoreError {
            return ["refused: \(error.message)"]
        } catch {
            return ["\(error)"]
        }
    }

    private func found(
        _ state: String, _ promise: TracedLesson.Promise, thoroughly: Bool
    ) throws -> [String] {
        let index = try RecordingIndex(directory: state)
        var problems: [String] = []
        let check = try Database(path: state + "/index.sqlite", .read).prepare("PRAGMA integrity_check", doing: "check")
        while try check.step() { if check.text(0) != "ok" { problems.append("integrity: " + check.text(0)) } }
        let list = try index.recordings()
        guard let summary = list.first else { return problems + (promise.isOpened ? ["no recording"] : []) }
        if list.count > 1 || summary.header != TracedLesson.header { problems.append("recordings: \(list)") }
        let missing = promise.head - summary.samples
        if missing > 2 * SampleIndex.samplesPerSecond || missing < 0 { problems.append("\(missing) samples missing") }
        if summary.state != .saved { problems.append("state \(summary.state)") }
        if promise.isClosed, missing != 0 || summary.interrupted { problems.append("closed, then \(summary)") }
        if try !(hasSameFiles(state, summary) && !thoroughly) {
            let read = try readBack(summary.header.id, state)
            if read != (summary.samples, true) { problems.append("\(read) of \(summary.samples) samples") }
        }
        let words = try index.words(summary.header.id)
        if !(promise.savedWords...promise.givenWords).contains(words.count)
            || words != Array(TracedLesson.words.prefix(words.count)) || summary.words != words.count
        {
            problems.append("\(words.count) of \(promise.savedWords) to \(promise.givenWords) words")
        }
        let marks = try index.silences(summary.header.id)
        let accepted = (promise.savedMarks...promise.givenMarks).map { clipped($0, summary) }
        if !accepted.contains(marks) { problems.append("marks \(marks)") }
        return problems
    }

    private func clipped(_ count: Int, _ summary: RecordingSummary) -> [SilenceMark] {
        TracedLesson.marks.prefix(count).filter { $0.start.value < summary.samples }.map { mark in
            SilenceMark(
                start: mark.start, end: SampleIndex(min(mark.end.value, summary.samples)), reason: mark.reason)
        }
    }

    /// Whether the files are, byte for byte, the beginning of the undisturbed ones, which were decoded once. What is
    /// known at a file's end only (RFC 9639, 8.2) may be missing.
    private func hasSameFiles(_ state: String, _ summary: RecordingSummary) throws -> Bool {
        let files = SegmentFiles(StateLayout(state), summary.header.id)
        var samples: Int64 = 0
        for (place, segment) in try files.numbers().enumerated() {
            var bytes = try FileSystem.readFile(files.layout.segment(segment, of: files.id), limitBytes: 1 << 24)
            guard place == segment, segment < whole.count, bytes.count >= 42,
                let end = whole[segment].ends[Int64(bytes.count)]
            else { return false }
            bytes.replaceSubrange(8..<42, with: whole[segment].bytes[8..<42])
            guard memcmp(bytes, whole[segment].bytes, bytes.count) == 0 else { return false }
            samples += end
        }
        return samples == summary.samples
    }

    /// The box records on.
    private func next(_ bench: StoreBench) throws -> [String] {
        let id = try bench.open(StoreBench.header(2))
        bench.feed(4_000)
        let summary = try bench.close()
        let read = try readBack(id, bench.directory)
        return summary.samples == 4_000 && read == (4_000, true) ? [] : ["the next recording: \(summary)"]
    }
}
