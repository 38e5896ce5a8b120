import RecorderCore
import Testing

/// Each state that waits for somebody goes on by itself when no answer ever comes.
@Suite struct `An answer that never comes` {
    // MARK: The recorder

    @Test func `no state of the way to the service waits for ever`() throws {
        let ways: [(String, (inout Box) -> Void)] = [
            ("a key", { $0.start() }),
            ("a session", {
                $0.start()
                $0.happens(.uplink(.key(attempt: 1, Box.key)))
            }),
            ("the first word of a session", { $0.goLive() }),
            ("the next word of a session", {
                $0.goLive()
                $0.happens(.uplink(.message(session: 1, message([], final: 500, total: 900))), after: 1_000)
            }),
            ("a successor's key", {
                $0.goLive()
                $0.happens(.networkChanged("x"), after: 20_000)
            }),
            ("a successor", {
                $0.goLive()
                $0.happens(.uplink(.key(attempt: 2, Box.key)))
                $0.happens(.networkChanged("x"), after: 20_000)
            }),
        ]
        for (what, reach) in ways {
            var box = Box()
            reach(&box)
            let start = box.now
            var isTriedAgain = false
            while box.now.milliseconds(since: start) < 120_000, !isTriedAgain {
                let deadline = try #require(box.recorder.nextDeadline, "\(what) is waited for without end")
                box.head = box.head.advanced(by: 16_000)
                box.happens(.tick, after: max(0, deadline.milliseconds(since: box.now)))
                isTriedAgain = box.effects.contains {
                    switch $0 {
                    case .uplink(.requestKey), .uplink(.open): true
                    default: false
                    }
                }
            }
            #expect(isTriedAgain, "\(what): nothing is done")
        }
    }

    @Test func `a session that fills a gap and falls silent is given up`() throws {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        box.happens(.uplink(.closed(session: 1, UplinkFailure(.reset, "reset"))), after: 20_000)
        box.happens(.uplink(.closed(session: 2, UplinkFailure(.refused, "refused"))))
        box.head = SampleIndex(milliseconds: 100_000)
        try box.untilDeadline()
        box.happens(.uplink(.key(attempt: 3, Box.key)))
        box.happens(.uplink(.opened(session: 3, tookMilliseconds: 1)))
        box.happens(.uplink(.key(attempt: 4, Box.key)))
        try box.untilDeadline()
        let gap = try #require(box.request)
        box.happens(.uplink(.opened(session: gap.id, tookMilliseconds: 1)))
        let opened = box.now
        // The live one is well.
        while !box.effects.contains(.uplink(.close(session: gap.id))) {
            let due = try #require(box.recorder.nextDeadline)
            let step = min(20_000, max(1, due.milliseconds(since: box.now)))
            box.happens(.uplink(.message(session: 3, message([], total: 1))), after: step - 1)
            box.happens(.tick, after: 1)
            guard box.now.milliseconds(since: opened) < 120_000 else { break }
        }
        #expect(box.now.milliseconds(since: opened) == Limits.quietSessionMilliseconds)
    }

    @Test func `no step from STOP to saved waits for ever`() throws {
        var box = Box()
        box.goLive()
        box.happens(.stop)
        var deadlines = 0
        while box.recorder.isRecording {
            try box.untilDeadline()
            deadlines += 1
            try #require(deadlines < 10)
        }
    }

    // MARK: Text of saved lessons

    private static let lesson: InterruptedRecording = {
        let end = SampleIndex(milliseconds: 30_000)
        let gap = Gap(start: SampleIndex(milliseconds: 10_000), end: SampleIndex(milliseconds: 20_000), reason: "x")
        return InterruptedRecording(
            header: Box.header, saved: end, coverage: Coverage(through: end, gaps: [gap]), words: [], wordCount: 0,
            speakers: [])
    }()

    private static let text = GapsToFill(recording: lesson, gaps: [])

    private struct Later {
        var backfill: Backfill
        var now = MonotonicTime(milliseconds: 1_000)
        var log: [String] = []

        init(_ mode: BackfillSettings.Mode) { backfill = Backfill(settings: BackfillSettings(mode: mode), seed: 1) }

        @discardableResult
        mutating func tell(_ input: BackfillInput) -> [BackfillEffect] {
            var effects: [BackfillEffect] = []
            for effect in backfill.receive(input, now: now) {
                if case .log(let entry) = effect { log.append(entry.line) } else { effects.append(effect) }
            }
            return effects
        }

        mutating func wait() -> [BackfillEffect]? {
            guard let deadline = backfill.nextDeadline else { return nil }
            now = max(now, deadline)
            return tell(.tick)
        }

        mutating func begin() {
            tell(.saved)
            _ = wait()
        }
    }

    private static let id = Box.header.id
    private static let key = SessionKey(secret: "key", webSocketURL: "")

    private static let laterSteps: [(String, BackfillSettings.Mode, [BackfillInput])] = [
        ("the store's text", .live, []),
        ("a key", .live, [.store(.text(text))]),
        ("a session", .live, [.store(.text(text)), .uplink(.key(attempt: .backfill(1), key))]),
        (
            "a session's words", .live,
            [
                .store(.text(text)), .uplink(.key(attempt: .backfill(1), key)),
                .uplink(.opened(session: .backfill(2), tookMilliseconds: 0)),
            ]
        ),
        ("the cut audio", .files, [.store(.text(text))]),
        ("a file's name", .files, [.store(.text(text)), .store(.clipMade(id, path: "/cut", bytes: 1))]),
        (
            "a transcription's name", .files,
            [.store(.text(text)), .store(.clipMade(id, path: "/cut", bytes: 1)), .answer(.file("f"))]
        ),
    ]

    @Test func `no step of a saved lesson's text waits for ever`() throws {
        for (what, way, inputs) in Self.laterSteps {
            var later = Later(way)
            later.begin()
            for input in inputs { later.tell(input) }
            var effects: [BackfillEffect] = []
            for _ in 0..<3 where effects.isEmpty {
                let done = later.wait()
                effects = try #require(done, "\(what) is waited for without end")
            }
            #expect(!effects.isEmpty, "\(what): nothing is done")
            #expect(later.now.milliseconds < 3 * 3_600_000)
        }
    }

    @Test func `a row that is not settled is asked for again`() throws {
        var later = Later(.live)
        later.begin()
        var complete = Self.lesson
        complete.coverage = Coverage(through: complete.saved, gaps: [])
        let text = GapsToFill(recording: complete, gaps: [])
        #expect(later.tell(.store(.text(text))) == [.store(.settleText(Self.id, reason: ""))])
        #expect(later.wait() == [.store(.nextText)])
        #expect(later.log.contains("transcribe state=stuck"))
        #expect(later.tell(.store(.text(text))) == [.store(.settleText(Self.id, reason: ""))])
    }

    @Test func `a lesson in between gives the store all its time again`() throws {
        var later = Later(.files)
        later.begin()
        later.tell(.store(.text(Self.text)))
        later.tell(.lessonBegan)
        #expect(later.backfill.nextDeadline == nil)
        later.now = later.now.adding(milliseconds: 6 * 3_600_000)
        later.tell(.lessonEnded)
        #expect(later.backfill.nextDeadline == later.now.adding(milliseconds: Limits.storeWorkMilliseconds))
    }

    // MARK: Uploads

    private static func file(url: String? = nil, isSent: Bool = false) -> UploadPackageFile {
        UploadPackageFile(name: "a.flac", contentType: "audio/flac", bytes: 2_500, sha256: "", url: url, isSent: isSent)
    }

    @Test func `no step of an upload waits for ever`() throws {
        let package: (UploadPackageFile) -> OutboxInput = {
            .store(.package(UploadPackage(recording: Self.id, files: [$0]), waiting: 1, bytesLeft: 2_500))
        }
        let steps: [(String, [OutboxInput])] = [
            ("the store's package", []),
            ("a Location", [package(Self.file())]),
            ("a note", [package(Self.file()), .answer(.created(url: "u"))]),
            ("an offset", [package(Self.file(url: "u"))]),
            ("a chunk's answer", [package(Self.file(url: "u")), .answer(.offset(0, length: nil))]),
            ("a manifest's answer", [package(Self.file(url: "u", isSent: true))]),
            ("the last note", [package(Self.file(url: "u", isSent: true)), .answer(.accepted)]),
        ]
        for (what, inputs) in steps {
            var outbox = Outbox(settings: OutboxSettings(isOn: true, chunkBytes: 1_000), seed: 1)
            var now = MonotonicTime(milliseconds: 1_000)
            var effects = outbox.receive(.saved, now: now)
            for input in inputs { effects = outbox.receive(input, now: now) }
            var isDone = false
            for _ in 0..<3 where !isDone {
                now = max(now, try #require(outbox.nextDeadline, "\(what) is waited for without end"))
                effects = outbox.receive(.tick, now: now)
                isDone = effects.contains {
                    switch $0 {
                    case .store(.nextPackage), .request: true
                    default: false
                    }
                }
            }
            #expect(isDone, "\(what): nothing is done")
            #expect(now.milliseconds < 3_600_000)
        }
    }

    @Test func `an upload that comes on is not given up, however slow it is`() {
        var outbox = Outbox(settings: OutboxSettings(isOn: true, chunkBytes: 6 << 20), seed: 1)
        var now = MonotonicTime(milliseconds: 1_000)
        _ = outbox.receive(.saved, now: now)
        let package = UploadPackage(recording: Self.id, files: [Self.file(url: "u")])
        _ = outbox.receive(.store(.package(package, waiting: 1, bytesLeft: 2_500)), now: now)
        _ = outbox.receive(.answer(.offset(0, length: nil)), now: now)
        for bytes in 1...100 {
            now = now.adding(milliseconds: Limits.exchangeMilliseconds - 1)
            #expect(outbox.receive(.tick, now: now).isEmpty)
            _ = outbox.receive(.progress(bytes: Int64(bytes)), now: now)
        }
    }
}
