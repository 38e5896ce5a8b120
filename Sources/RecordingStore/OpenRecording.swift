internal import LinuxRuntime
internal import RecorderCore

/// A recording between `open` and `close`: takes samples from the ring and words from the recorder, and saves both.
/// Whatever a full or failing disk refuses is kept, within bounds, and tried again.
@safe final class OpenRecording {
    let header: RecordingHeader
    private let ring: SampleRing
    private let index: IndexWriter
    private let audio: AudioJournal
    private let buffer: UnsafeMutableBufferPointer<Int16>
    /// The recording's row; nil until the index took it.
    private var number: Int64?
    private var batch = IndexWriter.Batch()
    private var sequence = 0
    private var counter = WordCounter()
    /// What is known to be without text, as the index has it.
    private var holes: [Gap] = []
    /// Before this nothing was recorded since the interruption.
    private var resumesAt = SampleIndex.zero
    /// Tokens had to be refused: coverage must not claim them.
    private var hasLostTokens = false
    /// What the ring had overwritten before it was read, since this was last asked.
    private var newMarks: [SilenceMark] = []

    private static let bufferSamples = Int(SampleIndex.samplesPerSecond)
    /// Final tokens that may wait for an index that cannot be written: some three hours of talk.
    private static let waitingTokens = 65_536
    /// Silence marks likewise; there is at most one for each gap in the microphone's samples.
    private static let waitingMarks = 65_536
    /// Speakers that were merged: a few after each outage of over a minute.
    private static let waitingMerges = 4_096

    init(_ header: RecordingHeader, ring: SampleRing, index: IndexWriter, layout: StateLayout, roll: SegmentRoll) {
        self.header = header
        self.ring = ring
        self.index = index
        audio = AudioJournal(layout, header, roll, anchor: Self.anchor(ring))
        unsafe buffer = .allocate(capacity: Self.bufferSamples)
    }

    /// Goes on with a recording that was left open.
    init(
        _ left: LeftOpen, at place: SampleIndex, ring: SampleRing, index: IndexWriter, layout: StateLayout,
        roll: SegmentRoll
    ) {
        let recording = left.interruption.recording
        // Of this boot: the recorder may die again.
        var header = recording.header
        let boot = Clock.boot
        header.boot = BootTime(id: boot.id, milliseconds: boot.milliseconds - place.milliseconds)
        self.header = header
        self.ring = ring
        self.index = index
        audio = AudioJournal(
            layout, header, roll, anchor: Self.anchor(ring), after: recording.saved, nextFile: left.nextFile)
        number = left.number
        sequence = left.sequence
        // The ring may be further already.
        resumesAt = place
        holes = left.holes
        batch.covered = recording.coverage.withoutHoles
        unsafe buffer = .allocate(capacity: Self.bufferSamples)
    }

    deinit {
        unsafe buffer.deallocate()
    }

    private static func anchor(_ ring: SampleRing) -> () -> Anchor {
        { Anchor(sample: ring.head, wall: Clock.wall, isSynchronised: Clock.isSynchronised, boot: Clock.boot) }
    }

    /// Samples before this are on the medium.
    var saved: SampleIndex { audio.saved }
    /// Samples before this have been taken from the ring.
    var taken: SampleIndex { audio.encoded }

    func takeMarks() -> [SilenceMark] {
        defer { newMarks = [] }
        return newMarks
    }

    /// Keeps final tokens for the next commit.
    func add(_ tokens: [FinalToken], covered: SampleIndex, holes: [Gap]) throws(StoreError) {
        guard !hasLostTokens, batch.tokens.count + tokens.count <= Self.waitingTokens else {
            hasLostTokens = true
            throw .backlog(tokens: batch.tokens.count)
        }
        batch.tokens += tokens
        batch.covered = max(batch.covered, covered)
        guard holes != self.holes else { return }
        self.holes = holes
        batch.holes = holes
        batch.hasNewHoles = true
    }

    /// Tokens that are saved follow with the next commit.
    func mergeSpeaker(_ retired: Int, into speaker: Int) {
        for place in batch.tokens.indices where batch.tokens[place].speaker == retired {
            batch.tokens[place].speaker = speaker
        }
        guard batch.merges.count < Self.waitingMerges else { return }
        batch.merges.append((retired: retired, speaker: speaker))
    }

    func stopped() {
        batch.isStopped = true
    }

    func add(_ mark: SilenceMark) {
        guard batch.silences.count < Self.waitingMarks else { return }
        batch.silences.append(mark)
    }

    func addLevel(quiet: Int64, clipped: Int64) {
        batch.quietSamples += max(0, quiet)
        batch.clippedSamples += max(0, clipped)
    }

    /// Takes what is in the ring and puts everything on the medium. The words go even when the audio fails, and the
    /// other way round; the first failure is thrown.
    func commit() throws(StoreError) {
        let audioFailure = attempt { () throws(StoreError) in
            try audio.prepare()
            try audio.save()
            try drain(to: ring.head)
            try audio.save()
        }
        let indexFailure = attempt { () throws(StoreError) in
            let number = try row()
            guard !batch.isEmpty else { return }
            try index.append(batch, to: number, sequence: sequence, counter: &counter)
            sequence += batch.tokens.count
            batch = IndexWriter.Batch(covered: batch.covered)
        }
        if let failure = audioFailure ?? indexFailure { throw failure }
    }

    /// Saves the recording up to sample `end`, or what there is of it.
    func close(end: SampleIndex, gaps: [Gap], interrupted: Bool) throws(StoreError) {
        try audio.prepare()
        try audio.save()
        try drain(to: min(end, ring.head))
        try audio.finish()
        try index.close(
            batch, row(), sequence: sequence, counter: counter, samples: audio.saved.value, gaps: gaps,
            interrupted: interrupted)
    }

    private func row() throws(StoreError) -> Int64 {
        if let number { return number }
        let new = try index.begin(header)
        number = new
        return new
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
            switch unsafe ring.read(from: audio.encoded, into: target) {
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
    private func fill(to end: SampleIndex, _ reason: SilenceMark.Reason) throws(StoreError) {
        let start = audio.encoded
        defer {
            if start < audio.encoded {
                let mark = SilenceMark(start: start, end: audio.encoded, reason: reason)
                add(mark)
                newMarks.append(mark)
            }
        }
        unsafe buffer.update(repeating: 0)
        while audio.encoded < end {
            let count = Int(min(Int64(Self.bufferSamples), end.samples(since: audio.encoded)))
            try unsafe audio.append(UnsafeBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
