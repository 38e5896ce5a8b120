/// An interface, as the kernel describes it (rtnetlink(7)).
package struct NetworkLink: Equatable, Sendable {
    package var index: Int32
    package var name: String
    package var isLoopback: Bool
    /// Switched on (IFF_UP).
    package var isUp: Bool
    /// A cable or an access point at the other end (IFF_LOWER_UP).
    package var hasCarrier: Bool
    /// Ready for traffic (IFF_RUNNING): a WiFi link that is associated, but not yet let in, has only its carrier.
    package var isRunning: Bool
    /// nil for a link that is not WiFi, and where nothing is known.
    package var wireless: WiFiAssociation?

    package init(
        index: Int32, name: String, isLoopback: Bool = false, isUp: Bool = true, hasCarrier: Bool = true,
        isRunning: Bool = true, wireless: WiFiAssociation? = nil
    ) {
        self.index = index
        self.name = name
        self.isLoopback = isLoopback
        self.isUp = isUp
        self.hasCarrier = hasCarrier
        self.isRunning = isRunning
        self.wireless = wireless
    }

    package var isUsable: Bool { isUp && hasCarrier && isRunning }
}

/// The access point of a WiFi link, as far as the driver tells.
package struct WiFiAssociation: Equatable, Sendable {
    package var ssid: String?
    package var bssid: String?
    package var signalDecibelMilliwatts: Int?

    package init(ssid: String? = nil, bssid: String? = nil, signalDecibelMilliwatts: Int? = nil) {
        self.ssid = ssid
        self.bssid = bssid
        self.signalDecibelMilliwatts = signalDecibelMilliwatts
    }
}

/// An address that traffic can leave from: of global scope, neither tentative nor deprecated.
package struct NetworkAddress: Equatable, Sendable {
    package var linkIndex: Int32
    package var text: String
    package var isIPv6: Bool
    /// A second address of its subnet, or a temporary one (RFC 8981), which changes by itself.
    package var isSecondary: Bool

    package init(linkIndex: Int32, text: String, isIPv6: Bool = false, isSecondary: Bool = false) {
        self.linkIndex = linkIndex
        self.text = text
        self.isIPv6 = isIPv6
        self.isSecondary = isSecondary
    }
}

/// A default route of the main table.
package struct DefaultRoute: Equatable, Sendable {
    package var linkIndex: Int32
    package var isIPv6: Bool
    /// nil on a link with one other end.
    package var gateway: String?
    package var metric: UInt32
    package var preferredSource: String?

    package init(
        linkIndex: Int32, isIPv6: Bool = false, gateway: String?, metric: UInt32 = 0, preferredSource: String? = nil
    ) {
        self.linkIndex = linkIndex
        self.isIPv6 = isIPv6
        self.gateway = gateway
        self.metric = metric
        self.preferredSource = preferredSource
    }
}

/// What the kernel said about the network in one reading.
package struct NetworkSnapshot: Equatable, Sendable {
    package private(set) var links: [NetworkLink] = []
    package private(set) var addresses: [NetworkAddress] = []
    package private(set) var defaultRoutes: [DefaultRoute] = []
    /// Entries beyond the limits, which are not looked at.
    package private(set) var ignored = 0

    package init() {}

    package mutating func add(_ link: NetworkLink) {
        guard links.count < Limits.networkLinks else { return ignored += 1 }
        links.append(link)
    }

    package mutating func add(_ address: NetworkAddress) {
        guard addresses.count < Limits.networkAddresses else { return ignored += 1 }
        addresses.append(address)
    }

    package mutating func add(_ route: DefaultRoute) {
        guard defaultRoutes.count < Limits.networkRoutes else { return ignored += 1 }
        defaultRoutes.append(route)
    }

    /// Adds what is known of a WiFi link; what is nil leaves what was known.
    package mutating func add(_ facts: WiFiAssociation, toLink index: Int32) {
        guard let position = links.firstIndex(where: { $0.index == index }) else { return }
        var known = links[position].wireless ?? WiFiAssociation()
        known.ssid = facts.ssid ?? known.ssid
        known.bssid = facts.bssid ?? known.bssid
        known.signalDecibelMilliwatts = facts.signalDecibelMilliwatts ?? known.signalDecibelMilliwatts
        links[position].wireless = known
    }
}
