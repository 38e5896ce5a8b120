import Foundation
import FuzzTargets
import OwnThread
import Testing

/// The corpus, and a few mutants of it, always the same. `Tests/fuzz` does the rest, by night.
@Suite(.ownThread, .serialized) struct `What is read from outside` {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")
    private static let mutants = 1_000
    /// Of a processor's, whatever runs beside.
    private static let seconds = 4

    /// What the calling thread has had of a processor, in seconds.
    private static var used: Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int(time.tv_sec)
    }

    private static func inputs(_ target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let folder = corpus.appending(path: target.rawValue)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
            (name, [UInt8](try Data(contentsOf: folder.appending(path: name))))
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `does no harm and keeps its promises`(target: FuzzTarget) throws {
        let inputs = try Self.inputs(target)
        try #require(!inputs.isEmpty)
        for (name, bytes) in inputs {
            #expect(throws: Never.self, "\(target.rawValue)/\(name)") { try target.run(bytes) }
        }
        var mutator = Mutator(seed: 1)
        let begun = Self.used
        for number in 1...Self.mutants where Self.used - begun < Self.seconds {
            let bytes = mutator.mutant(of: inputs.map(\.bytes), maximumBytes: target.maximumBytes)
            #expect(throws: Never.self, "\(target.rawValue), mutant \(number): \(Data(bytes).base64EncodedString())") {
                try target.run(bytes)
            }
        }
    }

    @Test func `the corpus is small`() throws {
        let sizes = try FuzzTarget.allCases.map { try Self.inputs($0).reduce(0) { $0 + $1.bytes.count } }
        #expect(sizes.reduce(0, +) <= 200 << 10)
    }
}
