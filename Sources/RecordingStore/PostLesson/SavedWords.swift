internal import RecorderCore

/// The words of a saved recording by their place in it, of which only a few are in memory at a time. The index has
/// their tokens in the order in which they came: a hole is filled after what follows it.
final class SavedWords {
    private let statement: Statement
    private let path: String
    private let base: Int64
    private var counter = WordCounter()
    private var nextPlace: Int64
    /// A word each: its first sample, and the number of its first token. 8 bytes for each word of the recording.
    private var keys: [Int64] = []
    private(set) var speakers: [Int] = []
    private(set) var isSorted = false
    private var loaded: (first: Int, words: [Word]) = (0, [])

    private static let sortedTokens: Int64 = 256
    private static let loadedWords = 64

    init(_ database: Database, _ recording: Int64) throws(StoreError) {
        path = database.path
        base = recording * IndexSchema.tokensARecording
        nextPlace = base
        statement = try database.prepare(
            """
            SELECT text, \(RecordingIndex.bounded("start_sample")), \(RecordingIndex.bounded("end_sample")), confidence,
                speaker, language, place
            FROM token JOIN recording ON number = \(recording) WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT ?3
            """, doing: "read the words")
    }

    var count: Int { keys.count }

    /// Finds the words' order, some tokens at a time, until `isSorted`.
    func sort() throws(StoreError) {
        // A statement that is left open keeps the log from being emptied.
        defer { statement.reset() }
        begin(at: nextPlace, limit: Self.sortedTokens)
        var tokens: Int64 = 0
        while try statement.step() {
            let place = statement.integer(6)
            nextPlace = place + 1
            tokens += 1
            guard let token = statement.token() else { continue }
            if counter.begins(token) {
                keys.append(token.start.value << 24 | (place - base))
                if token.speaker > 0, !speakers.contains(token.speaker) { speakers.append(token.speaker) }
            }
        }
        guard tokens < Self.sortedTokens else { return }
        var isInOrder = true
        for place in keys.indices.dropFirst() where keys[place] < keys[place - 1] { isInOrder = false }
        // Words that begin together stay in the order in which they came.
        if !isInOrder { keys = keys.ordered(by: <) }
        speakers = speakers.ordered(by: <)
        isSorted = true
    }

    /// The words one after the other, from any on.
    func word(_ place: Int) throws(StoreError) -> Word {
        if !(loaded.first..<loaded.first + loaded.words.count).contains(place) { try load(place) }
        return loaded.words[place - loaded.first]
    }

    private func load(_ first: Int) throws(StoreError) {
        defer { statement.reset() }
        loaded = (first, [])
        let end = min(keys.count, first + Self.loadedWords)
        while first + loaded.words.count < end {
            let before = loaded.words.count
            try loadRun(end)
            // They do not change any more.
            guard loaded.words.count > before else {
                throw .damagedIndex(file: path, reason: "words of a saved recording are not what they were")
            }
        }
    }

    /// Words that are one behind the other in the table.
    private func loadRun(_ end: Int) throws(StoreError) {
        begin(at: base + number(loaded.first + loaded.words.count), limit: IndexSchema.tokensARecording)
        var assembler = WordAssembler()
        var counter = WordCounter()
        while try statement.step() {
            guard let token = statement.token() else { continue }
            if let word = assembler.receive(token) { loaded.words.append(word) }
            let next = loaded.first + loaded.words.count
            guard next < end else { return }
            if counter.begins(token), statement.integer(6) - base != number(next) { return }
        }
        if let word = assembler.finish() { loaded.words.append(word) }
    }

    private func number(_ place: Int) -> Int64 { keys[place] & (IndexSchema.tokensARecording - 1) }

    private func begin(at place: Int64, limit: Int64) {
        statement.reset()
        statement.bind(1, place)
        statement.bind(2, base + IndexSchema.tokensARecording)
        statement.bind(3, limit)
    }
}
