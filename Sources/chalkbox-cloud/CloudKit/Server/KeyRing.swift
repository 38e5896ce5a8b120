internal import Foundation

/// The API keys that speech sessions may use. Called from any thread.
final class KeyRing: @unchecked Sendable {
    private struct Key {
        var expires: Date
        var isSingleUse: Bool
    }

    private let lock = NSLock()
    private let permanent: Set<String>
    private var issued: [String: Key] = [:]

    init(permanent: [String]) { self.permanent = Set(permanent) }

    /// A new key and the time it expires.
    func issue(lifeSeconds: Int, isSingleUse: Bool = false) -> (key: String, expires: Date) {
        var random = SystemRandomNumberGenerator()
        let key = "temp:" + (0..<4).map { _ in String(random.next() as UInt64, radix: 36) }.joined()
        let now = Date()
        let expires = now.addingTimeInterval(Double(lifeSeconds))
        lock.withLock {
            issued = issued.filter { $0.value.expires > now }
            issued[key] = Key(expires: expires, isSingleUse: isSingleUse)
        }
        return (key, expires)
    }

    /// Whether a session may begin with this key; a single-use key is used up by it.
    func admits(_ key: String) -> Bool {
        if permanent.contains(key) { return true }
        return lock.withLock {
            guard let entry = issued[key], entry.expires > Date() else { return false }
            if entry.isSingleUse { issued[key] = nil }
            return true
        }
    }

    func isPermanent(_ key: String) -> Bool { permanent.contains(key) }
}
