import RecorderCore
import Testing

/// What a service's pieces of text become (CASES C1 to C15).
@Suite struct `Pieces of text` {
    private struct Piece {
        var text: String
        var start: Int64
        var end: Int64
        var speaker = "1"
        var language = "en"
    }

    /// Each array is a message: its pieces, final up to the end of the last one and `behind` more.
    private func transcript(_ messages: [[Piece]], behind: Int64 = 100) -> (words: [Word], text: String) {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        var words: [Word] = []
        for pieces in messages {
            let tokens = pieces.map {
                ServiceToken(
                    text: $0.text, startMilliseconds: $0.start, endMilliseconds: $0.end, confidence: 1, isFinal: true,
                    speaker: $0.speaker, language: $0.language)
            }
            let final = (pieces.map(\.end).max() ?? 0) + behind
            let message = ServiceMessage(tokens: tokens, finalAudioMilliseconds: final, totalAudioMilliseconds: final)
            words += transcript.receive(message, session: 1, end: SampleIndex(.max)).words
        }
        let last = ServiceMessage(tokens: [], finalAudioMilliseconds: 3_600_000, totalAudioMilliseconds: 3_600_000)
        words += transcript.receive(last, session: 1, end: SampleIndex(.max)).words
        return (words, words.reduce(into: "") { $1.append(to: &$0) })
    }

    @Test func `Chinese without spaces is journalled token by token, and is text without spaces`() {
        let said = ["今天", "我们", "学", "习", "光合", "作用", "。", "它", "在", "叶子里"]
        let pieces = said.enumerated().map { Piece(text: $1, start: Int64($0) * 300, end: Int64($0) * 300 + 280) }
        let (words, text) = transcript(pieces.map { [$0] })
        #expect(text == said.joined())
        #expect(words.count >= 9 && words.dropFirst().allSatisfy { $0.link == .joined })
        #expect(words.contains { $0.text.hasSuffix("。") }, "punctuation is with what it closes")
        // A pause is no space (C4).
        let (_, paused) = transcript([
            [Piece(text: "原理和，", start: 0, end: 600)], [Piece(text: "它在", start: 1_900, end: 2_300)],
        ])
        #expect(paused == "原理和，它在")
    }

    @Test func `what was final is journalled with the next message`() {
        var transcript = LiveTranscript()
        transcript.open(session: 1, base: .zero)
        var longest = 0
        var journalled = 0
        for second in 0..<60 {
            let tokens = (0..<4).map { place in
                ServiceToken(
                    text: String(UnicodeScalar(UInt32(0x4E00 + second * 4 + place))!),
                    startMilliseconds: Int64(second * 1_000 + place * 250),
                    endMilliseconds: Int64(second * 1_000 + place * 250 + 250), confidence: 1, isFinal: true,
                    speaker: "1", language: "zh")
            }
            let final = Int64(second * 1_000 + 1_000)
            let message = ServiceMessage(tokens: tokens, finalAudioMilliseconds: final, totalAudioMilliseconds: final)
            for word in transcript.receive(message, session: 1, end: SampleIndex(.max)).words {
                journalled += word.text.unicodeScalars.count
            }
            longest = max(longest, (second + 1) * 4 - journalled)
        }
        #expect(longest <= 1, "of 240 characters so many were final and not journalled")
        #expect(transcript.wordCount >= 239)
    }

    @Test func `two scripts in one stretch are two units`() {
        let (words, text) = transcript([
            [Piece(text: " CPU", start: 0, end: 300), Piece(text: "应", start: 300, end: 500, language: "zh")],
            [Piece(text: "用", start: 500, end: 700, language: "zh"), Piece(text: " GPU", start: 700, end: 900)],
        ])
        #expect(words.map(\.text) == ["CPU", "应", "用", "GPU"])
        #expect(words.map(\.language) == ["en", "zh", "zh", "en"])
        #expect(text == "CPU应用 GPU")
    }

    /// Whatever the pause: a script without spaces says nothing by leaving one out, but another one beside it does not
    /// get one that nobody wrote.
    @Test func `another script behind one without spaces has a space only when the service says one`() {
        for gap: Int64 in [200, 1_400] {
            for (token, wanted) in [("Install", "追加します。Install"), (" Install", "追加します。 Install")] {
                let pieces = [
                    [Piece(text: "追加します", start: 0, end: 900, language: "ja")],
                    [Piece(text: "。", start: 900, end: 960, language: "ja")],
                    [Piece(text: token, start: 960 + gap, end: 1_400 + gap, language: "ja")],
                ]
                #expect(transcript(pieces, behind: 700).text == wanted, "\(gap) ms")
            }
        }
    }

    @Test func `pieces with the same times each count, and a message that comes twice does once`() {
        let digits = [" 1", "0", "0", "0"].map { Piece(text: $0, start: 1_000, end: 1_400) }
        #expect(transcript([digits]).text == "1000")
        #expect(transcript([digits, digits]).text == "1000")
        let go = Piece(text: " go", start: 1_000, end: 1_200)
        #expect(transcript([[go, go, go]]).text == "go go go")
        let mother = Piece(text: "妈", start: 100, end: 400)
        #expect(transcript([[mother, mother]]).text == "妈妈")
        // One that comes again after others.
        let pieces = ["a", "b", "c"].enumerated().map {
            Piece(text: " " + $1, start: Int64($0) * 500, end: Int64($0) * 500 + 300)
        }
        #expect(transcript([[pieces[0]], [pieces[1]], [pieces[0], pieces[2]]]).text == "a b c")
    }

    @Test func `what comes late belongs to the word before it`() {
        let hello = Piece(text: " Hello", start: 0, end: 400)
        let late = transcript([[hello], [Piece(text: ".", start: 1_000, end: 1_000)]], behind: 600)
        #expect(late.text == "Hello." && late.words.count { $0.isCounted } == 1)
        let photo = Piece(text: " photo", start: 0, end: 400)
        #expect(
            transcript([[photo], [Piece(text: "synthesis", start: 1_000, end: 1_500)]], behind: 600).text
                == "photosynthesis")
        let accent = Piece(text: "\u{301}", start: 400, end: 400)
        #expect(transcript([[Piece(text: " cafe", start: 0, end: 400)], [accent]], behind: 600).text == "cafe\u{301}")
    }

    @Test func `within a word the order of arrival counts`() {
        let (words, text) = transcript([
            [Piece(text: " un", start: 7_400, end: 7_600), Piece(text: "believable", start: 7_380, end: 7_900)],
        ])
        #expect(text == "unbelievable" && words.count == 1)
    }

    @Test(arguments: ["2", ""])
    func `punctuation is its word's, whoever is said to have said it`(_ label: String) {
        for behind: Int64 in [100, 700] {
            let (words, text) = transcript(
                [
                    [Piece(text: " really", start: 0, end: 400)],
                    [Piece(text: "?", start: 450, end: 500, speaker: label)],
                ], behind: behind)
            #expect(text == "really?" && words.allSatisfy { $0.speaker == 1 })
        }
    }

    @Test func `markers are no text, wherever they stand`() {
        let (_, text) = transcript([
            [Piece(text: " amén.<end>", start: 0, end: 400)], [Piece(text: "<END>", start: 400, end: 400)],
            [Piece(text: " <fin>", start: 400, end: 400), Piece(text: " a<b", start: 900, end: 1_000)],
        ])
        #expect(text == "amén. a<b")
    }

    @Test func `a no-break space and an ideographic one are spaces`() {
        let (words, text) = transcript([
            [
                Piece(text: "\u{A0}Bonjour", start: 0, end: 400), Piece(text: "\u{A0}!", start: 400, end: 450),
                Piece(text: "你好\u{3000}世界", start: 600, end: 1_400),
            ],
        ])
        #expect(words.prefix(3).map(\.text) == ["Bonjour", "!", "你好"])
        #expect(text == "Bonjour !你好 世界")
    }

    @Test func `Thai stands together, and its vowels stay with their letters`() {
        let (words, text) = transcript([
            [Piece(text: "สวัส", start: 0, end: 300), Piece(text: "ดี", start: 300, end: 500)],
            [Piece(text: "ครับ", start: 500, end: 900)],
        ])
        #expect(text == "สวัสดีครับ")
        #expect(words.allSatisfy { $0.text.unicodeScalars.first?.properties.generalCategory != .nonspacingMark })
    }

    @Test(arguments: [
        // SARA AM is a letter (Lo) that stands in one grapheme cluster with the letter before it.
        (["น", "ำ", "ก"], ["นำ", "ก"]), (["か", "\u{3099}"], ["か\u{3099}"]), (["के", "ा"], ["केा"]),
        // Punctuation is no letter: what stands before it says whether a word goes on.
        (["水,", "CPU", ",水"], ["水,", "CPU,", "水"]), (["ดี,", "AI"], ["ดี,", "AI"]), ([" don", "'", "t"], ["don't"]),
    ])
    func `a piece without a space goes on where no cluster or word begins`(_ pieces: [String], _ units: [String]) {
        for isOneMessage in [true, false] {
            let all = pieces.enumerated().map { Piece(text: $1, start: Int64($0) * 150, end: Int64($0) * 150 + 150) }
            let (words, text) = transcript(isOneMessage ? [all] : all.map { [$0] })
            #expect(words.map(\.text) == units && text == units.joined())
        }
    }

    @Test func `a long vowel is written without spaces, whatever stands before it`() {
        let game = transcript([
            [Piece(text: " OK", start: 0, end: 300), Piece(text: "ー", start: 5_000, end: 5_200, language: "ja")],
            [Piece(text: "ム", start: 5_200, end: 5_400, language: "ja")],
        ])
        #expect(game.text == "OKーム")
    }

    @Test func `a segment is a speaker's, and version 1 of the JSON splits it by language`() {
        let words = (0..<72).map { (place: Int) -> Word in
            let (isTerm, start) = (place % 5 == 0, Int64(place) * 400)
            return Word(
                text: isTerm ? "CPU" : "كلمة", start: SampleIndex(milliseconds: start),
                end: SampleIndex(milliseconds: start + 350), confidence: 1, speaker: 1, language: isTerm ? "en" : "ar")
        }
        #expect(Segment.segments(of: words).count == 1)
        #expect(Cue.cues(of: Segment.segments(of: words)).count <= 8)
    }
}

/// Sessions meet in a script without spaces, where each cuts its tokens otherwise (C2, C3).
@Suite struct `Seams without spaces` {
    /// What is said: characters that come again often, one each 180 to 320 ms.
    private static func lesson(_ random: inout RandomSource) -> [(text: String, start: Int64, end: Int64)] {
        let often = Array("的是不一了在有这那我")
        let rare = Array("光合作用叶子水分子能量植物细胞学习问题答案方法数字图形三角线段")
        var time: Int64 = 300
        return (0..<240).map { _ in
            let letter = random.between(1, 100) <= 45
                ? often[Int(random.next(through: Int64(often.count - 1)))]
                : rare[Int(random.next(through: Int64(rare.count - 1)))]
            let end = time + random.between(140, 220)
            let start = time
            time = end + random.between(20, 100)
            if random.between(1, 100) <= 8 { time += random.between(300, 1_200) }
            return (String(letter), start, end)
        }
    }

    @Test func `no character is lost or doubled, however the tokens are cut`() {
        var wrong: [String] = []
        let seeds = 300
        for seed in 1...seeds {
            var random = RandomSource(seed: UInt64(seed))
            let said = Self.lesson(&random)
            var transcript = LiveTranscript()
            var words: [Word] = []
            var session = 0
            var base: Int64 = 0
            let drops = [random.between(8_000, 25_000), random.between(30_000, 50_000), 200_000]
            for drop in drops {
                session += 1
                transcript.open(session: session, base: SampleIndex(milliseconds: base))
                let shift = random.between(-60, 60)
                var place = said.firstIndex { $0.start >= base } ?? said.count
                while place < said.count, said[place].end <= drop {
                    // No service's token goes on over a pause.
                    var count = 1
                    let most = Int(random.between(1, 3))
                    while count < most, place + count < said.count,
                        said[place + count].start - said[place + count - 1].end < 150
                    {
                        count += 1
                    }
                    let part = said[place..<place + count]
                    guard let last = part.last, let first = part.first, last.end <= drop else { break }
                    let jitter = shift + random.between(-40, 40)
                    let token = ServiceToken(
                        text: part.map(\.text).joined(), startMilliseconds: max(0, first.start - base + jitter),
                        endMilliseconds: max(0, last.end - base + jitter), confidence: 1, isFinal: true, speaker: "1",
                        language: "zh")
                    let final = max(0, last.end - base)
                    let message = ServiceMessage(
                        tokens: [token], finalAudioMilliseconds: final, totalAudioMilliseconds: final)
                    words += transcript.receive(message, session: session, end: SampleIndex(.max)).words
                    place += count
                }
                _ = transcript.close(session: session)
                base = transcript.baseOfNextSession(head: SampleIndex(milliseconds: drop)).milliseconds
            }
            words += transcript.finish().words
            let text = words.map(\.text).joined()
            let truth = said.map(\.text).joined()
            if text != truth { wrong.append("\(seed): \(text.count) of \(truth.count)") }
        }
        #expect(wrong.isEmpty, "\(wrong.count) of \(seeds): \(wrong.prefix(20))")
    }
}

extension RandomSource {
    fileprivate mutating func between(_ low: Int64, _ high: Int64) -> Int64 { low + next(through: high - low) }
}
