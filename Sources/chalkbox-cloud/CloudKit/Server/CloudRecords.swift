/// What a server saw of one speech session. Times are monotonic milliseconds since the server's start.
package struct SessionRecord: Equatable, Sendable, Encodable {
    /// From 1, in the order of their handshakes.
    package var number: Int
    package var openedMilliseconds: Int
    /// `CloudServer.fingerprint(of:)` of the key it used.
    package var keyHash: String?
    /// Its key and the limits let it in.
    package var isAdmitted = false
    package var clientReferenceID: String?
    /// The first message as it came, with any key taken out.
    package var configuration: String?
    /// Audio received, about one entry a second; bytes count from the session's first.
    package var ranges: [AudioRange] = []
    /// The farthest its audio was ahead of real time.
    package var worstLeadMilliseconds = 0
    /// The farthest its audio was ahead of the fault `pacing`'s rate, or of twice real time without that fault.
    package var worstBurstMilliseconds = 0
    package var faults: [FaultRecord] = []
    package var closedMilliseconds: Int?
    /// Nil while the session is open.
    package var closeReason: String?
    /// Final tokens of a text lesson.
    package var said: [SaidRecord] = []

    package var audioBytes: Int { ranges.last?.bytes.upperBound ?? 0 }
    package var audioSamples: Int { audioBytes / 2 }
}

/// Consecutive audio bytes of a session and when they came.
package struct AudioRange: Equatable, Sendable, Encodable {
    package var bytes: Range<Int>
    /// Of the first and the last frame.
    package var firstMilliseconds: Int
    package var lastMilliseconds: Int
}

/// A fault that struck a session.
package struct FaultRecord: Equatable, Sendable, Encodable {
    package var name: String
    package var atMilliseconds: Int
    /// Audio the session had received by then.
    package var audioMilliseconds: Int
}

/// Pieces of a text lesson that became final, and when that was sent.
package struct SaidRecord: Equatable, Sendable, Encodable {
    package var pieces: Range<Int>
    package var atMilliseconds: Int
}

/// A request to a token endpoint.
package struct TokenRecord: Equatable, Sendable, Encodable {
    package var path: String
    /// 0: it was left without an answer.
    package var status: Int
    package var atMilliseconds: Int
    /// `CloudServer.fingerprint(of:)` of the key it gave.
    package var keyHash: String?
}

/// A WebSocket handshake that was answered with an HTTP status.
package struct HandshakeRecord: Equatable, Sendable, Encodable {
    package var status: Int
    package var atMilliseconds: Int
    package var keyHash: String?
}

/// How many admitted sessions were open from a moment on.
package struct ConcurrencyRecord: Equatable, Sendable, Encodable {
    package var atMilliseconds: Int
    package var open: Int
}

/// Everything a server saw so far.
package struct CloudRecords: Equatable, Sendable, Encodable {
    package var sessions: [SessionRecord] = []
    package var tokenRequests: [TokenRecord] = []
    package var refusedHandshakes: [HandshakeRecord] = []
    package var concurrency: [ConcurrencyRecord] = []
    package var exchanges: [ExchangeRecord] = []
    package var uploads: [UploadRecord] = []
    package var objects: [ObjectRecord] = []
    package var lessons: [LessonRecord] = []
    package var files: [FileRecord] = []
    package var transcriptions: [TranscriptionRecord] = []

    package var openSessions: Int { concurrency.last?.open ?? 0 }
    package var maximumOpenSessions: Int { concurrency.map(\.open).max() ?? 0 }
}
