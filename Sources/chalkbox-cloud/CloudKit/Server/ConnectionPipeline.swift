internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import NIOWebSocket

/// What a port is there for.
enum ListenerRole: Equatable {
    case everything
    /// The uploads have a port of their own.
    case speech
    case uploads

    /// Whether a request of this path is dealt with while it comes.
    func takes(_ path: String) -> Bool {
        (self != .speech && (TusEndpoint.takes(path) || path == ManifestEndpoint.path))
            || (self != .uploads && RestEndpoint.takes(path))
    }
}

/// Sets up a client's connection: gate, TLS, HTTP, and the way to a speech session.
struct ConnectionPipeline: Sendable {
    /// Frames larger than this are refused; clients send 60 to 120 ms of audio, about 4 KB.
    private static let maximumFrameBytes = 1 << 20

    let state: CloudState
    let tls: NIOSSLContext?
    let role: ListenerRole

    func configure(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let gate = state.connections.open(channel, state.faults.plan)
        try pipeline.addHandler(gate)
        if state.faults.claim(\.acceptReset) != nil {
            gate.reset()
            return
        }
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let raw = RawAnswer()
        try pipeline.addHandler(raw)
        let requests = HTTPRequestHandler(state: state, isTLS: tls != nil, role: role, gate: gate, raw: raw)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: Self.maximumFrameBytes,
            shouldUpgrade: { [state, role] channel, head in
                Handshake(state: state, role: role).decide(head, requests, channel.eventLoop)
            },
            upgradePipelineHandler: { [self] channel, head in
                channel.eventLoop.makeCompletedFuture { try upgrade(channel, head, gate) }
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

    private func upgrade(_ channel: any Channel, _ head: HTTPRequestHead, _ gate: LinkGate) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1_024,
                maxAccumulatedFrameSize: Self.maximumFrameBytes))
        try pipeline.addHandler(
            WebSocketHandler(
                channel: channel, state: state, gate: gate,
                handshakeKey: bearerToken(head.headers.first(name: "authorization"))))
    }
}

/// Whether and when a WebSocket handshake is accepted.
private struct Handshake {
    let state: CloudState
    let role: ListenerRole

    func decide(
        _ head: HTTPRequestHead, _ requests: HTTPRequestHandler, _ loop: any EventLoop
    ) -> EventLoopFuture<HTTPHeaders?> {
        guard role != .uploads, head.uri.prefix(while: { $0 != "?" }) == HTTPRequestHandler.webSocketPath else {
            return loop.makeSucceededFuture(nil)
        }
        let delay = state.faults.claim(\.handshakeDelay)?.value ?? 0
        guard delay > 0 else { return loop.makeSucceededFuture(answer(head, requests)) }
        return loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(delay))) {
            answer(head, requests)
        }.futureResult
    }

    private func answer(_ head: HTTPRequestHead, _ requests: HTTPRequestHandler) -> HTTPHeaders? {
        if state.faults.plan.handshakeAnswer != nil { return nil }
        let key = bearerToken(head.headers.first(name: "authorization"))
        guard let status = status(key) else { return HTTPHeaders() }
        state.log.handshakeRefused(status: status, keyHash: key.map(KeyRing.fingerprint(of:)))
        requests.handshakeStatus = status
        return nil
    }

    private func status(_ key: String?) -> Int? {
        if let status = state.faults.claim(\.handshakeStatus)?.value { return status }
        let plan = state.faults.plan
        guard plan.refuseAtHandshake else { return nil }
        if let key, !state.keys.isValid(key) { return 401 }
        let now = Int(NIODeadline.now().uptimeNanoseconds / 1_000_000)
        return state.sessions.refusal(plan, at: now)?.code
    }
}
