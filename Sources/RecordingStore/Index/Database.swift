internal import CSQLite
internal import LinuxRuntime
internal import RecorderCore

/// One SQLite connection; used by one thread.
///
/// SQLite's memory is bounded: 64 KiB of page cache a connection, no memory map, and a soft limit for the process.
@safe final class Database {
    enum Access: Sendable {
        /// For the command line: changes nothing, and works while the daemon writes.
        case read
        /// For the store thread, the only writer. The file is made when missing.
        case write
    }

    let path: String
    fileprivate let handle: OpaquePointer
    /// Rows so far that were left out, because what they hold is possible nowhere.
    var skippedRows = 0
    /// What first showed that this file is damaged, so that only another one in its place helps; empty: nothing yet.
    private(set) var fault = ""
    /// The file's time of change when this connection had changed something.
    private var ownModified: Int64 = 0

    private static let softHeapBytes: Int64 = 2 << 20
    /// So long is waited for another process that recovers the log, or writes.
    private static let busyMilliseconds: Int32 = 5_000
    /// The store thread's own wait: readers never make it wait, and who else writes must not stop a lesson. What is
    /// refused is tried again with the next commit.
    private static let hurriedMilliseconds: Int32 = 100
    private var waitMilliseconds = busyMilliseconds

    init(path: String, _ access: Access) throws(StoreError) {
        // SQLite would wait for the other end of a pipe.
        if let error = FileSystem.whyNotRegular(path) {
            throw .index(doing: "open", file: path, reason: error.reason, code: SQLITE_CANTOPEN)
        }
        var opened: OpaquePointer?
        let flags =
            switch access {
            case .read: SQLITE_OPEN_READONLY
            case .write: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        sqlite3_soft_heap_limit64(Self.softHeapBytes)
        // SQLITE_OPEN_EXRESCODE: results carry what the file system said (sqlite.org/c3ref/open.html).
        let result = unsafe sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_EXRESCODE, nil)
        guard let handle = unsafe opened else {
            throw .index(doing: "open", file: path, reason: "out of memory", code: result)
        }
        guard result == SQLITE_OK else {
            let error = unsafe Self.error("open the index", path, handle, result)
            unsafe sqlite3_close_v2(handle)
            throw error
        }
        // Where writing is not allowed, SQLite opens for reading.
        if case .write = access, unsafe sqlite3_db_readonly(handle, "main") == 1 {
            unsafe sqlite3_close_v2(handle)
            throw .index(doing: "write", file: path, reason: "it may only be read", code: SQLITE_READONLY)
        }
        self.path = path
        unsafe self.handle = handle
        unsafe sqlite3_busy_timeout(handle, waitMilliseconds)
    }

    deinit {
        unsafe sqlite3_close_v2(handle)
    }

    /// Runs statements that give no rows or whose rows do not matter.
    @inline(never)
    func execute(_ sql: String, doing: String) throws(StoreError) {
        let result = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw failure(doing, result) }
        wrote()
    }

    /// The first column of the only row.
    @inline(never)
    func integer(_ sql: String, doing: String) throws(StoreError) -> Int64 {
        let statement = try prepare(sql, doing: doing)
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }

    /// The first column of the first row.
    @inline(never)
    func text(_ sql: String, doing: String) throws(StoreError) -> String {
        let statement = try prepare(sql, doing: doing)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : ""
    }

    @inline(never)
    func prepare(_ sql: String, doing: String) throws(StoreError) -> Statement {
        try Statement(self, sql, doing: doing)
    }

    /// All of `body`'s changes, or none.
    func transaction(doing: String, _ body: () throws(StoreError) -> Void) throws(StoreError) {
        try execute("BEGIN IMMEDIATE", doing: doing)
        do throws(StoreError) {
            try body()
            try execute("COMMIT", doing: doing)
        } catch {
            // A full disk may have rolled back already (sqlite.org/lang_transaction.html, 3).
            if unsafe sqlite3_get_autocommit(handle) == 0 {
                unsafe sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
            }
            throw error
        }
    }

    /// Keeps `-wal` and `-shm` when the last connection closes, so that a reader who may not write the directory can
    /// open the index at any time (SQLITE_FCNTL_PERSIST_WAL).
    func keepWriteAheadLog() {
        var on: Int32 = 1
        _ = unsafe sqlite3_file_control(handle, nil, SQLITE_FCNTL_PERSIST_WAL, &on)
    }

    /// From now on, nobody is waited for: the store thread has a watchdog.
    func shortenWait() {
        waitMilliseconds = Self.hurriedMilliseconds
        unsafe sqlite3_busy_timeout(handle, waitMilliseconds)
    }

    /// Moves the write-ahead log into the database and empties it. A reader in the way makes it a partial one, which
    /// is no error: a later one finishes it. Without a time-out, as it would wait for the reader
    /// (sqlite.org/c3ref/wal_checkpoint_v2.html).
    @inline(never)
    func checkpoint() {
        unsafe sqlite3_busy_timeout(handle, 0)
        _ = unsafe sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        wrote()
        unsafe sqlite3_busy_timeout(handle, waitMilliseconds)
    }

    /// The file was deleted or moved since it was opened (SQLITE_FCNTL_HAS_MOVED).
    var hasMoved: Bool {
        var moved: Int32 = 0
        _ = unsafe sqlite3_file_control(handle, nil, SQLITE_FCNTL_HAS_MOVED, &moved)
        return moved != 0
    }

    private var modified: Int64 { FileSystem.place(path)?.modified ?? 0 }

    /// Whether the file was written since this connection did. Others' changes go to the log; the file itself is only
    /// theirs for a checkpoint.
    var isWrittenByOthers: Bool { modified != ownModified }

    func wrote() { ownModified = modified }

    /// The write-ahead log's length. Commits keep it short, unless somebody reads what was before them.
    var logBytes: Int64 { FileSystem.place(path + "-wal")?.bytes ?? 0 }

    /// Whether a file with such an error is better left alone: SQLITE_PERM, BUSY, LOCKED, READONLY and CANTOPEN last.
    static func isUnusable(_ code: Int32) -> Bool {
        [3, 5, 6, 8, 14].contains(code & 0xFF) || isUnreadable(code)
    }

    /// Whether the disk cannot give back a page: of the codes of SQLITE_IOERR, READ, SHORT_READ, DATA and CORRUPTFS.
    static func isUnreadable(_ code: Int32) -> Bool {
        [1, 2, 32, 33].contains(code >> 8) && code & 0xFF == SQLITE_IOERR
    }

    @inline(never)
    fileprivate func failure(_ doing: String, _ code: Int32) -> StoreError {
        noted(unsafe Self.error(doing, path, handle, code))
    }

    /// What is there can be read and is impossible.
    @inline(never)
    func damaged(_ reason: String) -> StoreError {
        if fault.isEmpty { fault = reason }
        return .damagedIndex(file: path, reason: reason)
    }

    @inline(never)
    func noted(_ error: StoreError) -> StoreError {
        if let reason = error.damage, fault.isEmpty { fault = reason }
        return error
    }

    private static func error(
        _ doing: String, _ path: String, _ handle: OpaquePointer, _ code: Int32
    ) -> StoreError {
        var reason = unsafe String(cString: sqlite3_errmsg(handle))
        let system = unsafe sqlite3_system_errno(handle)
        let primary = code & 0xFF
        // SQLite is asked rather than the file opened beside it: closing that would drop this process's locks
        // (sqlite.org/howtocorrupt.html, 2.2).
        if primary == SQLITE_CANTOPEN, system == SystemError.noSuchFile { return .noIndex(file: path) }
        if primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB { return .damagedIndex(file: path, reason: reason) }
        if system != 0, [SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN, SQLITE_READONLY].contains(primary) {
            reason += " (" + SystemError.text(of: system) + ")"
        }
        return .index(doing: doing, file: path, reason: reason, code: code)
    }
}

/// One prepared statement, used again and again.
@safe final class Statement {
    private let database: Database
    private let handle: OpaquePointer
    private let doing: String

    fileprivate init(_ database: Database, _ sql: String, doing: String) throws(StoreError) {
        var prepared: OpaquePointer?
        let result = unsafe sqlite3_prepare_v3(
            database.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard result == SQLITE_OK, let handle = unsafe prepared else {
            throw database.failure(doing, result)
        }
        self.database = database
        unsafe self.handle = handle
        self.doing = doing
    }

    deinit {
        unsafe sqlite3_finalize(handle)
    }

    // Parameters count from 1, columns from 0, as SQLite's do. Binding fails only for a parameter that is not there
    // or without memory; the step then fails or violates NOT NULL.

    func bind(_ index: Int32, _ value: Int64) {
        _ = unsafe sqlite3_bind_int64(handle, index, value)
    }

    func bind(_ index: Int32, _ value: Bool) {
        bind(index, Int64(value ? 1 : 0))
    }

    func bind(_ index: Int32, _ value: Double) {
        _ = unsafe sqlite3_bind_double(handle, index, value)
    }

    @inline(never)
    func bind(_ index: Int32, _ value: String) {
        var copy = value
        copy.withUTF8 { text in
            // An empty string's address may be null, which would bind NULL.
            let result = unsafe text.withMemoryRebound(to: CChar.self) { text in
                unsafe chalk_sqlite_bind_text(handle, index, text.baseAddress, Int32(clamping: text.count))
            }
            if text.isEmpty || result != SQLITE_OK { _ = unsafe chalk_sqlite_bind_text(handle, index, "", 0) }
        }
    }

    /// Runs to the next row; false when there is none. Reset afterwards.
    @inline(never)
    func step() throws(StoreError) -> Bool {
        let result = unsafe sqlite3_step(handle)
        if result == SQLITE_ROW { return true }
        guard result == SQLITE_DONE else {
            let error = database.failure(doing, result)
            reset()
            throw error
        }
        if unsafe sqlite3_stmt_readonly(handle) == 0 { database.wrote() }
        return false
    }

    /// Runs a statement that changes something, and makes it ready for the next use.
    @inline(never)
    func run() throws(StoreError) {
        _ = try step()
        reset()
    }

    func reset() {
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
    }

    func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }
    /// Nil: NULL.
    func number(_ column: Int32) -> Int? {
        unsafe sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : Int(clamping: integer(column))
    }
    func double(_ column: Int32) -> Double { unsafe sqlite3_column_double(handle, column) }

    /// The columns' types, an octal digit each: 1 integer, 2 float, 3 text (sqlite.org/c3ref/c_blob.html).
    func types(_ count: Int32) -> Int32 {
        var types: Int32 = 0
        for column in 0..<count { types = types << 3 | (unsafe sqlite3_column_type(handle, column)) }
        return types
    }

    /// A position in a recording. SQLite has no checksums: a damaged page gives any number at all. Then it is nil, and
    /// the row counts as one that is left out: one wrong row is no reason to refuse the others.
    @inline(never)
    func sample(_ column: Int32) -> SampleIndex? {
        let value = integer(column)
        guard (0...Limits.recordingSamples).contains(value) else {
            skip()
            return nil
        }
        return SampleIndex(value)
    }

    func skip() { database.skippedRows += 1 }

    @inline(never)
    func text(_ column: Int32) -> String {
        guard let text = unsafe sqlite3_column_text(handle, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }
}
