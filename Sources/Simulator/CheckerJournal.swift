internal import RecorderCore

/// Invariants of the journal: every word once, in its place, by its speaker.
extension World {

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
        for part in numbers(of: stored, from: number) {
            if checker.isStored[part] {
                suspect("\"\(stored.text)\", said at \(script.words[part].start) ms, comes again")
            }
            checker.isStored[part] = true
        }
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

    /// The words of the script that a journal's word may be. Of what a service sent in one piece the first letters may
    /// have been there already.
    private func numbers(of stored: Word, from first: Int) -> Range<Int> {
        guard !script.vocabulary.isSpaced else { return first..<first + 1 }
        let texts = script.vocabulary.parts(of: stored.text).map { script.vocabulary.place(of: $0) }
        for begin in first..<first + 3 {
            let range = begin..<max(begin, min(begin + texts.count, script.words.count))
            if range.count == texts.count, range.map({ script.words[$0].text }) == texts { return range }
        }
        return first..<first + 1
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

    /// The journal against the script, in order.
    func compare(end: Int64) {
        let heard = heard(end: end)
        let numbers = script.words.indices.filter { script.words[$0].end * SampleIndex.samplesPerMillisecond <= end }
        let said = numbers.map { number in
            let word = script.words[number]
            return Alignment.Item(
                text: word.text, start: word.start, cost: isCovered(word) ? Alignment.needed : 0,
                hasTwin: hasTwin(number))
        }
        let alignment = Alignment(said: said, heard: heard)
        if let place = alignment.extra.first(where: { heard[$0].cost >= Alignment.needed }) {
            invented(script.vocabulary.texts[heard[place].text], heard[place].start)
        }
        if let place = alignment.missing.first(where: { said[$0].cost >= Alignment.needed }) {
            lost(script.words[numbers[place]])
        }
    }

    /// The journal's words, each letter alone where no spaces are written.
    private func heard(end: Int64) -> [Alignment.Item] {
        let words = journal.ordered { $0.start < $1.start }
        let vocabulary = script.vocabulary
        var heard: [Alignment.Item] = []
        for (number, word) in words.enumerated() {
            // The beginning of a word may be another word.
            if number == words.count - 1, isCut(word), !isWhole(word) { continue }
            let parts = vocabulary.parts(of: word.text)
            for (place, part) in parts.enumerated() {
                let length = word.end.samples(since: word.start) * Int64(place) / Int64(parts.count)
                let start = word.start.advanced(by: length)
                guard let text = vocabulary.place(of: part), word.confidence != Recogniser.garbage else {
                    if !vocabulary.isTail(part), word.end.value < end, !isCut(word) || number < words.count - 1 {
                        invented(part, start.milliseconds)
                    }
                    continue
                }
                let isLast = start.milliseconds >= end / SampleIndex.samplesPerMillisecond - 500
                heard.append(
                    Alignment.Item(text: text, start: start.milliseconds, cost: isLast ? 1 : Alignment.needed))
            }
        }
        return heard
    }

    private func hasTwin(_ number: Int) -> Bool {
        let said = script.words[number]
        return [number - 1, number + 1].contains { other in
            script.words.indices.contains(other) && script.words[other].text == said.text
                && abs(script.words[other].start - said.start) < 2 * Alignment.placeMilliseconds
        }
    }

    /// The connection was lost in the middle of the last word, and nobody said the rest.
    private func isCut(_ word: Word) -> Bool {
        let said = Int((word.confidence / Recogniser.unit).rounded()) - 1
        guard script.words.indices.contains(said) else { return false }
        let text = script.vocabulary.texts[script.words[said].text]
        // By scalars: the end of a cut word may be half a letter.
        return text.unicodeScalars.starts(with: word.text.lowercased().unicodeScalars)
            || script.vocabulary.isTailBegun(word.text)
    }

    private func isWhole(_ word: Word) -> Bool {
        guard let number = wordNumber(of: word), script.vocabulary.isSpaced else { return true }
        return script.vocabulary.place(of: word.text) == script.words[number].text
    }

    private func isCovered(_ word: ScriptWord) -> Bool {
        let span = SampleIndex(milliseconds: max(0, word.start - Alignment.placeMilliseconds))..<SampleIndex(
            milliseconds: word.end)
        return checker.coverage.contains { range in
            range.contains(span)
                && (range.upperBound.value >= checker.closing?.end ?? 0
                    || range.upperBound.milliseconds >= word.end + Alignment.placeMilliseconds)
        }
    }

    private func invented(_ text: String, _ start: Int64) {
        showPlace(start)
        fail("no word is doubled or invented", "\"\(text)\" at \(start) ms" + suspicion)
    }

    private func lost(_ word: ScriptWord) {
        showPlace(word.start)
        fail("no word is lost", "\"\(script.vocabulary.texts[word.text])\", said at \(word.start) ms" + suspicion)
    }

    /// What was said there, and what is in the journal.
    private func showPlace(_ place: Int64) {
        guard let trace, outcome.failure == nil else { return }
        let span = (place - 3_000)...(place + 3_000)
        let said = script.words.filter { span.contains($0.start) }.map {
            "\(script.vocabulary.texts[$0.text])@\($0.start)–\($0.end)/\($0.voice)"
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
