package import Foundation
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// A stand-in for the speech service and the school's token endpoint, inside the calling process.
package final class CloudServer: Sendable {
    /// The TCP port it listens on.
    package let port: Int
    private let state: CloudState
    private let group: MultiThreadedEventLoopGroup
    private let listeners: [Listener]
    private let ports: [Port]

    /// A port and what is done there.
    private struct Port: Sendable {
        var reservation: PortReservation
        var tls: NIOSSLContext?
        var role: ListenerRole
    }

    private init(state: CloudState, ports: [Port]) {
        // One loop: connections, sessions and faults need no locks among them.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        listeners = ports.map { Self.listener(state, $0, group) }
        port = ports[0].reservation.port
        self.state = state
        self.group = group
        self.ports = ports
    }

    private static func listener(_ state: CloudState, _ port: Port, _ group: MultiThreadedEventLoopGroup) -> Listener {
        let pipeline = ConnectionPipeline(state: state, tls: port.tls, role: port.role)
        let bootstrap = UncheckedBootstrap(
            ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try pipeline.configure(channel) }
                })
        let (host, number) = (state.configuration.host, port.reservation.port)
        return Listener(state: state, loop: group.any()) { bootstrap.value.bind(host: host, port: number) }
    }

    /// Listens, and returns when it does.
    package static func start(_ configuration: CloudConfiguration = CloudConfiguration()) async throws -> CloudServer {
        let server = CloudServer(
            state: try CloudState(configuration: configuration), ports: try ports(configuration))
        do {
            try await server.follow().get()
            if let path = configuration.controlSocket {
                try await ControlEndpoint(server: server).listen(path: path, group: server.group)
            }
            return server
        } catch {
            try await server.group.shutdownGracefully()
            throw error
        }
    }

    /// Closes every connection and stops listening.
    package func stop() async throws {
        state.isStopping = true
        try await loop.submit { [state] in state.connections.retire() }.get()
        try await group.shutdownGracefully()
        if let path = state.configuration.controlSocket { unlink(path) }
    }

    /// `POST` here for a key.
    package var tokenURL: String { "\(isTLS ? "https" : "http")://\(authority)/api/token" }

    package var webSocketURL: String {
        "\(isTLS ? "wss" : "ws")://\(authority)\(HTTPRequestHandler.webSocketPath)"
    }

    /// The tus server: uploads are created here.
    package var uploadURL: String { school + TusEndpoint.path }

    /// `POST` a lesson's manifest here.
    package var manifestURL: String { school + ManifestEndpoint.path }

    /// The speech service's REST API, as its client takes it.
    package var restURL: String { "\(isTLS ? "https" : "http")://\(authority)/v1" }

    /// Where uploads and manifests go; not `port` when a client certificate is demanded.
    package var uploadPort: Int { ports[ports.count - 1].reservation.port }

    private var school: String { "\(isTLS ? "https" : "http")://\(authority(port: uploadPort))" }

    // MARK: - What it saw

    /// What it saw so far.
    package var log: CloudRecords { state.log.snapshot }

    /// The log's time: since the server's start.
    package var milliseconds: Int { state.log.milliseconds }

    /// Blocks the calling thread until the log fulfils a condition, however that comes about.
    ///
    /// - Returns: the log that fulfilled it, or nil when `seconds` have passed.
    package func waitForLog(seconds: Double, _ condition: (CloudRecords) -> Bool) -> CloudRecords? {
        state.log.wait(until: Date().addingTimeInterval(seconds), for: condition)
    }

    /// How the log names a key.
    package static func fingerprint(of key: String) -> String { KeyRing.fingerprint(of: key) }

    /// The bytes of an object, `BUCKET/NAME`.
    package func object(_ name: String) async throws -> Data? {
        try await loop.submit { [state] in
            guard let object = state.uploads.object(name) else { return nil }
            if let content = object.content { return try content.contents() }
            return try object.path.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        }.get()
    }

    /// The manifest of a lesson that the school has taken.
    package func manifest(of recording: String) async throws -> String? {
        try await loop.submit { [state] in state.lessons.manifest(of: recording) }.get()
    }

    // MARK: - Faults

    /// What it does wrong from now on; a change holds for running sessions too. Faults that have struck their number
    /// of times are gone from it. A changed `refuse` may take effect a moment after: `setFaults` waits for it.
    package var faults: FaultPlan {
        get { state.faults.plan }
        set {
            state.faults.update { $0 = newValue }
            _ = follow()
        }
    }

    /// Replaces the faults, and returns when that holds for every connection and the listener.
    package func setFaults(_ plan: FaultPlan) async throws {
        try await changeFaults { $0 = plan }
    }

    /// Changes the faults in one step, and returns when that holds for every connection and the listener.
    package func changeFaults<Failure: Error>(_ change: (inout FaultPlan) throws(Failure) -> Void) async throws {
        try state.faults.update(change)
        try await follow().get()
    }

    /// Adds, replaces or takes out faults by their arguments, `NAME[=VALUE][@MS][*TIMES]`, `NAME=off` or `none`.
    package func changeFaults(_ arguments: String...) async throws {
        try await changeFaults { plan throws(FaultArgumentError) in
            for argument in arguments { try plan.apply(argument) }
        }
    }

    /// Does something to all open connections or sessions now.
    package func perform(_ action: CloudAction) async throws {
        try await loop.submit { [state] in state.perform(action) }.get()
    }

    private var loop: any EventLoop { group.any() }

    private func follow() -> EventLoopFuture<Void> {
        loop.flatSubmit { [state, listeners, loop] in
            state.connections.follow(state.faults.plan)
            return EventLoopFuture.andAllSucceed(listeners.map { $0.follow() }, on: loop)
        }
    }

    // MARK: - Set-up

    private var isTLS: Bool { state.configuration.tls != nil }

    private var authority: String { authority(port: port) }

    private func authority(port: Int) -> String {
        let host = state.configuration.host
        return (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }

    private static func ports(_ configuration: CloudConfiguration) throws -> [Port] {
        let first = try PortReservation(host: configuration.host, port: configuration.port)
        guard let files = configuration.tls else { return [Port(reservation: first, role: .everything)] }
        let tls = try serverContext(files, clientAuthority: nil)
        guard let authority = configuration.clientAuthorityFile else {
            return [Port(reservation: first, tls: tls, role: .everything)]
        }
        let second = try PortReservation(host: configuration.host, port: configuration.uploadPort)
        return [
            Port(reservation: first, tls: tls, role: .speech),
            Port(reservation: second, tls: try serverContext(files, clientAuthority: authority), role: .uploads),
        ]
    }

    private static func serverContext(
        _ files: CloudConfiguration.TLSFiles, clientAuthority: String?
    ) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile)
        let key = try NIOSSLPrivateKey(file: files.keyFile, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        if let clientAuthority {
            configuration.trustRoots = .file(clientAuthority)
            // A client has no name to compare; it is asked for its certificate, and must have one.
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

/// `ServerBootstrap` is a set of options that nobody changes once it is made.
private struct UncheckedBootstrap: @unchecked Sendable {
    let value: ServerBootstrap

    init(_ value: ServerBootstrap) { self.value = value }
}
