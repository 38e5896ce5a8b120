internal import RecorderCore

/// Invariants of the journal: every word once, in its place, by its speaker.
extension World {
    static let placeMilliseconds: Int64 = 250
    /// What sessions differ by, as the simulated service places words.
    static let nearMilliseconds: Int64 = 125

    /// The voices heard before `edge` in what a session that begins at `base` hears again, and their numbers.
    func known(from base: SampleIndex, to edge: SampleIndex) -> [(voice: Int, speaker: Int)] {
        var known: [(voice: Int, speaker: Int)] = []
        for stored in journal {
            guard stored.start >= base.advanced(by: Limits.seamSamples), stored.end <= edge, stored.speaker > 0,
                let word = wordNumber(of: stored)
            else { continue }
            let voice = script.words[word].voice
            // On both sides of a gap a voice may have different numbers.
            if !known.contains(where: { $0 == (voice, stored.speaker) }) { known.append((voice, stored.speaker)) }
        }
        return known
    }

    func wordNumber(of word: Word) -> Int? {
        let number = Int((word.confidence / Recogniser.unit).rounded()) - 1
        return script.words.indices.contains(number) ? number : nil
    }

    /// A word as it enters the journal.
    func checkWord(_ stored: Word) {
        outcome.mix(stored.start.value &* 31 &+ Int64(stored.speaker))
        guard let number = wordNumber(of: stored) else {
            suspect("\"\(stored.text)\" at \(stored.start.milliseconds) ms was never said")
            return
        }
        let word = script.words[number]
        if checker.isStored[number] { suspect("\"\(stored.text)\", said at \(word.start) ms, comes again") }
        checker.isStored[number] = true
        guard stored.speaker > 0 else { return }
        if let voice = checker.voices[stored.speaker], voice != word.voice {
            fail(
                "a speaker is one voice",
                "\"\(stored.text)\" at \(word.start) ms: voice \(word.voice) gets number \(stored.speaker) of \(voice)")
        }
        checker.voices[stored.speaker] = word.voice
        guard let session = checker.sessions.first(where: { $0.id == checker.hearing }) else { return }
        let known = session.known.filter { $0.voice == word.voice }.map(\.speaker)
        guard let first = known.first, !known.contains(stored.speaker) else { return }
        fail(
            "a voice that is heard again keeps its number",
            "\"\(stored.text)\" at \(word.start) ms: \(first) becomes \(stored.speaker)")
    }

    /// A session that has filled a gap has heard the voices on both sides.
    func checkVoices(_ session: Checker.Opened, through end: Int64) {
        var numbers: [Int: [Int: Int]] = [:]
        for stored in journal where stored.speaker > 0 {
            guard stored.start.value >= session.base + Limits.seamSamples, stored.end.value + Limits.seamSamples <= end,
                let word = wordNumber(of: stored)
            else { continue }
            numbers[script.words[word].voice, default: [:]][stored.speaker, default: 0] += 1
        }
        for (voice, counts) in numbers.sorted(by: { $0.key < $1.key }) {
            guard counts.values.count(where: { $0 > 1 }) > 1 else { continue }
            let text = counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
            fail("a voice that is heard again keeps its number", "voice \(voice) has \(text) after a gap was filled")
        }
    }

    func checkMerge(_ retired: Int, into speaker: Int) {
        guard journal.contains(where: { $0.speaker == retired }), journal.contains(where: { $0.speaker == speaker })
        else {
            fail("only speakers are merged", "\(retired) into \(speaker)")
            return
        }
        // Of a number that only has pieces of words nobody knows whose it is.
        let one = checker.voices.removeValue(forKey: retired)
        let other = checker.voices[speaker] ?? one
        checker.voices[speaker] = other
        if let one, let other, one != other { 
            fail("a speaker is one voice", "voice \(one), number \(retired), becomes \(other)'s")
        }
        for place in checker.sessions.indices {
            for known in checker.sessions[place].known.indices
            where checker.sessions[place].known[known].speaker == retired {
                checker.sessions[place].known[known].speaker = speaker
            }
        }
    }

    private func suspect(_ text: String) {
        guard checker.suspicion == nil else { return }
        checker.suspicion = (outcome.events, text)
        trace?("\(time) # suspicious: \(text)")
    }

    // MARK: The end

    func lessonEnded(_ input: RecorderInput) {
        guard checker.header != nil else { return }
        defer { checker.header = nil }
        outcome.lessons += 1
        if case .store(.closed) = input, checker.closedRecording != recording {
            fail("a lesson ends with its own recording", "recording \(checker.closedRecording) was closed")
        }
        if !checker.isStopAccepted { fail("recording ends by STOP", "nobody pressed it") }
        if checker.isCapturing { fail("nothing is left open", "capture still runs") }
        guard let closing = checker.closing else {
            fail("a recording is closed once", "it never was")
            return
        }
        if let session = checker.sessions.first { fail("nothing is left open", "session \(session.id.rawValue)") }
        if let request = checker.requests.first { fail("nothing is left open", "request \(request.number)") }
        compare(end: closing.end)
        if checker.mustBeComplete {
            outcome.complete += 1
            if let gap = closing.gaps.first {
                fail("a calm lesson is complete", "gap \(Trace.span(gap.start..<gap.end))")
            }
        }
        let isSaved = seat.map { $0.saved[checker.header?.id.text ?? ""] != nil } ?? true
        if !closing.gaps.isEmpty, isSaved, plan.settings.transcribesLater { transcribeLater(closing) }
    }

    /// The journal against the script: of the same word, the earliest unused place is taken.
    func compare(end: Int64) {
        let words = journal.ordered { $0.start < $1.start }
        var heard = [[Int64]](repeating: [], count: Vocabulary.pieces.count)
        for word in words {
            guard let place = Vocabulary.place(of: word.text), word.confidence != Recogniser.garbage else {
                if word.end.value < end, !isCut(word) || word != words.last {
                    invented(word.text, word.start.milliseconds)
                }
                continue
            }
            heard[place].append(word.start.milliseconds)
        }
        let said = script.words.indices.filter { script.words[$0].end * SampleIndex.samplesPerMillisecond <= end }
        for text in heard.indices {
            compare(text, said.filter { script.words[$0].text == text }, heard[text], end: end)
        }
    }

    /// One text: what lies nearest is paired first; where a seam falls between equal words, one may stand for another.
    private func compare(_ text: Int, _ said: [Int], _ heard: [Int64], end: Int64) {
        var said = said
        var heard = heard
        for tolerance in [Self.nearMilliseconds, Self.placeMilliseconds, 2 * Self.placeMilliseconds] {
            var place = 0
            var isPaired = [Bool](repeating: false, count: heard.count)
            said.removeAll { number in
                let word = script.words[number]
                guard tolerance <= Self.placeMilliseconds || hasTwin(number) else { return false }
                while place < heard.count, heard[place] < word.start - tolerance { place += 1 }
                guard place < heard.count, heard[place] <= word.start + tolerance else { return false }
                isPaired[place] = true
                place += 1
                return true
            }
            heard = zip(heard, isPaired).filter { !$1 }.map(\.0)
        }
        if let start = heard.first(where: { $0 < end / SampleIndex.samplesPerMillisecond - 500 }) {
            invented(Vocabulary.texts[text], start)
        }
        for number in said where isCovered(script.words[number]) { lost(script.words[number]) }
    }

    private func hasTwin(_ number: Int) -> Bool {
        let said = script.words[number]
        return [number - 1, number + 1].contains { other in
            script.words.indices.contains(other) && script.words[other].text == said.text
                && abs(script.words[other].start - said.start) < 2 * Self.placeMilliseconds
        }
    }

    /// The connection was lost in the middle of the last word, and nobody said the rest.
    private func isCut(_ word: Word) -> Bool {
        let said = Int((word.confidence / Recogniser.unit).rounded()) - 1
        guard script.words.indices.contains(said) else { return false }
        return Vocabulary.texts[script.words[said].text].hasPrefix(word.text.lowercased())
    }

    private func isCovered(_ word: ScriptWord) -> Bool {
        let span = SampleIndex(milliseconds: max(0, word.start - Self.placeMilliseconds))..<SampleIndex(
            milliseconds: word.end)
        return checker.coverage.contains { range in
            range.contains(span)
                && (range.upperBound.value >= checker.closing?.end ?? 0
                    || range.upperBound.milliseconds >= word.end + Self.placeMilliseconds)
        }
    }

    private func invented(_ text: String, _ start: Int64) {
        showPlace(start)
        fail("no word is doubled or invented", "\"\(text)\" at \(start) ms" + suspicion)
    }

    private func lost(_ word: ScriptWord) {
        showPlace(word.start)
        fail("no word is lost", "\"\(Vocabulary.texts[word.text])\", said at \(word.start) ms" + suspicion)
    }

    /// What was said there, and what is in the journal.
    private func showPlace(_ place: Int64) {
        guard let trace, outcome.failure == nil else { return }
        let span = (place - 3_000)...(place + 3_000)
        let said = script.words.filter { span.contains($0.start) }.map {
            "\(Vocabulary.texts[$0.text])@\($0.start)–\($0.end)/\($0.voice)"
        }
        let stored = journal.ordered { $0.start < $1.start }.filter { span.contains($0.start.milliseconds) }.map {
            "\($0.text)@\($0.start.milliseconds)–\($0.end.milliseconds)/\($0.speaker)"
        }
        trace("\(time) # said:    " + said.joined(separator: " "))
        trace("\(time) # journal: " + stored.joined(separator: " "))
        trace("\(time) # covered: " + checker.coverage.map { Trace.span($0) }.joined(separator: ", "))
    }

    private var suspicion: String {
        checker.suspicion.map { "; first suspicion at event \($0.event): \($0.text)" } ?? ""
    }

    /// After everything: nobody holds anything.
    func checkRest() {
        if recorder.lesson != nil {
            fail("a lesson ends after STOP", "\(now - plan.length) ms after the last STOP it goes on")
        }
        if let serial = uplink.open.first {
            fail("nothing is left open", "the uplink holds session \(uplink.sessions[serial].request.id.rawValue)")
        }
        if recorder.nextDeadline != nil { fail("rest is rest", "a deadline without a lesson") }
        if let seat { checkSaved(seat) }
    }
}
