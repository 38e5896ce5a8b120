internal import Glibc
internal import NIOCore

/// A TCP connection's lowest handler, below TLS: the place where a bad network is played.
///
/// Held, it neither reads nor writes, and whatever wants to pass waits. With a delay, all that is sent leaves later.
/// What it does to the connection itself, such as a reset, needs no passage.
final class LinkGate: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private enum Step {
        case write(NIOAny, EventLoopPromise<Void>?)
        case flush
        case close(CloseMode, EventLoopPromise<Void>?)
    }

    private var context: ChannelHandlerContext?
    private var isHeld: Bool
    /// Held until the connection's end, whatever becomes of the others.
    private var isStalled = false
    /// The server stops: nothing is kept back any more.
    private var isRetired = false
    private var delayMilliseconds: Int
    private var outbound: [(due: NIODeadline, step: Step)] = []
    private var inbound: [NIOAny] = []
    private var wantsRead = false

    init(isHeld: Bool, delayMilliseconds: Int) {
        self.isHeld = isHeld
        self.delayMilliseconds = delayMilliseconds
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: - What is done to the connection

    func hold() { isHeld = !isRetired }

    func stall() {
        isStalled = true
        hold()
    }

    func release() {
        isHeld = isStalled && !isRetired
        guard !isHeld, let context else { return }
        let waiting = inbound
        inbound = []
        for data in waiting { context.fireChannelRead(data) }
        if !waiting.isEmpty { context.fireChannelReadComplete() }
        if wantsRead {
            wantsRead = false
            context.read()
        }
        pass()
    }

    func setDelay(milliseconds: Int) { delayMilliseconds = milliseconds }

    func retire() {
        isRetired = true
        delayMilliseconds = 0
        release()
    }

    /// A close with a linger time of zero makes TCP send RST (tcp(7), socket(7)).
    func reset() {
        guard let channel = context?.channel as? any SocketOptionProvider else { return }
        channel.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { [self] _ in cut() }
    }

    func cut() { context?.close(promise: nil) }

    func halfClose() { context?.close(mode: .output, promise: nil) }

    func perform(_ action: CloudAction) {
        switch action {
        case .reset: reset()
        case .cut: cut()
        case .halfClose: halfClose()
        case .close, .error, .typedError, .expireKeys, .expireUploads, .forgetUploads, .forgetObjects: break
        }
    }

    // MARK: - Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isHeld {
            inbound.append(data)
        } else {
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !isHeld { context.fireChannelReadComplete() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let lost = outbound
        outbound = []
        inbound = []
        for (_, step) in lost {
            switch step {
            case .write(_, let promise): promise?.fail(ChannelError.ioOnClosedChannel)
            case .flush: break
            case .close(_, let promise): promise?.succeed(())
            }
        }
        context.fireChannelInactive()
    }

    // MARK: - Outbound

    func read(context: ChannelHandlerContext) {
        if isHeld {
            wantsRead = true
        } else {
            context.read()
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        take(.write(data, promise), context)
    }

    func flush(context: ChannelHandlerContext) { take(.flush, context) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        take(.close(mode, promise), context)
    }

    private func take(_ step: Step, _ context: ChannelHandlerContext) {
        // A channel that is closed has no network any more.
        let isPassing = isRetired || !context.channel.isActive || (!isHeld && delayMilliseconds == 0)
        guard !(isPassing && outbound.isEmpty) else { return perform(step, context) }
        // Never before what came earlier, even if the delay has become shorter since.
        let due = max(.now() + .milliseconds(Int64(delayMilliseconds)), outbound.last?.due ?? .distantPast)
        outbound.append((due, step))
        if outbound.count == 1 { pass() }
    }

    /// Lets through what is due, and comes back for the rest.
    private func pass() {
        guard let context else { return }
        while let first = outbound.first, isRetired || (!isHeld && first.due <= .now()) {
            outbound.removeFirst()
            perform(first.step, context)
        }
        guard !isHeld, let first = outbound.first else { return }
        context.eventLoop.assumeIsolated().scheduleTask(deadline: first.due) { self.pass() }
    }

    private func perform(_ step: Step, _ context: ChannelHandlerContext) {
        switch step {
        case .write(let data, let promise): context.write(data, promise: promise)
        case .flush: context.flush()
        case .close(let mode, let promise): context.close(mode: mode, promise: promise)
        }
    }
}

/// The open TCP connections. Used on the event loop only.
final class ConnectionRegistry: @unchecked Sendable {
    private var gates: [ObjectIdentifier: LinkGate] = [:]
    private var blackHole: BlackHole?

    var all: [LinkGate] { Array(gates.values) }

    /// The gate of a new connection, held if the plan says so.
    func open(_ channel: any Channel, _ plan: FaultPlan) -> LinkGate {
        let isHeld = plan.blackHole == .all || plan.blackHole == .new
        let gate = LinkGate(isHeld: isHeld, delayMilliseconds: plan.slowMilliseconds)
        let identifier = ObjectIdentifier(gate)
        gates[identifier] = gate
        channel.closeFuture.whenComplete { [self] _ in gates[identifier] = nil }
        return gate
    }

    /// Brings the connections to what the plan says.
    func follow(_ plan: FaultPlan) {
        for gate in gates.values { gate.setDelay(milliseconds: plan.slowMilliseconds) }
        guard plan.blackHole != blackHole else { return }
        blackHole = plan.blackHole
        for gate in gates.values {
            switch plan.blackHole {
            case .all, .existing: gate.hold()
            case .new, nil: gate.release()
            }
        }
    }

    func retire() {
        for gate in gates.values { gate.retire() }
    }
}
