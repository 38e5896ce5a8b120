package import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// The way out of the box: a thread of its own with the library's context, of which there must be one in a process,
/// since a second one breaks the verification of certificates in the first. Clients take their place on it by `host`.
///
/// Used by one thread, the daemon's loop.
package final class WebThread {
    /// What a client keeps, to wake it.
    package let engine: WebEngine
    private let thread: Thread
    private let log: Log
    private var isDown = false

    /// Starts the thread; connects to nothing yet.
    ///
    /// - Parameters:
    ///   - caFile: PEM file with the certificates to trust instead of the system's; empty: the system's.
    ///   - boxName: for the log.
    package init(caFile: String = "", boxName: String = "", log: Log) throws(TransportError) {
        try Self.check(caFile: caFile)
        let engine = try WebEngine(caFile: caFile, boxName: boxName, log: log)
        self.engine = engine
        self.log = log
        do throws(SystemError) {
            thread = try Thread(name: "uplink") { engine.run() }
        } catch {
            throw .system(error)
        }
    }

    deinit {
        shutdown()
    }

    package func host(_ client: any WebClient) {
        guard engine.arrivals.push(client) else { return }
        engine.wake()
    }

    package var life: LifeSign { engine.life }

    package func askForLife() {
        engine.life.ask()
        engine.wake()
    }

    /// Drops all connections and ends the thread. A thread that waits for the resolver is left to end by itself
    /// after a while.
    package func shutdown() {
        guard !isDown else { return }
        isDown = true
        engine.stopping.store(true, ordering: .releasing)
        engine.wake()
        let deadline = Clock.now.adding(milliseconds: WebLimits.shutdownMilliseconds)
        guard Poll.readable(engine.ended.fileDescriptor, until: deadline) else {
            log.write(.warning, "uplink shutdown=late reason=\"a name look-up has not returned\"")
            return
        }
        thread.join()
    }

    /// Whether a file has certificates: the library would go on with an empty store and call every peer untrusted.
    package static func check(caFile: String) throws(TransportError) {
        guard !caFile.isEmpty else { return }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.readFile(caFile, limitBytes: 4 << 20)
        } catch {
            throw .caFile(error)
        }
        let mark = Array("-----BEGIN CERTIFICATE-----".utf8)
        var start = 0
        while start + mark.count <= bytes.count {
            if bytes[start] == mark[0], bytes[start..<start + mark.count].elementsEqual(mark) { return }
            start += 1
        }
        throw .caFileWithoutCertificate(path: caFile)
    }
}

/// Why there is no way out.
package enum TransportError: Error, Equatable, Sendable {
    case caFile(SystemError)
    case caFileWithoutCertificate(path: String)
    case library
    case system(SystemError)

    package var message: String {
        switch self {
        case .caFile(let error): "tls.ca_file: " + error.message
        case .caFileWithoutCertificate(let path): "tls.ca_file: no PEM certificate in \(path)"
        case .library: "libwebsockets could not be started: out of memory, or OpenSSL is broken"
        case .system(let error): error.message
        }
    }
}

/// Bounds of this module alone.
package enum WebLimits {
    static let clients = 8
    /// A bearer or a WebSocket key: one header line has to fit the library's 4 KiB buffer.
    static let headerValueBytes = 2_048
    static let readBytes = 4_096
    /// A connection that the library ends after this long was timed out by it: `timeout_secs` in the shim, 6 s for
    /// each step of a handshake, less its rounding.
    static let stepMilliseconds: Int64 = 5_900
    /// How long a look-up may take where an earlier one's answer is known.
    static let lookupMilliseconds: Int64 = 1_000
    /// RFC 6455 section 5.5.1: how long the peer may take to answer our close.
    static let closeSeconds: Int32 = 3
    /// `getaddrinfo` blocks for as long as the resolver tries.
    static let shutdownMilliseconds: Int64 = 3_000
    /// The library passes on no more in one go (`rx_buffer_size`); what exceeds it, it keeps a copy of.
    static let pieceBytes = 4_096
    /// Pieces written before the other connections have their turn.
    static let piecesATurn = 64
    static let unsentBytes: Int32 = 128 << 10
    /// How soon to look again at a socket that takes nothing.
    static let chokedMilliseconds: Int64 = 25
    /// A body of which the peer takes nothing, or an answer of which nothing comes, for this long is given up.
    static let exchangeStallMilliseconds: Int64 = 30_000
    /// A whole answer, from its head on.
    static let answerMilliseconds: Int64 = 120_000
    /// What a peer that takes no more of a body has to say about it comes within this.
    static let lastWordMilliseconds: Int64 = 2_000
    static let progressMilliseconds: Int64 = 500
    package static let requestIDBytes = 128
    /// A day: no session is longer (SPEECH: 300 min).
    package static let serviceMilliseconds: Int64 = 86_400_000
}
