internal import LinuxRuntime
internal import RecorderCore

/// Saves recordings that ended without a word: their audio files say how long they are.
enum Recovery {
    /// - Returns: what was saved, and the first reason why something could not be.
    static func run(_ layout: StateLayout, _ index: IndexWriter) -> (saved: [RecordingID], failure: StoreError?) {
        var saved: [RecordingID] = []
        var failure: StoreError?
        do throws(StoreError) {
            for (number, id) in try index.unsaved() {
                do throws(StoreError) {
                    try index.recover(number, samples: try trim(SegmentFiles(layout, id)))
                    saved.append(id)
                } catch {
                    failure = failure ?? error
                }
            }
        } catch {
            failure = error
        }
        return (saved, failure)
    }

    /// Cuts the torn frame off the last file, takes back what its header says of the end, which may be torn as well,
    /// and removes files without a header.
    ///
    /// - Returns: the samples that are left.
    private static func trim(_ files: SegmentFiles) throws(StoreError) -> Int64 {
        let storage = files.layout.storage
        let end = try files.end()
        for segment in try files.numbers() {
            let path = files.layout.segment(segment, of: files.id)
            try onFile { () throws(SystemError) in
                if let last = end.last, segment == last.segment {
                    let closing = FLACReader.closingBytes
                    let unknown = [UInt8](repeating: 0, count: closing.count)
                    let file = try File(path, .read)
                    let isEnded = try file.read(at: closing.lowerBound, limit: closing.count) != unknown
                    let size = try file.status().bytes
                    guard isEnded || size > last.bytes else { return }
                    try storage.perform(.truncate(path, bytes: last.bytes))
                    try storage.perform(.write(path, offset: closing.lowerBound, unknown))
                    try storage.perform(.sync(path))
                } else if segment > end.last?.segment ?? -1 {
                    try storage.perform(.remove(path))
                }
            }
        }
        return end.sample
    }
}
