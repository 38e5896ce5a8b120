internal import LinuxRuntime
internal import RecorderCore

/// Finds the next recording for the school, and has it packed, in slices.
final class UploadPackageQueue {
    private struct Work {
        let number: Int64
        let id: RecordingID
        let builder: PackageBuilder
    }

    private let layout: StateLayout
    private let index: IndexWriter
    private let summaries: RecordingIndex
    private let policy: PostLessonPolicy
    /// Recordings that the next package is not to be of; nil when nobody has asked.
    private var request: [RecordingID]?
    /// What there is has to be packed, and a lesson is recorded.
    private var waitsForLesson = false
    private var work: Work?
    /// What was measured of recordings that are not packed: their audio does not change.
    private var sizes: [(number: Int64, bytes: Int64)] = []
    /// Recordings that could not be packed just now.
    private var refused: [Int64] = []
    private var retry = DiskRetry()

    private static let measuredAStep = 8

    init(_ layout: StateLayout, _ index: IndexWriter, _ summaries: RecordingIndex, _ policy: PostLessonPolicy) {
        self.layout = layout
        self.index = index
        self.summaries = summaries
        self.policy = policy
    }

    func ask(skipping skipped: [RecordingID]) {
        request = skipped
        resume()
    }

    /// A lesson begins; the package is begun anew afterwards.
    func pause() {
        work = nil
    }

    func resume() {
        waitsForLesson = false
        refused = []
        retry.reset()
    }

    /// The index was made anew: its rows have other numbers.
    func forgetRows() {
        work = nil
        sizes = []
        refused = []
    }

    func due(isRecording: Bool) -> MonotonicTime? {
        request == nil || (isRecording && waitsForLesson) ? nil : retry.due
    }

    func step(isRecording: Bool) throws(StoreError) -> PostLessonEvent? {
        guard let skipped = request else { return nil }
        guard policy.uploads else {
            request = nil
            return .package(nil, waiting: 0, bytesLeft: 0)
        }
        if retry.at != nil {
            refused = []
            retry.reset()
        }
        guard let work else { return try answer(skipped, isRecording: isRecording) }
        if let files = try work.builder.step() {
            try index.enter(files, of: work.number)
            self.work = nil
            retry.succeeded()
        }
        return nil
    }

    /// Another recording may be packed meanwhile.
    /// - Returns: whether it is news.
    func failed() -> Bool {
        if let work {
            refused.append(work.number)
            self.work = nil
            let isNews = retry.failed()
            retry.reset()
            return isNews
        }
        return retry.failed()
    }

    private func answer(_ skipped: [RecordingID], isRecording: Bool) throws(StoreError) -> PostLessonEvent? {
        let list = try index.waiting()
        guard measure(list) else { return nil }
        var couldPack = false
        var isRefused = false
        for one in list where !skipped.contains(one.id) {
            if one.isPacked {
                request = nil
                let package = UploadPackage(recording: one.id, files: try summaries.packageFiles(one.id))
                return .package(package, waiting: list.count, bytesLeft: bytesLeft(list))
            }
            guard one.isSettled || !policy.transcribes else { continue }
            guard !isRecording else {
                couldPack = true
                continue
            }
            guard !refused.contains(one.number) else {
                isRefused = true
                continue
            }
            work = Work(
                number: one.number, id: one.id, builder: try PackageBuilder(layout, summaries, one.number, one.id))
            return nil
        }
        if couldPack {
            waitsForLesson = true
        } else if isRefused {
            _ = retry.failed()
        } else {
            request = nil
            return .package(nil, waiting: list.count, bytesLeft: bytesLeft(list))
        }
        return nil
    }

    /// - Returns: whether all sizes are known.
    private func measure(_ list: [WaitingRecording]) -> Bool {
        var count = 0
        for one in list where !one.isPacked && size(of: one.number) == nil {
            // One that cannot be read keeps no other back: packing it tells why.
            sizes.append((one.number, (try? SegmentFiles(layout, one.id).bytes()) ?? 0))
            count += 1
            guard count < Self.measuredAStep else { return false }
        }
        return true
    }

    private func size(of number: Int64) -> Int64? {
        sizes.first { $0.number == number }?.bytes
    }

    private func bytesLeft(_ list: [WaitingRecording]) -> Int64 {
        list.reduce(0) { $0 + ($1.isPacked ? $1.bytesLeft : size(of: $1.number) ?? 0) }
    }
}
