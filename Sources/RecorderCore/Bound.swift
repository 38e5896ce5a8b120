/// A bound of `Limits` that can be reached while the recorder runs. Each one that is reached is counted, logged once,
/// and shown by `status` and `doctor`: nothing is dropped in silence.
package enum Bound: CaseIterable, Equatable, Sendable {
    /// The kernel refused SCHED_FIFO (sched(7)) for the capture thread.
    case realtimePriority
    /// Events of the capture thread that found no room.
    case captureEvents
    /// Commands that the store thread had no room for at once; they wait.
    case storeCommands
    /// Final words that the store refused because too many wait for the index.
    case waitingWords
    /// Marks of silence that the store refused because too many wait for the index.
    case waitingSilences
    /// Merged speakers that the store refused because too many wait for the index.
    case waitingMerges
    /// The index's log grew, because a program kept reading what was before it.
    case indexLog
    /// The index could not be used and was made anew.
    case index
    /// Commands that the uplink thread had no room for.
    case uplinkCommands
    /// Events of the uplink thread that found no room.
    case uplinkEvents
    /// Requests that the upload client had no room for.
    case uploadCommands
    /// Positions from the service beyond what was recorded or sent.
    case servicePositions
    /// Tokens of the service that were odd: bad text, impossible times.
    case serviceTokens
    /// Sessions that were replaced because the service left out audio.
    case leftOutAudio
    /// Tokens that translate what was said: they are no part of the transcript.
    case translatedTokens
    /// Lines of the file of terms that are not sent.
    case terms
    /// Voices beyond `Limits.speakers`.
    case speakers
    /// New speakers that were not looked for among the earlier ones, beyond `Limits.secondHearings`.
    case secondHearings
    /// Programs at the control socket that were too many.
    case controlClients
    /// Times that a connection had to wait, because the process had no file descriptor left.
    case descriptors
    /// Messages of the kernel about the network that could not be read.
    case networkMessages
    /// Links, addresses and routes beyond what is looked at.
    case networkTables
    /// Lessons that the school refused, beyond those that are listed.
    case blockedLessons
    /// Edges of the buttons that the kernel dropped, since it keeps no more than 16.
    case buttonEdges

    /// As the log and `status --json` name it. Stable.
    package var name: String {
        switch self {
        case .realtimePriority: "realtime-priority"
        case .captureEvents: "capture-events"
        case .storeCommands: "store-commands"
        case .waitingWords: "waiting-words"
        case .waitingSilences: "waiting-silences"
        case .waitingMerges: "waiting-merges"
        case .indexLog: "index-log"
        case .index: "index"
        case .uplinkCommands: "uplink-commands"
        case .uplinkEvents: "uplink-events"
        case .uploadCommands: "upload-commands"
        case .servicePositions: "service-positions"
        case .serviceTokens: "service-tokens"
        case .leftOutAudio: "left-out-audio"
        case .translatedTokens: "translated-tokens"
        case .terms: "terms"
        case .speakers: "speakers"
        case .secondHearings: "second-hearings"
        case .controlClients: "control-clients"
        case .descriptors: "descriptors"
        case .networkMessages: "network-messages"
        case .networkTables: "network-tables"
        case .blockedLessons: "blocked-lessons"
        case .buttonEdges: "button-edges"
        }
    }

    /// What it means, for people.
    package var meaning: String {
        switch self {
        case .realtimePriority: "the kernel refused real-time priority for the microphone's thread; see LimitRTPRIO"
        case .captureEvents: "reports of the microphone's thread were lost; the box was too busy"
        case .storeCommands: "the disk did not keep up; what was to be written waited"
        case .waitingWords: "words were left to be transcribed again, because the index could not be written"
        case .waitingSilences: "silence was not marked, because the index could not be written"
        case .waitingMerges: "voices kept two numbers, because the index could not be written"
        case .indexLog: "a program keeps the recordings' index open for reading; its log grows until that one ends"
        case .index: "the recordings' index could not be used; it was set aside and made anew from the audio files"
        case .uplinkCommands: "the network's thread did not keep up"
        case .uplinkEvents: "reports of the network's thread were lost; the box was too busy"
        case .uploadCommands: "the network's thread did not keep up with the uploads"
        case .servicePositions: "the speech service named times beyond the audio that it was sent"
        case .serviceTokens: "the speech service sent text or times that cannot be"
        case .leftOutAudio: "the speech service left out audio that it was sent; it was sent again in another session"
        case .translatedTokens: "the speech service sent translations, which are no part of the transcript"
        case .terms: "lines of transcription.terms_file are not sent: beyond 8,000 bytes in all, or not UTF-8 text"
        case .speakers: "the speech service told more voices apart than are kept"
        case .secondHearings: "speakers may have kept a second number; the network was lost too often in one lesson"
        case .controlClients: "too many programs at the control socket: silent ones had to go"
        case .descriptors: "the recorder had no file descriptor left for a connection"
        case .networkMessages: "the kernel's messages about the network could not be read"
        case .networkTables: "the network has more links, addresses or routes than are looked at"
        case .blockedLessons: "the school refused more lessons than are listed"
        case .buttonEdges: "a button bounced faster than the box could look; what counts is how it ended"
        }
    }
}

/// How often each bound was reached since the recorder started.
package struct BoundCounts: Equatable, Sendable {
    package private(set) var counts: [(bound: Bound, count: Int64)] = []

    package init() {}

    /// - Returns: the line for the log when it is the first time.
    package mutating func reached(_ bound: Bound, count: Int64 = 1) -> LogEntry? {
        guard count > 0, add(bound, count) else { return nil }
        let line = "limit name=\(bound.name) count=\(count) meaning=\(LogEntry.quoted(bound.meaning))"
        return LogEntry(.warning, line)
    }

    /// - Returns: whether it is the first time.
    @discardableResult package mutating func add(_ bound: Bound, _ count: Int64 = 1) -> Bool {
        if let place = counts.firstIndex(where: { $0.bound == bound }) {
            counts[place].count += count
            return false
        }
        counts.append((bound: bound, count: count))
        return true
    }

    /// For a counter that somebody else keeps.
    /// - Parameter total: since the recorder started.
    /// - Returns: the line for the log when it is the first time.
    package mutating func counted(_ bound: Bound, total: Int64) -> LogEntry? {
        reached(bound, count: total - (counts.first { $0.bound == bound }?.count ?? 0))
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.counts.count == right.counts.count
            && left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] }
    }
}
