import CNetlink
import RecorderCore
import Testing

@testable import LinkMonitor

/// A message byte for byte, as linux/netlink.h, linux/rtnetlink.h and linux/nl80211.h lay it out.
private struct Bytes {
    var all: [UInt8] = []

    init(_ parts: [UInt8]...) { all = parts.flatMap(\.self) }

    static func number<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number) { Array($0) }
    }

    /// `struct nlattr`: the length without the padding, the type, the payload.
    static func attribute(_ type: some BinaryInteger, _ payload: [UInt8]) -> [UInt8] {
        let padding = [UInt8](repeating: 0, count: (4 - payload.count % 4) % 4)
        return number(UInt16(4 + payload.count)) + number(UInt16(truncatingIfNeeded: type)) + payload + padding
    }

    /// A nest, as most kernels mark it: NLA_F_NESTED (1 << 15).
    static func nest(_ type: UInt32, _ attributes: [UInt8]...) -> [UInt8] {
        attribute(type | 1 << 15, attributes.flatMap(\.self))
    }

    /// `struct nlmsghdr` and what follows it.
    static func message(type: some BinaryInteger, _ parts: [UInt8]...) -> [UInt8] {
        let payload = parts.flatMap(\.self)
        return number(UInt32(16 + payload.count)) + number(UInt16(truncatingIfNeeded: type)) + number(UInt16(2))
            + number(UInt32(1)) + number(UInt32(0)) + payload
    }
}

/// Parses a message as libnl hands it over: whole, by its own length field. The bytes stand at the end of their
/// buffer, so that a sanitizer sees a read behind them.
private func parse<Result>(_ bytes: [UInt8], _ parse: (NetlinkMessage) -> Result) -> Result? {
    var bytes = bytes
    return bytes.withUnsafeMutableBytes { buffer -> Result? in
        let header = buffer.baseAddress!.assumingMemoryBound(to: nlmsghdr.self)
        guard nlmsg_ok(header, Int32(buffer.count)) != 0 else { return nil }
        return parse(NetlinkMessage(header))
    }
}

private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A generic netlink message of nl80211: `struct genlmsghdr` (command, version, reserved), then attributes.
private func nl80211(_ command: nl80211_commands, _ attributes: [UInt8]...) -> [UInt8] {
    Bytes.message(type: 0x1C, [UInt8(command.rawValue), 1, 0, 0] + attributes.flatMap(\.self))
}

private let accessPoint: [UInt8] = [0xAA, 0xBB, 0xCC, 0x00, 0x09, 0xF1]

private let interface = nl80211(
    NL80211_CMD_NEW_INTERFACE,
    Bytes.attribute(NL80211_ATTR_IFINDEX.rawValue, Bytes.number(UInt32(3))),
    Bytes.attribute(NL80211_ATTR_IFNAME.rawValue, text("wlan0") + [0]),
    Bytes.attribute(NL80211_ATTR_IFTYPE.rawValue, Bytes.number(NL80211_IFTYPE_STATION.rawValue)),
    Bytes.attribute(NL80211_ATTR_MAC.rawValue, [2, 0, 0, 0, 0, 1]),
    Bytes.attribute(NL80211_ATTR_SSID.rawValue, text("school")))

private func station(flags: UInt32, signal: [UInt8] = [UInt8(bitPattern: -61)]) -> [UInt8] {
    nl80211(
        NL80211_CMD_NEW_STATION,
        Bytes.attribute(NL80211_ATTR_IFINDEX.rawValue, Bytes.number(UInt32(3))),
        Bytes.attribute(NL80211_ATTR_MAC.rawValue, accessPoint),
        Bytes.nest(
            NL80211_ATTR_STA_INFO.rawValue, Bytes.attribute(NL80211_STA_INFO_SIGNAL.rawValue, signal),
            Bytes.attribute(
                NL80211_STA_INFO_STA_FLAGS.rawValue, Bytes.number(UInt32(0xFE)) + Bytes.number(flags))))
}

private func scanResult(status: nl80211_bss_status?, elements: [UInt8] = []) -> [UInt8] {
    nl80211(
        NL80211_CMD_NEW_SCAN_RESULTS,
        Bytes.attribute(NL80211_ATTR_IFINDEX.rawValue, Bytes.number(UInt32(3))),
        Bytes.nest(
            NL80211_ATTR_BSS.rawValue, Bytes.attribute(NL80211_BSS_BSSID.rawValue, accessPoint),
            Bytes.attribute(NL80211_BSS_SIGNAL_MBM.rawValue, Bytes.number(Int32(-6_100))),
            Bytes.attribute(NL80211_BSS_INFORMATION_ELEMENTS.rawValue, elements),
            status.map { Bytes.attribute(NL80211_BSS_STATUS.rawValue, Bytes.number($0.rawValue)) } ?? []))
}

private let link = Bytes.message(
    type: RTM_NEWLINK,
    // struct ifinfomsg: family, padding, type (ARPHRD_ETHER), index, flags, change.
    [0, 0], Bytes.number(UInt16(1)), Bytes.number(Int32(2)),
    Bytes.number(IFF_UP.rawValue | IFF_LOWER_UP.rawValue | IFF_RUNNING.rawValue), Bytes.number(UInt32(0)),
    Bytes.attribute(IFLA_IFNAME, text("eth0") + [0]))

private func address(family: Int32, scope: UInt8 = 0, flags: UInt32 = 0, _ attributes: [UInt8]...) -> [UInt8] {
    Bytes.message(
        // struct ifaddrmsg: family, prefix length, flags, scope, index.
        type: RTM_NEWADDR, [UInt8(family), 24, UInt8(truncatingIfNeeded: flags), scope], Bytes.number(UInt32(2)),
        Bytes.attribute(IFA_FLAGS, Bytes.number(flags)), attributes.flatMap(\.self))
}

private func route(_ attributes: [UInt8]..., type: UInt8 = 1, destinationBits: UInt8 = 0) -> [UInt8] {
    Bytes.message(
        // struct rtmsg: family, destination and source bits, TOS, table (main), protocol, scope, type, flags.
        type: RTM_NEWROUTE, [UInt8(AF_INET), destinationBits, 0, 0, 254, 4, 0, type], Bytes.number(UInt32(0)),
        attributes.flatMap(\.self))
}

private let metric = Bytes.attribute(RTA_PRIORITY.rawValue, Bytes.number(UInt32(600)))
private let viaGateway = Bytes.attribute(RTA_GATEWAY.rawValue, [10, 0, 0, 1])
private let overLink = Bytes.attribute(RTA_OIF.rawValue, Bytes.number(UInt32(2)))

/// `struct rtnexthop`: length, flags, hops, link; then attributes.
private func hop(_ link: Int32, _ attributes: [UInt8], length: UInt16? = nil) -> [UInt8] {
    Bytes.number(length ?? UInt16(8 + attributes.count)) + [0, 0] + Bytes.number(link) + attributes
}

@Suite struct `WiFi messages` {
    @Test func `an interface tells its mode and its network`() throws {
        let facts = try #require(parse(interface, WirelessMessages.interface) ?? nil)
        #expect(facts == WirelessMessages.Interface(linkIndex: 3, isClient: true, ssid: "school"))
    }

    @Test func `an access point of its own is no client, a hidden network has no name, a strange one has`() {
        func facts(_ type: nl80211_iftype, ssid: [UInt8]) -> WirelessMessages.Interface? {
            parse(
                nl80211(
                    NL80211_CMD_NEW_INTERFACE,
                    Bytes.attribute(NL80211_ATTR_IFINDEX.rawValue, Bytes.number(UInt32(3))),
                    Bytes.attribute(NL80211_ATTR_IFTYPE.rawValue, Bytes.number(type.rawValue)),
                    Bytes.attribute(NL80211_ATTR_SSID.rawValue, ssid)), WirelessMessages.interface) ?? nil
        }
        #expect(facts(NL80211_IFTYPE_AP, ssid: text("school"))?.isClient == false)
        #expect(facts(NL80211_IFTYPE_P2P_CLIENT, ssid: text("x"))?.isClient == true)
        #expect(facts(NL80211_IFTYPE_STATION, ssid: [0, 0, 0])?.ssid == nil)
        #expect(facts(NL80211_IFTYPE_STATION, ssid: [])?.ssid == nil)
        #expect(facts(NL80211_IFTYPE_STATION, ssid: [0xFF, 0x41])?.ssid == "\u{FFFD}A")
    }

    @Test func `a station is the access point, with its signal`() throws {
        let point = try #require(parse(station(flags: 0x22), WirelessMessages.station) ?? nil)
        #expect(point == WirelessMessages.AccessPoint(bssid: "aa:bb:cc:00:09:f1", signalDecibelMilliwatts: -61))
        // A direct peer is none: bit 6, NL80211_STA_FLAG_TDLS_PEER.
        #expect(parse(station(flags: 0x22 | 1 << 6), WirelessMessages.station) == .some(nil))
        #expect((parse(station(flags: 0, signal: []), WirelessMessages.station) ?? nil)?.signalDecibelMilliwatts == nil)
    }

    @Test func `of the scan results only the one that is associated counts`() throws {
        let point = try #require(
            parse(scanResult(status: NL80211_BSS_STATUS_ASSOCIATED), WirelessMessages.associated) ?? nil)
        #expect(point == WirelessMessages.AccessPoint(bssid: "aa:bb:cc:00:09:f1", signalDecibelMilliwatts: -61))
        #expect(
            parse(scanResult(status: NL80211_BSS_STATUS_AUTHENTICATED), WirelessMessages.associated) == .some(nil))
        #expect(parse(scanResult(status: nil), WirelessMessages.associated) == .some(nil))
    }

    @Test func `the scan result of the access point has the network's name among its elements`() {
        func ssid(_ elements: [UInt8]) -> String? {
            let result = scanResult(status: NL80211_BSS_STATUS_ASSOCIATED, elements: elements)
            return (parse(result, WirelessMessages.associated) ?? nil)?.ssid
        }
        #expect(ssid([0, 6] + text("school") + [1, 1, 0x82]) == "school")
        #expect(ssid([1, 1, 0x82, 0, 2] + text("7B")) == "7B")
        #expect(ssid([0, 3, 0, 0, 0]) == nil)
        #expect(ssid([0, 0]) == nil)
        // Cut off, or longer than what there is.
        #expect(ssid([0]) == nil)
        #expect(ssid([0, 9] + text("school")) == nil)
        #expect(ssid([1, 200, 1]) == nil)
    }

    @Test func `an answer to another question is not mistaken`() {
        #expect(parse(interface, WirelessMessages.station) == .some(nil))
        #expect(parse(station(flags: 0), WirelessMessages.interface) == .some(nil))
        #expect(parse(station(flags: 0), WirelessMessages.associated) == .some(nil))
    }
}

@Suite struct `Route messages` {
    @Test func `a link has its name and its flags`() {
        #expect(parse(link, RouteMessages.link) == NetworkLink(index: 2, name: "eth0"))
    }

    @Test func `a point-to-point address is the local one, not the peer's`() {
        let bytes = address(
            family: AF_INET, Bytes.attribute(IFA_ADDRESS, [10, 8, 0, 1]), Bytes.attribute(IFA_LOCAL, [10, 8, 0, 2]))
        #expect(parse(bytes, RouteMessages.address) == NetworkAddress(linkIndex: 2, text: "10.8.0.2"))
    }

    @Test func `addresses that traffic cannot leave from are left out`() {
        let four = Bytes.attribute(IFA_LOCAL, [10, 0, 0, 2])
        for (flags, counts) in [
            (UInt32(IFA_F_PERMANENT), true), (UInt32(IFA_F_TENTATIVE), false), (UInt32(IFA_F_DEPRECATED), false),
            (UInt32(IFA_F_DADFAILED | IFA_F_PERMANENT), false), (UInt32(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC), true),
        ] {
            let found = parse(address(family: AF_INET, flags: flags, four), RouteMessages.address) ?? nil
            #expect((found != nil) == counts)
        }
        // RT_SCOPE_LINK, and 169.254.0.0/16 of whatever scope.
        #expect(parse(address(family: AF_INET, scope: 253, four), RouteMessages.address) == .some(nil))
        let madeUp = Bytes.attribute(IFA_LOCAL, [169, 254, 1, 2])
        #expect(parse(address(family: AF_INET, madeUp), RouteMessages.address) == .some(nil))
    }

    @Test func `an address of the wrong length or of an unknown family is none`() {
        for bytes in [
            address(family: AF_INET, Bytes.attribute(IFA_LOCAL, [10, 0, 0])),
            address(family: AF_INET6, Bytes.attribute(IFA_ADDRESS, [10, 0, 0, 2])),
            address(family: 28, Bytes.attribute(IFA_LOCAL, [10, 0, 0, 2])), address(family: AF_INET),
        ] { #expect(parse(bytes, RouteMessages.address) == .some(nil)) }
    }

    @Test func `a default route has link, gateway, metric and source`() {
        let source = Bytes.attribute(RTA_PREFSRC.rawValue, [10, 0, 0, 9])
        #expect(
            parse(route(metric, viaGateway, overLink, source), RouteMessages.defaultRoutes)
                == [DefaultRoute(linkIndex: 2, gateway: "10.0.0.1", metric: 600, preferredSource: "10.0.0.9")])
        #expect(parse(route(overLink), RouteMessages.defaultRoutes) == [DefaultRoute(linkIndex: 2, gateway: nil)])
        // RTN_UNREACHABLE is 7.
        #expect(parse(route(overLink, type: 7), RouteMessages.defaultRoutes) == [])
        #expect(parse(route(overLink, destinationBits: 24), RouteMessages.defaultRoutes) == [])
        let table = Bytes.attribute(RTA_TABLE.rawValue, Bytes.number(UInt32(1_000)))
        #expect(parse(route(overLink, table), RouteMessages.defaultRoutes) == [])
    }

    @Test func `next hops end where their lengths stop making sense`() {
        func routes(_ hops: [UInt8]...) -> [String?] {
            let all = Bytes.attribute(RTA_MULTIPATH.rawValue, hops.flatMap(\.self))
            return (parse(route(metric, all), RouteMessages.defaultRoutes) ?? []).map(\.gateway)
        }
        let other = Bytes.attribute(RTA_GATEWAY.rawValue, [10, 0, 9, 1])
        #expect(routes(hop(2, viaGateway), hop(3, other)) == ["10.0.0.1", "10.0.9.1"])
        #expect(routes(hop(2, viaGateway), hop(3, other, length: 0)) == ["10.0.0.1"])
        #expect(routes(hop(2, viaGateway), hop(3, other, length: 7)) == ["10.0.0.1"])
        #expect(routes(hop(2, viaGateway), hop(3, other, length: 17)) == ["10.0.0.1"])
        #expect(routes(hop(2, viaGateway, length: 65_535)) == [])
        #expect(routes([8, 0, 0]) == [])
    }
}

@Suite struct `Broken messages` {
    private static let messages = [
        interface, station(flags: 0x22), scanResult(status: NL80211_BSS_STATUS_ASSOCIATED), link,
        address(family: AF_INET, Bytes.attribute(IFA_LOCAL, [10, 0, 0, 2])), route(metric, viaGateway, overLink),
        route(metric, Bytes.attribute(RTA_MULTIPATH.rawValue, hop(2, viaGateway) + hop(3, viaGateway))),
    ]

    private func parseAll(_ bytes: [UInt8]) {
        _ = parse(bytes) { message in
            _ = RouteMessages.link(message)
            _ = RouteMessages.address(message)
            _ = RouteMessages.defaultRoutes(message)
            _ = WirelessMessages.interface(message)
            _ = WirelessMessages.station(message)
            _ = WirelessMessages.associated(message)
        }
    }

    @Test func `cut anywhere, with a header that fits the rest, they are read without harm`() {
        for message in Self.messages {
            for length in 0...message.count {
                parseAll(Array(message.prefix(length)))
                guard length >= 16 else { continue }
                parseAll(Bytes.number(UInt32(length)) + message[4..<length])
            }
        }
    }

    @Test func `a wrong byte anywhere is read without harm`() {
        for message in Self.messages {
            for position in 4..<message.count {
                for value in [0, 1, 3, 7, 0x7F, 0x80, 0xFF] as [UInt8] {
                    var broken = message
                    broken[position] = value
                    parseAll(broken)
                }
            }
        }
    }

    @Test func `errors say what to do`() {
        #expect(
            LinkMonitorError.open(family: "rtnetlink", code: NLE_AF_NOSUPPORT).message
                == "cannot open a rtnetlink socket: Address family not supported; "
                + "the service needs AF_NETLINK in its RestrictAddressFamilies=")
        #expect(LinkMonitorError.answer(what: "routes", code: NLE_AGAIN).message.contains("did not report its routes"))
        #expect(LinkMonitorError.unsteady(what: "routes").message.contains("ip monitor"))
    }
}

@Suite struct `Messages that cannot be read` {
    @Test func `what is of no interest is readable all the same`() {
        #expect(parse(link, RouteMessages.isReadable) == true)
        #expect(parse(address(family: AF_INET, scope: 254), RouteMessages.isReadable) == true)
        #expect(parse(route(destinationBits: 24), RouteMessages.isReadable) == true)
    }

    @Test func `messages of another kind, and ones that are too short, are not`() {
        #expect(parse(Bytes.message(type: 4_000, [0, 0, 0, 0]), RouteMessages.isReadable) == false)
        for type in [RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE] {
            #expect(parse(Bytes.message(type: type, [2, 0, 0, 0]), RouteMessages.isReadable) == false)
        }
    }
}
