internal import Foundation

/// What `Upload-Metadata` says (tus 1.0, creation): where an upload belongs, by the names that Supabase's storage uses.
struct UploadMetadata: Equatable {
    struct Failure: Error {
        let reason: String
    }

    /// S3 takes no longer key.
    private static let maximumNameBytes = 1_024
    /// Linux's NAME_MAX.
    private static let maximumPartBytes = 255

    var bucketName: String
    var objectName: String
    var contentType: String?
    var fileName: String?

    /// Pairs of a key and a base64 value, or a key alone, with commas between them.
    init(_ header: String) throws(Failure) {
        var values: [String: String] = [:]
        for pair in header.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: " ")
            guard let key = parts.first.map(String.init), parts.count <= 2,
                key.utf8.allSatisfy({ (33...126).contains($0) })
            else { throw Failure(reason: "a pair is no key and value: '\(pair)'") }
            guard values[key] == nil else { throw Failure(reason: "the key '\(key)' comes twice") }
            guard let data = Data(base64Encoded: parts.count == 2 ? String(parts[1]) : ""),
                let value = String(data: data, encoding: .utf8)
            else { throw Failure(reason: "the value of '\(key)' is not base64 of UTF-8") }
            values[key] = value
        }
        bucketName = try Self.name(values, "bucketName")
        objectName = try Self.name(values, "objectName")
        guard !bucketName.contains("/") else { throw Failure(reason: "bucketName has a slash") }
        contentType = values["contentType"]
        fileName = values["filename"]
    }

    /// A name that is also a path below a directory, and never leaves it.
    private static func name(_ values: [String: String], _ key: String) throws(Failure) -> String {
        guard let name = values[key] else { throw Failure(reason: "\(key) is missing") }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isPath = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && part.utf8.count <= maximumPartBytes
                && !part.unicodeScalars.contains { $0.value < 32 || $0.value == 127 }
        }
        guard isPath, name.utf8.count <= maximumNameBytes else { throw Failure(reason: "\(key) is no usable name") }
        return name
    }
}
