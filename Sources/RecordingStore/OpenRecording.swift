internal import LinuxRuntime
internal import RecorderCore

/// A recording between `open` and `close`: takes samples from the ring and words from the recorder, and saves both.
/// Whatever a full or failing disk refuses is kept, within bounds, and tried again.
@safe final class OpenRecording {
    let header: RecordingHeader
    private let ring: SampleRing
    /// The ring's time line that is this recording's: a disk that hangs may keep it from its end until the ring has the
    /// next one.
    private let timeline: Int
    private let index: IndexWriter
    private let audio: AudioJournal
    private let buffer: UnsafeMutableBufferPointer<Int16>
    /// The recording's row; nil until the index took it.
    private var number: Int64?
    private var batch = IndexWriter.Batch()
    private var sequence = 0
    /// What is known to be without text, as the recorder says.
    private var gaps: [Gap] = []
    /// Words that had to be refused: there is no text either, and coverage must not claim it.
    private var refused = Coverage()
    /// Words that an index had which was damaged, and that cannot be read back.
    private var lost = Coverage()
    /// What the index was given of this recording, as far as it does not have to be read back.
    private var given = Given()
    /// Indexes that were set aside: there is a new one, which does not know this recording yet.
    private var old: [DamagedIndexReader] = []
    private var isIndexNew = false
    /// Up to here there is text without gaps, as the recorder says.
    private var claimed = SampleIndex.zero
    /// The newest sample that was seen in the ring, which may belong to another recording now.
    private var newest = SampleIndex.zero
    /// Where it should end, as the index has it while the audio up to there is refused.
    private var notedEnd: SampleIndex?
    /// Before this nothing was recorded since the interruption.
    private var resumesAt = SampleIndex.zero
    /// What the ring had overwritten before it was read, since this was last asked.
    private var newMarks: [SilenceMark] = []

    /// Bounds that were reached since this was last asked.
    private var newLimits = BoundCounts()

    private struct Given {
        /// Behind this there is no word.
        var textEnd = SampleIndex.zero
        var silences: [SilenceMark] = []
        var isStopped = false
        var quietSamples: Int64 = 0
        var clippedSamples: Int64 = 0
    }

    private static let bufferSamples = Int(SampleIndex.samplesPerSecond)

    init(_ header: RecordingHeader, ring: SampleRing, index: IndexWriter, layout: StateLayout, sizing: SegmentSizing) {
        self.header = header
        self.ring = ring
        timeline = ring.timeline
        self.index = index
        audio = AudioJournal(layout, header, sizing, anchor: Self.anchor(ring))
        unsafe buffer = .allocate(capacity: Self.bufferSamples)
    }

    /// Goes on with a recording that was left open.
    init(
        _ left: InterruptedJournal, at place: SampleIndex, ring: SampleRing, index: IndexWriter, layout: StateLayout,
        sizing: SegmentSizing
    ) {
        let recording = left.interruption.recording
        // Of this boot: the recorder may die again.
        var header = recording.header
        let boot = Clock.boot
        header.boot = BootTime(id: boot.id, milliseconds: boot.milliseconds - place.milliseconds)
        self.header = header
        self.ring = ring
        timeline = ring.timeline
        self.index = index
        audio = AudioJournal(
            layout, header, sizing, anchor: Self.anchor(ring), after: recording.saved, nextFile: left.nextFile)
        number = left.number
        sequence = left.sequence
        // The ring may be further already.
        resumesAt = place
        gaps = left.gaps
        claimed = recording.coverage.withoutGaps
        given.textEnd = recording.coverage.end
        batch.covered = claimed
        unsafe buffer = .allocate(capacity: Self.bufferSamples)
    }

    deinit {
        unsafe buffer.deallocate()
    }

    private static func anchor(_ ring: SampleRing) -> () -> ClockReference {
        { ClockReference(sample: ring.head, wall: Clock.wall, isSynchronised: Clock.isSynchronised, boot: Clock.boot) }
    }

    /// Samples before this are on the medium.
    var saved: SampleIndex { audio.saved }
    /// Samples before this have been taken from the ring.
    var taken: SampleIndex { audio.encoded }

    /// Whether the index is to know it.
    var isEntered: Bool { number != nil }

    func takeMarks() -> [SilenceMark] {
        defer { newMarks = [] }
        return newMarks
    }

    func takeLimits() -> BoundCounts {
        defer { newLimits = BoundCounts() }
        return newLimits
    }

    /// Keeps final words for the next commit. When too many wait, they are refused: what they cover is a gap.
    @inline(never)
    func add(_ words: [Word], covered: SampleIndex, gaps: [Gap]) {
        let before = refused
        let words = withoutLost(words)
        if batch.words.isEmpty || batch.words.count + words.count <= Limits.waitingWords {
            batch.words += words.map(placed)
        } else {
            newLimits.add(.waitingWords, Int64(words.count))
            refuse(words, covered)
        }
        claimed = max(claimed, covered)
        boundCoverage()
        guard gaps != self.gaps || refused != before else { return }
        self.gaps = gaps
        batch.gaps = withLost(gaps)
        batch.hasNewGaps = true
    }

    private static let notSaved = "not saved"

    @inline(never)
    private func boundCoverage() {
        batch.covered = min(claimed, refused.ranges.first?.lowerBound ?? claimed)
        batch.covered = min(batch.covered, lost.ranges.first?.lowerBound ?? claimed)
    }

    /// What has no text, as the recorder says and because of the index.
    private func withLost(_ told: [Gap]) -> [Gap] {
        lost.added(to: refused.added(to: told, reason: Self.notSaved), reason: IndexWriter.indexLost)
    }

    /// What lies among words that were lost will be heard again with them.
    @inline(never)
    private func withoutLost(_ words: [Word]) -> [Word] {
        var words = words
        for range in lost.ranges {
            words = words.filter { $0.start < range.lowerBound || range.upperBound < $0.end }
        }
        return words
    }

    @inline(never)
    private func refuse(_ words: [Word], _ covered: SampleIndex) {
        if claimed < covered { refused.insert(claimed..<covered) }
        for word in words.map(placed) where word.start < word.end { refused.insert(word.start..<word.end) }
    }

    /// Nothing was said after the newest sample, which is known but for a commit when the ring has the next recording
    /// already. What is after the recording's end is moved there when that is known.
    @inline(never)
    private func placed(_ word: Word) -> Word {
        let bounded = word.bounded(by: max(ring.head, newest).advanced(by: IndexRules.aheadSamples))
        if bounded.start != word.start || bounded.end != word.end { newLimits.add(.servicePositions) }
        return bounded
    }

    /// Words that are saved follow with the next commit.
    func mergeSpeaker(_ retired: Int, into speaker: Int) {
        for place in batch.words.indices where batch.words[place].speaker == retired {
            batch.words[place].speaker = speaker
        }
        guard batch.merges.count < Limits.waitingMerges else {
            newLimits.add(.waitingMerges)
            return
        }
        batch.merges.append((retired: retired, speaker: speaker))
    }

    func stopped() {
        batch.isStopped = true
    }

    /// One of no sample says nothing, and is not a row that the index may have.
    func add(_ mark: SilenceMark) {
        guard mark.start < mark.end else { return }
        guard batch.silences.count < Limits.waitingSilences else {
            newLimits.add(.waitingSilences)
            return
        }
        batch.silences.append(mark)
    }

    func addLevel(quiet: Int64, clipped: Int64) {
        batch.quietSamples += max(0, quiet)
        batch.clippedSamples += max(0, clipped)
    }

    func add(_ sound: MeasuredSound) { batch.measured = sound }

    /// Takes what is in the ring and puts everything on the medium. The words go even when the audio fails, and the
    /// other way round; the first failure is thrown.
    func commit() throws(StoreError) {
        newest = max(newest, ring.head)
        let audioFailure = attempt { () throws(StoreError) in try saveAudio() }
        let indexFailure = attempt { () throws(StoreError) in
            _ = try saveBatch()
            try index.checkPlace()
        }
        if let failure = audioFailure ?? indexFailure { throw failure }
    }

    /// - Returns: the recording's row.
    @inline(never)
    private func saveBatch() throws(StoreError) -> Int64 {
        let number = try row()
        if !batch.isEmpty {
            try index.append(batch, to: number, sequence: sequence)
            written()
        }
        return number
    }

    /// Takes what is in the ring and puts it on the medium; only what is before `end`, which ends the last file.
    ///
    /// What is left when a file that was written has vanished goes on in a new one, with the next commit: what is still
    /// in the ring, and all that comes.
    @inline(never)
    func saveAudio(through end: SampleIndex? = nil) throws(StoreError) {
        do throws(StoreError) {
            try audio.prepare()
            try audio.save()
            try drain(to: min(end ?? ring.head, ring.head))
            if end != nil { try audio.finish() } else { try audio.save() }
        } catch {
            guard case .vanished = error else { throw error }
            // As with an overrun, it moves on meanwhile.
            let oldest = ring.head.advanced(by: SampleIndex.samplesPerSecond - Int64(ring.capacity))
            let end = try audio.restart(oldest: max(resumesAt, oldest))
            mark(end, .fileLost)
            throw error
        }
    }

    /// Saves the recording up to sample `end`, or what there is of it: one that should have more counts as interrupted.
    @inline(never)
    func close(end: SampleIndex, gaps: [Gap], interrupted: Bool) throws(StoreError) {
        do throws(StoreError) {
            try saveAudio(through: end)
        } catch {
            // The recorder may end before the disk takes the rest: its next start knows then that STOP came, and where.
            let failure = attempt { () throws(StoreError) in
                let number = try saveBatch()
                if notedEnd != end { try index.noteEnd(number, end) }
            }
            if failure == nil { notedEnd = end }
            throw error
        }
        let number = try row()
        try index.close(
            batch, number, sequence: sequence, samples: audio.saved.value, gaps: withLost(gaps),
            interrupted: interrupted || audio.saved < end)
        written()
        try index.checkPlace()
    }

    /// The index has the batch.
    private func written() {
        sequence += batch.words.count
        given.textEnd = max(given.textEnd, batch.covered)
        for word in batch.words { given.textEnd = max(given.textEnd, word.end) }
        if given.silences.count < Limits.waitingSilences { given.silences += batch.silences }
        given.isStopped = given.isStopped || batch.isStopped
        given.quietSamples += batch.quietSamples
        given.clippedSamples += batch.clippedSamples
        batch = IndexWriter.Batch(covered: batch.covered)
    }

    /// Nothing is there from `start` to what is taken next.
    private func mark(_ start: SampleIndex, _ reason: SilenceMark.Reason) {
        guard start < audio.encoded else { return }
        let mark = SilenceMark(start: start, end: audio.encoded, reason: reason)
        add(mark)
        newMarks.append(mark)
    }

    /// As it is known without the index.
    var summary: RecordingSummary {
        RecordingSummary(
            header: header, state: .saved, samples: saved.value, words: sequence, speakers: 0,
            covered: batch.covered.value, interrupted: false)
    }

    private func row() throws(StoreError) -> Int64 {
        try index.check()
        if let number { return number }
        if isIndexNew {
            let source = IndexWriter.Source(of: header.id, in: old)
            reentered(try index.reenter(header, rows: sequence, from: source))
        } else {
            number = try index.begin(header)
        }
        return number ?? 0
    }

    /// The index was made anew: this recording is entered with the next commit.
    ///
    /// - Parameter old: those that were set aside.
    func indexIsNew(_ old: [DamagedIndexReader]) {
        guard number != nil || isIndexNew else { return }
        (number, notedEnd) = (nil, nil)
        isIndexNew = true
        self.old = old
    }

    /// What is known goes there with this commit. The words that are not are a gap, so that they are transcribed again.
    @inline(never)
    private func reentered(_ new: IndexWriter.Reentered) {
        (number, sequence) = (new.number, new.sequence)
        (old, isIndexNew) = ([], false)
        if !new.isWhole, new.covered < given.textEnd {
            lost.insert(new.covered..<given.textEnd)
            batch.words = withoutLost(batch.words)
            boundCoverage()
        }
        batch.gaps = withLost(gaps)
        batch.hasNewGaps = true
        batch.silences = given.silences + batch.silences
        batch.isStopped = batch.isStopped || given.isStopped
        batch.quietSamples += max(0, given.quietSamples - new.level.quiet)
        batch.clippedSamples += max(0, given.clippedSamples - new.level.clipped)
        given = Given(textEnd: given.textEnd, quietSamples: new.level.quiet, clippedSamples: new.level.clipped)
    }

    private func attempt(_ body: () throws(StoreError) -> Void) -> StoreError? {
        do throws(StoreError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    private func drain(to end: SampleIndex) throws(StoreError) {
        if audio.encoded < resumesAt { try fill(to: resumesAt, .interruption) }
        while audio.encoded < end {
            let count = Int(min(Int64(Self.bufferSamples), end.samples(since: audio.encoded)))
            let target = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<count])
            let result = unsafe ring.read(from: audio.encoded, into: target)
            guard ring.timeline == timeline else { return }
            switch result {
            case .copied(0):
                return
            case .copied(let count):
                try unsafe audio.append(UnsafeBufferPointer(rebasing: buffer[..<count]))
            case .overrun(let oldest):
                // One second beyond the oldest, which moves on while the silence is written.
                try fill(to: min(oldest.advanced(by: SampleIndex.samplesPerSecond), end), .ringOverrun)
            }
        }
    }

    /// Zeros in place of samples that were not recorded, or were overwritten in the ring, so that what follows stays in
    /// its place.
    @inline(never)
    private func fill(to end: SampleIndex, _ reason: SilenceMark.Reason) throws(StoreError) {
        let start = audio.encoded
        defer { mark(start, reason) }
        unsafe buffer.update(repeating: 0)
        while audio.encoded < end {
            let count = Int(min(Int64(Self.bufferSamples), end.samples(since: audio.encoded)))
            try unsafe audio.append(UnsafeBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
