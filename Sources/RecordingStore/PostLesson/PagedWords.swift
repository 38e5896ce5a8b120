internal import RecorderCore

/// The words of a saved recording by their place in it, of which only a few are in memory at a time. The index has them
/// in the order in which they came: a gap is filled after what follows it.
final class PagedWords {
    private let statement: Statement
    private let database: Database
    private let base: Int64
    private var nextPlace: Int64
    /// A word each: its first sample, and the number of its first row. 8 bytes for each word of the recording.
    private var keys: [Int64] = []
    private(set) var speakers: [Int] = []
    private(set) var isSorted = false
    private var loaded: (first: Int, words: [Word]) = (0, [])

    private static let sortedRows: Int64 = 256
    private static let loadedWords = 64

    init(_ database: Database, _ recording: Int64) throws(StoreError) {
        self.database = database
        base = recording * IndexSchema.wordsARecording
        nextPlace = base
        statement = try database.prepare(
            """
            SELECT text, \(RecordingIndex.bounded("start_sample")), \(RecordingIndex.bounded("end_sample")), confidence,
                speaker, language, begins_word, place
            FROM token JOIN recording ON number = \(recording) WHERE place >= ?1 AND place < ?2 ORDER BY place LIMIT ?3
            """, doing: "read the words")
        // A list that grows is there twice for a moment.
        let rows = "SELECT count(*) FROM token WHERE place >= \(base) AND place < \(base + IndexSchema.wordsARecording)"
        keys.reserveCapacity(Int(clamping: try database.integer(rows, doing: "read the words")))
    }

    var count: Int { keys.count }

    /// Finds the words' order, some rows at a time, until `isSorted`.
    func sort() throws(StoreError) {
        // A statement that is left open keeps the log from being emptied.
        defer { statement.reset() }
        begin(at: nextPlace, limit: Self.sortedRows)
        var rows: Int64 = 0
        while try statement.step() {
            let place = statement.integer(7)
            nextPlace = place + 1
            rows += 1
            guard let row = statement.wordRow(), !row.word.text.isEmpty, !row.isJoined || keys.isEmpty else { continue }
            keys.append(row.word.start.value << 24 | (place - base))
            let speaker = row.word.speaker
            if speaker > 0, !speakers.contains(speaker) { speakers.append(speaker) }
        }
        guard rows < Self.sortedRows else { return }
        orderKeys()
        speakers = speakers.ordered(by: <)
        isSorted = true
    }

    /// In place (heapsort): other lists of a day's words would be as large as all that the program has besides.
    /// A key holds its row's number, so words that begin together stay in the order in which they came.
    @inline(never)
    private func orderKeys() {
        var isInOrder = true
        for place in keys.indices.dropFirst() where keys[place] < keys[place - 1] { isInOrder = false }
        guard !isInOrder else { return }
        // First a heap out of all keys; then the greatest one goes behind the heap, again and again.
        var root = keys.count / 2
        var end = keys.count
        while end > 1 {
            let key: Int64
            if root > 0 {
                root -= 1
                key = keys[root]
            } else {
                end -= 1
                key = keys[end]
                keys[end] = keys[0]
            }
            var place = root
            while 2 * place + 1 < end {
                var child = 2 * place + 1
                if child + 1 < end, keys[child] < keys[child + 1] { child += 1 }
                guard keys[child] > key else { break }
                keys[place] = keys[child]
                place = child
            }
            keys[place] = key
        }
    }

    /// The words one after the other, from any on.
    func word(_ place: Int) throws(StoreError) -> Word {
        if !(loaded.first..<loaded.first + loaded.words.count).contains(place) { try load(place) }
        return loaded.words[place - loaded.first]
    }

    private func load(_ first: Int) throws(StoreError) {
        // Rows that are left out were counted when the words were sorted.
        let skipped = database.skippedRows
        defer {
            statement.reset()
            database.skippedRows = skipped
        }
        loaded = (first, [])
        let end = min(keys.count, first + Self.loadedWords)
        while first + loaded.words.count < end {
            let before = loaded.words.count
            try loadRun(end)
            // They do not change any more.
            guard loaded.words.count > before else {
                throw .damagedIndex(file: database.path, reason: "words of a saved recording are not what they were")
            }
        }
    }

    /// Words that are one behind the other in the table.
    private func loadRun(_ end: Int) throws(StoreError) {
        begin(at: base + number(loaded.first + loaded.words.count), limit: IndexSchema.wordsARecording)
        let before = loaded.words.count
        while try statement.step() {
            guard let row = statement.wordRow(), !row.word.text.isEmpty else { continue }
            let next = loaded.first + loaded.words.count
            let isFirst = loaded.words.count == before
            if !row.isJoined, !isFirst, next == end || statement.integer(7) - base != number(next) { return }
            loaded.words.add(WordRow(word: row.word, isJoined: row.isJoined && !isFirst))
        }
    }

    private func number(_ place: Int) -> Int64 { keys[place] & (IndexSchema.wordsARecording - 1) }

    private func begin(at place: Int64, limit: Int64) {
        statement.reset()
        statement.bind(1, place)
        statement.bind(2, base + IndexSchema.wordsARecording)
        statement.bind(3, limit)
    }
}
