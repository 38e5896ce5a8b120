internal import CNetlink
internal import RecorderCore

/// Parses nl80211's messages (linux/nl80211.h).
enum WirelessMessages {
    struct Interface: Equatable {
        var linkIndex: Int32
        /// The interface is a client of an access point.
        var isClient: Bool
        var ssid: String?
    }

    /// The access point that a client is associated with.
    struct AccessPoint: Equatable {
        var bssid: String
        var signalDecibelMilliwatts: Int?
        /// In scan results only.
        var ssid: String?
    }

    /// An answer to NL80211_CMD_GET_INTERFACE.
    static func interface(_ message: NetlinkMessage) -> Interface? {
        let attributes = message.attributes(after: genlmsghdr.self)
        guard command(of: message) == NL80211_CMD_NEW_INTERFACE,
            let index = attributes.uint32(NL80211_ATTR_IFINDEX.rawValue),
            let type = attributes.uint32(NL80211_ATTR_IFTYPE.rawValue)
        else { return nil }
        let ssid = attributes.bytes(NL80211_ATTR_SSID.rawValue).flatMap(name)
        return Interface(
            linkIndex: Int32(bitPattern: index),
            isClient: type == NL80211_IFTYPE_STATION.rawValue || type == NL80211_IFTYPE_P2P_CLIENT.rawValue, ssid: ssid)
    }

    /// An answer to NL80211_CMD_GET_STATION of a client; its stations are the access point, and maybe direct (TDLS)
    /// peers.
    static func station(_ message: NetlinkMessage) -> AccessPoint? {
        let attributes = message.attributes(after: genlmsghdr.self)
        guard command(of: message) == NL80211_CMD_NEW_STATION,
            let address = attributes.bytes(NL80211_ATTR_MAC.rawValue).flatMap(text)
        else { return nil }
        let facts = attributes.nested(NL80211_ATTR_STA_INFO.rawValue)
        let flags = facts?.value(NL80211_STA_INFO_STA_FLAGS.rawValue, as: nl80211_sta_flag_update.self)
        if let flags, flags.set & (1 << NL80211_STA_FLAG_TDLS_PEER.rawValue) != 0 { return nil }
        // "signal strength of last received PPDU (u8, dBm)", a negative number in two's complement.
        let signal = facts?.value(NL80211_STA_INFO_SIGNAL.rawValue, as: Int8.self).map { Int($0) }
        return AccessPoint(bssid: address, signalDecibelMilliwatts: signal)
    }

    /// An answer to NL80211_CMD_GET_SCAN; nil for an access point that was only heard.
    static func associated(_ message: NetlinkMessage) -> AccessPoint? {
        guard command(of: message) == NL80211_CMD_NEW_SCAN_RESULTS,
            let facts = message.attributes(after: genlmsghdr.self).nested(NL80211_ATTR_BSS.rawValue),
            facts.uint32(NL80211_BSS_STATUS.rawValue) == NL80211_BSS_STATUS_ASSOCIATED.rawValue,
            let address = facts.bytes(NL80211_BSS_BSSID.rawValue).flatMap(text)
        else { return nil }
        // "signal strength of probe response/beacon in mBm (100 * dBm) (s32)".
        let signal = facts.uint32(NL80211_BSS_SIGNAL_MBM.rawValue).map { Int(Int32(bitPattern: $0)) / 100 }
        let elements = facts.bytes(NL80211_BSS_INFORMATION_ELEMENTS.rawValue) ?? []
        return AccessPoint(bssid: address, signalDecibelMilliwatts: signal, ssid: ssid(in: elements))
    }

    /// "SSID (binary attribute, 0..32 octets)": any bytes; a hidden one may be all zeros.
    private static func name(_ bytes: [UInt8]) -> String? {
        bytes.contains { $0 != 0 } ? String(decoding: bytes, as: UTF8.self) : nil
    }

    /// Information elements (IEEE 802.11, 9.4.2): number, length, content; number 0 is the SSID.
    private static func ssid(in elements: [UInt8]) -> String? {
        var place = 0
        while place + 2 <= elements.count {
            let end = place + 2 + Int(elements[place + 1])
            guard end <= elements.count else { return nil }
            if elements[place] == 0 { return name(Array(elements[place + 2..<end])) }
            place = end
        }
        return nil
    }

    private static func command(of message: NetlinkMessage) -> nl80211_commands? {
        message.body(genlmsghdr.self).map { nl80211_commands(rawValue: UInt32($0.cmd)) }
    }

    /// `aa:bb:cc:dd:ee:ff`.
    private static func text(_ address: [UInt8]) -> String? {
        guard address.count == 6 else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in address {
            if !text.isEmpty { text.append(0x3A) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
