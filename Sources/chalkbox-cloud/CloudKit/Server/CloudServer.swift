internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket

/// A stand-in for the speech service and the school's token endpoint, inside the calling process.
package final class CloudServer: Sendable {
    /// Frames larger than this are refused; clients send 60 to 120 ms of audio, about 4 KB.
    private static let maximumFrameBytes = 1 << 20

    /// The TCP port it listens on.
    package let port: Int
    private let state: CloudState
    private let group: MultiThreadedEventLoopGroup

    private init(port: Int, state: CloudState, group: MultiThreadedEventLoopGroup) {
        self.port = port
        self.state = state
        self.group = group
    }

    /// Listens, and returns when it does.
    package static func start(_ configuration: CloudConfiguration = CloudConfiguration()) async throws -> CloudServer {
        let tls = try configuration.tls.map(serverContext)
        let state = try CloudState(configuration: configuration)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try configure(channel, state: state, tls: tls) }
                }
                .bind(host: configuration.host, port: configuration.port).get()
            return CloudServer(port: channel.localAddress?.port ?? configuration.port, state: state, group: group)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
    }

    /// Closes every connection and stops listening.
    package func stop() async throws {
        state.isStopping = true
        try await group.shutdownGracefully()
    }

    /// `POST` here for a key.
    package var tokenURL: String { "\(isTLS ? "https" : "http")://\(authority)/api/token" }

    package var webSocketURL: String {
        "\(isTLS ? "wss" : "ws")://\(authority)\(HTTPRequestHandler.webSocketPath)"
    }

    /// What it saw so far.
    package var log: CloudRecords { state.log.snapshot }

    /// Blocks the calling thread until the log fulfils a condition, however that comes about.
    ///
    /// - Returns: the log that fulfilled it, or nil when `seconds` have passed.
    package func waitForLog(seconds: Double, _ condition: (CloudRecords) -> Bool) -> CloudRecords? {
        state.log.wait(until: Date().addingTimeInterval(seconds), for: condition)
    }

    /// What it does wrong from now on; a change holds for running sessions too.
    package var faults: FaultPlan {
        get { state.faults }
        set { state.faults = newValue }
    }

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

    private static func configure(_ channel: any Channel, state: CloudState, tls: NIOSSLContext?) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let requests = HTTPRequestHandler(state: state, isTLS: tls != nil)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: maximumFrameBytes,
            shouldUpgrade: { channel, head in
                let isOurs = head.uri.prefix { $0 != "?" } == HTTPRequestHandler.webSocketPath
                let isRefused = state.faults.handshakeStatus != nil
                return channel.eventLoop.makeSucceededFuture(isOurs && !isRefused ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1_024,
                            maxAccumulatedFrameSize: maximumFrameBytes))
                    try pipeline.addHandler(
                        WebSocketHandler(
                            channel: channel, state: state,
                            handshakeKey: bearerToken(head.headers.first(name: "authorization"))))
                }
            })
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    context.pipeline.syncOperations.removeHandler(requests, promise: nil)
                }
            ))
        try pipeline.addHandler(requests)
    }
}
