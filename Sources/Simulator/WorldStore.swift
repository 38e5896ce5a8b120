internal import RecorderCore

/// The place of a store that answers in the model's place, and the model of it that runs beside.
final class StoreSeat {
    let store: any SimulatedStore
    var model = StoreModel()
    var answers: [StoreEvent] = []
    var nextAnswer = 0
    var turnAt: Int64?
    var busyUntil: Int64 = 0
    /// The journal may be further behind until then: the disk refuses or is slow, or a file has just begun.
    var lateUntil: Int64 = 0
    var recovery = StoreRecovery()
    /// What was read back of those that are saved, by their names.
    var saved: [String: SavedRecording] = [:]
    var newest: RecordingID?

    init(_ store: any SimulatedStore) {
        self.store = store
    }
}

extension World {
    static let agreement = "the store answers as its model"
    static let journal = "what was saved is read back"

    func captureStarts(_ seat: StoreSeat, at place: SampleIndex) {
        seat.store.moment = moment
        seat.store.captureStarts(at: place)
        seat.model.captureStarts()
    }

    func carryOut(_ command: StoreCommand, _ seat: StoreSeat) {
        switch command {
        case .open(let header):
            identifiers[recording] = header.id
            store = Store(recording: recording)
        case .words(let words, _, _):
            journal += words
            outcome.words += words.count
        case .mergeSpeaker(let retired, let speaker): mergeSpeaker(retired, into: speaker)
        case .reopen: seat.lateUntil = max(seat.lateUntil, now + 4_000)
        case .silence, .level, .measured, .stopped, .commit, .close, .closeInterrupted, .read, .freeSpace, .postLesson:
            break
        }
        seat.store.moment = moment
        seat.store.receive(command)
        seat.model.receive(command)
        plan(seat, at: now + 1)
    }

    private var moment: StoreMoment {
        // Of a clock that is right: what a wrong one does to a lesson is another test's.
        var moment = StoreMoment(
            now: monotonic, wall: WallTime(milliseconds: 1_790_000_000_000 + now), head: head)
        if isOn({ $0 == .diskFails }) { moment.disk = plan.seed % 2 == 0 ? .isFull : .fails }
        return moment
    }

    /// Runs `body` on the store; what it cannot do breaks an invariant.
    private func attempt<Value>(
        _ seat: StoreSeat, _ body: (any SimulatedStore) throws(SimulatedStoreError) -> Value
    ) -> Value? {
        do throws(SimulatedStoreError) {
            return try body(seat.store)
        } catch {
            fail("the store does its work", error.message)
            return nil
        }
    }

    // MARK: Turns

    private func plan(_ seat: StoreSeat, at time: Int64) {
        let due = max(time, seat.busyUntil)
        guard seat.turnAt.map({ due < $0 }) ?? true else { return }
        seat.turnAt = due
        queue.add(.commit(recording: recording), at: due)
    }

    func takeTurn(_ seat: StoreSeat) {
        guard seat.turnAt == now else { return }
        seat.turnAt = nil
        guard let answers = turn(seat) else { return }
        if seat.model.saved.id == identifiers[recording] {
            for answer in answers {
                if case .committed(let through) = answer { medium.samples = through.value }
                if case .closeFailed(let failure) = answer { medium.samples = failure.saved.value }
                if case .closed(let summary) = answer { medium.samples = summary.samples }
            }
        }
        if !answers.isEmpty {
            let took = isOn { $0 == .diskSlow } ? random.between(500, 4_000) : random.between(2, 60)
            seat.busyUntil = now + took
            if took > 100 { seat.lateUntil = max(seat.lateUntil, now + took + 2_000) }
            for answer in answers {
                seat.answers.append(answer)
                queue.add(.stored(.seat), at: now + took)
            }
        }
        if let next = seat.store.nextTurn { plan(seat, at: max(now + 1, next.milliseconds - Self.epoch)) }
    }

    /// One turn of the store and of its model, whose answers must agree.
    /// - Parameter isHeard: the power does not go meanwhile.
    private func turn(_ seat: StoreSeat, isHeard: Bool = true) -> [StoreEvent]? {
        let moment = moment
        seat.store.moment = moment
        guard let answers = attempt(seat, { (store) throws(SimulatedStoreError) in try store.turn() }) else {
            return nil
        }
        let isRefused = if case .works = moment.disk { false } else { true }
        if isRefused { seat.lateUntil = max(seat.lateUntil, now + 4_000) }
        let model = seat.model.turn(now: now, head: head, isRefused: isRefused)
        compare(answers.filter { StoreModel.answers($0) }, model)
        for answer in answers {
            if case .ringOverrun(let mark) = answer {
                if now >= seat.lateUntil { fail(Self.agreement, "it lost \(Trace.span(mark.start..<mark.end))") }
                seat.model.note(mark)
            }
            if isHeard, case .closed(let summary) = answer { checkClosed(seat, summary.header.id) }
        }
        return answers
    }

    private func compare(_ answers: [StoreEvent], _ model: [StoreEvent]) {
        for place in 0..<max(answers.count, model.count) {
            let answer = place < answers.count ? answers[place] : nil
            let wanted = place < model.count ? model[place] : nil
            if let answer, let wanted, StoreModel.agree(answer, wanted) { continue }
            let texts = [answer, wanted].map { $0.map { Trace.line(.store($0)) } ?? "nothing" }
            fail(Self.agreement, "answer \(place + 1) is \(texts[0]), the model's \(texts[1])")
            return
        }
    }

    func deliver(_ seat: StoreSeat) {
        let answer = seat.answers[seat.nextAnswer]
        seat.nextAnswer += 1
        if seat.nextAnswer == seat.answers.count { (seat.answers, seat.nextAnswer) = ([], 0) }
        if case .closed(let summary) = answer {
            checker.closedRecording = identifiers.first { $0.value == summary.header.id }?.key ?? 0
        }
        receive(.store(answer))
    }

    // MARK: What is on the medium

    private func readBack(_ seat: StoreSeat, _ id: RecordingID, withAudio: Bool = true) -> SavedRecording? {
        seat.store.moment = moment
        return attempt(seat) { (store) throws(SimulatedStoreError) in
            try store.readBack(id, withAudio: withAudio)
        } ?? nil
    }

    /// A recording that is saved: the index and the audio have what the store was told, no more and no less.
    private func checkClosed(_ seat: StoreSeat, _ id: RecordingID) {
        guard let found = readBack(seat, id) else { return fail(Self.journal, "\(id.text) is not in the index") }
        let model = seat.model.closed[id.text] ?? StoreModel.Journal()
        if !found.isSaved { fail(Self.journal, "\(id.text) is told to be saved, and is not") }
        if found.samples != model.samples { fail(Self.journal, "\(found.samples) of \(model.samples) samples") }
        checkAudio(found)
        checkWords(found, [model])
        if found.gaps != model.gaps { fail(Self.journal, "gaps \(found.gaps), told \(model.gaps)") }
        var read = StoreModel.Journal()
        for mark in found.silences { read.add(mark) }
        if read.silences != model.silences {
            fail(Self.journal, "silences \(read.silences.sorted(by: <)), told \(model.silences.sorted(by: <))")
        }
        (seat.saved[id.text], seat.newest) = (found, id)
        if id == identifiers[recording] { journal = found.words }
    }

    private func checkAudio(_ found: SavedRecording) {
        if found.audioSamples != found.samples {
            fail(Self.journal, "the audio files hold \(found.audioSamples) of \(found.samples) samples")
        }
        if let sample = found.firstWrongSample { fail(Self.journal, "sample \(sample) is another one") }
        if let problem = found.problems.first { fail(Self.journal, problem) }
    }

    private func checkWords(_ found: SavedRecording, _ possible: [StoreModel.Journal]) {
        let wanted = possible.map { $0.words(endingAt: found.samples) }
        if wanted.contains(found.words) { return }
        guard let told = wanted.last else { return }
        let place = zip(found.words, told).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        let first = place ?? min(found.words.count, told.count)
        let texts = [found.words, told].map { words in
            words.dropFirst(first).first.map { "\($0.text)@\($0.start.milliseconds)/\($0.speaker)" } ?? "nothing"
        }
        fail(
            Self.journal,
            "\(found.words.count) of \(told.count) words; word \(first + 1) is \(texts[0]), told \(texts[1])")
    }

    // MARK: Power

    /// In the middle of a commit, as a rule: what of it is on the medium is the disk's chance.
    func cutPower(_ seat: StoreSeat) {
        var dice = RandomSource(seed: plan.seed &+ UInt64(now), stream: 7)
        let before = seat.model.saved
        let isInCommit = dice.percent(70)
        if isInCommit {
            seat.store.receive(.commit)
            seat.model.receive(.commit)
            // Nobody hears its answers any more.
            _ = turn(seat, isHeard: false)
        }
        seat.store.moment = moment
        seat.store.moment.disk = .works
        let seed = dice.next()
        guard let recovery = attempt(seat, { (store) throws(SimulatedStoreError) in
            try store.cutPower(isInLastTurn: isInCommit, seed: seed)
        }) else { return }
        trace?("\(time) # power cut \(recovery.place)")
        (seat.recovery, seat.turnAt, seat.busyUntil) = (recovery, nil, 0)
        (seat.answers, seat.nextAnswer) = ([], 0)
        let after = seat.model.saved
        seat.model = StoreModel()
        guard let header = checker.header else { return }
        let found = checkCut(seat, header.id, [before, after])
        var interrupted = StoreModel.Journal()
        (interrupted.id, interrupted.samples, interrupted.words) = (header.id, found.samples, found.words)
        (interrupted.gaps, interrupted.isOpened) = (found.gaps, found.samples > 0)
        for mark in found.silences { interrupted.add(mark) }
        seat.model = StoreModel(interrupted: interrupted)
        medium = Medium(journal: found.words, gaps: found.gaps, samples: found.samples)
        medium.told = recovery.interruption?.coverage ?? coverage(found)
    }

    private func coverage(_ found: SavedRecording) -> Coverage {
        // Without transcription there are no gaps either.
        let end = found.isSaved && plan.settings.transcription ? found.samples : 0
        return Coverage(through: SampleIndex(end), gaps: end > 0 ? found.gaps : [])
    }

    /// What a start found of the lesson that was cut off: all that was committed, and no more than was told.
    private func checkCut(
        _ seat: StoreSeat, _ id: RecordingID, _ journals: [StoreModel.Journal]
    ) -> SavedRecording {
        let possible = journals.filter { $0.id == id }
        let place = " after a power cut " + seat.recovery.place
        guard let found = readBack(seat, id) else {
            if possible.contains(where: \.isOpened) { fail(Self.journal, "\(id.text) is gone" + place) }
            return SavedRecording()
        }
        guard let first = possible.first else { return found }
        checkAudio(found)
        checkWords(found, possible)
        let behind = head.samples(since: SampleIndex(found.samples))
        if first.isClosed, found.samples != first.samples {
            fail(Self.journal, "\(found.samples) of \(first.samples) samples" + place)
        } else if !first.isClosed, first.isOpened, now >= seat.lateUntil, behind > 2 * SampleIndex.samplesPerSecond {
            fail("the journal is at most 2 s behind", "\(behind) samples are lost" + place)
        }
        let isEnded = first.isClosed || first.isStopped
        if let interruption = seat.recovery.interruption {
            if isEnded, interruption.header.id == id {
                fail("a lesson that STOP ended does not go on", id.text + place)
            }
        } else if first.isOpened, !possible.contains(where: { $0.isClosed || $0.isStopped }) {
            fail("an interrupted lesson may go on", id.text + place)
        }
        return found
    }

    /// Nothing goes on: what was interrupted is saved as it is.
    func endInterrupted(_ seat: StoreSeat) {
        guard seat.recovery.interruption != nil else { return }
        seat.recovery.interruption = nil
        seat.store.receive(.closeInterrupted)
        plan(seat, at: now + 1)
    }

    // MARK: After the lesson

    /// - Parameter model: what the index must answer, if it is asked for the text.
    func carryOut(
        _ command: PostLessonCommand, _ seat: StoreSeat, model: @autoclosure () -> GapsToFill, of id: RecordingID
    ) -> PostLessonEvent? {
        seat.store.moment = moment
        // It has a time of its own, without faults of the disk.
        seat.store.moment.disk = .works
        let isQuestion = command == .nextText
        let answers = attempt(seat) { (store) throws(SimulatedStoreError) in
            // The text of other lessons is another simulation's, or nobody's.
            for (_, other) in identifiers.sorted(by: { $0.key < $1.key }) where isQuestion && other != id {
                _ = try store.receive(.settleText(other, reason: "it is not filled"))
            }
            return try store.receive(command)
        }
        if isQuestion { compare(answers?.first, model()) }
        return answers?.first
    }

    private func compare(_ answer: PostLessonEvent?, _ model: GapsToFill) {
        guard case .text(let text?)? = answer else { return fail(Self.agreement, "no text lacks anything") }
        let (found, wanted) = (text.recording, model.recording)
        if found.header.id != wanted.header.id { fail(Self.agreement, "text of \(found.header.id.text)") }
        if text.gaps != model.gaps { fail(Self.agreement, "gaps \(text.gaps), the model's \(model.gaps)") }
        if found.words != wanted.words {
            fail(Self.agreement, "\(found.words.count) of \(wanted.words.count) words near the gaps")
        }
        let hasSameSpeakers = found.speakers.sorted() == wanted.speakers
        if found.wordCount != wanted.wordCount || found.saved != wanted.saved || !hasSameSpeakers {
            fail(Self.agreement, "\(found.wordCount) words, the model's \(wanted.wordCount), or other speakers")
        }
        if text.job != model.job { fail(Self.agreement, "file \(text.job.file), the model's \(model.job.file)") }
    }

    func restart(_ seat: StoreSeat) {
        seat.store.moment = moment
        seat.store.moment.disk = .works
        _ = attempt(seat) { (store) throws(SimulatedStoreError) in try store.restart() }
    }

    /// The text that came later is in the index.
    func checkLater(_ seat: StoreSeat, _ id: RecordingID) {
        guard let found = readBack(seat, id, withAudio: false) else {
            return fail(Self.journal, "\(id.text) is not in the index")
        }
        var told = StoreModel.Journal()
        told.words = journal
        checkWords(found, [told])
        if let gap = found.gaps.first { fail(Self.journal, "gap \(Trace.span(gap.start..<gap.end))") }
        seat.saved[id.text]?.words = found.words
        seat.saved[id.text]?.gaps = found.gaps
        journal = found.words
    }

    /// After everything: what was saved is still there, as it was. Nothing came after the newest but power cuts.
    func checkSaved(_ seat: StoreSeat) {
        let hasCuts = plan.faults.contains { $0.kind == .powerCut }
        for (_, id) in identifiers.sorted(by: { $0.key < $1.key }) where hasCuts || id != seat.newest {
            guard let wanted = seat.saved[id.text], outcome.failure == nil else { continue }
            guard let found = readBack(seat, id) else { return fail(Self.journal, "\(id.text) is gone") }
            if found != wanted { fail(Self.journal, "\(id.text) has changed since it was saved") }
        }
    }
}
