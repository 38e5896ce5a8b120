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
}
