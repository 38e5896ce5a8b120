internal import NIOCore
internal import NIOWebSocket

/// Frames of one speech WebSocket (RFC 6455), on its event loop.
final class WebSocketHandler: ChannelInboundHandler, SessionConnection, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// A client that does not answer a close frame is cut off after so long.
    private static let closeGrace = TimeAmount.seconds(2)

    private let channel: any Channel
    private let state: CloudState
    private let gate: LinkGate
    private let handshakeKey: String?
    private var session: SpeechSession?
    private var isClosing = false

    init(channel: any Channel, state: CloudState, gate: LinkGate, handshakeKey: String?) {
        self.channel = channel
        self.state = state
        self.gate = gate
        self.handshakeKey = handshakeKey
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let session = SpeechSession(state: state, handshakeKey: handshakeKey, connection: self)
        self.session = session
        // The handshake's answer is still on its way through the pipeline.
        context.eventLoop.execute { session.opened() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text:
            if !isClosing { session?.received(text: String(buffer: frame.unmaskedData)) }
        case .binary:
            if !isClosing { session?.received(binary: Array(frame.unmaskedData.readableBytesView)) }
        case .ping: send(.pong, frame.unmaskedData)
        case .connectionClose: peerClosed(frame.unmaskedData)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        session?.ended(reason: state.isStopping ? "server stopped" : "connection lost")
        session = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        session?.ended(reason: "connection lost: \(error)")
        context.close(promise: nil)
    }

    private func peerClosed(_ payload: ByteBuffer) {
        session?.ended(reason: "closed by client")
        guard !isClosing else {
            channel.close(promise: nil)
            return
        }
        isClosing = true
        let channel = self.channel
        let answer = WebSocketFrame(fin: true, opcode: .connectionClose, data: payload)
        channel.writeAndFlush(answer).whenComplete { _ in channel.close(promise: nil) }
    }

    // MARK: - SessionConnection

    func send(text: String) { send(.text, ByteBuffer(string: text)) }

    func send(binary: [UInt8]) { send(.binary, ByteBuffer(bytes: binary)) }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        guard !isClosing else { return }
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: opcode, data: data), promise: nil)
    }

    func setReading(_ isOn: Bool) {
        channel.setOption(.autoRead, value: isOn).whenComplete { _ in }
    }

    func close(code: Int) {
        guard !isClosing else { return }
        isClosing = true
        setReading(true)
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: code))
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload), promise: nil)
        let channel = self.channel
        channel.eventLoop.scheduleTask(in: Self.closeGrace) { channel.close(promise: nil) }
    }

    func reset() {
        isClosing = true
        gate.reset()
    }

    func cut() {
        isClosing = true
        gate.cut()
    }

    func halfClose() { gate.halfClose() }

    func stall() { gate.stall() }

    func afterIdle(milliseconds: Int, _ action: @escaping @Sendable () -> Void) {
        channel.eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds)), action)
    }

    func execute(_ action: @escaping @Sendable () -> Void) { channel.eventLoop.execute(action) }

    var nowMilliseconds: Int { Int(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}
