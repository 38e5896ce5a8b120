internal import LinuxRuntime
internal import RecorderCore

/// The tables of `index.sqlite`, and how an older file becomes a newer one.
///
/// What the index costs the flash is decided here. A commit that has words appends pages to the write-ahead log, and
/// a block of the flash (4 KiB) is the least that can be written. So: pages of 1 KiB; words in a table by row number,
/// which SQLite fills from the left to the right and never rebalances when rows come in order; and `covered` beside a
/// commit's last word, since in its recording's row it would cost a second page. A commit without words writes
/// nothing here: the audio file itself says how many samples there are.
enum IndexSchema {
    /// "chlk": tells our files from other programs' (sqlite.org/pragma.html#pragma_application_id).
    static let applicationID: Int64 = 0x6368_6C6B
    /// Pages of 1 KiB after which a commit moves the log into the database: the log stays under 0.5 MiB.
    static let checkpointPages = 256

    /// `token.place` is the recording's number times this plus the word's number, from 0: room for 1,800 hours at
    /// 150 words a minute.
    static let wordsARecording: Int64 = 1 << 24
    /// So many have places for their words; the number of a row that is damaged may be any.
    static let recordings: Int64 = 1 << 38

    /// Entry n takes a file from `user_version` n to n + 1. Entries are never changed once released.
    static let migrations = [version1, version2]

    /// How long a recording was too quiet and too loud, in samples. Made when it is first needed, without raising
    /// `user_version`: an older version goes on reading the index, and deletes these rows with the recording's.
    static let level = """
        CREATE TABLE IF NOT EXISTS level (
            recording INTEGER PRIMARY KEY REFERENCES recording (number) ON DELETE CASCADE,
            quiet INTEGER NOT NULL,
            clipped INTEGER NOT NULL
        ) STRICT
        """
    /// What was there may be damaged: a sum that is no integer any more would be refused.
    static let addLevel = """
        INSERT INTO level VALUES (?, ?, ?) ON CONFLICT DO UPDATE
        SET quiet = (quiet & 0xFFFFFFFFFF) + excluded.quiet, clipped = (clipped & 0xFFFFFFFFFF) + excluded.clipped
        """
    /// What was measured of a recording's sound (`MeasuredSound`); likewise made when it is first needed.
    static let measured = """
        CREATE TABLE IF NOT EXISTS measured (
            recording INTEGER PRIMARY KEY REFERENCES recording (number) ON DELETE CASCADE,
            loudest INTEGER,
            quietest INTEGER,
            drift INTEGER
        ) STRICT
        """
    static let measuredColumns = "loudest, quietest, drift"
    static let levelMask: Int64 = 0xFF_FFFF_FFFF

    static func open(_ path: String, _ access: Database.Access) throws(StoreError) -> Database {
        let database = try Database(path: path, access)
        try database.execute(
            "PRAGMA cache_size = -64; PRAGMA mmap_size = 0; PRAGMA foreign_keys = ON", doing: "set up the index")
        switch access {
        case .read:
            try check(database)
            guard try version(database) == migrations.count else { throw .noIndex(file: path) }
        case .write:
            // Before the first table: the size of a page cannot be changed later.
            try database.execute("PRAGMA page_size = 1024", doing: "set up the index")
            try check(database)
            try checkPages(database)
            // FULL: a commit's words are on the medium when it returns. NORMAL would leave them in memory until
            // the next checkpoint, and a power cut would take finished words (sqlite.org/wal.html, 2.3).
            try database.execute(
                """
                PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 1048576; \
                PRAGMA wal_autocheckpoint = \(checkpointPages)
                """, doing: "set up the index")
            database.keepWriteAheadLog()
            try migrate(database)
        }
        return database
    }

    /// Reads an index that is in use through, as at a start: what is found is the connection's fault.
    @inline(never)
    static func check(inUse database: Database) {
        do throws(StoreError) {
            // SQLite would delete the log beside it.
            guard FileSystem.place(database.path)?.bytes ?? 0 > 0 else { throw database.damaged("it is empty") }
            try checkPages(try open(database.path, .read))
            database.wrote()
        } catch {
            if case .noIndex = error { _ = database.damaged("it has no tables") }
            _ = database.noted(error)
        }
    }

    /// The `user_version` of an index of ours, whatever version of the program it is of.
    @inline(never)
    static func format(of path: String) throws(StoreError) -> Int {
        let database = try Database(path: path, .read)
        do throws(StoreError) {
            try check(database)
        } catch {
            guard case .newerIndex(_, let format, _) = error else { throw error }
            return format
        }
        return try version(database)
    }

    @inline(never)
    private static func version(_ database: Database) throws(StoreError) -> Int {
        Int(try database.integer("PRAGMA user_version", doing: "read the index's version"))
    }

    @inline(never)
    private static func check(_ database: Database) throws(StoreError) {
        let tables = try database.integer("SELECT count(*) FROM sqlite_schema", doing: "read the index")
        let identity = try database.integer("PRAGMA application_id", doing: "read the index")
        guard identity == applicationID || (identity == 0 && tables == 0) else {
            throw .foreignIndex(file: database.path)
        }
        let version = try version(database)
        guard version >= 0 else {
            throw .damagedIndex(file: database.path, reason: "it says that its format is \(version)")
        }
        guard version <= migrations.count else {
            throw .newerIndex(file: database.path, version: version, known: migrations.count)
        }
    }

    /// Finds torn and overwritten pages before anything is built on them. It reads the file once: 0.5 s of work for
    /// 100 MB, and what the flash takes for it. Of an index larger than the bound, the words are left out.
    private static func checkPages(_ database: Database) throws(StoreError) {
        let version = try version(database)
        guard version > 0 else { return }
        let doing = "check the index"
        let found = try database.integer(
            """
            SELECT count(*) FROM sqlite_schema WHERE name IN ('recording', 'token', 'silence', 'gap', 'parcel_file')
            """, doing: doing)
        guard found == (version == 1 ? 4 : 5) else {
            throw .damagedIndex(file: database.path, reason: "tables are missing")
        }
        let pages = try database.integer("PRAGMA page_count", doing: doing)
        let isSmall = try pages * database.integer("PRAGMA page_size", doing: doing) <= Limits.checkedIndexBytes
        let parts = version == 1 ? "recording silence gap" : "recording silence gap parcel_file"
        for check in (isSmall ? "1" : parts).parts(separatedBy: " ") {
            let answer = try database.text("PRAGMA quick_check(\(check))", doing: doing)
            guard answer == "ok" else { throw .damagedIndex(file: database.path, reason: answer) }
        }
        // No new recording would find a number, and no name its row.
        let names = try database.text("PRAGMA integrity_check(recording)", doing: doing)
        guard names == "ok" else { throw .damagedIndex(file: database.path, reason: names) }
        let strays = try database.integer(
            "SELECT count(*) FROM recording WHERE number NOT BETWEEN 0 AND \(recordings - 1)", doing: doing)
        guard strays == 0 else { throw .damagedIndex(file: database.path, reason: "it holds impossible recordings") }
    }

    private static func migrate(_ database: Database) throws(StoreError) {
        let start = try version(database)
        for version in start..<migrations.count {
            try database.transaction(doing: "update the index") { () throws(StoreError) in
                try database.execute(migrations[version], doing: "update the index")
                try database.execute("PRAGMA user_version = \(version + 1)", doing: "update the index")
            }
        }
    }

    /// A row of `token` is a word, and its text begins with a space. Older versions kept the service's tokens: a piece
    /// of a word that belongs to the row before has `begins_word` 0. `covered` is 0 but in the last row of a commit.
    /// `samples`, `tokens` (rows), `words` and `speakers` of a recording hold once it is not in state 1 (recording).
    /// `interrupted` is 1 until STOP is pressed.
    private static let version1 = """
        PRAGMA application_id = \(applicationID);
        CREATE TABLE recording (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE CHECK (length(id) = 26),
            label TEXT NOT NULL,
            started_at_ms INTEGER NOT NULL,
            clock_synchronised INTEGER NOT NULL CHECK (clock_synchronised IN (0, 1)),
            state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
            samples INTEGER NOT NULL DEFAULT 0 CHECK (samples >= 0),
            tokens INTEGER NOT NULL DEFAULT 0,
            words INTEGER NOT NULL DEFAULT 0,
            speakers INTEGER NOT NULL DEFAULT 0,
            covered INTEGER NOT NULL DEFAULT 0 CHECK (covered >= 0),
            interrupted INTEGER NOT NULL DEFAULT 0 CHECK (interrupted IN (0, 1))
        ) STRICT;
        CREATE TABLE token (
            place INTEGER PRIMARY KEY,
            text TEXT NOT NULL,
            start_sample INTEGER NOT NULL,
            end_sample INTEGER NOT NULL,
            confidence REAL NOT NULL,
            speaker INTEGER NOT NULL,
            language TEXT NOT NULL,
            begins_word INTEGER NOT NULL CHECK (begins_word IN (0, 1)),
            covered INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE silence (
            recording INTEGER NOT NULL REFERENCES recording (number) ON DELETE CASCADE,
            start_sample INTEGER NOT NULL,
            end_sample INTEGER NOT NULL,
            reason INTEGER NOT NULL,
            PRIMARY KEY (recording, start_sample)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE gap (
            recording INTEGER NOT NULL REFERENCES recording (number) ON DELETE CASCADE,
            start_sample INTEGER NOT NULL,
            end_sample INTEGER NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (recording, start_sample)
        ) STRICT, WITHOUT ROWID;
        """

    /// `settled` is 1 when no text will come any more; `settled_reason` says why not, when some is missing.
    /// `job_file` and `job_transcription`: what the service calls the audio that it was sent, and what it makes of it.
    /// The rows of `parcel_file` are there when all of its files are on the medium. `url` is empty when there is none.
    private static let version2 = """
        ALTER TABLE recording ADD COLUMN settled INTEGER NOT NULL DEFAULT 0 CHECK (settled IN (0, 1));
        UPDATE recording SET settled = 1
            WHERE state > 1 AND NOT EXISTS (SELECT 1 FROM gap WHERE recording = number);
        ALTER TABLE recording ADD COLUMN settled_reason TEXT NOT NULL DEFAULT '';
        ALTER TABLE recording ADD COLUMN job_file TEXT NOT NULL DEFAULT '';
        ALTER TABLE recording ADD COLUMN job_transcription TEXT NOT NULL DEFAULT '';
        CREATE TABLE parcel_file (
            recording INTEGER NOT NULL REFERENCES recording (number) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            name TEXT NOT NULL,
            content_type TEXT NOT NULL,
            bytes INTEGER NOT NULL CHECK (bytes >= 0),
            sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
            url TEXT NOT NULL DEFAULT '',
            is_sent INTEGER NOT NULL DEFAULT 0 CHECK (is_sent IN (0, 1)),
            PRIMARY KEY (recording, position)
        ) STRICT, WITHOUT ROWID;
        """
}
