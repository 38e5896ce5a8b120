internal import RecorderCore

/// A URL taken apart (RFC 3986, the part of it that is needed here) and found to be safe to talk to.
struct Endpoint: Equatable {
    /// A name or an address, without brackets.
    var host: String
    var port: Int
    var isTLS: Bool
    /// Path and query, from the slash on.
    var path: String

    /// The `Host` header: brackets for IPv6, the port unless it is the scheme's own.
    var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[" + host + "]" : host
        return port == (isTLS ? 443 : 80) ? name : name + ":\(port)"
    }

    /// For messages.
    var peer: String { authority }

    /// - Parameters:
    ///   - name: the setting, for the message.
    ///   - secure, plain: the schemes; the plain one is for loopback addresses only.
    init(_ url: String, name: String, secure: String, plain: String) throws(UplinkFailure) {
        func wrong(_ what: String) -> UplinkFailure { UplinkFailure(.configuration, name + ": " + what) }
        let bytes = Array(url.utf8)
        guard !bytes.isEmpty else { throw wrong("no URL given") }
        guard bytes.count <= UplinkLimits.urlBytes else { throw wrong("URL over \(UplinkLimits.urlBytes) bytes") }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw wrong("URL with a space or a character that is not ASCII")
        }
        let lowered = url.inLowerCase
        let rest: Substring
        if lowered.hasPrefix(secure + "://") {
            isTLS = true
            rest = url.dropFirst(secure.utf8.count + 3)
        } else if lowered.hasPrefix(plain + "://") {
            isTLS = false
            rest = url.dropFirst(plain.utf8.count + 3)
        } else {
            throw wrong("URL must begin with \(secure)://")
        }
        let split = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let tail = rest[split...]
        guard !tail.contains("#") else { throw wrong("URL with a fragment") }
        path = tail.hasPrefix("/") ? String(tail) : "/" + String(tail)
        guard let parts = Self.split(authority: rest[..<split]) else { throw wrong("URL without a valid host") }
        host = parts.host
        port = parts.port ?? (isTLS ? 443 : 80)
        if !isTLS, !Self.isLoopback(host) {
            throw wrong("\(plain):// is accepted for loopback addresses only, use \(secure)://")
        }
        if isTLS, host.contains(":") {
            throw wrong("\(secure):// needs a host name or an IPv4 address")
        }
    }

    /// Numbers, not a name.
    var isAddress: Bool {
        host.utf8.contains(UInt8(ascii: ":")) || host.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2E }
    }

    private static func split(authority: Substring) -> (host: String, port: Int?)? {
        // User information is a secret in the wrong place, and never needed.
        guard !authority.contains("@") else { return nil }
        var host = authority
        var rest: Substring = ""
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            rest = authority[authority.index(after: end)...]
            guard host.utf8.allSatisfy({ isHexadecimal($0) || $0 == 0x3A || $0 == 0x2E }), host.contains(":") else {
                return nil
            }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                host = authority[..<colon]
                rest = authority[colon...]
            }
            guard host.utf8.allSatisfy({ isNameByte($0) }) else { return nil }
        }
        guard !host.isEmpty, host.utf8.count <= 120 else { return nil }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.hasPrefix(":"), rest.utf8.count <= 6, let port = UInt16(rest.dropFirst()), port > 0 else {
            return nil
        }
        return (String(host), Int(port))
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte == 0x2D || byte == 0x2E
            || byte == 0x5F
    }

    /// 127.0.0.0/8, ::1, localhost.
    static func isLoopback(_ host: String) -> Bool {
        if host == "::1" || host.inLowerCase == "localhost" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "127" else { return false }
        return parts.allSatisfy { part in
            part.utf8.count <= 3 && part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && UInt8(part) != nil
        }
    }
}

extension UplinkFailure: Error {}
