import Glibc

/// Everything that reads bytes from a file, a socket or the kernel, each as a function of bytes. Whatever they are, it
/// must come to an end, with a result that holds what the types promise, or with an error.
public enum FuzzTarget: String, CaseIterable, Sendable {
    case flac
    case index
    case control
    case token
    case speech
    case answer
    case configuration
    case netlink
    case text

    /// Longer inputs find nothing more: what is beyond is either refused or more of the same.
    public var maximumBytes: Int {
        switch self {
        case .flac: 16 << 10
        case .index: 48 << 10
        case .control: ControlFuzz.maximumBytes
        case .token: 4 << 10
        case .speech: 16 << 10
        case .answer: AnswerFuzz.maximumBytes
        case .configuration: 8 << 10
        case .netlink: 4 << 10
        case .text: 256
        }
    }

    /// - Throws: `Violation` when what was read is not what the parser promises.
    public func run(_ bytes: [UInt8]) throws {
        switch self {
        case .flac: try FLACFuzz.run(bytes)
        case .index: try IndexFuzz.run(bytes)
        case .control: try ControlFuzz.run(bytes)
        case .token: try TokenFuzz.run(bytes)
        case .speech: try SpeechFuzz.run(bytes)
        case .answer: try AnswerFuzz.run(bytes)
        case .configuration: try ConfigurationFuzz.run(bytes)
        case .netlink: try NetlinkFuzz.run(bytes)
        case .text: try TextFuzz.run(bytes)
        }
    }
}

/// A promise that was broken.
public struct Violation: Error, CustomStringConvertible {
    public let description: String
}

func expect(
    _ condition: Bool, _ promise: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws(Violation) {
    guard condition else { throw Violation(description: "\(file):\(line): \(promise())") }
}

/// A directory, in memory where nobody says otherwise, that is removed at the end of the process.
enum Scratch {
    static let directory: String = {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/dev/shm"
        var template = Array("\(parent)/chalkbox-fuzz-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("cannot make a directory in \(parent)") }
        atexit { _ = system("rm -rf '\(Scratch.directory)'") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    static func write(_ bytes: [UInt8], to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count else {
            fatalError("cannot write \(path)")
        }
        close(file)
    }
}
