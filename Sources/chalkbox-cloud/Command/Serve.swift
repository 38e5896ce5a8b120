internal import ArgumentParser
internal import CloudKit
internal import Foundation

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the token endpoints, the speech WebSocket and the upload server until SIGTERM or SIGINT.",
        discussion: "FAULTS\n\(FaultPlan.help)\n\nCONTROL SOCKET\n\(ControlEndpoint.help)")

    @Option(help: "Address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "TCP port; 0: the system chooses.")
    var port = 0

    @Option(help: ArgumentHelp("Certificate chain, PEM; without it: plain http and ws.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("Private key, PEM.", valueName: "file"))
    var tlsKey: String?

    @OptionGroup var recognition: RecogniserOptions

    @Option(help: ArgumentHelp("The token endpoint demands this bearer token.", valueName: "secret"))
    var bearer: String?

    @Option(help: ArgumentHelp("A key that is valid without the token endpoint.", valueName: "key"))
    var apiKey: [String] = []

    @Option(help: ArgumentHelp("The upload server demands this bearer token.", valueName: "secret"))
    var uploadBearer: String?

    @Option(
        help: ArgumentHelp(
            "The upload server is on a port of its own and demands client certificates of this authority, PEM.",
            valueName: "file"))
    var clientCa: String?

    @Option(help: "TCP port of the upload server with --client-ca; 0: the system chooses.")
    var uploadPort = 0

    @Option(help: ArgumentHelp("Keep uploads and objects here, over restarts; else in memory.", valueName: "directory"))
    var objects: String?

    @Option(help: ArgumentHelp("A body that does not come on for so long is given up.", valueName: "ms"))
    var uploadIdleMs = CloudConfiguration().uploadIdleMilliseconds

    @Option(help: ArgumentHelp("Append sessions, audio ranges, requests and objects as JSON lines.", valueName: "file"))
    var log: String?

    @Option(help: ArgumentHelp("Written when listening: the port and every URL as JSON.", valueName: "file"))
    var readyFile: String?

    @Option(help: ArgumentHelp("What to do wrong from the start; see above.", valueName: "name[=value][@ms][*times]"))
    var fault: [String] = []

    @Option(help: ArgumentHelp("Take faults at run time on this Unix socket; see above.", valueName: "path"))
    var control: String?

    private struct Ready: Encodable {
        var port: Int
        var tokenURL: String
        var webSocketURL: String
        var uploadURL: String
        var manifestURL: String
        var restURL: String

        init(_ server: CloudServer) {
            port = server.port
            tokenURL = server.tokenURL
            webSocketURL = server.webSocketURL
            uploadURL = server.uploadURL
            manifestURL = server.manifestURL
            restURL = server.restURL
        }
    }

    func validate() throws {
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together")
        }
        guard clientCa == nil || tlsCertificate != nil else {
            throw ValidationError("--client-ca needs --tls-certificate")
        }
        do {
            _ = try FaultPlan(arguments: fault)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() async throws {
        var configuration = CloudConfiguration()
        configuration.host = host
        configuration.port = port
        if let tlsCertificate, let tlsKey {
            configuration.tls = .init(certificateFile: tlsCertificate, keyFile: tlsKey)
        }
        configuration.recogniser = try recognition.kind()
        configuration.bearer = bearer
        configuration.apiKeys = apiKey
        configuration.uploadBearer = uploadBearer
        configuration.objectDirectory = objects
        configuration.clientAuthorityFile = clientCa
        configuration.uploadPort = uploadPort
        configuration.uploadIdleMilliseconds = uploadIdleMs
        configuration.logFile = log
        configuration.controlSocket = control
        configuration.faults = try FaultPlan(arguments: fault)
        // A model that cannot be loaded is better told now than to the first client.
        _ = try configuration.recogniser.makeRecogniser()
        let signals = TerminationSignals()
        let server = try await CloudServer.start(configuration)
        print(
            "listening port=\(server.port) token=\(server.tokenURL) websocket=\(server.webSocketURL)",
            "upload=\(server.uploadURL) manifest=\(server.manifestURL) rest=\(server.restURL)")
        fflush(nil)
        if let readyFile {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try encoder.encode(Ready(server)).write(to: URL(fileURLWithPath: readyFile), options: .atomic)
        }
        await signals.first()
        try await server.stop()
    }
}

/// SIGTERM and SIGINT as an event.
private struct TerminationSignals {
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        self.stream = stream
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
    }

    func first() async {
        for await _ in stream { return }
    }
}
