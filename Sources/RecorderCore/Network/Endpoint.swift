/// A URL taken apart (RFC 3986, the part of it that is needed here) and found to be safe to talk to: for what connects,
/// and for `config check`.
package struct Endpoint: Equatable, Sendable {
    /// A name or an address, without brackets.
    package var host: String
    package var port: Int
    package var isTLS: Bool
    /// Path and query, from the slash on.
    package var path: String

    /// The `Host` header: brackets for IPv6, the port unless it is the scheme's own.
    package var authority: String {
        let name = host.holds(0x3A) ? "[" + host + "]" : host
        return port == (isTLS ? 443 : 80) ? name : name + ":\(port)"
    }

    /// For messages.
    package var peer: String { authority }

    /// - Parameters:
    ///   - name: the setting, for the message.
    ///   - secure, plain: the schemes; the plain one is for loopback addresses only.
    package init(_ url: String, name: String, secure: String, plain: String) throws(UplinkFailure) {
        func wrong(_ what: String) -> UplinkFailure { UplinkFailure(.configuration, name + ": " + what) }
        guard !url.isEmpty else { throw wrong("no URL given") }
        guard url.utf8.count <= Limits.urlBytes else { throw wrong("URL over \(Limits.urlBytes) bytes") }
        guard url.isEvery({ $0 > 0x20 && $0 < 0x7F }) else {
            throw wrong("URL with a space or a character that is not ASCII")
        }
        // Schemes are written in any case.
        guard let (scheme, after) = url.cut(at: ":"), let rest = after.remainder(after: "//"),
            [secure, plain].contains(scheme.inLowerCase)
        else { throw wrong("URL must begin with \(secure)://") }
        isTLS = scheme.inLowerCase == secure
        guard !rest.holds(0x23) else { throw wrong("URL with a fragment") }
        var authority = rest
        for end: Unicode.Scalar in ["/", "?"] { authority = authority.cut(at: end)?.before ?? authority }
        let tail = rest.remainder(after: authority) ?? ""
        path = tail.begins(with: "/") ? tail : "/" + tail
        guard let parts = Self.split(authority: authority) else { throw wrong("URL without a valid host") }
        host = parts.host
        port = parts.port ?? (isTLS ? 443 : 80)
        if isAddress, !host.holds(0x3A), !Self.isIPv4(host) { throw wrong("URL with a wrong IPv4 address") }
        if !isTLS, !Self.isLoopback(host) {
            throw wrong("\(plain):// is accepted for loopback addresses only, use \(secure)://")
        }
        if isTLS, host.holds(0x3A) {
            throw wrong("\(secure):// needs a host name or an IPv4 address")
        }
    }

    /// Numbers, not a name.
    package var isAddress: Bool {
        host.holds(0x3A) || host.isEvery { $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2E }
    }

    private static func split(authority: String) -> (host: String, port: Int?)? {
        // User information is a secret in the wrong place, and never needed.
        guard !authority.holds(0x40) else { return nil }
        let host: String
        let rest: String
        if let address = authority.remainder(after: "[") {
            guard let (inside, after) = address.cut(at: "]") else { return nil }
            guard inside.isEvery({ isHexadecimal($0) || $0 == 0x3A || $0 == 0x2E }), inside.holds(0x3A) else {
                return nil
            }
            (host, rest) = (inside, after)
        } else {
            host = authority.cut(at: ":")?.before ?? authority
            rest = authority.remainder(after: host) ?? ""
            guard host.isEvery(isNameByte) else { return nil }
        }
        guard !host.isEmpty, host.utf8.first != 0x2E, host.utf8.count <= 120 else { return nil }
        if rest.isEmpty { return (host, nil) }
        guard let port = rest.remainder(after: ":")?.decimal(upTo: 65_535), port > 0 else { return nil }
        return (host, port)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte == 0x2D || byte == 0x2E
            || byte == 0x5F
    }

    /// 127.0.0.0/8, ::1, localhost.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "::1" || host.inLowerCase == "localhost" { return true }
        return host.begins(with: "127.") && isIPv4(host)
    }

    private static func isIPv4(_ host: String) -> Bool {
        let parts = host.parts(separatedBy: ".")
        return parts.count == 4 && parts.allSatisfy { $0.decimal(upTo: 255) != nil }
    }
}

extension UplinkFailure: Error {}
