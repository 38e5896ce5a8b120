/// What a new reading of the network means for a session, with the reason in words.
package enum NetworkChange: Equatable, Sendable {
    /// Nothing that concerns the live path.
    case none
    /// There was no route, and there is one.
    case appeared(reason: String)
    /// The route is another: a session over the old one is dead, or soon will be.
    case pathChanged(reason: String)
    case lost(reason: String)

    package var reason: String? {
        switch self {
        case .none: nil
        case .appeared(let reason), .pathChanged(let reason), .lost(let reason): reason
        }
    }
}

/// The difference that a new snapshot makes to the path so far.
package struct NetworkDelta: Equatable, Sendable {
    package let change: NetworkChange
    package let path: NetworkPath?

    package init(from old: NetworkPath?, to snapshot: NetworkSnapshot) {
        let new = snapshot.path(after: old)
        path = new
        guard let old else {
            change = new.map { .appeared(reason: Self.arrival(of: $0)) } ?? .none
            return
        }
        guard let new else {
            change = .lost(reason: Self.loss(of: old, in: snapshot))
            return
        }
        change = Self.difference(from: old, to: new).map { .pathChanged(reason: $0) } ?? .none
    }

    private static func arrival(of path: NetworkPath) -> String {
        path.isDefaultRoute
            ? "default route via \(path.interface) appeared"
            : "\(path.interface) came up with \(path.address), without a default route"
    }

    /// The most telling of the differences; nil when a session would not notice any.
    private static func difference(from old: NetworkPath, to new: NetworkPath) -> String? {
        guard old.interface == new.interface else {
            let what = old.isDefaultRoute && new.isDefaultRoute ? "default route" : "route"
            return "\(what) moved from \(old.interface) to \(new.interface)"
        }
        if let before = old.ssid, let after = new.ssid, before != after {
            return "joined \(after) on \(new.interface), was on \(before)"
        }
        if let before = old.bssid, let after = new.bssid, before != after {
            let network = new.ssid.map { " (\($0))" } ?? ""
            return "roamed to \(after) on \(new.interface)\(network)"
        }
        if old.address != new.address {
            return "address of \(new.interface) changed from \(old.address) to \(new.address)"
        }
        if old.isDefaultRoute != new.isDefaultRoute {
            return "default route via \(new.interface) " + (new.isDefaultRoute ? "appeared" : "removed")
        }
        if old.gateway != new.gateway {
            let before = old.gateway ?? "none"
            return "gateway of \(new.interface) changed from \(before) to \(new.gateway ?? "none")"
        }
        return nil
    }

    private static func loss(of path: NetworkPath, in snapshot: NetworkSnapshot) -> String {
        let name = path.interface
        guard let link = snapshot.links.first(where: { $0.name == name }) else { return "\(name) is gone" }
        guard link.isUp else { return "\(name) was switched off" }
        guard link.isUsable else { return "\(name) lost its carrier" }
        let hasAddress = snapshot.addresses.contains { $0.linkIndex == link.index && $0.text == path.address }
        return hasAddress ? "default route via \(name) removed" : "\(name) lost its address \(path.address)"
    }
}
