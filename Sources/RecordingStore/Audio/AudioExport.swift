internal import LinuxRuntime
package import RecorderCore

/// The audio of a recording, finished or running, out of its files.
package enum AudioExport {
    /// The usual block of a FLAC file that is not being appended to (libFLAC's default).
    static let blockSamples: Int64 = 4_096

    /// Writes the whole recording as one FLAC file with its true length and MD5. `path` appears, or is replaced, when
    /// it is complete.
    ///
    /// - Parameter directory: `box.state_directory`.
    /// - Returns: the samples in it. Of a running recording that is what is in whole frames on the disk.
    package static func flac(_ id: RecordingID, directory: String, to path: String) throws(StoreError) -> Int64 {
        let files = SegmentFiles(StateLayout(directory), id)
        let temporary = path + ".part"
        let storage = files.layout.storage
        do throws(StoreError) {
            let writer = try FLACWriter(
                path: temporary, storage, blockSamples: blockSamples,
                comments: SegmentTags.comments(of: try header(files)))
            let samples = try unsafe read(files) { (block) throws(StoreError) in
                try unsafe writer.encode(block)
                if writer.pendingBytes >= 1 << 20 { try writer.save() }
                return true
            }
            try writer.finish()
            try writer.save()
            try onFile { () throws(SystemError) in try storage.perform(.rename(temporary, to: path)) }
            return samples
        } catch {
            // The reason that is told is the first one; a file that cannot be removed is no second one.
            _ = try? storage.perform(.remove(temporary))
            throw error
        }
    }

    /// Hands the samples to `body` in order, a frame at a time, until it answers false.
    ///
    /// - Returns: the samples that were handed over.
    package static func readSamples(
        _ id: RecordingID, directory: String, body: (UnsafeBufferPointer<Int16>) -> Bool
    ) throws(StoreError) -> Int64 {
        let files = SegmentFiles(StateLayout(directory), id)
        _ = try header(files)
        return try unsafe read(files) { (block) throws(StoreError) in unsafe body(block) }
    }

    /// What the first readable file says of the recording.
    private static func header(_ files: SegmentFiles) throws(StoreError) -> RecordingHeader {
        guard let header = try files.header() else {
            throw .noRecording(files.id, directory: files.layout.directory)
        }
        return header
    }

    private static func read(
        _ files: SegmentFiles, body: (UnsafeBufferPointer<Int16>) throws(StoreError) -> Bool
    ) throws(StoreError) -> Int64 {
        var position: Int64 = 0
        for segment in try files.numbers() {
            guard let (reader, tags) = try files.reader(segment) else { continue }
            // A tag that was tampered with must not make hours of silence.
            let first = tags.firstSample.value
            guard first >= position, first <= Int64(segment) * Limits.segmentSamples else { continue }
            while try reader.next() {
                guard try unsafe fill(&position, to: first + reader.blockStart, body) else { return position }
                position += Int64(reader.block.count)
                guard try unsafe hand(reader.block, to: body) else { return position }
            }
        }
        return position
    }

    /// Frames that are damaged or gone are silence, so that what follows stays in its place.
    private static func fill(
        _ position: inout Int64, to end: Int64, _ body: (UnsafeBufferPointer<Int16>) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        while position < end {
            let count = min(end - position, Limits.flacBlockSamples)
            position += count
            guard try unsafe hand([Int16](repeating: 0, count: Int(count)), to: body) else { return false }
        }
        return true
    }

    private static func hand(
        _ block: [Int16], to body: (UnsafeBufferPointer<Int16>) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        try unsafe block.withUnsafeBufferPointer { (block) throws(StoreError) in try unsafe body(block) }
    }
}
