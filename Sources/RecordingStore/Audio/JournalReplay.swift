internal import RecorderCore

/// Reads a recording while it is being written, for a session that needs samples which are no longer in memory. It
/// works in slices: finding a place in a file means decoding up to it, and the store must not be late for a commit.
final class JournalReplay {
    private struct Request {
        var session: SessionID
        var from: SampleIndex
        var samples: [Int16] = []

        /// The next sample that is wanted.
        var next: SampleIndex { from.advanced(by: Int64(samples.count)) }
    }

    private let files: SegmentFiles
    private let sizing: SegmentSizing
    /// One a session: the live one and the one that fills a gap may both be far behind.
    private var requests: [Request] = []
    private var reader: FLACReader?
    private var segment = -1
    /// The recording's sample that is the file's first.
    private var fileStart = SampleIndex.zero

    /// Frames decoded in one slice: half a minute of audio, some 50 ms of work on a small board.
    private static let sliceFrames = 300
    private static let mostRequests = 8

    init(_ layout: StateLayout, _ id: RecordingID, _ sizing: SegmentSizing) {
        files = SegmentFiles(layout, id)
        self.sizing = sizing
    }

    var isWorking: Bool { !requests.isEmpty }

    /// A request of the same session is replaced. With too many, the oldest is for a session that is over.
    @inline(never)
    func read(session: SessionID, from start: SampleIndex) {
        requests.removeAll { $0.session == session }
        if requests.count == Self.mostRequests { requests.removeFirst() }
        requests.append(Request(session: session, from: start))
    }

    /// One slice of work.
    /// - Returns: the answer, when it is complete: `Limits.replaySamples` of audio, or what there is.
    @inline(never)
    func step() throws(StoreError) -> StoreEvent? {
        guard var request = requests.first else { return nil }
        // Forward in the same file the reader goes on; anything else begins anew.
        let position = fileStart.advanced(by: reader?.endSample ?? 0)
        if sizing.segment(of: request.next) != sizing.segment(of: position) || request.next < position { reader = nil }
        guard try !work(&request) else {
            requests[0] = request
            return nil
        }
        requests.removeFirst()
        return .audio(session: request.session, from: request.from, request.samples)
    }

    /// Forgets the request, and answers that it cannot be had.
    func refuse() -> StoreEvent? {
        guard let request = requests.first else { return nil }
        requests.removeFirst()
        reader = nil
        return .audio(session: request.session, from: request.from, [])
    }

    /// - Returns: whether there is more to do.
    private func work(_ request: inout Request) throws(StoreError) -> Bool {
        guard let reader = try reader(for: request.next) else { return false }
        for _ in 0..<Self.sliceFrames {
            guard try reader.next() else {
                // This file's end. What follows it is in the next one, if it was written already.
                return try openNext(&request)
            }
            append(reader.block, at: fileStart.advanced(by: reader.blockStart), &request)
            if request.samples.count >= Limits.replaySamples { return false }
        }
        return true
    }

    /// Goes on with the file behind the one that has ended. One that ended early was damaged: zeros are in its place.
    ///
    /// - Returns: whether there is more to do.
    private func openNext(_ request: inout Request) throws(StoreError) -> Bool {
        reader = nil
        guard request.samples.count < Limits.replaySamples, try files.numbers().contains(segment + 1),
            let (next, tags) = try files.reader(segment + 1)
        else { return false }
        (reader, segment, fileStart) = (next, segment + 1, tags.firstSample)
        append([], at: tags.firstSample, &request)
        return request.samples.count < Limits.replaySamples
    }

    private func append(_ block: [Int16], at start: SampleIndex, _ request: inout Request) {
        // Frames that are damaged are silence, so that what follows stays in its place.
        let gap = start.samples(since: request.next)
        if gap > 0 {
            let count = min(gap, Int64(Limits.replaySamples - request.samples.count))
            request.samples += [Int16](repeating: 0, count: Int(count))
        }
        let offset = Int(request.next.samples(since: start))
        guard offset >= 0, offset < block.count else { return }
        request.samples += block[offset...]
    }

    private func reader(for sample: SampleIndex) throws(StoreError) -> FLACReader? {
        if let reader { return reader }
        // Each interruption made one file more than there are lengths of a file.
        for number in try files.numbers() where number >= sizing.segment(of: sample) {
            guard let (next, tags) = try files.reader(number) else { continue }
            guard tags.firstSample <= sample else { break }
            (reader, segment, fileStart) = (next, number, tags.firstSample)
        }
        return reader
    }
}
