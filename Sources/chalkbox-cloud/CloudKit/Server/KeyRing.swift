internal import Foundation

/// The API keys that speech sessions may use. Called from any thread.
final class KeyRing: @unchecked Sendable {
    private struct Key {
        var expires: Date
        var isSingleUse: Bool
        var endsSessions: Bool
    }

    /// That a session may begin, and when its key's end is its own.
    struct Admission: Equatable {
        var endsSession: Date?
    }

    private let lock = NSLock()
    private let permanent: Set<String>
    private var issued: [String: Key] = [:]

    init(permanent: [String]) { self.permanent = Set(permanent) }

    /// A new key and the time it expires.
    ///
    /// - Parameters:
    ///   - endsSessions: whether sessions that use it end with it; at the real service they go on.
    ///   - isOfOtherRegion: whether it is good at another region's hosts only.
    func issue(
        lifeMilliseconds: Int, isSingleUse: Bool = false, endsSessions: Bool = false, isOfOtherRegion: Bool = false
    ) -> (key: String, expires: Date) {
        var random = SystemRandomNumberGenerator()
        let key = "temp:" + (0..<4).map { _ in String(random.next() as UInt64, radix: 36) }.joined()
        let now = Date()
        let expires = now.addingTimeInterval(Double(lifeMilliseconds) / 1_000)
        lock.withLock {
            issued = issued.filter { $0.value.expires > now }
            if isOfOtherRegion { return }
            issued[key] = Key(expires: expires, isSingleUse: isSingleUse, endsSessions: endsSessions)
        }
        return (key, expires)
    }

    /// Whether a session may begin with this key; a single-use key is used up by it.
    func admit(_ key: String) -> Admission? {
        if permanent.contains(key) { return Admission() }
        return lock.withLock {
            guard let entry = issued[key], entry.expires > Date() else { return nil }
            if entry.isSingleUse { issued[key] = nil }
            return Admission(endsSession: entry.endsSessions ? entry.expires : nil)
        }
    }

    /// Whether `admit` would say yes.
    func isValid(_ key: String) -> Bool {
        permanent.contains(key) || lock.withLock { issued[key].map { $0.expires > Date() } ?? false }
    }

    func isPermanent(_ key: String) -> Bool { permanent.contains(key) }

    /// All that were issued so far.
    func expireAll() { lock.withLock { issued = [:] } }

    /// Tells keys apart in a log that must not hold them: FNV-1a, 64 of a key's 256 random bits.
    static func fingerprint(of key: String) -> String {
        let hash = key.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}
