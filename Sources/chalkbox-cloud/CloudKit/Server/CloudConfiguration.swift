/// How a stand-in cloud listens and behaves.
package struct CloudConfiguration: Sendable {
    package var host = "127.0.0.1"
    /// 0: the system chooses one.
    package var port = 0
    /// Without it the server speaks plain HTTP and WebSocket.
    package var tls: TLSFiles?
    package var recogniser: RecogniserKind = .script
    /// The school's token endpoint demands this bearer token.
    package var bearer: String?
    /// Keys that are valid without the token endpoint and never expire.
    package var apiKeys: [String] = []
    /// Life of the token endpoint's keys.
    package var keyLifeSeconds = 3_600
    package var expiryFormat = ExpiryFormat.rfc3339
    /// Without audio or keepalive for so long, a session ends with error 408.
    package var idleTimeoutMilliseconds = 20_000
    /// Where uploads and objects are kept; nil: in memory.
    package var objectDirectory: String?
    /// The upload server and the manifest endpoint demand this bearer token.
    package var uploadBearer: String?
    /// PEM: uploads and manifests get a port of their own, which demands a client certificate of this authority.
    package var clientAuthorityFile: String?
    /// That port; 0: the system chooses one.
    package var uploadPort = 0
    /// Life of an upload that is not completed.
    package var uploadLifeSeconds = 86_400
    /// A request whose body does not come on for so long is cut off.
    package var uploadIdleMilliseconds = 20_000
    /// Where to append the log as JSON lines.
    package var logFile: String?
    /// Where to listen for `ControlEndpoint`'s requests: a Unix socket.
    package var controlSocket: String?
    package var faults = FaultPlan()

    package init() {}

    package struct TLSFiles: Equatable, Sendable {
        /// PEM, the server's certificate first.
        package var certificateFile: String
        package var keyFile: String

        package init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// How the token endpoint writes `expiresAt`; schools do it either way.
    package enum ExpiryFormat: Equatable, Sendable {
        case rfc3339
        case epochMilliseconds
    }
}
