import CloudKit
import Foundation

/// A box, a router and a cloud in network namespaces of their own (ip-netns(8)), joined by virtual cables (veth(4)):
///
///     box  eth0 10.1.0.2 ─ far0 10.1.0.1  net  up0 10.9.0.1 ─ eth0 10.9.0.2  cloud
///     box  eth1 10.2.0.2 ─ far1 10.2.0.1  net
///
/// The box's carrier is the router's: what happens behind the router, it must find out for itself.
final class NetworkLab {
    enum Place: String, CaseIterable {
        case box, net, cloud
    }

    static let isAvailable: Bool = {
        guard let lab = try? NetworkLab() else { return false }
        lab.remove()
        return true
    }()

    static let cloudAddress = "10.9.0.2"
    static let cloudName = "cloud.test"
    static let port = 443
    private static let deadNameServer = "10.66.0.1"

    private let tag = UUID().uuidString.prefix(6).lowercased()
    private var cloudProcess: Child?
    private let cloudLines = StampedLog()
    private var controlSocket = ""

    init() throws {
        do {
            for place in Place.allCases { _ = try Child.run(["ip", "netns", "add", name(place)]) }
            // The kernel tells at once of a link whose number is not that of its other end, and else within a second
            // (net/core/link_watch.c).
            let cables = [
                ("eth0", Place.box, "far0", "51"), ("eth1", .box, "far1", "52"), ("eth0", .cloud, "up0", "53"),
            ]
            for (end, place, far, index) in cables {
                let near = ["ip", "link", "add", "name", end, "index", index, "netns", name(place), "type", "veth"]
                _ = try Child.run(near + ["peer", far, "netns", name(.net)])
            }
            try ip(
                .net,
                """
                link set lo up
                link set far0 up
                link set far1 up
                link set up0 up
                address add 10.1.0.1/24 dev far0
                address add 10.2.0.1/24 dev far1
                address add 10.9.0.1/24 dev up0
                """)
            // A name server that is silent.
            try ip(.net, "route add blackhole \(Self.deadNameServer)/32")
            _ = try Child.run(execute(.net) + ["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
            try ip(
                .cloud,
                """
                link set lo up
                link set eth0 up
                address add \(Self.cloudAddress)/24 dev eth0
                route add default via 10.9.0.1
                """)
            for link in ["eth0", "eth1"] { try setKernel(of: link) }
            try ip(.box, "link set lo up\n" + Self.up0)
            // Mounted over the system's by `ip netns exec`.
            try FileManager.default.createDirectory(atPath: etc, withIntermediateDirectories: true)
            try setHosts("127.0.0.1 localhost\n\(Self.cloudAddress) \(Self.cloudName)\n")
            let resolver = "nameserver \(Self.deadNameServer)\n"
            try resolver.write(toFile: etc + "/resolv.conf", atomically: false, encoding: .utf8)
        } catch {
            remove()
            throw error
        }
    }

    /// Whatever has happened: nothing of it stays.
    func remove() {
        cloudProcess?.end()
        for place in Place.allCases { _ = try? Child.run(["ip", "netns", "delete", name(place)], checked: false) }
        try? FileManager.default.removeItem(atPath: etc)
    }

    /// The kernel's settings that a board has.
    private func setKernel(of link: String) throws {
        let settings = try String(contentsOfFile: Box.root + "/board/sysctl.conf", encoding: .utf8)
        for line in settings.split(separator: "\n") where line.hasPrefix("net.") {
            let (name, value) = (line.prefix { $0 != " " }, line.drop { $0 != "=" }.dropFirst())
            let path = "/proc/sys/" + name.replacing("*", with: link).replacing(".", with: "/")
            _ = try Child.run(execute(.box) + ["sh", "-c", "echo \(value) >\(path)"])
        }
    }

    private var etc: String { "/etc/netns/" + name(.box) }

    func name(_ place: Place) -> String { "chalk-\(tag)-\(place.rawValue)" }

    /// Runs what follows it in the namespace.
    func execute(_ place: Place) -> [String] { ["ip", "netns", "exec", name(place)] }

    // MARK: Links

    /// What a DHCP client does when the first cable is in, and the second.
    static let up0 = """
        link set eth0 up
        address replace 10.1.0.2/24 dev eth0
        route replace default via 10.1.0.1 metric 100
        """
    static let up1 = """
        link set eth1 up
        address replace 10.2.0.2/24 dev eth1
        route replace default via 10.2.0.1 metric 600
        """

    /// `ip` in a namespace, one command a line (ip(8), -batch).
    ///
    /// - Returns: the time before and after, as the logs have it.
    @discardableResult
    func ip(_ place: Place, _ commands: String) throws -> (before: Int64, after: Int64) {
        let file = NSTemporaryDirectory() + "ip-\(UUID().uuidString)"
        try (commands + "\n").write(toFile: file, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        let before = StampedLog.now
        _ = try Child.run(["ip", "-n", name(place), "-batch", file])
        return (before, StampedLog.now)
    }

    /// Swallows what the router has for the box, without a word to anybody; `false` lifts it.
    @discardableResult
    func blackHole(_ isOn: Bool, for address: String = "10.1.0.2") throws -> (before: Int64, after: Int64) {
        try ip(.net, "route \(isOn ? "add" : "delete") blackhole \(address)/32")
    }

    /// The file is mounted where the daemon is: it is written in place.
    func setHosts(_ text: String) throws {
        try text.write(toFile: etc + "/hosts", atomically: false, encoding: .utf8)
    }

    // MARK: Cloud

    /// - Parameter directory: of the box's; certificates and the control socket go there.
    /// - Returns: the authority's certificate.
    func startCloud(directory: String, faults: [String]) throws -> String {
        let authority = try ThrowawayAuthority(
            directory: directory, names: ["DNS:" + Self.cloudName, "IP:" + Self.cloudAddress])
        controlSocket = directory + "/cloud.sock"
        let program = ProcessInfo.processInfo.environment["CHALKBOX_CLOUD"] ?? ""
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw Box.Failure(description: "CHALKBOX_CLOUD names no program: run Tests/run")
        }
        cloudProcess = try Child.logging(
            execute(.cloud) + [
                program, "serve", "--host", Self.cloudAddress, "--port", "\(Self.port)", "--tls-certificate",
                authority.certificateFile, "--tls-key", authority.keyFile, "--control", controlSocket,
            ] + faults.flatMap { ["--fault", $0] as [String] },
            to: cloudLines, isError: false)
        guard cloudLines.wait(seconds: 60, { $0.hasPrefix("listening") }) != nil else {
            throw Box.Failure(description: "the stand-in cloud does not listen: \(cloudLines.text)")
        }
        return authority.authorityFile
    }

    /// Adds or replaces faults of the running cloud.
    func fault(_ faults: String...) throws {
        _ = try ControlClient.request(socket: controlSocket, "POST", "/faults", lines: faults)
    }

    /// Something for all open connections at once.
    func perform(_ action: String) throws {
        _ = try ControlClient.request(socket: controlSocket, "POST", "/actions", lines: [action])
    }

    /// What the school has: of each object its bytes, digest, and how often it came into being.
    struct School: Decodable {
        struct Object: Decodable {
            let name: String
            let bytes: Int
            let sha256: String
            let times_completed: Int
        }

        let objects: [Object]
        let uploaded_bytes: Int
        /// Files and transcriptions of the asynchronous interface.
        let left_undeleted: Int
    }

    func school() throws -> School {
        let text = try ControlClient.request(socket: controlSocket, "GET", "/log")
        return try JSONDecoder().decode(School.self, from: Data(text.utf8))
    }

    struct Session {
        let openedMilliseconds: Int
        /// Nil while it is open.
        let closedMilliseconds: Int?
        let isAdmitted: Bool
        let worstBurstMilliseconds: Int
    }

    func sessions() throws -> [Session] {
        let text = try ControlClient.request(socket: controlSocket, "GET", "/log")
        let log = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
        return (log["sessions"] as? [[String: Any]] ?? []).map {
            Session(
                openedMilliseconds: $0["openedMilliseconds"] as? Int ?? 0,
                closedMilliseconds: $0["closedMilliseconds"] as? Int,
                isAdmitted: $0["isAdmitted"] as? Bool ?? false,
                worstBurstMilliseconds: $0["worstBurstMilliseconds"] as? Int ?? 0)
        }
    }
}
