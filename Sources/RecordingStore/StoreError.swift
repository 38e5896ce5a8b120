package import LinuxRuntime
package import RecorderCore

/// What went wrong with the journal, and where.
package enum StoreError: Error, Equatable, Sendable {
    /// A file could not be made, written, synced or read.
    case file(SystemError)
    /// SQLite refused; `code` is its extended result code (sqlite.org/rescode.html).
    case index(doing: String, file: String, reason: String, code: Int32)
    /// Bytes that are no index, or a damaged one.
    case damagedIndex(file: String, reason: String)
    /// The index was made by a newer version of this program.
    case newerIndex(file: String, version: Int, known: Int)
    /// An SQLite database of another program.
    case foreignIndex(file: String)
    case noIndex(file: String)
    case noRecording(RecordingID, directory: String)
    /// libFLAC refused; `reason` is its own state name.
    case codec(doing: String, file: String, reason: String)
    /// A FLAC file of which not even the header can be read.
    case noAudio(file: String)
    /// libcrypto refused a SHA-256.
    case digest(file: String)
    /// The store's thread has taken nothing for some seconds: the disk hangs.
    case late(directory: String)
    /// A file that is written is not where it was made any more: it was deleted or moved.
    case vanished(file: String)
    /// Another process has the state directory; 0: it is not known which.
    case inUse(directory: String, process: Int)

    package var message: String {
        @inline(never) get { text }
    }

    private var text: String {
        switch self {
        case .file(let error):
            error.message + (error.number == SystemError.noSpace ? "; delete what is not needed there" : "")
        case .index(let doing, let file, let reason, _):
            "cannot \(doing) in \(file): \(reason)"
        case .damagedIndex(let file, let reason):
            "\(file) is damaged: \(reason); "
                + "the daemon makes it anew from the audio files, at its next start at the latest"
        case .newerIndex(let file, let version, let known):
            "\(file) has format \(version) and this version knows up to \(known): update chalkbox"
        case .foreignIndex(let file):
            "\(file) is another program's database: set box.state_directory to a directory of chalkbox's own"
        case .noIndex(let file):
            "\(file) does not exist: the daemon has not yet run with this state_directory"
        case .noRecording(let id, let directory):
            "there is no audio of \(id.text) in \(directory)"
        case .codec(let doing, let file, let reason):
            "cannot \(doing) \(file): libFLAC says \(reason)"
        case .noAudio(let file):
            "\(file) holds no FLAC stream"
        case .digest(let file):
            "cannot make the SHA-256 of \(file): libcrypto refuses"
        case .late(let directory):
            "\(directory) does not keep up: nothing could be written there for some seconds; what is to be saved waits"
        case .vanished(let file):
            "\(file) was deleted or moved while it was written: what comes goes to a new file; leave it alone"
        case .inUse(let directory, let process):
            "\(directory) is used by another recorder\(process > 0 ? " (process \(process))" : ""): "
                + "end that one, or set another box.state_directory"
        }
    }
}

extension StoreError {
    /// Why an index is not what was written any more, so that to try again does not help.
    var damage: String? {
        switch self {
        case .damagedIndex(_, let reason):
            return reason
        case .index(_, _, let reason, let code):
            // SQLITE_ERROR: a table is gone. SQLITE_CONSTRAINT: rows are gone, or others are there; but a NULL
            // (SQLITE_CONSTRAINT_NOTNULL) is what is left of a text for which there was no memory.
            let isDamage = Database.isUnreadable(code) || (code & 0xFF == 19 && code != 1_299)
                || (code & 0xFF == 1 && reason.begins(with: "no such"))
            return isDamage ? reason : nil
        case .foreignIndex, .newerIndex:
            return "another one is in its place"
        case .file, .noIndex, .noRecording, .codec, .noAudio, .digest, .late, .vanished, .inUse:
            return nil
        }
    }

    var isNoSpace: Bool {
        switch self {
        case .file(let error): error.number == SystemError.noSpace
        // SQLITE_FULL (sqlite.org/rescode.html).
        case .index(_, _, _, let code): code & 0xFF == 13
        case .damagedIndex, .newerIndex, .foreignIndex, .noIndex, .noRecording, .codec, .noAudio, .digest, .late,
            .vanished, .inUse:
            false
        }
    }
}

/// Runs file operations and reports their failure as the store's.
func onFile<Value>(_ body: () throws(SystemError) -> Value) throws(StoreError) -> Value {
    do throws(SystemError) {
        return try body()
    } catch {
        throw .file(error)
    }
}
