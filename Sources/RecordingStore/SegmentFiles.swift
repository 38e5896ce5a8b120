internal import LinuxRuntime
internal import RecorderCore

/// The audio files of one recording, as they are on the disk.
struct SegmentFiles {
    /// Where a recording's audio ends.
    struct End: Equatable {
        /// Samples of the recording up to the last whole frame.
        var sample: Int64 = 0
        /// The file with that frame, and its bytes up to the frame's end; nil when no file has a header.
        var last: (segment: Int, bytes: Int64)?

        static func == (left: Self, right: Self) -> Bool {
            left.sample == right.sample && left.last?.segment == right.last?.segment
                && left.last?.bytes == right.last?.bytes
        }
    }

    let layout: StateLayout
    let id: RecordingID

    init(_ layout: StateLayout, _ id: RecordingID) {
        self.layout = layout
        self.id = id
    }

    /// The files' numbers, in order; none when there is no directory.
    func numbers() throws(StoreError) -> [Int] {
        do throws(SystemError) {
            return SegmentName.numbers(in: try FileSystem.list(layout.recording(id)))
        } catch {
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
            return []
        }
    }

    /// A file and the place of its first sample; nil when it has no whole header, or is not of this recording.
    func reader(_ segment: Int) throws(StoreError) -> (reader: FLACReader, tags: SegmentTags)? {
        do throws(StoreError) {
            let reader = try FLACReader(path: layout.segment(segment, of: id))
            guard let tags = SegmentTags(comments: reader.comments), tags.header.id == id else { return nil }
            return (reader, tags)
        } catch {
            guard case .noAudio = error else { throw error }
            return nil
        }
    }

    /// Reads the last file that can be read. The ones before it were completed and synced.
    func end() throws(StoreError) -> End {
        for segment in try numbers().reversed() {
            guard let (reader, tags) = try reader(segment) else { continue }
            let (sample, byte) = try end(of: reader, layout.segment(segment, of: id))
            return End(sample: tags.firstSample.value + sample, last: (segment, byte))
        }
        return End()
    }

    /// A disk writes what was not synced in any order: later frames may be there without those before them. So the
    /// first hole among the bytes of the last save is the end. A hole before them is damage that came later.
    private func end(of reader: FLACReader, _ path: String) throws(StoreError) -> (sample: Int64, byte: Int64) {
        let size = try onFile { () throws(SystemError) in try File(path, .read).status().bytes }
        var end = (sample: reader.endSample, byte: reader.endByte)
        while try reader.next() {
            if reader.blockStart > end.sample, end.byte >= size - AudioJournal.longestSaveBytes { break }
            end = (reader.endSample, reader.endByte)
        }
        return end
    }
}
