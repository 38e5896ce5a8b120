package import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// The thread that makes all connections. It owns libwebsockets' context, of which there must be one in a process: a
/// second one breaks the verification of certificates in the first.
///
/// Used by one thread, the daemon's loop.
package final class TransportThread {
    /// Clients keep it to wake the thread.
    package let loop: TransportLoop
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
        let loop = try TransportLoop(caFile: caFile, boxName: boxName, log: log)
        self.loop = loop
        self.log = log
        do throws(SystemError) {
            thread = try Thread(name: "uplink") { loop.run() }
        } catch {
            throw .system(error)
        }
    }

    deinit {
        shutdown()
    }

    /// Makes `client` take part in the loop.
    package func add(_ client: any TransportClient) {
        guard loop.newClients.push(client) else { return }
        loop.wake()
    }

    package var heartbeat: ThreadHeartbeat { loop.heartbeat }

    package func requestHeartbeat() {
        loop.heartbeat.request()
        loop.wake()
    }

    /// Drops all connections and ends the thread. A thread that does not end in time is left to end by itself.
    package func shutdown() {
        guard !isDown else { return }
        isDown = true
        loop.stopping.store(true, ordering: .releasing)
        loop.wake()
        let deadline = Clock.now.adding(milliseconds: TransportLimits.shutdownMilliseconds)
        guard Poll.readable(loop.ended.fileDescriptor, until: deadline) else {
            log.write(.warning, "uplink shutdown=late reason=\"a name look-up has not returned\"")
            return
        }
        thread.join()
    }

    /// Throws when a file has no certificates: the library would continue with an empty store and trust no peer.
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

/// Why there can be no connections.
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
package enum TransportLimits {
    static let clients = 8
    /// A bearer or a WebSocket key: one header line has to fit the library's 4 KiB buffer.
    static let headerValueBytes = 2_048
    static let readBytes = 4_096
    /// A connection that ends after this long was timed out by the library: `timeout_secs` in the shim, 6 s for
    /// each step of a handshake, less its rounding.
    static let stepMilliseconds: Int64 = 5_900
    /// How long a look-up may take when there is a cached address.
    static let lookupMilliseconds: Int64 = 1_000
    /// RFC 6455 section 5.5.1: how long the peer may take to answer our close frame.
    static let closeSeconds: Int32 = 3
    /// `getaddrinfo` blocks for as long as the resolver tries.
    static let shutdownMilliseconds: Int64 = 3_000
    /// libwebsockets passes on no more at once (`rx_buffer_size`), and copies what exceeds it.
    static let chunkBytes = 4_096
    /// Chunks written before the other connections have their turn.
    static let chunksPerTurn = 64
    static let unsentBytes: Int32 = 128 << 10
    /// How soon to try again when the socket's buffer is full.
    static let chokedMilliseconds: Int64 = 25
    /// An exchange that makes no progress for this long is given up.
    static let exchangeStallMilliseconds: Int64 = 30_000
    /// How long a response may take, from its head on.
    static let responseMilliseconds: Int64 = 120_000
    /// How long to wait for the response of a peer that has stopped reading the body.
    static let finalResponseMilliseconds: Int64 = 2_000
    static let progressMilliseconds: Int64 = 500
    /// Of `HTTPClient`: an upload and a transcription at one time.
    static let exchanges = 2
    /// JSON values in a response that has only a few fields.
    package static let responseValues = 4_096
    package static let requestIDBytes = 128
    /// A day; sessions last at most 300 minutes (docs/PROTOCOL.md, Messages).
    package static let serviceMilliseconds: Int64 = 86_400_000
}
