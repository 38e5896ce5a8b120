internal import RecorderCore

/// Changes of saved recordings on their way to the index, in order.
struct PendingIndexWrites {
    private var waiting: [PostLessonCommand] = []
    private var words = 0
    /// Text that came for this recording had to be refused: what comes after it would leave it out.
    var refused: RecordingID?

    var isEmpty: Bool { waiting.isEmpty }

    /// - Returns: a recording of which text is refused from now on.
    mutating func add(_ note: PostLessonCommand) -> RecordingID? {
        guard let (id, count) = Self.text(note) else {
            waiting.append(note)
            return nil
        }
        guard refused != id else { return nil }
        guard waiting.count < Limits.pendingIndexWrites, words + count <= Limits.pendingWords else {
            refused = id
            return id
        }
        words += count
        waiting.append(note)
        return nil
    }

    /// Whose text it changes, and how many words it has.
    private static func text(_ note: PostLessonCommand) -> (RecordingID, Int)? {
        switch note {
        case .words(let id, let words, _, _): (id, words.count)
        case .mergeSpeaker(let id, _, _), .settleText(let id, _): (id, 0)
        case .nextPackage, .packageFile, .packageDone, .nextText, .read, .noteJob, .makeClip, .removeClip: nil
        }
    }

    /// Writes the first one, or a part of it.
    mutating func writeFirst(_ index: IndexWriter) throws(StoreError) -> PostLessonEvent? {
        guard let note = waiting.first else { return nil }
        var event: PostLessonEvent?
        switch note {
        case .packageFile(let id, let name, let url, let isSent):
            try index.note(id, file: name, url: url, isSent: isSent)
            event = .packageNoted(id, name: name)
        case .packageDone(let id):
            try index.noteUploaded(id)
            event = .packageNoted(id, name: "")
        case .words(let id, let words, let covered, let gaps):
            let rest = try write(words, covered, gaps, of: id, index)
            self.words -= words.count - rest.count
            guard rest.isEmpty else {
                waiting[0] = .words(id, Array(rest), covered: covered, gaps: gaps)
                return nil
            }
        case .mergeSpeaker(let id, let retired, let speaker):
            if let number = try index.unsettled(id) {
                try index.mergeSavedSpeaker(retired, into: speaker, of: number)
            }
        case .settleText(let id, let reason):
            if let number = try index.unsettled(id) { try index.settle(number, reason: reason) }
            event = .textSettled(id)
        case .noteJob(let id, let job):
            try index.noteJob(id, job)
        case .nextPackage, .nextText, .read, .makeClip, .removeClip:
            break
        }
        waiting.removeFirst()
        return event
    }

    /// Many words go in several transactions, each of which leaves true gaps behind.
    /// - Returns: the words that are still to be written.
    private func write(
        _ words: [Word], _ covered: SampleIndex, _ gaps: [Gap], of id: RecordingID, _ index: IndexWriter
    ) throws(StoreError) -> ArraySlice<Word> {
        guard let number = try index.unsettled(id) else { return [] }
        let count = Limits.batchWords
        if words.count > count {
            let place = words[count].start
            let rest = words[count...]
            if words[..<count].allSatisfy({ $0.start < place }), rest.allSatisfy({ $0.start >= place }) {
                let before = gaps.filter { $0.start < place }
                    .map { Gap(start: $0.start, end: min($0.end, place), reason: $0.reason) }
                let after = try index.gaps(of: number).filter { $0.end > place }
                    .map { Gap(start: max($0.start, place), end: $0.end, reason: $0.reason) }
                try index.addText(
                    Array(words[..<count]), covered: min(covered, place), gaps: before + after, to: number)
                return rest
            }
        }
        try index.addText(words, covered: covered, gaps: gaps, to: number)
        return []
    }
}
