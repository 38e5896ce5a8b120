internal import RecorderCore

/// Changes of saved recordings on their way to the index, in order.
struct PendingIndexWrites {
    private var waiting: [SavedCommand] = []
    private var tokens = 0
    /// Text that came for this recording had to be refused: what comes after it would leave it out.
    var refused: RecordingID?

    var isEmpty: Bool { waiting.isEmpty }

    /// - Returns: a recording of which text is refused from now on.
    mutating func add(_ note: SavedCommand) -> RecordingID? {
        guard let (id, count) = Self.text(note) else {
            waiting.append(note)
            return nil
        }
        guard refused != id else { return nil }
        guard waiting.count < Limits.pendingIndexWrites, tokens + count <= Limits.savedTokens else {
            refused = id
            return id
        }
        tokens += count
        waiting.append(note)
        return nil
    }

    /// Whose text it changes, and how many tokens it has.
    private static func text(_ note: SavedCommand) -> (RecordingID, Int)? {
        switch note {
        case .textTokens(let id, let tokens, _, _): (id, tokens.count)
        case .mergeSpeaker(let id, _, _), .settleText(let id, _): (id, 0)
        case .nextPackage, .packageFile, .packageDone, .nextText, .read, .noteJob, .makeClip, .removeClip: nil
        }
    }

    /// Writes the first one, or a part of it.
    mutating func writeFirst(_ index: IndexWriter) throws(StoreError) -> SavedEvent? {
        guard let note = waiting.first else { return nil }
        var event: SavedEvent?
        switch note {
        case .packageFile(let id, let name, let url, let isSent):
            try index.note(id, file: name, url: url, isSent: isSent)
            event = .packageNoted(id, name: name)
        case .packageDone(let id):
            try index.noteUploaded(id)
            event = .packageNoted(id, name: "")
        case .textTokens(let id, let tokens, let covered, let holes):
            let rest = try write(tokens, covered, holes, of: id, index)
            self.tokens -= tokens.count - rest.count
            guard rest.isEmpty else {
                waiting[0] = .textTokens(id, Array(rest), covered: covered, holes: holes)
                return nil
            }
        case .mergeSpeaker(let id, let retired, let speaker):
            if let number = try index.unsettled(id) {
                try index.mergeSavedSpeaker(retired, into: speaker, of: number)
            }
        case .settleText(let id, let reason):
            if let number = try index.unsettled(id) { try index.settle(number, reason: reason) }
            event = .textSettled(id)
        case .noteJob(let id, let file, let transcription):
            try index.noteJob(id, fileID: file, transcriptionID: transcription)
        case .nextPackage, .nextText, .read, .makeClip, .removeClip:
            break
        }
        waiting.removeFirst()
        return event
    }

    /// Many tokens go in several transactions, each of which leaves true holes behind.
    /// - Returns: the tokens that are still to be written.
    private func write(
        _ tokens: [FinalToken], _ covered: SampleIndex, _ holes: [Gap], of id: RecordingID, _ index: IndexWriter
    ) throws(StoreError) -> ArraySlice<FinalToken> {
        guard let number = try index.unsettled(id) else { return [] }
        let count = Limits.savedBatchTokens
        if tokens.count > count {
            let place = tokens[count].start
            let rest = tokens[count...]
            if tokens[..<count].allSatisfy({ $0.start < place }), rest.allSatisfy({ $0.start >= place }) {
                let before = holes.filter { $0.start < place }
                    .map { Gap(start: $0.start, end: min($0.end, place), reason: $0.reason) }
                let after = try index.holes(of: number).filter { $0.end > place }
                    .map { Gap(start: max($0.start, place), end: $0.end, reason: $0.reason) }
                try index.addText(
                    Array(tokens[..<count]), covered: min(covered, place), holes: before + after, to: number)
                return rest
            }
        }
        try index.addText(tokens, covered: covered, holes: holes, to: number)
        return []
    }
}
