import RecorderCore
import Testing

@Suite struct `Text for saved lessons` {
    private static let second = SampleIndex.samplesPerSecond

    private typealias Box = BackfillBox
    private static let lesson = BackfillBox.lesson

    private static let key = SessionKey(secret: "key", webSocketURL: "")

    @Test func `a gap is replayed through a session that hears both sides`() throws {
        let box = Box(.live)
        #expect(box.begin() == [.uplink(.requestKey(attempt: .backfill(1)))])
        guard case .uplink(.open(let request))? = box.tell(.uplink(.key(attempt: .backfill(1), Self.key))).first else {
            Issue.record("no session")
            return
        }
        #expect(request.isSaved)
        #expect(request.id.owner == .backfill)
        #expect(request.base == SampleIndex(6 * Self.second))
        #expect(request.end == SampleIndex(30 * Self.second))
        #expect(box.tell(.uplink(.opened(session: request.id, tookMilliseconds: 0))).isEmpty)
        let word = ServiceToken(
            text: " yes", startMilliseconds: 8_000, endMilliseconds: 8_300, confidence: 0.9, isFinal: true,
            speaker: "1", language: "en")
        let message = ServiceMessage(tokens: [word], totalAudioMilliseconds: 24_000, finished: true)
        let effects = box.tell(.uplink(.message(session: request.id, message)))
        let id = Self.lesson.header.id
        guard case .store(.words(id, let words, let covered, let gaps))? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(words.map(\.start) == [SampleIndex(14 * Self.second)])
        #expect(covered == SampleIndex(30 * Self.second))
        #expect(gaps.isEmpty)
        #expect(effects.contains(.store(.settleText(id, reason: ""))))
        #expect(box.tell(.store(.textSettled(id))) == [.store(.nextText)])
        #expect(box.tell(.store(.text(nil))).isEmpty)
        #expect(box.backfill.nextDeadline == nil)
    }

    @Test func `a lesson that begins comes first`() {
        let box = Box(.live)
        #expect(box.begin() == [.uplink(.requestKey(attempt: .backfill(1)))])
        #expect(box.tell(.lessonBegan) == [.uplink(.cancelKey(attempt: .backfill(1)))])
        #expect(box.backfill.nextDeadline == nil)
        #expect(box.tell(.uplink(.key(attempt: .backfill(1), Self.key))).isEmpty)
        #expect(box.tell(.networkChanged).isEmpty)
        #expect(box.tell(.lessonEnded).isEmpty)
        #expect(box.wait() == [.uplink(.requestKey(attempt: .backfill(2)))])
    }

    @Test func `nothing is tried without a network, and at once with one`() {
        let box = Box(.live)
        _ = box.begin()
        box.tell(.networkLost)
        #expect(box.tell(.uplink(.keyFailed(attempt: .backfill(1), UplinkFailure(.unreachable, "no route")))).isEmpty)
        // What is known of the network may be wrong.
        #expect(box.wait() == [.uplink(.requestKey(attempt: .backfill(2)))])
        #expect(box.now.milliseconds >= Limits.offlineRetryMilliseconds)
        #expect(box.tell(.uplink(.keyFailed(attempt: .backfill(2), UplinkFailure(.unreachable, "no route")))).isEmpty)
        #expect(box.tell(.networkChanged) == [.uplink(.requestKey(attempt: .backfill(3)))])
    }

    @Test func `a service that never lets it in does not keep the lesson from the school for ever`() {
        let box = Box(.live)
        var effects = box.begin()
        var tries = 0
        let start = box.now
        while case .uplink(.requestKey(let attempt))? = effects.first {
            tries += 1
            effects = box.tell(.uplink(.keyFailed(attempt: attempt, UplinkFailure(.httpStatus(401), "token: 401"))))
            if effects.isEmpty { effects = box.wait() }
        }
        #expect(tries == Limits.backfillTries)
        #expect(effects == [.store(.settleText(Self.lesson.header.id, reason: "token: 401"))])
        let hours = box.now.milliseconds(since: start) / 3_600_000
        #expect((5...24).contains(hours), "\(hours) h")
    }

    @Test(arguments: [UplinkFailure.Cause.service(.intercepted(404)), .service(.keyMalformed), .network(.tlsUntrusted)])
    func `what may not be the service's answer does not use up the tries`(kind: UplinkFailure.Cause) {
        let box = Box(.live)
        var effects = box.begin()
        for _ in 0..<(4 * Limits.backfillTries) {
            guard case .uplink(.requestKey(let attempt))? = effects.first else { break }
            #expect(box.tell(.uplink(.keyFailed(attempt: attempt, UplinkFailure(kind, "a page")))).isEmpty)
            effects = box.wait()
        }
        guard case .uplink(.requestKey)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
    }

    @Test func `a weekend without a network does not use up the tries`() {
        let box = Box(.live)
        var effects = box.begin()
        box.tell(.networkLost)
        let start = box.now
        while box.now.milliseconds(since: start) < 60 * 3_600_000 {
            guard case .uplink(.requestKey(let attempt))? = effects.first else { break }
            #expect(box.tell(.uplink(.keyFailed(attempt: attempt, UplinkFailure(.unreachable, "no route")))).isEmpty)
            effects = box.wait()
        }
        guard case .uplink(.requestKey)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
    }

    /// Opens a session for the gap that is asked for.
    private func session(_ box: Box, _ effects: [BackfillEffect]) -> SessionRequest? {
        guard case .uplink(.requestKey(let attempt))? = effects.first,
            case .uplink(.open(let request))? = box.tell(.uplink(.key(attempt: attempt, Self.key))).first
        else { return nil }
        _ = box.tell(.uplink(.opened(session: request.id, tookMilliseconds: 0)))
        return request
    }

    private func text(without gaps: [ClosedRange<Int64>]) -> GapsToFill {
        let gaps = gaps.map {
            Gap(
                start: SampleIndex($0.lowerBound * Self.second), end: SampleIndex($0.upperBound * Self.second),
                reason: "offline")
        }
        var recording = Self.lesson
        recording.coverage = Coverage(through: recording.saved, gaps: gaps)
        return GapsToFill(recording: recording, gaps: gaps)
    }

    @Test func `a place that ends each session is left, and the other gaps are filled`() throws {
        let box = Box(.live)
        _ = box.tell(.saved)
        #expect(box.wait() == [.store(.nextText)])
        var effects = box.tell(.store(.text(text(without: [5...8, 20...25]))))
        let bad = UplinkFailure(.messageMalformed, "not JSON")
        for _ in 0..<2 {
            let request = try #require(session(box, effects))
            #expect(request.base == SampleIndex(Self.second))
            _ = box.tell(.uplink(.closed(session: request.id, bad)))
            #expect(box.wait() == [.store(.nextText)])
            effects = box.tell(.store(.text(text(without: [5...8, 20...25]))))
        }
        var request = try #require(session(box, effects))
        #expect(request.base == SampleIndex(16 * Self.second))
        let message = ServiceMessage(totalAudioMilliseconds: 14_000, finished: true)
        #expect(box.tell(.uplink(.message(session: request.id, message))).contains(.store(.nextText)))
        // Another lesson's places are its own; this one's are remembered.
        let last = box.tell(.store(.text(text(without: [5...8]))))
        #expect(last == [.store(.settleText(Self.lesson.header.id, reason: "not JSON"))])
        request.id = 0
    }

    @Test func `sessions that open and fail do use up the tries`() throws {
        let box = Box(.live)
        var effects = box.begin()
        var sessions = 0
        while sessions < 100, let request = session(box, effects) {
            sessions += 1
            effects = box.tell(.uplink(.closed(session: request.id, UplinkFailure(.message(code: 400), "no"))))
            if effects.isEmpty, box.wait() == [.store(.nextText)] {
                effects = box.tell(.store(.text(text(without: [10...20]))))
            }
        }
        #expect(sessions == Limits.backfillTries)
        #expect(effects.last == .store(.settleText(Self.lesson.header.id, reason: "no")))
    }

    @Test func `a flapping network does not use up the tries`() {
        let box = Box(.live)
        var effects = box.begin()
        for _ in 0..<(4 * Limits.backfillTries) {
            guard case .uplink(.requestKey(let attempt))? = effects.first else { break }
            #expect(box.tell(.uplink(.keyFailed(attempt: attempt, UplinkFailure(.reset, "reset")))).isEmpty)
            effects = box.tell(.networkChanged)
        }
        guard case .uplink(.requestKey)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
    }

    @Test func `a gap goes as a file, and nothing of it stays at the service`() {
        let box = Box(.files)
        let id = Self.lesson.header.id
        let range = SampleIndex(6 * Self.second)..<SampleIndex(30 * Self.second)
        #expect(box.begin() == [.store(.makeClip(id, range))])
        #expect(box.tell(.store(.clipMade(id, path: "/cut", bytes: 1))) == [.request(.uploadAudio(id, path: "/cut"))])
        #expect(
            box.tell(.answer(.file("f"))) == [
                .store(.noteJob(id, TranscriptionJob(file: "f"))), .request(.create(id, file: "f")),
            ])
        #expect(
            box.tell(.answer(.transcription("t")))
                == [.store(.noteJob(id, TranscriptionJob(file: "f", transcription: "t")))])
        #expect(box.wait() == [.request(.state(transcription: "t"))])
        #expect(box.tell(.answer(.pending)).isEmpty)
        #expect(box.wait() == [.request(.state(transcription: "t"))])
        #expect(box.tell(.answer(.completed)) == [.request(.transcript(transcription: "t"))])
        let word = ServiceToken(
            text: " yes", startMilliseconds: 8_000, endMilliseconds: 8_300, confidence: 0.9, isFinal: true,
            speaker: "1", language: "en")
        let effects = box.tell(.answer(.text(ServiceMessage(tokens: [word]))))
        guard case .store(.words(id, let words, _, let gaps))? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(words.map(\.start) == [SampleIndex(14 * Self.second)])
        #expect(gaps.isEmpty)
        #expect(effects.dropFirst() == [.store(.removeClip(id)), .request(.deleteTranscription("t"))])
        #expect(
            box.tell(.answer(.deleted))
                == [.store(.noteJob(id, TranscriptionJob(file: "f"))), .request(.deleteFile("f"))])
        #expect(
            box.tell(.answer(.deleted))
                == [.store(.noteJob(id, TranscriptionJob())), .store(.settleText(id, reason: ""))])
    }

    @Test func `what was at the service before a restart is deleted first`() {
        let box = Box(.files)
        let id = Self.lesson.header.id
        #expect(
            box.begin(TranscriptionJob(file: "f", transcription: "t")) == [.request(.deleteTranscription("t"))])
        #expect(
            box.tell(.answer(.deleted))
                == [.store(.noteJob(id, TranscriptionJob(file: "f"))), .request(.deleteFile("f"))])
        let range = SampleIndex(6 * Self.second)..<SampleIndex(30 * Self.second)
        #expect(box.tell(.answer(.deleted)) == [.store(.noteJob(id, TranscriptionJob())), .store(.makeClip(id, range))])
    }

    @Test func `a file that the service has lost is sent again`() {
        let box = Box(.files)
        let id = Self.lesson.header.id
        _ = box.begin()
        _ = box.tell(.store(.clipMade(id, path: "/cut", bytes: 1)))
        _ = box.tell(.answer(.file("f")))
        let gone = UplinkFailure(.httpStatus(404), "no such file")
        #expect(box.tell(.answer(.failed(gone))).first == .store(.noteJob(id, TranscriptionJob())))
        #expect(box.wait() == [.request(.uploadAudio(id, path: "/cut"))])
    }

    @Test func `words that the store could not keep are heard again`() {
        let box = Box(.live)
        #expect(box.begin() == [.uplink(.requestKey(attempt: .backfill(1)))])
        #expect(box.tell(.store(.textLost(Self.lesson.header.id))) == [.uplink(.cancelKey(attempt: .backfill(1)))])
        #expect(box.wait() == [.store(.nextText)])
    }

    @Test func `nothing is transcribed later where that is off`() {
        let box = Box(.none)
        #expect(box.backfill.nextDeadline == nil)
        #expect(box.tell(.saved).isEmpty)
    }
}
