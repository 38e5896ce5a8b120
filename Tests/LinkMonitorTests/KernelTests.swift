import Foundation
import LinkMonitor
import LinuxRuntime
import OwnThread
import RecorderCore
import Testing

/// Against the real kernel: pairs of virtual cables (veth(4)) in a namespace of each test's own.
@Suite(.ownThread, .serialized, .enabled(if: Namespace.isAvailable, "needs CAP_SYS_ADMIN for a network namespace"))
struct `The kernel's network` {
    /// `eth0` and `eth1`, each with the far end of its cable (`far0`, `far1`).
    private static let cables = """
        link add eth0 type veth peer name far0
        link add eth1 type veth peer name far1
        link set far0 up
        link set far1 up

        """
    private static let eth0 = """
        link set eth0 up
        address add 10.0.0.2/24 dev eth0

        """

    private func inNamespace(_ commands: String = cables, _ body: (Watcher) throws -> Void) throws {
        try Namespace.enter {
            try ip(commands)
            try body(Watcher())
        }
    }

    @Test func `a cable, an address and a route make a path`() throws {
        try inNamespace { watcher in
            #expect(watcher.watch.path == nil)
            try ip(Self.eth0 + "route add default via 10.0.0.1 metric 100")
            #expect(try watcher.change() == .appeared(reason: "default route via eth0 appeared"))
            let path = try #require(watcher.watch.path)
            #expect(path.interface == "eth0" && path.gateway == "10.0.0.1" && path.address == "10.0.0.2")
            #expect(watcher.snapshot.defaultRoutes.first?.metric == 100)
            #expect(watcher.snapshot.links.first { $0.name == "lo" }?.isLoopback == true)
        }
    }

    @Test func `without a default route the address is enough for the link's own servers`() throws {
        try inNamespace { watcher in
            try ip(Self.eth0)
            #expect(
                try watcher.change() == .appeared(reason: "eth0 came up with 10.0.0.2, without a default route"))
            try ip("route add default via 10.0.0.1")
            #expect(try watcher.change() == .pathChanged(reason: "default route via eth0 appeared"))
            try ip("route del default")
            #expect(try watcher.change() == .pathChanged(reason: "default route via eth0 removed"))
        }
    }

    @Test func `the cable out and in again`() throws {
        try inNamespace(Self.cables + Self.eth0 + "route add default via 10.0.0.1") { watcher in
            #expect(watcher.watch.path?.interface == "eth0")
            try ip("link set far0 down")
            #expect(try watcher.change() == .lost(reason: "eth0 lost its carrier"))
            try ip("link set far0 up")
            #expect(try watcher.change() == .appeared(reason: "default route via eth0 appeared"))
        }
    }

    @Test func `a link that is switched off, and one that is gone`() throws {
        try inNamespace(Self.cables + Self.eth0 + "route add default via 10.0.0.1") { watcher in
            try ip("link set eth0 down")
            #expect(try watcher.change() == .lost(reason: "eth0 was switched off"))
            try ip("link set eth0 up\nroute add default via 10.0.0.1")
            #expect(try watcher.change() == .appeared(reason: "default route via eth0 appeared"))
            try ip("link del eth0")
            #expect(try watcher.change() == .lost(reason: "eth0 is gone"))
        }
    }

    @Test func `a second address is nothing, the loss of the first is a change`() throws {
        try inNamespace(Self.cables + Self.eth0 + "route add default via 10.0.0.1") { watcher in
            try ip("address add 10.0.0.9/24 dev eth0\naddress add 10.1.0.9/24 dev eth0")
            #expect(try watcher.changes { $0.has("10.0.0.9") && $0.has("10.1.0.9") } == [])
            #expect(watcher.snapshot.addresses.first { $0.text == "10.0.0.9" }?.isSecondary == true)
            // net.ipv4.conf.*.promote_secondaries is off: the first takes its subnet's others with it.
            try ip(
                """
                address del 10.0.0.2/24 dev eth0
                address add 10.0.0.9/24 dev eth0
                route replace default via 10.0.0.1
                """)
            let changes = try watcher.changes { !$0.has("10.0.0.2") && $0.has("10.0.0.9") }
            #expect(changes.last?.reason?.hasPrefix("address of eth0 changed from 10.0.0.2 to 10.") == true)
        }
    }

    @Test func `another address from the same router`() throws {
        try inNamespace(Self.cables + Self.eth0 + "route add default via 10.0.0.1") { watcher in
            try ip(
                "address flush dev eth0\naddress add 10.0.0.9/24 dev eth0\nroute add default via 10.0.0.1")
            #expect(
                try watcher.change()
                    == .pathChanged(reason: "address of eth0 changed from 10.0.0.2 to 10.0.0.9"))
            try ip("route replace default via 10.0.0.254")
            #expect(
                try watcher.change()
                    == .pathChanged(reason: "gateway of eth0 changed from 10.0.0.1 to 10.0.0.254"))
        }
    }

    @Test func `the default route moves between two links`() throws {
        let both = Self.eth0 + """
            link set eth1 up
            address add 192.168.7.2/24 dev eth1
            route add default via 10.0.0.1 metric 100
            route add default via 192.168.7.1 metric 600

            """
        try inNamespace(Self.cables + both) { watcher in
            #expect(watcher.watch.path?.interface == "eth0")
            try ip("route del default via 10.0.0.1 metric 100")
            #expect(try watcher.change() == .pathChanged(reason: "default route moved from eth0 to eth1"))
            try ip("route add default via 10.0.0.1 metric 50")
            #expect(try watcher.change() == .pathChanged(reason: "default route moved from eth1 to eth0"))
            // The route stays in the table; its cable is out.
            try ip("link set far0 down")
            #expect(try watcher.change() == .pathChanged(reason: "default route moved from eth0 to eth1"))
        }
    }

    @Test func `IPv6 alone is a path, and its tentative and deprecated addresses are none`() throws {
        try inNamespace { watcher in
            try ip(
                """
                link set eth0 up
                address add 2001:db8::2/64 dev eth0 nodad
                route add default via fe80::1 dev eth0
                """)
            #expect(try watcher.change().reason != nil)
            _ = try watcher.changes { !$0.defaultRoutes.isEmpty }
            let path = try #require(watcher.watch.path)
            #expect(path.address == "2001:db8::2" && path.gateway == "fe80::1" && path.isDefaultRoute)
            try ip("address change 2001:db8::2/64 dev eth0 preferred_lft 0")
            #expect(try watcher.change() == .lost(reason: "eth0 lost its address 2001:db8::2"))
        }
    }

    @Test func `an address that a DHCP client made up is no path`() throws {
        try inNamespace(Self.cables + "link set eth0 up") { watcher in
            try ip("address add 169.254.3.4/16 dev eth0\nroute add default dev eth0\nlink set eth1 up")
            #expect(try watcher.changes { $0.links.contains { $0.name == "eth1" && $0.isUsable } } == [])
            #expect(watcher.watch.path == nil && watcher.snapshot.defaultRoutes.count == 1)
        }
    }

    @Test func `a route with several next hops counts for each of them`() throws {
        let commands = Self.eth0 + """
            link set eth1 up
            address add 192.168.7.2/24 dev eth1
            route add default metric 7 nexthop via 10.0.0.1 dev eth0 nexthop via 192.168.7.1 dev eth1

            """
        try inNamespace(Self.cables + commands) { watcher in
            #expect(watcher.snapshot.defaultRoutes.map(\.gateway) == ["10.0.0.1", "192.168.7.1"])
            #expect(watcher.snapshot.defaultRoutes.map(\.metric) == [7, 7])
            try ip("link set far0 down")
            #expect(try watcher.change() == .pathChanged(reason: "default route moved from eth0 to eth1"))
        }
    }

    @Test func `routes of other tables and to other places are not the path`() throws {
        let commands = Self.eth0 + """
            route add default via 10.0.0.1 table 77
            route add 10.9.0.0/16 via 10.0.0.1
            route add unreachable default metric 900

            """
        try inNamespace(Self.cables + commands) { watcher in
            #expect(watcher.snapshot.defaultRoutes == [])
            #expect(watcher.watch.path?.isDefaultRoute == false)
        }
    }
}

/// Much happens at once.
@Suite(.ownThread, .serialized, .enabled(if: Namespace.isAvailable, "needs CAP_SYS_ADMIN for a network namespace"))
struct `A restless network` {
    private static let cable = """
        link add eth0 type veth peer name far0
        link set eth0 up
        link set far0 up
        address add 10.0.0.2/24 dev eth0
        route add default via 10.0.0.1

        """

    @Test func `a link that flaps at 5 Hz is read neither at every message nor too late`() throws {
        try Namespace.enter {
            try ip(Self.cable)
            let watcher = try Watcher()
            let start = Clock.now
            var changes: [NetworkChange] = []
            for flap in 1...20 {
                try ip("link set far0 " + (flap % 2 == 1 ? "down" : "up"))
                let next = start.adding(milliseconds: Int64(flap) * 100)
                while Clock.now < next { changes.append(try watcher.turn(until: next)) }
            }
            _ = try watcher.changes { $0.links.contains { $0.name == "eth0" && $0.isUsable } }
            let elapsed = Clock.now.milliseconds(since: start)
            // Readings are 50 ms after the last hint: never closer.
            #expect(watcher.readings.count <= 1 + Int(elapsed / Limits.networkQuietMilliseconds))
            #expect(watcher.readings.count >= 8)
            #expect(watcher.watch.path?.interface == "eth0")
            let kinds = changes.filter { $0 != .none }
            for (index, change) in kinds.enumerated() {
                switch change {
                case .lost: #expect(index % 2 == 0)
                case .appeared: #expect(index % 2 == 1)
                case .none, .pathChanged: Issue.record("\(change)")
                }
            }
        }
    }

    @Test func `messages that the kernel had to drop are a hint too`() throws {
        try Namespace.enter {
            try ip(Self.cable)
            let watcher = try Watcher(receiveBufferBytes: 2_048)
            // The new cable's own messages may have been too many already, if the machine held the watcher up.
            let before = watcher.monitor.overruns
            let flood = (1...300).map { "address add 10.2.\($0 / 250).\($0 % 250 + 1)/24 dev eth0\n" }.joined()
            try ip(flood + "address del 10.0.0.2/24 dev eth0\nroute replace default via 10.2.0.254")
            let change = try watcher.change()
            #expect(watcher.monitor.overruns > before)
            #expect(change == .pathChanged(reason: "address of eth0 changed from 10.0.0.2 to 10.2.0.2"))
            // More addresses than a snapshot holds.
            #expect(watcher.snapshot.addresses.count == Limits.networkAddresses)
            #expect(watcher.snapshot.ignored == 300 - Limits.networkAddresses)
            #expect(watcher.monitor.drain() == false)
        }
    }

    @Test func `a table that changes while it is read is read again, and lacks nothing that stayed`() throws {
        try Namespace.enter {
            // So many that the kernel needs several messages, between which it lets others change the table.
            let lasting = (1...20).map { "link add stays\($0) type veth peer name stays-too\($0)\n" }.joined()
            try ip(lasting)
            let monitor = try LinkMonitor()
            let input = try #require(popen("exec ip -batch -", "w"))
            let fleeting = "link add comes type veth peer name goes\nlink del comes\n"
            fputs(String(repeating: fleeting, count: 60) + "link add last type veth peer name end\n", input)
            fflush(input)
            let deadline = Clock.now.adding(milliseconds: 30_000)
            var isOver = false
            while !isOver, Clock.now < deadline {
                do throws(LinkMonitorError) {
                    let links = try monitor.snapshot().links
                    #expect(links.count { $0.name.hasPrefix("stays") } == 40)
                    isOver = links.contains { $0.name == "last" }
                } catch {
                    #expect(error == .unsteady(what: "links"))
                }
            }
            #expect(isOver)
            #expect(pclose(input) == 0)
        }
    }

    @Test func `a quiet network gives no hint and no deadline`() throws {
        try Namespace.enter {
            try ip(Self.cable)
            let watcher = try Watcher()
            _ = try watcher.changes { $0.has("10.0.0.2") }
            #expect(watcher.monitor.fileDescriptors.count == 2)
            while watcher.watch.nextDeadline != nil { _ = try watcher.turn(until: Clock.now.adding(milliseconds: 250)) }
            #expect(watcher.monitor.drain() == false)
        }
    }

    @Test func `a hundred readings leave no descriptor behind`() throws {
        try Namespace.enter {
            try ip(Self.cable)
            let watcher = try Watcher()
            let monitor = watcher.monitor
            let before = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            for _ in 0..<100 { #expect(try monitor.snapshot().links == watcher.snapshot.links) }
            let after = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            // Other tests open and close descriptors meanwhile.
            #expect(after < before + 50)
            #expect(monitor.wirelessError == nil)
        }
    }
}
