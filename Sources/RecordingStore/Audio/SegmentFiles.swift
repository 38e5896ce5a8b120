internal import LinuxRuntime
internal import RecorderCore

/// The audio files of one recording, as they are on the disk.
struct SegmentFiles {
    /// Where a recording's audio ends.
    struct End {
        /// Samples of the recording up to the last whole frame.
        var sample: Int64 = 0
        /// The file with that frame, its bytes up to the frame's end, and the samples in them; nil when no file has a
        /// header.
        var last: (segment: Int, bytes: Int64, samples: Int64)?
        /// Samples of damaged frames between whole ones of that file.
        var damagedSamples: Int64 = 0
        /// That file's header has its length: it was completed.
        var isFinished = false

        /// What a torn tail would have held, by the rate of what is before it.
        func samples(inBytes bytes: Int64) -> Int64 {
            guard let last, last.bytes > 0 else { return 0 }
            return bytes * last.samples / last.bytes
        }
    }

    let layout: StateLayout
    let id: RecordingID

    init(_ layout: StateLayout, _ id: RecordingID) {
        self.layout = layout
        self.id = id
    }

    /// The files' numbers, in order; none when there is no directory.
    @inline(never)
    func numbers() throws(StoreError) -> [Int] {
        do throws(SystemError) {
            return SegmentName.numbers(in: try FileSystem.list(layout.recording(id)))
        } catch {
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
            return []
        }
    }

    /// Those of the package too; 0 when there is no directory.
    func bytes() throws(StoreError) -> Int64 { try Self.bytes(in: layout.recording(id)) }

    @inline(never)
    static func bytes(in directory: String) throws(StoreError) -> Int64 {
        do throws(SystemError) {
            var sum: Int64 = 0
            for name in try FileSystem.list(directory) {
                if let place = FileSystem.place(directory + "/" + name), place.isRegular { sum += place.bytes }
            }
            return sum
        } catch {
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
            return 0
        }
    }

    /// There is not one byte: the power went before the first save was done.
    func areBlank() throws(StoreError) -> Bool { try bytes() == 0 }

    /// Files that were kept although their header could not be read.
    func damaged() throws(StoreError) -> [String] {
        do throws(SystemError) {
            return try FileSystem.list(layout.recording(id)).filter(SegmentName.isDamaged)
        } catch {
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
            return []
        }
    }

    /// A file and the place of its first sample; nil when it has no whole header, or is not of this recording.
    @inline(never)
    func reader(
        _ segment: Int, checksMD5: Bool = false
    ) throws(StoreError) -> (reader: FLACReader, tags: SegmentTags)? {
        do throws(StoreError) {
            let reader = try FLACReader(path: layout.segment(segment, of: id), checksMD5: checksMD5)
            guard let tags = SegmentTags(comments: reader.comments), tags.header.id == id else { return nil }
            return (reader, tags)
        } catch {
            guard case .noAudio = error else { throw error }
            return nil
        }
    }

    /// What the first readable file says of the recording; nil when none can be read.
    func header() throws(StoreError) -> RecordingHeader? {
        for segment in try numbers() {
            if let tags = try reader(segment)?.tags { return tags.header }
        }
        return nil
    }

    /// When the recording was, as the newest file has it: one that was interrupted has gone on in another boot, and the
    /// clock may have been set since its start.
    func newestAnchor() throws(StoreError) -> ClockReference? {
        for segment in try numbers().reversed() {
            if let tags = try reader(segment)?.tags { return tags.anchor ?? ClockReference(startOf: tags.header) }
        }
        return nil
    }

    /// Reads the last file that can be read. The ones before it were completed and synced.
    ///
    /// - Parameter trustsFinished: a file whose header has its length is not read through.
    func end(trustsFinished: Bool = false) throws(StoreError) -> End {
        for segment in try numbers().reversed() {
            guard let (reader, tags) = try reader(segment) else { continue }
            let first = tags.firstSample.value
            if trustsFinished, reader.totalSamples > 0 {
                return End(sample: first + reader.totalSamples, isFinished: true)
            }
            var end = try self.end(of: reader, layout.segment(segment, of: id))
            end.isFinished = reader.totalSamples > 0 && end.sample == reader.totalSamples
            end.sample += first
            end.last?.segment = segment
            return end
        }
        return End()
    }

    /// A disk writes what was not synced in any order: later frames may be there without those before them. So the
    /// first hole among the bytes of the last save is the end. A hole before them is damage that came later.
    private func end(of reader: FLACReader, _ path: String) throws(StoreError) -> End {
        let size = try onFile { () throws(SystemError) in try File(path, .read).status().bytes }
        var damaged: Int64 = 0
        var end = (sample: reader.endSample, byte: reader.endByte)
        while try reader.next() {
            if reader.blockStart > end.sample, end.byte >= size - AudioJournal.longestSaveBytes { break }
            damaged += reader.blockStart - end.sample
            end = (reader.endSample, reader.endByte)
        }
        return End(sample: end.sample, last: (0, end.byte, end.sample), damagedSamples: damaged)
    }
}
