/// The route out of the box: what a connection made now would use, as far as routes and addresses tell.
package struct NetworkPath: Equatable, Sendable {
    package var interface: String
    /// False when there is no default route at all: only a server on the link itself can be reached.
    package var isDefaultRoute: Bool
    package var gateway: String?
    /// The source address.
    package var address: String
    package var ssid: String?
    package var bssid: String?
    package var signalDecibelMilliwatts: Int?
}

extension NetworkSnapshot {
    /// The best default route on a usable link with an address; without any default route, the first usable link.
    package var path: NetworkPath? { path(after: nil) }

    /// - Parameter previous: the path so far. What of it still stands is kept, where another choice would be as good:
    ///   sessions that use it go on. So a second address, whose place in the kernel's list is any, changes nothing.
    package func path(after previous: NetworkPath?) -> NetworkPath? {
        guard defaultRoutes.isEmpty else { return routedPath(after: previous) }
        for link in links where link.isUsable && !link.isLoopback {
            for isIPv6 in [false, true] {
                guard let address = source(on: link, isIPv6: isIPv6, preferred: nil, after: previous) else { continue }
                return path(over: link, gateway: nil, isDefaultRoute: false, from: address, after: previous)
            }
        }
        return nil
    }

    private func routedPath(after previous: NetworkPath?) -> NetworkPath? {
        var best: (route: DefaultRoute, link: NetworkLink, address: String)?
        for route in defaultRoutes {
            guard let link = links.first(where: { $0.index == route.linkIndex }), link.isUsable,
                let address = source(
                    on: link, isIPv6: route.isIPv6, preferred: route.preferredSource, after: previous)
            else { continue }
            if let best, !precedes(route, best.route, live: link.name == previous?.interface) { continue }
            best = (route, link, address)
        }
        guard let best else { return nil }
        return path(
            over: best.link, gateway: best.route.gateway, isDefaultRoute: true, from: best.address, after: previous)
    }

    /// Metrics order the routes of one family (lower is better) and mean nothing across the two, whose defaults are
    /// 0 and 1024. Equal ones are as good as each other: the live one stays, else the kernel's order decides.
    private func precedes(_ route: DefaultRoute, _ other: DefaultRoute, live: Bool) -> Bool {
        guard route.isIPv6 == other.isIPv6 else { return !route.isIPv6 }
        return route.metric == other.metric ? live : route.metric < other.metric
    }

    private func source(
        on link: NetworkLink, isIPv6: Bool, preferred: String?, after previous: NetworkPath?
    ) -> String? {
        let candidates = addresses.filter { $0.linkIndex == link.index && $0.isIPv6 == isIPv6 }
        if let preferred, candidates.contains(where: { $0.text == preferred }) { return preferred }
        if let previous, previous.interface == link.name, candidates.contains(where: { $0.text == previous.address }) {
            return previous.address
        }
        return (candidates.first { !$0.isSecondary } ?? candidates.first)?.text
    }

    private func path(
        over link: NetworkLink, gateway: String?, isDefaultRoute: Bool, from address: String,
        after previous: NetworkPath?
    ) -> NetworkPath {
        // A driver that does not tell its access point for a moment has not left it.
        let known = previous?.interface == link.name ? previous : nil
        let ssid = link.wireless?.ssid ?? known?.ssid
        let sameNetwork = ssid == known?.ssid
        return NetworkPath(
            interface: link.name, isDefaultRoute: isDefaultRoute, gateway: gateway, address: address, ssid: ssid,
            bssid: link.wireless?.bssid ?? (sameNetwork ? known?.bssid : nil),
            signalDecibelMilliwatts: link.wireless?.signalDecibelMilliwatts)
    }
}
