import RecorderCore
import Testing

private func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

private func snapshot(
    _ links: [NetworkLink], _ addresses: [NetworkAddress], _ routes: [DefaultRoute] = []
) -> NetworkSnapshot {
    var snapshot = NetworkSnapshot()
    for link in links { snapshot.add(link) }
    for address in addresses { snapshot.add(address) }
    for route in routes { snapshot.add(route) }
    return snapshot
}

private let eth0 = NetworkLink(index: 2, name: "eth0")
private let wlan0 = NetworkLink(index: 3, name: "wlan0")
private let wired = NetworkAddress(linkIndex: 2, text: "10.0.0.2")
private let wireless = NetworkAddress(linkIndex: 3, text: "192.168.7.2")
private let wiredRoute = DefaultRoute(linkIndex: 2, gateway: "10.0.0.1", metric: 100)
private let wirelessRoute = DefaultRoute(linkIndex: 3, gateway: "192.168.7.1", metric: 600)
private let wiredOnly = snapshot([eth0], [wired], [wiredRoute])
private let both = snapshot([eth0, wlan0], [wired, wireless], [wirelessRoute, wiredRoute])

private func link(_ link: NetworkLink, _ change: (inout NetworkLink) -> Void) -> NetworkLink {
    var link = link
    change(&link)
    return link
}

private func joined(_ ssid: String?, _ bssid: String?, signal: Int = -50) -> NetworkLink {
    link(wlan0) { $0.wireless = WiFiAssociation(ssid: ssid, bssid: bssid, signalDecibelMilliwatts: signal) }
}

/// The changes that a row of snapshots makes, from nothing on.
private func changes(_ snapshots: [NetworkSnapshot]) -> [NetworkChange] {
    var path: NetworkPath?
    return snapshots.map { snapshot in
        let delta = NetworkDelta(from: path, to: snapshot)
        path = delta.path
        return delta.change
    }
}

private func change(_ first: NetworkSnapshot, _ second: NetworkSnapshot) -> NetworkChange {
    changes([first, second])[1]
}

@Suite struct `The route` {
    @Test func `is the default route with the lowest metric, whatever its place`() {
        #expect(both.path?.interface == "eth0")
        #expect(both.path?.gateway == "10.0.0.1" && both.path?.address == "10.0.0.2")
        let turned = snapshot(
            [eth0, wlan0], [wired, wireless],
            [wiredRoute, DefaultRoute(linkIndex: 3, gateway: "192.168.7.1", metric: 50)])
        #expect(turned.path?.interface == "wlan0")
    }

    @Test(arguments: [
        link(eth0) { $0.isUp = false }, link(eth0) { $0.hasCarrier = false }, link(eth0) { $0.isRunning = false },
    ]) func `is not a link that cannot carry`(dead: NetworkLink) {
        let snapshot = snapshot([dead, wlan0], [wired, wireless], [wiredRoute, wirelessRoute])
        #expect(snapshot.path?.interface == "wlan0")
    }

    @Test func `is not a route without an address of its family on its link, or on a link that is not there`() {
        #expect(snapshot([eth0, wlan0], [wireless], [wiredRoute, wirelessRoute]).path?.interface == "wlan0")
        #expect(snapshot([wlan0], [wired, wireless], [wiredRoute, wirelessRoute]).path?.interface == "wlan0")
        let six = NetworkAddress(linkIndex: 2, text: "2001:db8::2", isIPv6: true)
        #expect(snapshot([eth0], [six], [wiredRoute]).path == nil)
    }

    @Test func `is IPv4 before IPv6, whose metrics count otherwise`() {
        let six = NetworkAddress(linkIndex: 3, text: "2001:db8::2", isIPv6: true)
        let sixRoute = DefaultRoute(linkIndex: 3, isIPv6: true, gateway: "fe80::1", metric: 1)
        for routes in [[wiredRoute, sixRoute], [sixRoute, wiredRoute]] {
            #expect(snapshot([eth0, wlan0], [wired, six], routes).path?.interface == "eth0")
        }
        // IPv6 alone will do.
        let only = snapshot([eth0, wlan0], [six], [wiredRoute, sixRoute])
        #expect(only.path?.address == "2001:db8::2" && only.path?.gateway == "fe80::1")
    }

    @Test func `leaves from the route's own source, else from the link's first address that lasts`() {
        let temporary = NetworkAddress(linkIndex: 2, text: "2001:db8::77", isIPv6: true, isSecondary: true)
        let lasting = NetworkAddress(linkIndex: 2, text: "2001:db8::2", isIPv6: true)
        let route = DefaultRoute(linkIndex: 2, isIPv6: true, gateway: "fe80::1")
        #expect(snapshot([eth0], [temporary, lasting], [route]).path?.address == "2001:db8::2")
        #expect(snapshot([eth0], [temporary], [route]).path?.address == "2001:db8::77")
        let second = NetworkAddress(linkIndex: 2, text: "10.0.0.9")
        var preferring = wiredRoute
        preferring.preferredSource = "10.0.0.9"
        #expect(snapshot([eth0], [wired, second], [preferring]).path?.address == "10.0.0.9")
        // A source that the link does not have is none.
        preferring.preferredSource = "10.0.0.77"
        #expect(snapshot([eth0], [wired, second], [preferring]).path?.address == "10.0.0.2")
    }

    @Test func `without any default route is the first link with an address, the loopback never`() {
        let loopback = NetworkLink(index: 1, name: "lo", isLoopback: true)
        let local = NetworkAddress(linkIndex: 1, text: "10.99.0.1")
        let path = snapshot([loopback, eth0, wlan0], [local, wireless, wired]).path
        #expect(path?.interface == "eth0" && path?.gateway == nil && path?.isDefaultRoute == false)
        #expect(snapshot([loopback], [local]).path == nil)
        let six = NetworkAddress(linkIndex: 2, text: "2001:db8::2", isIPv6: true)
        #expect(snapshot([eth0], [six]).path?.address == "2001:db8::2")
        #expect(snapshot([link(eth0) { $0.hasCarrier = false }, wlan0], [wired, wireless]).path?.interface == "wlan0")
    }

    @Test func `is none when there is a default route, but over a dead link`() {
        let dead = link(eth0) { $0.hasCarrier = false }
        #expect(snapshot([dead, wlan0], [wired, wireless], [wiredRoute]).path == nil)
    }

    @Test func `stays where it is among equal routes`() {
        var equal = wirelessRoute
        equal.metric = wiredRoute.metric
        let first = snapshot([eth0, wlan0], [wired, wireless], [wiredRoute, equal])
        let second = snapshot([eth0, wlan0], [wired, wireless], [equal, wiredRoute])
        #expect(changes([first, second, first, second]).dropFirst() == [.none, .none, .none])
    }
}

@Suite struct `A change of the network` {
    @Test func `is none when nothing was and nothing is`() {
        #expect(changes([NetworkSnapshot(), snapshot([eth0], []), NetworkSnapshot()]) == [.none, .none, .none])
    }

    @Test func `is an appearance when there was no route`() {
        #expect(
            changes([snapshot([wlan0], []), snapshot([wlan0], [wireless], [wirelessRoute])])
                == [.none, .appeared(reason: "default route via wlan0 appeared")])
        #expect(
            changes([snapshot([eth0], [wired])])
                == [.appeared(reason: "eth0 came up with 10.0.0.2, without a default route")])
    }

    @Test func `is a loss with its cause`() {
        let losses: [(NetworkSnapshot, String)] = [
            (NetworkSnapshot(), "eth0 is gone"),
            (snapshot([link(eth0) { $0.isUp = false }], [wired], [wiredRoute]), "eth0 was switched off"),
            (snapshot([link(eth0) { $0.hasCarrier = false }], [wired], [wiredRoute]), "eth0 lost its carrier"),
            (snapshot([link(eth0) { $0.isRunning = false }], [wired], [wiredRoute]), "eth0 lost its carrier"),
            (snapshot([eth0], []), "eth0 lost its address 10.0.0.2"),
            (snapshot([eth0, wlan0], [wired], [wirelessRoute]), "default route via eth0 removed"),
        ]
        for (after, reason) in losses { #expect(change(wiredOnly, after) == .lost(reason: reason)) }
    }

    @Test func `is another path when address, gateway, route or interface change`() {
        let address = NetworkAddress(linkIndex: 2, text: "10.0.0.9")
        let gateway = DefaultRoute(linkIndex: 2, gateway: "10.0.0.254", metric: 100)
        let direct = DefaultRoute(linkIndex: 2, gateway: nil, metric: 100)
        let cases: [(NetworkSnapshot, NetworkSnapshot, String)] = [
            (wiredOnly, snapshot([eth0], [address], [wiredRoute]), "address of eth0 changed from 10.0.0.2 to 10.0.0.9"),
            (wiredOnly, snapshot([eth0], [wired], [gateway]), "gateway of eth0 changed from 10.0.0.1 to 10.0.0.254"),
            (wiredOnly, snapshot([eth0], [wired], [direct]), "gateway of eth0 changed from 10.0.0.1 to none"),
            (wiredOnly, snapshot([eth0], [wired]), "default route via eth0 removed"),
            (snapshot([eth0], [wired]), wiredOnly, "default route via eth0 appeared"),
            (both, snapshot([eth0, wlan0], [wired, wireless], [wirelessRoute]),
                "default route moved from eth0 to wlan0"),
            (snapshot([wlan0], [wireless], [wirelessRoute]), both, "default route moved from wlan0 to eth0"),
            (wiredOnly, snapshot([wlan0], [wireless]), "route moved from eth0 to wlan0"),
            // A new network changes both: the address tells more.
            (wiredOnly, snapshot([eth0], [address], [gateway]), "address of eth0 changed from 10.0.0.2 to 10.0.0.9"),
        ]
        for (before, after, reason) in cases { #expect(change(before, after) == .pathChanged(reason: reason)) }
    }

    @Test func `is none when a session would not notice it`() {
        let second = NetworkAddress(linkIndex: 2, text: "10.0.0.9")
        var metric = wiredRoute
        metric.metric = 50
        let unnoticed = [
            wiredOnly, both, snapshot([eth0], [wired, second], [wiredRoute]),
            snapshot([eth0], [second, wired], [wiredRoute]), snapshot([eth0], [wired], [metric]),
            // Unplugged and plugged in again between two readings: the same name with another number.
            snapshot(
                [link(eth0) { $0.index = 9 }], [NetworkAddress(linkIndex: 9, text: "10.0.0.2")],
                [DefaultRoute(linkIndex: 9, gateway: "10.0.0.1")]),
        ]
        for after in unnoticed { #expect(change(wiredOnly, after) == .none) }
    }

    @Test func `is the loss of the address in use, not of one that came later and stands before it`() {
        let second = NetworkAddress(linkIndex: 2, text: "10.0.0.9")
        let two = snapshot([eth0], [second, wired], [wiredRoute])
        #expect(
            changes([wiredOnly, two, wiredOnly, two, snapshot([eth0], [second], [wiredRoute])]).dropFirst()
                == [
                    .none, .none, .none, .pathChanged(reason: "address of eth0 changed from 10.0.0.2 to 10.0.0.9"),
                ])
    }

    @Test func `is a temporary IPv6 address's renewal only when nothing else is left`() {
        func six(_ text: String, secondary: Bool) -> NetworkAddress {
            NetworkAddress(linkIndex: 2, text: text, isIPv6: true, isSecondary: secondary)
        }
        let route = DefaultRoute(linkIndex: 2, isIPv6: true, gateway: "fe80::1")
        let lasting = six("2001:db8::2", secondary: false)
        func with(_ addresses: NetworkAddress...) -> NetworkSnapshot { snapshot([eth0], addresses, [route]) }
        #expect(
            change(
                with(six("2001:db8::a", secondary: true), lasting), with(six("2001:db8::b", secondary: true), lasting))
                == .none)
        #expect(
            change(with(six("2001:db8::a", secondary: true)), with(six("2001:db8::b", secondary: true)))
                == .pathChanged(reason: "address of eth0 changed from 2001:db8::a to 2001:db8::b"))
    }

    @Test func `is a roam between access points, with the same address`() {
        func at(_ link: NetworkLink) -> NetworkSnapshot { snapshot([link], [wireless], [wirelessRoute]) }
        let first = at(joined("school", "aa:aa:aa:aa:aa:01"))
        #expect(first.path?.ssid == "school" && first.path?.bssid == "aa:aa:aa:aa:aa:01")
        #expect(
            change(first, at(joined("school", "aa:aa:aa:aa:aa:02")))
                == .pathChanged(reason: "roamed to aa:aa:aa:aa:aa:02 on wlan0 (school)"))
        #expect(
            change(first, at(joined(nil, "aa:aa:aa:aa:aa:02")))
                == .pathChanged(reason: "roamed to aa:aa:aa:aa:aa:02 on wlan0 (school)"))
        #expect(
            change(first, at(joined("guests", "bb:bb:bb:bb:bb:01")))
                == .pathChanged(reason: "joined guests on wlan0, was on school"))
        #expect(change(first, at(joined("school", "aa:aa:aa:aa:aa:01", signal: -80))) == .none)
        #expect(at(joined("school", "aa:aa:aa:aa:aa:01", signal: -80)).path?.signalDecibelMilliwatts == -80)
    }

    @Test func `is no roam when the driver is silent for a moment, and one when it then names another`() {
        func at(_ link: NetworkLink) -> NetworkSnapshot { snapshot([link], [wireless], [wirelessRoute]) }
        let names = changes([
            at(wlan0), at(joined("school", "aa:aa:aa:aa:aa:01")), at(wlan0), at(joined("school", nil)),
            at(joined("school", "aa:aa:aa:aa:aa:01")), at(wlan0), at(joined("school", "aa:aa:aa:aa:aa:02")),
        ])
        #expect(names[1...5].allSatisfy { $0 == .none })
        #expect(names[6] == .pathChanged(reason: "roamed to aa:aa:aa:aa:aa:02 on wlan0 (school)"))
        // Another network's access point is not the old one's.
        var path = NetworkDelta(from: nil, to: at(joined("school", "aa:aa:aa:aa:aa:01"))).path
        path = NetworkDelta(from: path, to: at(joined("guests", nil))).path
        #expect(path?.ssid == "guests" && path?.bssid == nil)
    }

    @Test func `does not carry an access point over to the cable`() {
        let first = snapshot([joined("school", "aa:aa:aa:aa:aa:01")], [wireless], [wirelessRoute])
        let path = NetworkDelta(from: first.path, to: wiredOnly).path
        #expect(path?.interface == "eth0" && path?.ssid == nil && path?.bssid == nil)
    }
}

@Suite struct `A snapshot` {
    @Test func `counts what exceeds its limits, and does not keep it`() {
        var snapshot = NetworkSnapshot()
        for number in 0..<Int32(500) {
            snapshot.add(NetworkLink(index: number, name: "veth\(number)"))
            snapshot.add(NetworkAddress(linkIndex: number, text: "10.0.0.\(number)"))
            snapshot.add(DefaultRoute(linkIndex: number, gateway: nil))
        }
        #expect(snapshot.links.count == Limits.networkLinks)
        #expect(snapshot.addresses.count == Limits.networkAddresses)
        #expect(snapshot.defaultRoutes.count == Limits.networkRoutes)
        let kept = Limits.networkLinks + Limits.networkAddresses + Limits.networkRoutes
        #expect(snapshot.ignored == 1_500 - kept)
    }

    @Test func `joins what two questions tell about one access point`() {
        var snapshot = snapshot([eth0, wlan0], [])
        snapshot.add(WiFiAssociation(ssid: "school"), toLink: 3)
        snapshot.add(WiFiAssociation(bssid: "aa:aa:aa:aa:aa:01", signalDecibelMilliwatts: -61), toLink: 3)
        snapshot.add(WiFiAssociation(ssid: "nobody's"), toLink: 77)
        #expect(
            snapshot.links.map(\.wireless) == [
                nil, WiFiAssociation(ssid: "school", bssid: "aa:aa:aa:aa:aa:01", signalDecibelMilliwatts: -61),
            ])
    }
}

@Suite struct `Watching the network` {
    private let quiet = Limits.networkQuietMilliseconds
    private let longest = Limits.networkDelayMilliseconds

    @Test func `the first reading is due at once, and then none is`() {
        var watch = NetworkWatch(at: time(1_000))
        #expect(watch.isDue(at: time(1_000)))
        #expect(watch.read(wiredOnly) == .appeared(reason: "default route via eth0 appeared"))
        #expect(watch.path?.interface == "eth0")
        #expect(watch.nextDeadline == nil && !watch.isDue(at: time(1_000_000)))
    }

    @Test func `a reading is due once the hints have ceased`() {
        var watch = NetworkWatch(at: time(0))
        _ = watch.read(wiredOnly)
        watch.hint(at: time(1_000))
        #expect(watch.nextDeadline == time(1_050) && !watch.isDue(at: time(1_049)))
        watch.hint(at: time(1_030))
        #expect(watch.nextDeadline == time(1_080) && watch.isDue(at: time(1_080)))
        #expect(watch.read(both) == .none)
        #expect(watch.nextDeadline == nil)
    }

    @Test func `hints that never cease do not put a reading off for ever`() {
        var watch = NetworkWatch(at: time(0))
        _ = watch.read(wiredOnly)
        var readings: [Int64] = []
        for now in Int64(1_000)..<3_000 {
            if now % 10 == 0 { watch.hint(at: time(now)) }
            if watch.isDue(at: time(now)) {
                readings.append(now)
                #expect(watch.read(wiredOnly) == .none)
            }
        }
        #expect(readings.first == 1_000 + longest)
        // The next hint after a reading begins a new wait.
        for (earlier, later) in zip(readings, readings.dropFirst()) { #expect(later - earlier == longest + 10) }
        #expect(readings.count == 7)
    }

    @Test func `flapping that is over before the reading is nothing`() {
        var watch = NetworkWatch(at: time(0))
        _ = watch.read(wiredOnly)
        for now in [1_000, 1_010, 1_020] as [Int64] { watch.hint(at: time(now)) }
        #expect(watch.nextDeadline == time(1_020 + quiet))
        #expect(watch.read(wiredOnly) == .none)
    }

    @Test func `flapping at 5 Hz tells every loss and every return once`() {
        var watch = NetworkWatch(at: time(0))
        var truth = wiredOnly
        var said: [NetworkChange] = [watch.read(truth)]
        let down = snapshot([link(eth0) { $0.hasCarrier = false }], [wired], [wiredRoute])
        for now in Int64(1)...2_000 {
            if now % 100 == 0 {
                truth = truth == down ? wiredOnly : down
                watch.hint(at: time(now))
            }
            if watch.isDue(at: time(now)) { said.append(watch.read(truth)) }
        }
        #expect(said.count == 20)
        for (index, change) in said.enumerated() {
            let expected: NetworkChange =
                index % 2 == 0
                ? .appeared(reason: "default route via eth0 appeared") : .lost(reason: "eth0 lost its carrier")
            #expect(change == expected)
        }
    }

    @Test func `a reading that fails leaves the path, and is repeated`() {
        var watch = NetworkWatch(at: time(0))
        _ = watch.read(wiredOnly)
        watch.hint(at: time(1_000))
        watch.readFailed(at: time(1_050))
        #expect(watch.path?.interface == "eth0")
        #expect(watch.nextDeadline == time(1_050 + Limits.networkRetryMilliseconds))
        // A new hint is sooner.
        watch.hint(at: time(1_100))
        #expect(watch.nextDeadline == time(1_150))
        #expect(watch.read(NetworkSnapshot()) == .lost(reason: "eth0 is gone"))
        #expect(watch.nextDeadline == nil)
    }
}
