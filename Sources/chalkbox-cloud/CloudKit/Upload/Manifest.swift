internal import Foundation

/// What a box says of a lesson whose files it has uploaded.
struct Manifest: Decodable {
    struct Failure: Error {
        let reason: String
    }

    struct File: Decodable {
        var name: String
        var contentType: String
        var bytes: Int
        var sha256: String
    }

    private static let maximumFiles = 10_000

    var format: String
    var version: Int
    var id: String
    var label: String?
    var startedAt: String
    var clockSynchronised: Bool?
    var durationMs: Int
    var sampleRate: Int?
    var speakers: Int?
    var words: Int?
    var coveredMs: Int?
    var interrupted: Bool?
    var xruns: Int?
    var lostMs: Int?
    var files: [File]

    static func parse(_ bytes: [UInt8]) throws(Failure) -> Manifest {
        do {
            let manifest = try JSONDecoder().decode(Manifest.self, from: Data(bytes))
            try manifest.validate()
            return manifest
        } catch let failure as Failure {
            throw failure
        } catch DecodingError.keyNotFound(let key, let context) {
            throw Failure(reason: "\(path(context.codingPath + [key])) is missing")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw Failure(reason: "\(path(context.codingPath)) has the wrong type")
        } catch {
            throw Failure(reason: "the manifest is not JSON")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }

    private func validate() throws(Failure) {
        guard format == "chalkbox-manifest" else { throw Failure(reason: "format is not chalkbox-manifest") }
        guard version == 1 else { throw Failure(reason: "version is not 1") }
        guard Self.isName(id) else { throw Failure(reason: "id is no name of a recording") }
        guard durationMs >= 0 else { throw Failure(reason: "durationMs is negative") }
        guard (try? Date(startedAt, strategy: .iso8601)) != nil
            || (try? Date(startedAt, strategy: .iso8601.year().month().day().time(includingFractionalSeconds: true)))
                != nil
        else { throw Failure(reason: "startedAt is no RFC 3339 time") }
        guard !files.isEmpty, files.count <= Self.maximumFiles else {
            throw Failure(reason: "files are none or too many")
        }
        guard Set(files.map(\.name)).count == files.count else { throw Failure(reason: "files has a name twice") }
        for (index, file) in files.enumerated() {
            guard Self.isName(file.name) else { throw Failure(reason: "files.[\(index)].name is no file name") }
            guard file.bytes >= 0 else { throw Failure(reason: "files.[\(index)].bytes is negative") }
            guard file.sha256.utf8.count == 64, file.sha256.utf8.allSatisfy({ Self.isHexadecimal($0) }) else {
                throw Failure(reason: "files.[\(index)].sha256 is not 64 lower-case hexadecimal digits")
            }
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200 && text != "." && text != ".."
            && text.unicodeScalars.allSatisfy { $0.value > 32 && $0 != "/" && $0.value != 127 }
    }
}
