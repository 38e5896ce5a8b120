internal import CNetlink
internal import LinuxRuntime
package import RecorderCore

/// Reads the kernel's view of the network. Its messages are only hints that something changed (`drain`); the state is
/// read after them (`snapshot`). For one thread.
package final class LinkMonitor {
    private static let wirelessFamily = "nl80211"

    private let routes: NetlinkSocket
    private let generic: NetlinkSocket
    /// nl80211's number, once the kernel has it: a WiFi adapter may be plugged in later.
    private var wirelessNumber: Int32?

    /// How often the kernel had to drop messages because they were not read in time.
    package private(set) var overruns = 0
    /// Messages of an unexpected type, or too short for their contents.
    package private(set) var unreadable = 0
    /// Why the last snapshot has no WiFi facts; nil when it has, or when there is no WiFi.
    package private(set) var wirelessError: LinkMonitorError?

    /// - Parameter receiveBufferBytes: 0: libnl's default, 32 KiB.
    package init(receiveBufferBytes: Int = 0) throws(LinkMonitorError) {
        let routes = try NetlinkSocket(.route)
        if receiveBufferBytes > 0 { routes.setReceiveBuffer(bytes: Int32(clamping: receiveBufferBytes)) }
        try routes.subscribe(Int32(RTNLGRP_LINK.rawValue), "link")
        try routes.subscribe(Int32(RTNLGRP_IPV4_IFADDR.rawValue), "IPv4 address")
        try routes.subscribe(Int32(RTNLGRP_IPV4_ROUTE.rawValue), "IPv4 route")
        try routes.subscribe(Int32(RTNLGRP_IPV6_IFADDR.rawValue), "IPv6 address")
        try routes.subscribe(Int32(RTNLGRP_IPV6_ROUTE.rawValue), "IPv6 route")
        let generic = try NetlinkSocket(.generic)
        self.routes = routes
        self.generic = generic
    }

    /// Readable when there may be a hint.
    package var fileDescriptors: [Int32] { [routes.fileDescriptor, generic.fileDescriptor] }

    /// Discards the messages that have arrived. Never blocks.
    ///
    /// - Returns: whether there was a hint that the network changed.
    package func drain() -> Bool {
        let fromRoutes = drain(routes.fileDescriptor)
        let fromWireless = drain(generic.fileDescriptor)
        return fromRoutes || fromWireless
    }

    /// Reads the whole state. The kernel answers at once; a WiFi driver may wait for its firmware to report the signal.
    package func snapshot() throws(LinkMonitorError) -> NetworkSnapshot {
        // A new socket each time: nothing that an earlier failure left behind can be mistaken for an answer.
        let socket = try NetlinkSocket(.route)
        var snapshot = NetworkSnapshot()
        snapshot = try socket.dump("links", Int(RTM_GETLINK), from: snapshot) { message, draft in
            self.note(RouteMessages.isReadable(message))
            if let link = RouteMessages.link(message) { draft.add(link) }
        }
        snapshot = try socket.dump("addresses", Int(RTM_GETADDR), from: snapshot) { message, draft in
            self.note(RouteMessages.isReadable(message))
            if let address = RouteMessages.address(message) { draft.add(address) }
        }
        snapshot = try socket.dump("routes", Int(RTM_GETROUTE), from: snapshot) { message, draft in
            self.note(RouteMessages.isReadable(message))
            for route in RouteMessages.defaultRoutes(message) { draft.add(route) }
        }
        wirelessError = nil
        do throws(LinkMonitorError) {
            try addWireless(to: &snapshot)
        } catch {
            // WiFi facts only tell one access point from another: without them the rest still holds.
            wirelessError = error
            wirelessNumber = nil
        }
        return snapshot
    }

    private func note(_ isReadable: Bool) {
        if !isReadable { unreadable += 1 }
    }

    private func drain(_ descriptor: Int32) -> Bool {
        var hinted = false
        for _ in 0..<Limits.netlinkMessagesADrain {
            switch chalk_netlink_discard(descriptor) {
            case 0: return hinted
            case 1: hinted = true
            default:
                // The dropped messages could have been anything.
                overruns += 1
                hinted = true
            }
        }
        return hinted
    }

    private func addWireless(to snapshot: inout NetworkSnapshot) throws(LinkMonitorError) {
        let socket = try NetlinkSocket(.generic)
        guard let family = try findWireless(socket) else { return }
        let interfaces = try socket.dump(
            "WiFi interfaces", NL80211_CMD_GET_INTERFACE, family: family, from: [WirelessMessages.Interface]()
        ) { message, draft in
            guard draft.count < Limits.networkLinks, let interface = WirelessMessages.interface(message) else { return }
            draft.append(interface)
        }
        for interface in interfaces where interface.isClient {
            snapshot.add(WiFiAssociation(ssid: interface.ssid), toLink: interface.linkIndex)
            let hasCarrier = snapshot.links.contains { $0.index == interface.linkIndex && $0.hasCarrier }
            guard hasCarrier, let point = try accessPoint(of: interface, socket, family) else { continue }
            snapshot.add(
                WiFiAssociation(
                    ssid: interface.ssid ?? point.ssid, bssid: point.bssid,
                    signalDecibelMilliwatts: point.signalDecibelMilliwatts),
                toLink: interface.linkIndex)
        }
    }

    /// nl80211's number. When it is new, subscribes to its messages about associations (`mlme`) and interfaces
    /// (`config`).
    private func findWireless(_ socket: borrowing NetlinkSocket) throws(LinkMonitorError) -> Int32? {
        if let wirelessNumber { return wirelessNumber }
        guard let number = try socket.genericFamily(Self.wirelessFamily) else { return nil }
        for group in [NL80211_MULTICAST_GROUP_MLME, NL80211_MULTICAST_GROUP_CONFIG] {
            try generic.subscribe(socket.genericGroup(group, of: Self.wirelessFamily), group)
        }
        wirelessNumber = number
        return number
    }

    /// A client's one station is its access point. Drivers that cannot list stations (EOPNOTSUPP from some brcmfmac
    /// firmware) still mark it in their scan results. These also have the network's name, which the interface lacks
    /// where wpa_supplicant carries the association out itself, as it does with mac80211 (seen with Linux 6.1).
    private func accessPoint(
        of interface: WirelessMessages.Interface, _ socket: borrowing NetlinkSocket, _ family: Int32
    ) throws(LinkMonitorError) -> WirelessMessages.AccessPoint? {
        var point: WirelessMessages.AccessPoint?
        do throws(LinkMonitorError) {
            point = try socket.dump(
                "WiFi stations", NL80211_CMD_GET_STATION, family: family, link: interface.linkIndex,
                from: WirelessMessages.AccessPoint?.none
            ) { message, draft in draft = draft ?? WirelessMessages.station(message) }
        } catch .answer(_, NLE_OPNOTSUPP) {
            // Below.
        }
        if let point, interface.ssid != nil { return point }
        let heard = try socket.dump(
            "WiFi scan results", NL80211_CMD_GET_SCAN, family: family, link: interface.linkIndex,
            from: WirelessMessages.AccessPoint?.none
        ) { message, draft in draft = draft ?? WirelessMessages.associated(message) }
        guard point != nil else { return heard }
        if let heard, point?.bssid == heard.bssid { point?.ssid = heard.ssid }
        return point
    }
}
