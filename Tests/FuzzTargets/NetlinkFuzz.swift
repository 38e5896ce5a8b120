import CNetlink
import Glibc
import RecorderCore

@testable import LinkMonitor

/// The kernel's messages, one after the other as recv(2) brings them.
enum NetlinkFuzz {
    static func run(_ bytes: [UInt8]) throws {
        // Of exactly this size, and aligned as libnl's buffers are: a sanitizer sees what is read behind it.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        guard let base = buffer.baseAddress else { return }
        var header: UnsafeMutablePointer<nlmsghdr>? = base.assumingMemoryBound(to: nlmsghdr.self)
        var rest = Int32(buffer.count)
        while let message = header, nlmsg_ok(message, rest) != 0 {
            try read(NetlinkMessage(message))
            header = nlmsg_next(message, &rest)
        }
    }

    private static func read(_ message: NetlinkMessage) throws {
        _ = RouteMessages.link(message)
        if let address = RouteMessages.address(message) { try check(address.text, isIPv6: address.isIPv6) }
        for route in RouteMessages.defaultRoutes(message) {
            for address in [route.gateway, route.preferredSource] {
                if let address { try check(address, isIPv6: route.isIPv6) }
            }
        }
        _ = WirelessMessages.interface(message)
        for point in [WirelessMessages.station(message), WirelessMessages.associated(message)] {
            if let point { try expect(point.bssid.utf8.count == 17, point.bssid) }
        }
    }

    private static func check(_ text: String, isIPv6: Bool) throws {
        var address = in6_addr()
        try expect(inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &address) == 1, "\(text) is no address")
    }
}
