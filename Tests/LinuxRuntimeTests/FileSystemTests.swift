import Foundation
import LinuxRuntime
import Testing

@Suite final class `The file system layer` {
    let directory = NSTemporaryDirectory() + "chalkbox-\(UUID().uuidString)"

    init() throws {
        try FileSystem.makeDirectories(directory + "/a/b", mode: 0o750)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    @Test func `a file is replaced at once and read back`() throws {
        let path = directory + "/a/file"
        try FileSystem.writeFile(path, [1, 2, 3])
        try FileSystem.writeFile(path, [4])
        #expect(try FileSystem.readFile(path, limitBytes: 10) == [4])
        #expect(try FileSystem.list(directory + "/a") == ["b", "file"])
    }

    @Test func `a file over the limit is refused`() throws {
        let path = directory + "/big"
        try FileSystem.writeFile(path, [UInt8](repeating: 1, count: 100))
        #expect(throws: SystemError.self) { try FileSystem.readFile(path, limitBytes: 99) }
    }

    @Test func `errors name the file and the reason`() {
        #expect(throws: SystemError("open", directory + "/none", number: ENOENT)) {
            try FileSystem.readFile(self.directory + "/none", limitBytes: 1)
        }
        #expect(SystemError("open", "/x", number: ENOENT).message == "cannot open /x: No such file or directory")
    }

    @Test func `a secret that others can read is refused`() throws {
        let path = directory + "/secret"
        try FileSystem.writeFile(path, Array("key".utf8), mode: 0o600)
        #expect(try FileSystem.readSecret(path, limitBytes: 10) == Array("key".utf8))
        chmod(path, 0o644)
        #expect(throws: SystemError.self) { try FileSystem.readSecret(path, limitBytes: 10) }
    }

    @Test func `what is no regular file is refused, not waited for`() throws {
        let fifo = directory + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let odd = "not a regular file"
        for (path, told) in [(fifo, odd), ("/dev/zero", odd), (directory, "directory")] {
            for access in [File.Access.read, .write] {
                do throws(SystemError) {
                    _ = try File(path, access)
                    Issue.record("\(path) was opened")
                } catch {
                    #expect(error.message.hasPrefix("cannot open \(path): ") && error.message.contains(told))
                }
            }
        }
        #expect(throws: SystemError.self) { try FileSystem.readSecret(fifo, limitBytes: 10) }
    }

    @Test func `a file that cannot be replaced leaves nothing behind`() throws {
        let target = directory + "/a/b"
        #expect(throws: SystemError.self) { try FileSystem.writeFile(target, [1]) }
        #expect(try FileSystem.list(directory + "/a") == ["b"])
    }

    @Test func `an output keeps what is there, follows links and goes through to devices`() throws {
        let (path, link) = (directory + "/out", directory + "/link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "out")
        try OutputFile(link, replaces: false).write([1])
        #expect(try FileSystem.readFile(path, limitBytes: 10) == [1])
        #expect(throws: SystemError("write to", link + " without --force", number: EEXIST)) {
            try OutputFile(link, replaces: false)
        }
        try OutputFile(link, replaces: true).write([2])
        #expect(try FileSystem.readFile(path, limitBytes: 10) == [2])
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "out")
        #expect(throws: SystemError("write to", directory, number: EISDIR)) {
            try OutputFile(directory, replaces: true)
        }
        let null = try OutputFile("/dev/null", replaces: false)
        #expect(null.isStraight)
        try null.write([3])
        #expect(throws: SystemError("write to", "/dev/full", number: ENOSPC)) {
            try OutputFile("/dev/full", replaces: false).write([4])
        }
        #expect(try FileSystem.list(directory) == ["a", "link", "out"])
    }
}
