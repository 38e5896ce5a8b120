internal import CNetlink
internal import RecorderCore

/// Parses rtnetlink's messages (rtnetlink(7), linux/rtnetlink.h, linux/if_addr.h, linux/if.h).
enum RouteMessages {
    /// Whether the message belongs to one of the three tables and is long enough, whatever its contents.
    static func isReadable(_ message: NetlinkMessage) -> Bool {
        switch Int(message.type) {
        case Int(RTM_NEWLINK):
            message.body(ifinfomsg.self) != nil
                && message.attributes(after: ifinfomsg.self).string(IFLA_IFNAME) != nil
        case Int(RTM_NEWADDR): message.body(ifaddrmsg.self) != nil
        case Int(RTM_NEWROUTE): message.body(rtmsg.self) != nil
        default: false
        }
    }

    static func link(_ message: NetlinkMessage) -> NetworkLink? {
        guard message.type == RTM_NEWLINK, let body = message.body(ifinfomsg.self) else { return nil }
        let attributes = message.attributes(after: ifinfomsg.self)
        guard let name = attributes.string(IFLA_IFNAME) else { return nil }
        func has(_ flag: net_device_flags) -> Bool { body.ifi_flags & flag.rawValue != 0 }
        return NetworkLink(
            index: body.ifi_index, name: name, isLoopback: has(IFF_LOOPBACK), isUp: has(IFF_UP),
            hasCarrier: has(IFF_LOWER_UP), isRunning: has(IFF_RUNNING))
    }

    /// Nil for an address that cannot, or should not, be used as a source.
    static func address(_ message: NetlinkMessage) -> NetworkAddress? {
        guard message.type == RTM_NEWADDR, let body = message.body(ifaddrmsg.self),
            body.ifa_scope == RT_SCOPE_UNIVERSE.rawValue
        else { return nil }
        let attributes = message.attributes(after: ifaddrmsg.self)
        // "IFA_FLAGS is a u32 attribute that extends the u8 field ifa_flags."
        let flags = attributes.uint32(IFA_FLAGS) ?? UInt32(body.ifa_flags)
        func has(_ flag: Int32) -> Bool { flags & UInt32(flag) != 0 }
        guard !has(IFA_F_DEPRECATED), !has(IFA_F_DADFAILED), !has(IFA_F_TENTATIVE) || has(IFA_F_OPTIMISTIC) else {
            return nil
        }
        // "IFA_ADDRESS is prefix address, … for point-to-point IFA_ADDRESS is DESTINATION address, local address is
        // supplied in IFA_LOCAL attribute."
        guard let bytes = attributes.bytes(IFA_LOCAL) ?? attributes.bytes(IFA_ADDRESS),
            let text = text(of: bytes, family: body.ifa_family), !isLinkLocal(bytes)
        else { return nil }
        return NetworkAddress(
            linkIndex: Int32(bitPattern: body.ifa_index), text: text, isIPv6: body.ifa_family == AF_INET6,
            isSecondary: has(IFA_F_SECONDARY))
    }

    /// Empty unless it is a default route; several for one with several next hops.
    static func defaultRoutes(_ message: NetlinkMessage) -> [DefaultRoute] {
        guard message.type == RTM_NEWROUTE, let body = message.body(rtmsg.self),
            body.rtm_family == AF_INET || body.rtm_family == AF_INET6, body.rtm_dst_len == 0, body.rtm_src_len == 0,
            body.rtm_type == RTN_UNICAST, body.rtm_flags & UInt32(RTM_F_CLONED) == 0
        else { return [] }
        let attributes = message.attributes(after: rtmsg.self)
        let table = attributes.uint32(RTA_TABLE.rawValue) ?? UInt32(body.rtm_table)
        guard table == RT_TABLE_MAIN.rawValue else { return [] }
        let source = attributes.bytes(RTA_PREFSRC.rawValue).flatMap { text(of: $0, family: body.rtm_family) }
        func route(_ link: Int32, _ hop: NetlinkAttributes) -> DefaultRoute {
            DefaultRoute(
                linkIndex: link, isIPv6: body.rtm_family == AF_INET6,
                gateway: hop.bytes(RTA_GATEWAY.rawValue).flatMap { text(of: $0, family: body.rtm_family) },
                metric: attributes.uint32(RTA_PRIORITY.rawValue) ?? 0, preferredSource: source)
        }
        guard let link = attributes.uint32(RTA_OIF.rawValue) else {
            return attributes.nextHops().map { route($0.linkIndex, $0.attributes) }
        }
        return [route(Int32(bitPattern: link), attributes)]
    }

    private static func text(of address: [UInt8], family: UInt8) -> String? {
        guard address.count == (family == AF_INET6 ? 16 : 4) else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(Int32(family), address, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// 169.254.0.0/16 (RFC 3927): a DHCP client without an answer assigns one, with global scope.
    private static func isLinkLocal(_ address: [UInt8]) -> Bool {
        address.count == 4 && address[0] == 169 && address[1] == 254
    }
}
