import Foundation
import RecorderCore
import Testing

@Suite struct `Exports` {
    private static func recording(_ state: RecordingState, covered: Int64) -> RecordingSummary {
        RecordingSummary(
            header: Box.header, state: state, samples: 16_000 * 75, words: 5, speakers: 2, covered: covered,
            interrupted: false)
    }

    static let document = TranscriptDocument(
        recording: recording(.saved, covered: 16_000 * 70),
        words: [
            word("Good", 1_000, 1_400), word("morning,", 1_500, 2_010),
            word("class", 2_100, 2_500), word("A", 65_250, 65_400, speaker: 2),
            word("<b>&", 65_500, 66_000, speaker: 2),
        ],
        gaps: [
            Gap(start: SampleIndex(milliseconds: 70_000), end: SampleIndex(milliseconds: 75_000), reason: "offline")
        ],
        silences: [
            SilenceMark(start: SampleIndex(milliseconds: 100), end: SampleIndex(milliseconds: 200), reason: .overrun)
        ])

    @Test func `plain text names times, speakers and what is missing`() {
        #expect(
            Self.document.plainText == """
                [0:00:01] Speaker 1: Good morning, class
                [0:01:05] Speaker 2: A <b>&
                [0:01:10 to 0:01:15] not transcribed: offline

                """)
    }

    @Test func `SubRip is numbered with comma times`() {
        #expect(
            Self.document.subRip == """
                1
                00:00:01,000 --> 00:00:02,500
                Good morning, class

                2
                00:01:05,250 --> 00:01:06,000
                A <b>&


                """)
    }

    @Test func `WebVTT has voices and escapes`() {
        #expect(
            Self.document.webVTT == """
                WEBVTT

                00:00:01.000 --> 00:00:02.500
                <v Speaker 1>Good morning, class

                00:01:05.250 --> 00:01:06.000
                <v Speaker 2>A &lt;b&gt;&amp;


                """)
    }

    @Test func `the JSON document is byte-exact`() {
        let id = Box.header.id.text
        #expect(
            Self.document.json == """
                {"format":"chalkbox-transcript","version":2,"id":"\(id)","label":"7B maths",\
                "startedAt":"2026-09-21T14:13:20.000Z","clockSynchronised":true,"durationMs":75000,"sampleRate":16000,\
                "speakers":["1","2"],"segments":[{"speaker":"1","startMs":1000,"endMs":2500,\
                "text":"Good morning, class","words":[\
                {"text":"Good","joined":false,"language":"en","startMs":1000,"endMs":1400,"confidence":0.500},\
                {"text":"morning,","joined":false,"language":"en","startMs":1500,"endMs":2010,"confidence":0.500},\
                {"text":"class","joined":false,"language":"en","startMs":2100,"endMs":2500,"confidence":0.500}]},\
                {"speaker":"2","startMs":65250,"endMs":66000,"text":"A <b>&",\
                "words":[{"text":"A","joined":false,"language":"en","startMs":65250,"endMs":65400,"confidence":0.500},\
                {"text":"<b>&","joined":false,"language":"en","startMs":65500,"endMs":66000,"confidence":0.500}]}],\
                "gaps":[{"startMs":70000,"endMs":75000,"reason":"offline"}],\
                "silences":[{"startMs":100,"endMs":200,"reason":"overrun"}],\
                "coverage":[{"startMs":0,"endMs":70000}],"xruns":1,"lostMs":100,"interrupted":false}
                """)
    }

    @Test func `version 1 of the JSON is as it ever was`() {
        let id = Box.header.id.text
        #expect(
            Self.document.json(version: .one) == """
                {"format":"chalkbox-transcript","version":1,"id":"\(id)","label":"7B maths",\
                "startedAt":"2026-09-21T14:13:20.000Z","clockSynchronised":true,"durationMs":75000,"sampleRate":16000,\
                "speakers":["1","2"],"segments":[{"speaker":"1","language":"en","startMs":1000,"endMs":2500,\
                "text":"Good morning, class","words":[{"text":"Good","startMs":1000,"endMs":1400,"confidence":0.500},\
                {"text":"morning,","startMs":1500,"endMs":2010,"confidence":0.500},\
                {"text":"class","startMs":2100,"endMs":2500,"confidence":0.500}]},\
                {"speaker":"2","language":"en","startMs":65250,"endMs":66000,"text":"A <b>&",\
                "words":[{"text":"A","startMs":65250,"endMs":65400,"confidence":0.500},\
                {"text":"<b>&","startMs":65500,"endMs":66000,"confidence":0.500}]}],\
                "gaps":[{"startMs":70000,"endMs":75000,"reason":"offline"}],\
                "silences":[{"startMs":100,"endMs":200,"reason":"overrun"}],\
                "coverage":[{"startMs":0,"endMs":70000}],"xruns":1,"lostMs":100,"interrupted":false}
                """)
    }

    @Test func `while the gaps are not known yet, coverage ends with what is final`() {
        let document = TranscriptDocument(
            recording: Self.recording(.recording, covered: 20_000), words: [], gaps: [], silences: [])
        #expect(document.json.contains(#""coverage":[{"startMs":0,"endMs":1250}],"xruns":0,"lostMs":0,"#))
    }

    @Test func `without transcription there is no gap, and nothing is covered`() {
        let document = TranscriptDocument(
            recording: Self.recording(.saved, covered: 0), words: [], gaps: [], silences: [])
        #expect(document.json.contains(#""gaps":[],"silences":[],"coverage":[],"#))
    }

    @Test func `the manifest is byte-exact`() {
        var summary = RecordingSummary(
            header: Box.header, state: .saved, samples: 16_000 * 75, words: 5, speakers: 2, covered: 0,
            interrupted: true)
        summary.silenceSamples = 1_600
        summary.quietSamples = 16_000 * 48
        summary.clippedSamples = 16 * 3
        summary.measured = MeasuredSound(loudestTenths: -183, quietestTenths: -1_200)
        let sha = String(repeating: "0a", count: 32)
        let manifest = ManifestDocument(
            recording: summary, silences: Self.document.silences, coverage: Self.document.coverage,
            files: [
                UploadPackageFile(name: "audio-0000.flac", contentType: "audio/flac", bytes: 123, sha256: sha),
                UploadPackageFile(name: "transcript.vtt", contentType: "text/vtt", bytes: 0, sha256: sha, isSent: true),
            ])
        #expect(
            manifest.json == """
                {"format":"chalkbox-manifest","version":1,"id":"\(Box.header.id.text)","label":"7B maths",\
                "startedAt":"2026-09-21T14:13:20.000Z","clockSynchronised":true,"durationMs":75000,"sampleRate":16000,\
                "speakers":2,"words":5,"coveredMs":69900,"interrupted":true,"xruns":1,"lostMs":100,\
                "silenceMs":100,"quietMs":48000,"clippedMs":3,"loudestSecondDbfs":-18.300,\
                "quietestSecondDbfs":-120.000,"clockDriftPpm":null,"files":[\
                {"name":"audio-0000.flac","contentType":"audio/flac","bytes":123,"sha256":"\(sha)"},\
                {"name":"transcript.vtt","contentType":"text/vtt","bytes":0,"sha256":"\(sha)"}]}
                """)
    }

    @Test func `cues keep to two lines of 42 characters and 7 seconds and lose no word`() {
        let words = (0..<400).map { word("word\($0)", Int64($0) * 150, Int64($0) * 150 + 140) }
        let cues = Cue.cues(of: Segment.segments(of: words))
        #expect(cues.allSatisfy { $0.lines.count <= 2 && $0.lines.allSatisfy { $0.count <= 42 } })
        #expect(cues.allSatisfy { $0.end.samples(since: $0.start) <= Cue.longestSamples })
        #expect(zip(cues, cues.dropFirst()).allSatisfy { $0.end <= $1.start })
        let shown = cues.flatMap(\.lines).joined(separator: " ").split(separator: " ").map(String.init)
        #expect(shown == words.map(\.text))
    }

    @Test func `a word longer than a line is broken between letters`() {
        func lines(_ text: String) -> [String] {
            Cue.cues(of: Segment.segments(of: [word(text, 0, 500)]))[0].lines
        }
        // Marks take no room: an accent, an Arabic vowel sign.
        for letter in ["e\u{301}", "\u{628}\u{64E}"] {
            let long = String(repeating: letter, count: 50)
            #expect(lines(long).joined() == long && lines(long).map(\.count) == [42, 8])
        }
        #expect(lines(String(repeating: "x", count: 42) + "\u{301}").count == 1)
    }
}

@Suite struct `Times and names` {
    @Test func `RFC 3339 holds across leap years and before 1970`() {
        #expect(WallTime(milliseconds: 0).rfc3339 == "1970-01-01T00:00:00.000Z")
        #expect(WallTime(milliseconds: -1).rfc3339 == "1969-12-31T23:59:59.999Z")
        #expect(WallTime(milliseconds: 951_782_400_000).rfc3339 == "2000-02-29T00:00:00.000Z")
        #expect(WallTime(milliseconds: 1_795_507_200_123).rfc3339 == "2026-11-24T08:00:00.123Z")
    }

    @Test func `recording names sort by time and outside text does not become a path`() {
        let early = RecordingID(startedAt: WallTime(milliseconds: 5), randomHigh: 0xFFFF, randomLow: .max)
        let late = RecordingID(startedAt: WallTime(milliseconds: 6), randomHigh: 0, randomLow: 0)
        #expect(early.text < late.text)
        #expect(early.text == "0000000005ZZZZZZZZZZZZZZZZ")
        #expect(RecordingID(early.text) == early)
        #expect(RecordingID("../../../../etc/passwd0000") == nil)
        #expect(RecordingID("0000000005zzzzzzzzzzzzzzzz") == nil)
        #expect(RecordingID("") == nil)
    }

    @Test func `JSON text is escaped as RFC 8259 wants`() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("a\"b", "\\ \n \u{01} é 😀")
            writer.array("list") { $0.value(-1); $0.null(); $0.value(true) }
            writer.key("x")
            writer.thousandths(-0.0004)
        }
        #expect(writer.text == #"{"a\"b":"\\ \n \u0001 é 😀","list":[-1,null,true],"x":0.000}"#)
    }
}

@Suite struct `The light` {
    /// How the README's table names what one lamp does.
    private func name(_ colour: String, _ pattern: LEDPattern) -> String? {
        switch pattern {
        case .off: nil
        case .solid: "solid \(colour)"
        case .blink: "blinking \(colour)"
        case .doubleBlink: "\(colour), blinking twice a second"
        case .slowPulse: "slow \(colour)"
        case .wink: "\(colour), dark for a moment every 2 s"
        case .flash: "a short flash of \(colour) every 3 s"
        }
    }

    @Test func `the README tells what each light says, and of no others`() throws {
        let readme = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "README.md")
        let lines = try String(contentsOf: readme, encoding: .utf8).components(separatedBy: "\n")
        let table = try #require(lines.firstIndex(of: "| light | what it says |"))
        let rows = lines[(table + 2)...].prefix { $0.hasPrefix("| ") }.map { $0.dropFirst(2) }
        let phases: [Phase] = [
            .idle, .starting, .requesting, .connecting, .live, .reconnecting(attempt: 1), .finishing, .finished,
            .failed(.microphone("")), .failed(.disk("")), .failed(.transcription("")),
        ]
        var shown: Set<String> = ["dark"]
        for phase in phases {
            for level in [LevelWatch.State.fine, .quiet, .clipping] {
                for copying in [USBExportState.none, .running, .failed] {
                    for look in [false, true] {
                        let lamps = [false, true].map {
                            Lamps(
                                phase: phase, hasAmber: true, level: level, isUploading: look, copying: copying,
                                isListening: $0, isMisconfigured: look)
                        }
                        let patterns = lamps.flatMap { [("green", $0.green), ("amber", $0.amber), ("red", $0.red)] }
                        for (colour, pattern) in patterns {
                            if let name = name(colour, pattern) { shown.insert(name) }
                        }
                    }
                }
            }
        }
        for name in shown { #expect(rows.contains { $0.hasPrefix(name) }, "README.md does not tell of: \(name)") }
        for row in rows { #expect(shown.contains { row.hasPrefix($0) }, "nothing shows: \(row)") }
    }

    @Test func `each phase has its light`() {
        #expect(Lamps(phase: .idle, hasAmber: true) == Lamps())
        #expect(Lamps(phase: .requesting, hasAmber: true) == Lamps(amber: .blink))
        #expect(Lamps(phase: .connecting, hasAmber: false) == Lamps(green: .blink))
        #expect(Lamps(phase: .live, hasAmber: true) == Lamps(green: .solid))
        #expect(Lamps(phase: .reconnecting(attempt: 2), hasAmber: true) == Lamps(amber: .blink))
        #expect(Lamps(phase: .finishing, hasAmber: true) == Lamps(amber: .blink))
        #expect(Lamps(phase: .finished, hasAmber: true) == Lamps())
        #expect(Lamps(phase: .idle, hasAmber: true, isUploading: true) == Lamps(green: .slowPulse))
        #expect(Lamps(phase: .live, hasAmber: true, isUploading: true) == Lamps(green: .solid))
        // Lessons on their way to a stick.
        #expect(Lamps(phase: .idle, hasAmber: true, isUploading: true, copying: .running) == Lamps(green: .blink))
        #expect(Lamps(phase: .finished, hasAmber: false, copying: .failed) == Lamps(red: .blink))
        #expect(Lamps(phase: .live, hasAmber: true, copying: .failed) == Lamps(green: .solid))
        // A mistake in the configuration: told when nothing more important is.
        #expect(Lamps(phase: .idle, hasAmber: true, isMisconfigured: true) == Lamps(amber: .slowPulse))
        #expect(Lamps(phase: .finished, hasAmber: false, isMisconfigured: true) == Lamps(red: .slowPulse))
        #expect(
            Lamps(phase: .idle, hasAmber: true, isUploading: true, isMisconfigured: true)
                == Lamps(green: .slowPulse, amber: .slowPulse))
        #expect(Lamps(phase: .live, hasAmber: true, isMisconfigured: true) == Lamps(green: .solid))
        #expect(Lamps(phase: .failed(.transcription("x")), hasAmber: true) == Lamps(red: .solid))
        #expect(Lamps(phase: .failed(.disk("x")), hasAmber: true) == Lamps(red: .doubleBlink))
        #expect(Lamps(phase: .failed(.microphone("x")), hasAmber: true) == Lamps(red: .doubleBlink))
    }
}
