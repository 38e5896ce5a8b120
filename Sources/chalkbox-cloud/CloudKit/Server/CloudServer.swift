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
    private let listener: Listener
    private let reservation: PortReservation

    private init(state: CloudState, reservation: PortReservation, tls: NIOSSLContext?) {
        // One loop: connections, sessions and faults need no locks among them.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let pipeline = ConnectionPipeline(state: state, tls: tls)
        let bootstrap = UncheckedBootstrap(
            ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try pipeline.configure(channel) }
                })
        let (host, port) = (state.configuration.host, reservation.port)
        listener = Listener(state: state, loop: group.any()) { bootstrap.value.bind(host: host, port: port) }
        self.port = port
        self.state = state
        self.group = group
        self.reservation = reservation
    }

    /// Listens, and returns when it does.
    package static func start(_ configuration: CloudConfiguration = CloudConfiguration()) async throws -> CloudServer {
        let tls = try configuration.tls.map(serverContext)
        let reservation = try PortReservation(host: configuration.host, port: configuration.port)
        let server = CloudServer(
            state: try CloudState(configuration: configuration), reservation: reservation, tls: tls)
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
    package var uploadURL: String { "\(isTLS ? "https" : "http")://\(authority)\(TusEndpoint.path)" }

    // MARK: - What it saw

    /// What it saw so far.
    package var log: CloudRecords { state.log.snapshot }

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
        loop.flatSubmit { [state, listener] in
            state.connections.follow(state.faults.plan)
            return listener.follow()
        }
    }

    // MARK: - Set-up

    private var isTLS: Bool { state.configuration.tls != nil }

    private var authority: String {
        let host = state.configuration.host
        return (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }

    private static func serverContext(_ files: CloudConfiguration.TLSFiles) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificateFile)
        let key = try NIOSSLPrivateKey(file: files.keyFile, format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    }
}

/// `ServerBootstrap` is a set of options that nobody changes once it is made.
private struct UncheckedBootstrap: @unchecked Sendable {
    let value: ServerBootstrap

    init(_ value: ServerBootstrap) { self.value = value }
}
