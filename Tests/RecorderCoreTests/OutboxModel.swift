import RecorderCore

/// A box with lessons to send, a school that takes them, and everything that can go wrong between them, from a seed.
struct OutboxModel {
    struct Upload {
        var name: String
        var length: Int64
        var offset: Int64 = 0
        var isGone = false
    }

    private static let steps = 6_000
    private static let epoch: Int64 = 1_000_000

    let seed: UInt64
    var random: RandomSource
    var outbox: Outbox
    var now = MonotonicTime(milliseconds: Self.epoch)
    /// What is on the box's disk.
    var disk: [UploadPackage] = []
    var isDone: [Bool] = []
    /// The school's side.
    var uploads: [Upload] = []
    var completed: [String: Int] = [:]
    var lessons: [RecordingID: Int] = [:]
    // The world
    var trouble: Int64
    var isRecording = false
    var isOnline = true
    var queue: [(time: MonotonicTime, input: OutboxInput)] = []
    /// Milliseconds after which the school may be asked again, because it said so.
    var closedUntil = MonotonicTime(milliseconds: 0)
    var isRunning: UploadRequest?
    var received: Int64 = 0
    var discarded: Int64 = 0
    var blocks = 0
    var failures: [String] = []

    let settings: OutboxSettings

    init(seed: UInt64) {
        self.seed = seed
        random = RandomSource(seed: seed)
        settings = OutboxSettings(
            isOn: true, chunkBytes: 1_000, duringLesson: seed % 5 == 0, hasManifest: seed % 7 > 0)
        outbox = Outbox(settings: settings, seed: seed)
        trouble = random.next(through: 25)
        for number in 0...random.next(through: 3) {
            let id = RecordingID(
                startedAt: WallTime(milliseconds: 1_790_000_000_000 + number), randomHigh: 1, randomLow: seed)
            var files: [UploadPackageFile] = []
            for place in 0...random.next(through: 3) {
                let bytes = random.next(through: 9) == 0 ? 0 : random.next(through: 6_000)
                files.append(
                    UploadPackageFile(name: "audio-\(place).flac", contentType: "audio/flac", bytes: bytes, sha256: ""))
            }
            disk.append(UploadPackage(recording: id, files: files))
            isDone.append(false)
        }
    }

    var payload: Int64 { disk.reduce(0) { $0 + $1.files.reduce(0) { $0 + $1.bytes } } }

    mutating func run() {
        for step in 0..<Self.steps {
            if step == Self.steps / 2 { calm() }
            if isDone.allSatisfy({ $0 }) { break }
            guard let input = next() else {
                failures.append("nothing happens any more")
                break
            }
            receive(input)
            disturb()
        }
        check()
    }

    /// In the end everything is well, so everything has to arrive.
    private mutating func calm() {
        trouble = 0
        if isRecording { lesson(false) }
        if !isOnline { network(true) }
        closedUntil = now
        receive(.retry(nil))
    }

    private mutating func next() -> OutboxInput? {
        let first = queue.indices.min { queue[$0].time < queue[$1].time }
        if let deadline = outbox.nextDeadline, first.map({ deadline < queue[$0].time }) ?? true {
            now = max(now, deadline)
            return .tick
        }
        guard let first else {
            // A box in a lesson or without anything to do is woken by people.
            guard isRecording || !isOnline else { return .saved }
            now = now.adding(milliseconds: 60_000)
            return isRecording ? .tick : .networkChanged
        }
        now = max(now, queue[first].time)
        return queue.remove(at: first).input
    }

    private mutating func receive(_ input: OutboxInput) {
        if case .networkChanged = input { isOnline = true }
        if case .answer = input { isRunning = nil }
        if case .answer(.failed(let failure)) = input, let seconds = failure.retryAfterSeconds {
            closedUntil = now.adding(milliseconds: Int64(seconds) * 1_000)
        }
        for effect in outbox.receive(input, now: now) {
            // The power goes between one effect and the next.
            if random.next(through: 400) < trouble / 5 {
                restart()
                return
            }
            perform(effect)
        }
        if isRecording, !settings.duringLesson, isRunning != nil { failures.append("a request during a lesson") }
    }

    private mutating func restart() {
        queue = []
        isRunning = nil
        isRecording = false
        isOnline = true
        closedUntil = MonotonicTime(milliseconds: 0)
        outbox = Outbox(settings: settings, seed: random.next())
    }

    private mutating func lesson(_ begins: Bool) {
        isRecording = begins
        receive(begins ? .lessonBegan : .lessonEnded)
    }

    private mutating func network(_ comes: Bool) {
        isOnline = comes
        receive(comes ? .networkChanged : .networkLost)
    }

    private mutating func disturb() {
        guard random.next(through: 99) < trouble else { return }
        switch random.next(through: 7) {
        case 0: lesson(!isRecording)
        case 1, 2: network(!isOnline)
        case 3:
            // A person's wish comes before the school's.
            closedUntil = now
            receive(.retry(nil))
        case 4: receive(.bearerChanged)
        case 5: restart()
        case 6:
            // An upload that waited for too long. One that is complete is an object.
            guard !uploads.isEmpty else { return }
            let place = Int(random.next(through: Int64(uploads.count) - 1))
            guard !uploads[place].isGone, uploads[place].offset < uploads[place].length else { return }
            uploads[place].isGone = true
            discarded += uploads[place].offset
        default: receive(.progress(bytes: 10))
        }
    }

    // MARK: Effects

    private mutating func perform(_ effect: OutboxEffect) {
        switch effect {
        case .store(.nextPackage(let skipped)):
            let place = disk.indices.first { !isDone[$0] && !skipped.contains(disk[$0].recording) }
            answer(.store(.package(place.map { disk[$0] }, waiting: isDone.count { !$0 }, bytesLeft: 0)))
        case .store(.packageFile(let id, let name, let url, let isSent)):
            guard let place = disk.firstIndex(where: { $0.recording == id }),
                let file = disk[place].files.firstIndex(where: { $0.name == name })
            else {
                failures.append("a note about nothing")
                return
            }
            disk[place].files[file].url = url
            disk[place].files[file].isSent = isSent
            answer(.store(.packageNoted(id, name: name)))
        case .store(.packageDone(let id)):
            guard let place = disk.firstIndex(where: { $0.recording == id }) else { return }
            if !disk[place].files.allSatisfy(\.isSent) { failures.append("done before all is sent") }
            if settings.hasManifest, lessons[id] == nil { failures.append("done before the school knows") }
            isDone[place] = true
            answer(.store(.packageNoted(id, name: "")))
        case .store(let other): failures.append("\(other) is not its business")
        case .request(let request): serve(request)
        case .cancelRequest:
            isRunning = nil
            queue.removeAll { if case .answer = $0.input { true } else { false } }
        case .log(let entry):
            if entry.line.contains("state=blocked") { blocks += 1 }
        }
    }

    private mutating func answer(_ input: OutboxInput) {
        queue.append((now.adding(milliseconds: 1 + random.next(through: 500)), input))
    }

    // MARK: The school

    private mutating func serve(_ request: UploadRequest) {
        if isRunning != nil { failures.append("two requests at a time") }
        if now < closedUntil { failures.append("Retry-After is not obeyed") }
        isRunning = request
        guard isOnline else {
            answer(.answer(.failed(UplinkFailure(.unreachable, "no route"))))
            return
        }
        if let refusal = refusal() {
            answer(.answer(.failed(refusal)))
            return
        }
        let said = act(request)
        // The answer is lost after the school did it.
        let isLost = random.next(through: 99) < trouble / 3
        answer(.answer(isLost ? .failed(UplinkFailure(.reset, "reset")) : said))
    }

    private mutating func refusal() -> UplinkFailure? {
        guard random.next(through: 99) < trouble else { return nil }
        switch random.next(through: 8) {
        case 0: return UplinkFailure(.httpStatus(503), "busy")
        case 1:
            return UplinkFailure(.httpStatus(429, retryAfterSeconds: 7), "too many")
        case 2: return UplinkFailure(.httpStatus(423), "locked")
        case 3: return random.next(through: 5) == 0 ? UplinkFailure(.httpStatus(401), "who is that") : nil
        case 4: return UplinkFailure(.timeout, "slow")
        case 5: return random.next(through: 9) == 0 ? UplinkFailure(.httpStatus(413), "too large") : nil
        case 6: return UplinkFailure(.httpStatus(500), "broken")
        default: return UplinkFailure(.reset, "reset")
        }
    }

    private mutating func act(_ request: UploadRequest) -> UploadAnswer {
        switch request {
        case .create(let id, let file):
            uploads.append(Upload(name: id.text + "/" + file.name, length: file.bytes))
            if file.bytes == 0 { completed[uploads[uploads.count - 1].name, default: 0] += 1 }
            return .created(url: "\(uploads.count - 1)")
        case .offset(_, let file):
            guard let place = place(of: file) else { return Self.gone }
            let lies = random.next(through: 199) < trouble / 5
            return .offset(uploads[place].offset + (lies ? file.bytes + 1 : 0), length: uploads[place].length)
        case .send(_, let file, let from, let count):
            guard let place = place(of: file) else { return Self.gone }
            guard from == uploads[place].offset else { return .failed(UplinkFailure(.httpStatus(409), "offset")) }
            let isCut = random.next(through: 99) < trouble
            let arrived = isCut ? random.next(through: count) : count
            uploads[place].offset += arrived
            received += arrived
            if uploads[place].offset == uploads[place].length, arrived > 0 {
                completed[uploads[place].name, default: 0] += 1
            }
            return isCut ? .failed(UplinkFailure(.reset, "cut")) : .sent(offset: uploads[place].offset)
        case .manifest(let id):
            guard let package = disk.first(where: { $0.recording == id }) else { return Self.gone }
            let absent = package.files.filter { completed[id.text + "/" + $0.name] == nil }
            guard absent.isEmpty else { return .missing(absent.map(\.name)) }
            lessons[id, default: 0] += 1
            return .accepted
        }
    }

    private static let gone = UploadAnswer.failed(UplinkFailure(.httpStatus(404), "no such upload"))

    private func place(of file: UploadPackageFile) -> Int? {
        guard let place = file.url.flatMap({ Int($0) }), !uploads[place].isGone else { return nil }
        return place
    }

    // MARK: The end

    private mutating func check() {
        if !isDone.allSatisfy({ $0 }) { failures.append("not everything arrived") }
        for package in disk {
            for file in package.files {
                let times = completed[package.recording.text + "/" + file.name] ?? 0
                if times != 1, file.bytes > 0 || times == 0 { failures.append("\(file.name) exists \(times) times") }
            }
        }
        // An upload that is begun anew throws away what there was; a lying server is one reason for that.
        let left = uploads.filter { !$0.isGone && $0.offset < $0.length }.reduce(0) { $0 + $1.offset }
        if received != payload + discarded + left { failures.append("\(received) bytes for \(payload)") }
    }
}
