internal import LinuxRuntime
internal import RecorderCore

/// The index's file at the daemon's start. Whatever is in its place, there is an index afterwards: what cannot be used
/// is moved aside, never deleted at once. Its words are read out of it as far as SQLite can, and a person may want to
/// try more.
struct IndexFile {
    private let layout: StateLayout
    private let now: WallTime

    /// Besides the file itself: its write-ahead log and that one's index (sqlite.org/tempfiles.html).
    private static let companions = ["-wal", "-shm"]

    /// An index that can be written, and how it came about.
    struct Opened {
        var database: Database
        /// What was moved aside is called so now.
        var kept: String?
        /// Why it had to be.
        var reason = ""
        /// What was moved aside is of an older version, and this one's own was taken up again.
        var isTakenUp = false
    }

    init(_ layout: StateLayout, now: WallTime) {
        self.layout = layout
        self.now = now
    }

    @inline(never)
    func open() throws(StoreError) -> Opened {
        returnFromSpare()
        let format = formatToTakeUp()
        guard format == 0 else {
            let kept = try takeUp(format)
            return Opened(database: try IndexSchema.open(layout.index, .write), kept: kept, isTakenUp: true)
        }
        return try openOrReplace()
    }

    /// Opens the index, or moves what cannot be used aside and begins a new one.
    @inline(never)
    private func openOrReplace() throws(StoreError) -> Opened {
        var kept: String?
        // SQLite would take it for a new index, and would delete the log beside it.
        if isEmpty, try !AudioDirectories.list(layout).isEmpty { kept = try moveAside() }
        do throws(StoreError) {
            return Opened(database: try IndexSchema.open(layout.index, .write), kept: kept)
        } catch {
            guard Self.isUnusable(error) else { throw error }
            var format: Int?
            if case .newerIndex(_, let newer, _) = error {
                format = newer
                emptyLog()
            }
            return try replace(because: error.message, format: format, &kept)
        }
    }

    /// Moves what cannot be used aside and begins a new index: beside the audio when it cannot be moved.
    ///
    /// - Parameter kept: what was moved is called so now, also when no new index could be made.
    @inline(never)
    func replace(because reason: String, format: Int? = nil, _ kept: inout String?) throws(StoreError) -> Opened {
        var path = layout.index
        var isFree = true
        do throws(StoreError) {
            kept = try moveAside(format: format) ?? kept
        } catch {
            path = layout.spareIndex
            isFree = FileSystem.place(path) == nil
        }
        do throws(StoreError) {
            return Opened(database: try IndexSchema.open(path, .write), kept: kept, reason: reason)
        } catch {
            // Half an index would be set aside at the next attempt.
            if isFree { remove(path) }
            throw error
        }
    }

    /// What another index in its place would mend: a full disk, or one that refuses, would refuse that too.
    private static func isUnusable(_ error: StoreError) -> Bool {
        switch error {
        case .damagedIndex, .foreignIndex, .newerIndex:
            true
        case .index(_, _, _, let code):
            Database.isUnusable(code)
        case .file, .noIndex, .noRecording, .codec, .noAudio, .digest, .late, .vanished, .inUse:
            false
        }
    }

    /// Missing, or without a byte.
    private var isEmpty: Bool {
        guard let place = FileSystem.place(layout.index) else { return true }
        return place.isRegular && place.bytes == 0
    }

    // MARK: Other versions' indexes

    /// The format of an index that an older version set aside and that this one knows; 0 when there is none, or when
    /// what is in its place is as new.
    private func formatToTakeUp() -> Int {
        let known = IndexSchema.migrations.count
        var format = known
        while format > 0, FileSystem.place(setAside(format)) == nil { format -= 1 }
        guard format > 0 else { return 0 }
        // The power was cut in the middle of it; or it is damaged, and older ones know less than the audio files.
        guard let present = try? IndexSchema.format(of: layout.index) else { return format == known ? format : 0 }
        return present < format || present > known ? format : 0
    }

    private func setAside(_ format: Int) -> String {
        layout.directory + "/" + StateLayout.formatPrefix + String(format)
    }

    /// Another version's index goes aside, and this one's comes back.
    ///
    /// - Returns: what the other one is called now; nil when there was none.
    @inline(never)
    private func takeUp(_ format: Int) throws(StoreError) -> String? {
        let other = try? IndexSchema.format(of: layout.index)
        emptyLog()
        let kept = try moveAside(format: other)
        try onFile { () throws(SystemError) in try move(setAside(format), to: layout.usualIndex) }
        return kept
    }

    /// Empties the log of an index that is whole, so that nothing is lost if the power is cut between renaming the two.
    @inline(never)
    private func emptyLog() {
        guard FileSystem.place(layout.index) != nil, let database = try? Database(path: layout.index, .write) else {
            return
        }
        database.checkpoint()
    }

    /// An index that had to lie beside the audio comes back to its place when that can be had again.
    @inline(never)
    private func returnFromSpare() {
        guard FileSystem.place(layout.spareIndex) != nil else { return }
        emptyLog()
        let (usual, spare) = (layout.usualIndex, layout.spareIndex)
        // If it cannot, it is used where it is.
        try? onFile { () throws(SystemError) in
            if FileSystem.place(usual) != nil { try move(usual, to: layout.directory + "/" + damagedName()) }
            try move(spare, to: usual)
            try layout.storage.perform(.syncDirectory(layout.recordings))
        }
    }

    // MARK: Moving aside

    /// Whatever is in the place of an index that is open goes.
    /// - Returns: a log without its index: the open one's; nil: there is none.
    func clear() throws(StoreError) -> String? {
        guard let name = try moveAside(isOpen: true) else { return nil }
        let path = layout.directory + "/" + name
        return FileSystem.isThere(path) ? nil : path
    }

    /// - Parameters:
    ///   - format: another version's; nil: it is damaged, or what else is wrong with it.
    ///   - isOpen: a log is not of the last index that was moved.
    /// - Returns: the new name; nil when there was nothing to move.
    @inline(never)
    private func moveAside(format: Int? = nil, isOpen: Bool = false) throws(StoreError) -> String? {
        try onFile { () throws(SystemError) in
            let path = layout.index
            let hasIndex = FileSystem.isThere(path)
            guard hasIndex || FileSystem.place(path + "-wal")?.bytes ?? 0 > 0 else {
                // Nobody can make anything of an empty log, or of a log's index.
                remove(path)
                return nil
            }
            var name = damagedName()
            if let format {
                // One of an earlier time knows less.
                try move(setAside(format), to: layout.directory + "/" + name)
                name = StateLayout.formatPrefix + String(format)
            } else if !hasIndex, !isOpen, let last = Self.damaged(try FileSystem.list(layout.directory)).last,
                FileSystem.isThere(layout.directory + "/" + last),
                !FileSystem.isThere(layout.directory + "/" + last + "-wal")
            {
                name = last
            }
            try move(path, to: layout.directory + "/" + name)
            forgetOld()
            return name
        }
    }

    /// What there is of an index and its companions. The index first: when the power is cut after it, the next start
    /// finds its log without it.
    @inline(never)
    private func move(_ path: String, to target: String) throws(SystemError) {
        for ending in [""] + Self.companions where FileSystem.isThere(path + ending) {
            try layout.storage.perform(.rename(path + ending, to: target + ending))
        }
        try layout.storage.perform(.syncDirectory(layout.directory))
    }

    /// A name that is not taken.
    @inline(never)
    private func damagedName() -> String {
        var time = now
        while true {
            let name = StateLayout.damagedPrefix + time.compact
            guard FileSystem.isThere(layout.directory + "/" + name) else { return name }
            time.milliseconds += 1
        }
    }

    /// The first one, which knew most, and the newest are kept. What cannot be removed is no reason not to record.
    private func forgetOld() {
        let damaged = Self.damaged((try? FileSystem.list(layout.directory)) ?? [])
        for name in damaged.dropFirst().dropLast(Limits.damagedIndexes - 1) {
            remove(layout.directory + "/" + name)
        }
    }

    /// An index, as far as it is there, and its companions.
    @inline(never)
    func remove(_ path: String) {
        for ending in [""] + Self.companions where FileSystem.isThere(path + ending) {
            _ = try? layout.storage.perform(.remove(path + ending))
        }
    }

    /// The names of indexes that were moved aside, oldest first; of some there is only the log.
    static func damaged(_ names: [String]) -> [String] { indexes(StateLayout.damagedPrefix, names) }

    @inline(never)
    private static func indexes(_ prefix: String, _ names: [String]) -> [String] {
        var list: [String] = []
        for name in names where name.begins(with: prefix) {
            let isCompanion = companions.contains { name.ends(with: $0) }
            guard let index = isCompanion ? name.before(last: "-") : name, index != list.last else { continue }
            list.append(index)
        }
        return list
    }

    /// Those that may still tell something of recordings, the likeliest first.
    ///
    /// - Parameter first: what was moved aside just now.
    static func tellers(_ names: [String], first: String?) -> [String] {
        var all = (damaged(names) + indexes(StateLayout.formatPrefix, names)).reversed() as [String]
        if let first { all.insert(first, at: 0) }
        return all
    }
}

/// The directories of recordings.
enum AudioDirectories {
    /// Oldest first, as their names sort.
    static func list(_ layout: StateLayout) throws(StoreError) -> [RecordingID] {
        do throws(SystemError) {
            return try FileSystem.list(layout.recordings).compactMap { RecordingID($0) }
        } catch {
            guard error.number == SystemError.noSuchFile else { throw .file(error) }
            return []
        }
    }
}

extension WallTime {
    /// For a file's name: `20261124T080000.000Z`.
    fileprivate var compact: String {
        String(decoding: rfc3339.utf8.filter { $0 != 0x2D && $0 != 0x3A }, as: UTF8.self)
    }
}

extension String {
    @inline(never)
    fileprivate func ends(with ending: String) -> Bool {
        let (bytes, tail) = (Array(utf8), Array(ending.utf8))
        return bytes.count >= tail.count && tail.indices.allSatisfy { bytes[bytes.count - tail.count + $0] == tail[$0] }
    }
}
