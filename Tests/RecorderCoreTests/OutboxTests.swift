import RecorderCore
import Testing

@Suite struct `Lessons on their way to the school` {
    private static let id = RecordingID(
        startedAt: WallTime(milliseconds: 1_790_000_000_000), randomHigh: 1, randomLow: 2)

    private static func file(_ bytes: Int64 = 2_500, url: String? = nil, isSent: Bool = false) -> UploadPackageFile {
        UploadPackageFile(
            name: "audio-0001.flac", contentType: "audio/flac", bytes: bytes, sha256: "", url: url, isSent: isSent)
    }

    /// The machine, told one thing after another; logs are kept apart from what it wants.
    private final class Box {
        var outbox: Outbox
        var now = MonotonicTime(milliseconds: 1_000)
        var log: [String] = []

        init(_ settings: OutboxSettings = OutboxSettings(isOn: true, chunkBytes: 1_000)) {
            outbox = Outbox(settings: settings, seed: 1)
        }

        @discardableResult
        func tell(_ input: OutboxInput) -> [OutboxEffect] {
            outbox.receive(input, now: now).filter {
                guard case .log(let entry) = $0 else { return true }
                log.append(entry.line)
                return false
            }
        }

        func wait() -> [OutboxEffect] {
            guard let deadline = outbox.nextDeadline else { return [] }
            now = max(now, deadline)
            return tell(.tick)
        }

        func begin(_ file: UploadPackageFile) -> [OutboxEffect] {
            #expect(tell(.saved) == [.store(.nextPackage(skipping: []))])
            let package = UploadPackage(recording: id, files: [file])
            return tell(.store(.package(package, waiting: 1, bytesLeft: file.bytes)))
        }

        /// An answer that may not be the school's.
        func intercept(_ status: Int) -> [OutboxEffect] {
            tell(.answer(.failed(UplinkFailure(.intercepted(status), "\(status)"))))
        }

        func fail(_ status: Int, retryAfter: Int? = nil) -> [OutboxEffect] {
            tell(.answer(.failed(UplinkFailure(.httpStatus(status, retryAfterSeconds: retryAfter), "\(status)"))))
        }
    }

    private static let anew = PostLessonCommand.packageFile(id, name: "audio-0001.flac", url: nil, isSent: false)

    @Test func `a lesson goes in chunks, and each fact is noted before it is built on`() {
        let box = Box()
        var file = Self.file()
        #expect(box.begin(file) == [.request(.create(Self.id, file))])
        file.url = "u"
        #expect(
            box.tell(.answer(.created(url: "u")))
                == [.store(.packageFile(Self.id, name: file.name, url: "u", isSent: false))])
        #expect(box.outbox.nextDeadline == box.now.adding(milliseconds: Limits.storeAnswerMilliseconds))
        #expect(
            box.tell(.store(.packageNoted(Self.id, name: file.name)))
                == [.request(.send(Self.id, file, from: 0, count: 1_000))])
        #expect(box.outbox.isUploading)
        #expect(box.tell(.answer(.sent(offset: 1_000))) == [.request(.send(Self.id, file, from: 1_000, count: 1_000))])
        #expect(box.tell(.answer(.sent(offset: 2_000))) == [.request(.send(Self.id, file, from: 2_000, count: 500))])
        #expect(
            box.tell(.answer(.sent(offset: 2_500)))
                == [.store(.packageFile(Self.id, name: file.name, url: "u", isSent: true))])
        #expect(box.tell(.store(.packageNoted(Self.id, name: file.name))) == [.request(.manifest(Self.id))])
        #expect(box.tell(.answer(.accepted)) == [.store(.packageDone(Self.id))])
        #expect(box.tell(.store(.packageNoted(Self.id, name: ""))) == [.store(.nextPackage(skipping: []))])
        #expect(box.log.contains { $0.contains("state=uploaded bytes=2500") })
        #expect(box.tell(.store(.package(nil, waiting: 0, bytesLeft: 0))).isEmpty)
        #expect(!box.outbox.isUploading)
    }

    @Test func `what was begun before a restart is gone on with where the server is`() {
        let box = Box()
        let file = Self.file(url: "u")
        #expect(box.begin(file) == [.request(.offset(Self.id, file))])
        #expect(
            box.tell(.answer(.offset(1_234, length: 2_500)))
                == [.request(.send(Self.id, file, from: 1_234, count: 1_000))])
    }

    @Test func `an upload that the server forgot is begun anew`() {
        for status in [404, 410] {
            let box = Box()
            _ = box.begin(Self.file(url: "u"))
            #expect(box.fail(status) == [.store(Self.anew)])
            #expect(
                box.tell(.store(.packageNoted(Self.id, name: "audio-0001.flac")))
                    == [.request(.create(Self.id, Self.file()))])
        }
    }

    @Test(arguments: [100, 200, 302, 400, 401, 403, 404, 407, 409, 410, 413, 423, 451, 500, 511])
    func `what may not be the school's answer blocks, holds and renews nothing`(status: Int) {
        for file in [Self.file(), Self.file(url: "u")] {
            let box = Box()
            let first = box.begin(file)
            for _ in 0..<(2 * Limits.uploadRestarts) {
                #expect(box.intercept(status).isEmpty)
                #expect(!box.outbox.isAuthorizationBlocked)
                #expect(box.wait() == first)
            }
            #expect(box.outbox.status(now: box.now).blocked.isEmpty)
            #expect(box.outbox.status(now: box.now).lastError == "\(status)")
        }
    }

    @Test func `a server that knows another offset is asked for it`() {
        let box = Box()
        let file = Self.file(url: "u")
        _ = box.begin(file)
        _ = box.tell(.answer(.offset(0, length: nil)))
        #expect(box.fail(409) == [.request(.offset(Self.id, file))])
    }

    @Test func `offsets that cannot be are not believed`() {
        for answer in [UploadAnswer.offset(2_501, length: nil), .offset(10, length: 2_499), .offset(-1, length: nil)] {
            let box = Box()
            _ = box.begin(Self.file(url: "u"))
            for _ in 1..<Limits.uploadOffsetConflicts {
                #expect(box.tell(.answer(answer)).isEmpty)
                #expect(box.wait() == [.request(.offset(Self.id, Self.file(url: "u")))])
            }
            let effects = box.tell(.answer(answer))
            #expect(effects == [.store(Self.anew)], "\(answer)")
        }
        let box = Box()
        let file = Self.file(url: "u")
        _ = box.begin(file)
        _ = box.tell(.answer(.offset(0, length: 2_500)))
        for offset: Int64 in [0, 1_001] {
            #expect(box.tell(.answer(.sent(offset: offset))).isEmpty)
            #expect(box.wait() == [.request(.offset(Self.id, file))])
            _ = box.tell(.answer(.offset(0, length: 2_500)))
        }
    }

    @Test func `a file that is too large blocks its lesson, and the next one goes`() {
        let box = Box()
        _ = box.begin(Self.file())
        #expect(box.fail(413) == [.store(.nextPackage(skipping: [Self.id]))])
        let blocked = box.outbox.status(now: box.now).blocked
        #expect(blocked.map(\.recording) == [Self.id])
        #expect(blocked.map(\.reason) == ["413"])
        #expect(box.log.contains { $0.contains("chalkbox upload retry") })
        _ = box.tell(.store(.package(nil, waiting: 1, bytesLeft: 2_500)))
        #expect(box.tell(.retry(Self.id)) == [.store(.nextPackage(skipping: []))])
    }

    @Test func `a school that does not let the box in is asked again when its secret changes`() {
        for status in [401, 403] {
            let box = Box()
            _ = box.begin(Self.file())
            #expect(box.fail(status).isEmpty)
            #expect(box.tell(.networkChanged).isEmpty)
            #expect(box.outbox.nextDeadline == box.now.adding(milliseconds: Limits.uploadHeldMilliseconds))
            #expect(box.tell(.bearerChanged) == [.request(.create(Self.id, Self.file()))])
        }
    }

    @Test func `a Retry-After of a day is obeyed for an hour, and that is told`() {
        let box = Box()
        _ = box.begin(Self.file())
        let start = box.now
        #expect(box.fail(503, retryAfter: 86_400).isEmpty)
        #expect(!box.wait().isEmpty)
        #expect(box.now.milliseconds(since: start) == Limits.uploadHeldMilliseconds)
        #expect(box.log.contains("retry-after asked_s=86400 obeyed_s=3600"))
    }

    @Test func `Retry-After is obeyed, whatever the network does`() {
        let box = Box()
        _ = box.begin(Self.file())
        #expect(box.fail(503, retryAfter: 600).isEmpty)
        #expect(box.tell(.networkChanged).isEmpty)
        #expect(box.outbox.nextDeadline == box.now.adding(milliseconds: 600_000))
        #expect(box.wait() == [.request(.create(Self.id, Self.file()))])
    }

    @Test func `waits grow up to five minutes, and end with the network's return`() {
        let box = Box()
        var longest: Int64 = 0
        var effects = box.begin(Self.file())
        for _ in 0..<60 {
            #expect(effects == [.request(.create(Self.id, Self.file()))])
            #expect(box.tell(.answer(.failed(UplinkFailure(.timeout, "slow")))).isEmpty)
            let wait = (box.outbox.nextDeadline ?? box.now).milliseconds(since: box.now)
            #expect(wait >= Limits.attemptSpacingMilliseconds)
            longest = max(longest, wait)
            effects = box.wait()
        }
        #expect((150_000...310_000).contains(longest), "\(longest)")
        _ = box.tell(.answer(.failed(UplinkFailure(.timeout, "slow"))))
        #expect(box.tell(.networkChanged) == [.request(.create(Self.id, Self.file()))])
    }

    @Test func `a lesson comes first, unless the configuration says otherwise`() {
        let box = Box()
        let file = Self.file(url: "u")
        _ = box.begin(file)
        _ = box.tell(.answer(.offset(0, length: 2_500)))
        #expect(box.tell(.lessonBegan) == [.cancelRequest])
        #expect(box.outbox.nextDeadline == nil)
        #expect(box.tell(.networkChanged).isEmpty)
        #expect(box.tell(.answer(.sent(offset: 1_000))).isEmpty)
        #expect(box.tell(.lessonEnded) == [.request(.offset(Self.id, file))])
        let other = Box(OutboxSettings(isOn: true, chunkBytes: 1_000, duringLesson: true))
        _ = other.begin(file)
        #expect(other.tell(.lessonBegan).isEmpty)
    }

    @Test func `what the school does not have as it was sent goes again`() {
        let box = Box()
        let file = Self.file(url: "u", isSent: true)
        #expect(box.begin(file) == [.request(.manifest(Self.id))])
        let missing = OutboxInput.answer(.missing([file.name]))
        #expect(box.tell(missing) == [.store(.packageFile(Self.id, name: file.name, url: nil, isSent: false))])
        #expect(box.tell(.store(.packageNoted(Self.id, name: file.name))) == [.request(.create(Self.id, Self.file()))])
        let stranger = Box()
        _ = stranger.begin(file)
        #expect(stranger.tell(.answer(.missing(["other.flac"]))) == [.store(.nextPackage(skipping: [Self.id]))])
    }

    @Test func `status tells what is done, and how fast`() {
        let box = Box()
        let file = Self.file(url: "u")
        _ = box.begin(file)
        _ = box.tell(.answer(.offset(500, length: 2_500)))
        box.now = box.now.adding(milliseconds: 1_000)
        _ = box.tell(.progress(bytes: 200))
        box.now = box.now.adding(milliseconds: 1_000)
        _ = box.tell(.progress(bytes: 600))
        let status = box.outbox.status(now: box.now)
        #expect(status.recording == Self.id)
        #expect(status.file == file.name)
        #expect(status.bytesDone == 1_100)
        #expect(status.bytes == 2_500)
        #expect(status.bytesASecond == 600)
        #expect(status.bytesLeft == 1_400)
        #expect(status.waiting == 1)
    }

    @Test func `nothing is asked for where there is no school`() {
        let box = Box(OutboxSettings(isOn: false))
        #expect(box.tell(.saved).isEmpty)
        #expect(box.outbox.nextDeadline == nil)
    }

    @Test(arguments: [0, 1_000, 2_000, 3_000])
    func `whatever goes wrong, each lesson arrives, once`(first: UInt64) {
        for seed in first..<(first + 1_000) {
            var model = OutboxModel(seed: seed)
            model.run()
            #expect(model.failures.isEmpty, "seed \(seed): \(model.failures.first ?? "")")
            if !model.failures.isEmpty { return }
        }
    }
}
