internal import Foundation

/// One tus upload: what is known of it, and its bytes so far. Used on the event loop only.
final class Upload {
    /// What a server that was killed must still know; the offset is its file's length.
    struct Facts: Codable {
        var id: String
        /// From 1, in the order of creation, also across servers.
        var number: Int
        /// `Upload-Metadata` as it came.
        var metadata: String
        /// `BUCKET/NAME`.
        var object: String
        var contentType: String?
        var length: Int
        var expires: Date
        /// Bytes that came for it, those of repeated ranges too, up to the end of the last PATCH.
        var receivedBytes = 0
        /// Its offset at that time.
        var notedOffset = 0
        var patches = 0
        /// A PATCH with a checksum began here: what follows counts only when the checksum is right.
        var uncheckedFrom: Int?
        /// Of the object that it became.
        var sha256: String?
    }

    var facts: Facts
    /// Nil once it has become an object.
    var bytes: StoredBytes?
    /// A PATCH is under way.
    var isLocked = false

    init(_ facts: Facts, bytes: StoredBytes?) {
        self.facts = facts
        self.bytes = bytes
    }

    var id: String { facts.id }
    var offset: Int { bytes?.count ?? facts.length }
    var isExpired: Bool { facts.expires <= Date() }
}

/// What a completed upload became.
struct StoredObject {
    var bytes: Int
    var sha256: String
    var contentType: String?
    /// How many uploads of this name were completed.
    var timesCompleted: Int
    var content: StoredBytes?
    var path: String?
}
