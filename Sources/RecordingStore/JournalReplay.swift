internal import RecorderCore

/// Reads a recording while it is being written, for a session that needs samples which are no longer in memory. It
/// works in slices: finding a place in a file means decoding up to it, and the store must not be late for a commit.
final class JournalReplay {
    private struct Request {
        var session: Int
        var from: SampleIndex
        var samples: [Int16] = []

        /// The next sample that is wanted.
        var next: SampleIndex { from.advanced(by: Int64(samples.count)) }
    }

    private let files: SegmentFiles
    private let roll: SegmentRoll
    private var request: Request?
    private var reader: FLACReader?
    private var segment = -1
    /// The recording's sample that is the file's first.
    private var fileStart = SampleIndex.zero

    /// Frames decoded in one slice: half a minute of audio, some 50 ms of work on a small board.
    private static let sliceFrames = 300

    init(_ layout: StateLayout, _ id: RecordingID, _ roll: SegmentRoll) {
        files = SegmentFiles(layout, id)
        self.roll = roll
    }

    var isWorking: Bool {
        if case .some = request { return true }
        return false
    }

    /// A request that is under way for the same session is replaced.
    func read(session: Int, from start: SampleIndex) {
        request = Request(session: session, from: start)
        // Forward in the same file the reader goes on; anything else begins anew.
        let position = fileStart.advanced(by: reader?.endSample ?? 0)
        if roll.segment(of: start) != roll.segment(of: position) || start < position { reader = nil }
    }

    /// One slice of work.
    /// - Returns: the answer, when it is complete: `Limits.replaySamples` of audio, or what there is.
    func step() throws(StoreError) -> StoreEvent? {
        guard var request else { return nil }
        guard try !work(&request) else {
            self.request = request
            return nil
        }
        self.request = nil
        return .audio(session: request.session, from: request.from, request.samples)
    }

    /// Forgets the request, and answers that it cannot be had.
    func refuse() -> StoreEvent? {
        guard let request else { return nil }
        self.request = nil
        reader = nil
        return .audio(session: request.session, from: request.from, [])
    }

    /// - Returns: whether there is more to do.
    private func work(_ request: inout Request) throws(StoreError) -> Bool {
        guard let reader = try reader(for: request.next) else { return false }
        for _ in 0..<Self.sliceFrames {
            guard try reader.next() else {
                // This file's end. What follows it is in the next one, if it was written already.
                self.reader = nil
                return try files.numbers().contains(segment + 1) && request.samples.count < Limits.replaySamples
            }
            take(reader.block, at: fileStart.advanced(by: reader.blockStart), &request)
            if request.samples.count >= Limits.replaySamples { return false }
        }
        return true
    }

    private func take(_ block: [Int16], at start: SampleIndex, _ request: inout Request) {
        // Frames that are damaged are silence, so that what follows stays in its place.
        let hole = start.samples(since: request.next)
        if hole > 0 {
            let count = min(hole, Int64(Limits.replaySamples - request.samples.count))
            request.samples += [Int16](repeating: 0, count: Int(count))
        }
        let offset = Int(request.next.samples(since: start))
        guard offset >= 0, offset < block.count else { return }
        request.samples += block[offset...]
    }

    private func reader(for sample: SampleIndex) throws(StoreError) -> FLACReader? {
        if let reader { return reader }
        // Each interruption made one file more than there are lengths of a file.
        for number in try files.numbers() where number >= roll.segment(of: sample) {
            guard let (next, tags) = try files.reader(number) else { continue }
            guard tags.firstSample <= sample else { break }
            (reader, segment, fileStart) = (next, number, tags.firstSample)
        }
        return reader
    }
}
