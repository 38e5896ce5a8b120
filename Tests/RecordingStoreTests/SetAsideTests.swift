import Foundation
import LinuxRuntime
import RecorderCore
import Testing

@testable import RecordingStore

extension StoreTests {
    /// Whatever is in the index's place, the box records, and nothing of what was there is lost.
    struct SetAsideTests {
        private let scratch = Scratch()
        private var directory: String { scratch.path }
        private var file: String { directory + "/index.sqlite" }
        private static let known = IndexSchema.migrations.count

        @discardableResult private func sql(_ text: String) -> Bool { run("sqlite3 '\(file)' '\(text)'") }

        private func names() throws -> [String] {
            try FileSystem.list(directory).filter { !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") }
        }

        /// One lesson, uploaded or not.
        private func past(uploaded: Bool = false) throws -> RecordingID {
            let bench = try StoreBench(directory, postLesson: StoreBench.both)
            let id = try bench.lesson(1, samples: 40_000, [word("one", 1_000), word("two", 3_000)])
            if uploaded { try bench.upload(try #require(try bench.nextPackage().package)) }
            bench.store.shutdown()
            return id
        }

        /// That it starts and records; the store is given back running.
        private func expectRecords(_ number: UInt64 = 9) throws -> StoreBench {
            let bench = try StoreBench(directory, postLesson: StoreBench.both)
            bench.ring.reset()
            let id = try bench.lesson(number, samples: 20_000, [word("new", 1_000)])
            #expect(try readBack(id, directory) == (20_000, true))
            #expect(try RecordingIndex(directory: directory).summary(id)?.words == 1)
            return bench
        }

        @Test(arguments: [false, true])
        func `an index of a newer version is set aside, and what it says is known`(uploaded: Bool) throws {
            let id = try past(uploaded: uploaded)
            sql("PRAGMA user_version = 9; CREATE TABLE more (x)")
            let bench = try expectRecords()
            #expect(bench.store.rebuilt?.kept == "index.sqlite.format-9")
            let reason = StoreError.newerIndex(file: file, version: 9, known: Self.known)
            #expect(bench.store.rebuilt?.reason == reason.message)
            let summary = try #require(try RecordingIndex(directory: directory).summary(id))
            #expect(summary.words == 2 && summary.state == (uploaded ? .uploaded : .saved))
            #expect(summary.packageBytes == summary.sentBytes && (summary.packageBytes > 0) == uploaded)
            #expect(try names() == ["index.sqlite", "index.sqlite.format-9", "recordings"])
            let next = try bench.nextPackage(skipping: [id]).package?.recording
            #expect(next == StoreBench.header(9).id, "what is uploaded is not sent again")
        }

        @Test func `an upload that had begun goes on with its addresses`() throws {
            let bench = try StoreBench(directory, postLesson: StoreBench.both)
            let id = try bench.lesson(1, samples: 40_000, [word("one", 1_000)])
            var package = try #require(try bench.nextPackage().package)
            let first = package.files[0].name
            try bench.ask(.packageFile(id, name: first, url: "https://school.example/1", isSent: true)) {
                $0 == .packageNoted(id, name: first)
            }
            bench.store.shutdown()
            sql("PRAGMA user_version = 9")
            let again = try StoreBench(directory, postLesson: StoreBench.both)
            package.files[0].url = "https://school.example/1"
            package.files[0].isSent = true
            #expect(try again.nextPackage().package == package)
        }

        @Test func `this version's own index comes back after another version's, with what came meanwhile`() throws {
            let uploaded = try past(uploaded: true)
            let bench = try StoreBench(directory, postLesson: StoreBench.both)
            bench.ring.reset()
            let waiting = try bench.lesson(2, samples: 30_000, [word("three", 1_000)])
            let deleted = try bench.lesson(3, samples: 30_000, [])
            bench.store.shutdown()
            // As the other slot's older version does: it sets this one's aside, and makes one of its own format.
            #expect(run("cp '\(file)' '\(directory)/own'"))
            sql("PRAGMA user_version = 9")
            let other = try StoreBench(directory, postLesson: StoreBench.both)
            other.ring.reset()
            let meanwhile = try other.lesson(4, samples: 20_000, [word("four", 1_000)])
            for _ in 0..<2 {
                let package = try #require(try other.nextPackage(skipping: [meanwhile]).package)
                try other.upload(package)
            }
            other.store.shutdown()
            #expect(run("rm -r '\(directory)/recordings/\(deleted.text)'"))
            sql("DELETE FROM recording WHERE id = \"\(deleted.text)\"; PRAGMA user_version = 1")
            let own = "index.sqlite.format-\(Self.known)"
            #expect(run("rm '\(directory)'/index.sqlite.format-9* && mv '\(directory)/own' '\(directory)/\(own)'"))

            let back = try StoreBench(directory, postLesson: StoreBench.both)
            #expect(back.store.rebuilt?.isTakenUp == true && back.store.rebuilt?.kept == "index.sqlite.format-1")
            #expect(try names() == ["index.sqlite", "index.sqlite.format-1", "recordings"])
            let list = try RecordingIndex(directory: directory).recordings()
            #expect(list.map(\.header.id) == [uploaded, waiting, meanwhile])
            #expect(list.map(\.state) == [.uploaded, .uploaded, .saved])
            #expect(list.map(\.words) == [2, 1, 1])
            #expect(try back.nextPackage().package?.recording == meanwhile)
            // And once is enough.
            back.store.shutdown()
            let again = try StoreBench(directory)
            #expect(again.store.rebuilt == nil && again.store.recovered.isEmpty)
        }

        @Test func `a power cut between the two indexes' moves costs nothing`() throws {
            let id = try past(uploaded: true)
            sql("PRAGMA wal_checkpoint(TRUNCATE)")
            #expect(run("mv '\(file)' '\(file).format-\(Self.known)' && rm -f '\(file)'-*"))
            let bench = try expectRecords()
            #expect(bench.store.rebuilt?.isTakenUp == true)
            #expect(try RecordingIndex(directory: directory).summary(id)?.state == .uploaded)
            #expect(try names() == ["index.sqlite", "recordings"])
        }

        @Test func `another program's database is set aside as it is`() throws {
            sql("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (7)")
            let bench = try expectRecords()
            let kept = try #require(bench.store.rebuilt?.kept)
            #expect(bench.store.rebuilt?.reason == StoreError.foreignIndex(file: file).message)
            #expect(run("sqlite3 '\(directory)/\(kept)' 'SELECT x FROM theirs' | grep -qx 7"))
        }

        @Test(arguments: ["mkdir -p 'FILE/sub'", "mkfifo 'FILE'", "ln -s /dev/null 'FILE'", "ln -s no/where 'FILE'"])
        func `what is no file at all is set aside`(command: String) throws {
            let id = try past()
            #expect(run("rm -f '\(file)'*; " + command.replacing("FILE", with: file)))
            let bench = try expectRecords()
            #expect(bench.store.rebuilt?.kept != nil, "\(command)")
            #expect(try RecordingIndex(directory: directory).summary(id)?.samples == 40_000)
            bench.store.shutdown()
            #expect(try StoreBench(directory).store.rebuilt == nil)
        }

        @Test(.enabled(if: TinyDisk.isPermitted, "needs the right to mount"))
        func `what cannot even be moved is left, and the index lies beside the audio until it can`() throws {
            let id = try past()
            sql("PRAGMA user_version = 9")
            #expect(run("cp '\(file)' '\(directory)/theirs' && mount --bind '\(directory)/theirs' '\(file)'"))
            var bench = try expectRecords()
            #expect(bench.store.rebuilt?.kept == nil && bench.store.rebuilt?.recordings == 1)
            bench.store.shutdown()
            #expect(try RecordingIndex(directory: directory).recordings().map(\.header.id).first == id)
            bench = try expectRecords(10)
            #expect(bench.store.rebuilt == nil, "it is found again")
            bench.store.shutdown()
            #expect(run("umount '\(file)'"))
            bench = try expectRecords(11)
            #expect(try RecordingIndex(directory: directory).recordings().count == 4)
            #expect(!FileManager.default.fileExists(atPath: directory + "/recordings/index.sqlite"))
        }

        @Test func `an index that may only be read, or not at all, is set aside`() throws {
            let id = try past(uploaded: true)
            // The superuser may do everything: a daemon of another user is tried in DaemonTests. This is what SQLite
            // says then.
            for code: Int32 in [8, 14, 1_032, 270] {
                #expect(Database.isUnusable(code), "\(code)")
            }
            for code: Int32 in [13, 7, 778, 1_034] { #expect(!Database.isUnusable(code), "\(code)") }
            #expect(try RecordingIndex(directory: directory).summary(id) != nil)
        }

        @Test func `an index that somebody holds for ever is set aside`() throws {
            let id = try past()
            let other = try Database(path: file, .write)
            try other.execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE", doing: "hold it")
            let bench = try expectRecords()
            #expect(bench.store.rebuilt?.kept != nil)
            #expect(try RecordingIndex(directory: directory).summary(id)?.samples == 40_000)
        }
    }
}
