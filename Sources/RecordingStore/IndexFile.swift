internal import LinuxRuntime
internal import RecorderCore

/// The index's file at the daemon's start. One that is damaged is moved aside, never deleted at once: its words are
/// read out of it as far as SQLite can, and a person may want to try more.
struct IndexFile {
    private let layout: StateLayout
    private let now: WallTime

    /// Besides the file itself: its write-ahead log and that one's index (sqlite.org/tempfiles.html).
    private static let companions = ["-wal", "-shm"]

    init(_ layout: StateLayout, now: WallTime) {
        self.layout = layout
        self.now = now
    }

    /// Opens the index, or moves a damaged one aside and begins a new one.
    ///
    /// - Returns: the index, and what the damaged one is called now.
    func open() throws(StoreError) -> (database: Database, kept: String?) {
        var kept: String?
        // SQLite would take it for a new index, and would delete the log beside it.
        if try isEmpty(), try !AudioDirectories.list(layout).isEmpty { kept = try moveAside() }
        do throws(StoreError) {
            return (try IndexSchema.open(layout.index, .write), kept)
        } catch {
            guard try isDamage(error) else { throw error }
            kept = try moveAside()
        }
        return (try IndexSchema.open(layout.index, .write), kept)
    }

    private func isDamage(_ error: StoreError) throws(StoreError) -> Bool {
        switch error {
        case .damagedIndex:
            true
        case .foreignIndex:
            // Beside our audio it is ours, with a damaged header; elsewhere the directory is another program's.
            try !AudioDirectories.list(layout).isEmpty
        case .index(_, _, _, let code):
            Database.isUnreadable(code)
        case .file, .newerIndex, .noIndex, .noRecording, .codec, .noAudio, .digest, .backlog:
            false
        }
    }

    /// Missing, or without a byte.
    private func isEmpty() throws(StoreError) -> Bool {
        try onFile { () throws(SystemError) in
            guard try FileSystem.list(layout.directory).contains(StateLayout.indexName) else { return true }
            return try File(layout.index, .read).status().bytes == 0
        }
    }

    /// - Returns: the new name; nil when there was nothing to move.
    private func moveAside() throws(StoreError) -> String? {
        try onFile { () throws(SystemError) in
            let names = try FileSystem.list(layout.directory)
            let found = ([""] + Self.companions).filter { names.contains(StateLayout.indexName + $0) }
            guard !found.isEmpty else { return nil }
            let target = target(names, hasIndex: found[0].isEmpty)
            // The index first: when the power is cut after it, the next start finds its log without it.
            for ending in found {
                let path = layout.directory + "/" + target + ending
                try layout.storage.perform(.rename(layout.index + ending, to: path))
            }
            try layout.storage.perform(.syncDirectory(layout.directory))
            try forgetOld()
            return target
        }
    }

    private func target(_ names: [String], hasIndex: Bool) -> String {
        if !hasIndex, let last = Self.damaged(names).last, !names.contains(last + Self.companions[0]) { return last }
        var time = now
        while names.contains(StateLayout.damagedPrefix + time.compact) { time.milliseconds += 1 }
        return StateLayout.damagedPrefix + time.compact
    }

    /// The first one, which knew most, and the newest are kept.
    private func forgetOld() throws(SystemError) {
        let damaged = Self.damaged(try FileSystem.list(layout.directory))
        for name in damaged.dropFirst().dropLast(Limits.damagedIndexes - 1) {
            for ending in [""] + Self.companions {
                try layout.storage.perform(.remove(layout.directory + "/" + name + ending))
            }
        }
    }

    /// The names of indexes that were moved aside, oldest first.
    static func damaged(_ names: [String]) -> [String] {
        names.filter { name in
            name.begins(with: StateLayout.damagedPrefix) && !companions.contains { name.ends(with: $0) }
        }
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
