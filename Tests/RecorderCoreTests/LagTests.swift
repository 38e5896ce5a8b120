import RecorderCore
import Testing

/// A lesson with a word each second, and a service that works through its audio as a test says, 200 ms after 200 ms.
private struct Talk {
    var box = Box()
    var session: SessionID = 1
    /// Milliseconds of the recording: the session's first, and how far the service has got in it.
    var base: Int64 = 0
    var heard: Int64 = 0
    /// Milliseconds of the session's audio that the service counts.
    var worked: Int64 = 0
    /// Milliseconds of audio a second that the session is sent while it is behind.
    var rate: Int64 = 1_500
    var sent: Int64 = 0
    var recorded: Int64 = 0
    private var waiting: [(String, Int64, Int64)] = []
    /// Words in the journal, and where they are.
    var stored: [String: Int64] = [:]
    var doubled: [String] = []
    var sessions = 1
    /// How often that was counted.
    var leftOut = 0

    static let step: Int64 = 200

    init() {
        box.goLive()
    }

    /// The service works through `hearing` ms of what it has, and forgets `leavingOut` ms.
    mutating func step(hearing: Int64 = 1_000, leavingOut: Int64 = 0, finished: Bool = false) {
        recorded += Self.step
        sent = min(recorded - base, sent + (sent + base < recorded - Self.step ? rate * Self.step / 1_000 : Self.step))
        let hearing = max(0, min(hearing, base + sent - heard))
        for word in (heard / 1_000)...((heard + hearing) / 1_000) {
            guard (heard..<heard + hearing).contains(word * 1_000) else { continue }
            let place = worked + word * 1_000 - heard
            waiting.append((" w\(word)", place, place + 300))
        }
        heard += hearing + max(0, min(leavingOut, base + sent - heard - hearing))
        worked += hearing
        let final = finished ? worked : max(0, worked - 1_000)
        var told = message(waiting.filter { $0.2 <= final }, final: final, total: worked, finished: finished)
        told.sentMilliseconds = sent
        waiting.removeAll { $0.2 <= final }
        box.head = SampleIndex(milliseconds: recorded)
        box.happens(.uplink(.message(session: session, told)), after: Self.step)
        take()
        reconnect()
    }

    mutating func run(seconds: Int64, hearing: Int64 = 1_000) {
        for _ in 0..<seconds * 1_000 / Self.step { step(hearing: hearing) }
    }

    private mutating func take() {
        leftOut += box.effects.count { $0 == .reached(.leftOutAudio, count: 1) }
        for case .store(.words(let words, _, _)) in box.effects {
            for word in words {
                if stored[word.text] != nil { doubled.append(word.text) }
                stored[word.text] = word.start.milliseconds
            }
        }
    }

    /// When the session is over, the next one is there at once.
    private mutating func reconnect() {
        guard box.recorder.lesson?.uplink.primary.isLive != true else { return }
        if let attempt = box.requestedKey { box.happens(.uplink(.key(attempt: attempt, Box.key))) }
        guard let request = box.request else { return }
        sessions += 1
        (session, base) = (request.id, request.base.milliseconds)
        (heard, worked, sent, waiting) = (base, 0, 0, [])
        box.happens(.uplink(.opened(session: session, tookMilliseconds: 20)))
    }

    /// Words that are not in the journal though they are old enough, and those that are elsewhere.
    func wrong(through last: Int64) -> [String] {
        doubled + (0..<last).compactMap { word in
            guard let place = stored["w\(word)"] else { return "w\(word) is missing" }
            return abs(place - word * 1_000) <= 250 ? nil : "w\(word) is at \(place)"
        }
    }

    func logged(_ state: String) -> Int { box.log.count { $0.contains("lag state=\(state) ") } }
}

@Suite struct `A service that leaves out audio` {
    @Test(arguments: [2_000, 10_000])
    func `its session is replaced, and no word is lost or in another place`(milliseconds: Int64) {
        var talk = Talk()
        talk.run(seconds: 20)
        for _ in 0..<milliseconds / 200 { talk.step(hearing: 0, leavingOut: 200) }
        talk.run(seconds: 12)
        #expect(talk.sessions == 2)
        #expect(talk.logged("behind") == 1 && talk.logged("left-out") == 1, "\(talk.box.log)")
        #expect(talk.box.recorder.lesson?.lastError.hasPrefix("the speech service left out") == true)
        talk.run(seconds: 60)
        #expect(talk.wrong(through: talk.recorded / 1_000 - 3).isEmpty, "\(talk.wrong(through: 60))")
        #expect(talk.sessions == 2)
    }

    @Test func `each second a little`() {
        var talk = Talk()
        talk.run(seconds: 20)
        // Half of each second for twelve seconds.
        for step in 0..<60 { talk.step(hearing: step % 4 < 2 ? 200 : 0, leavingOut: step % 4 < 2 ? 0 : 200) }
        talk.run(seconds: 90)
        let wrong = talk.wrong(through: talk.recorded / 1_000 - 3).filter { !$0.hasPrefix("w20 ") }
        #expect(wrong.isEmpty, "\(wrong)")
        #expect(talk.sessions == 2)
    }

    @Test func `that is counted and told`() {
        var talk = Talk()
        talk.run(seconds: 5)
        for _ in 0..<20 { talk.step(hearing: 0, leavingOut: 200) }
        talk.run(seconds: 6)
        #expect(talk.box.recorder.lesson?.transcript.interim == " w4 w9 w10 w11 w12 w13")
        while talk.sessions == 1, talk.recorded < 40_000 { talk.step() }
        #expect(talk.leftOut == 1)
        #expect(talk.box.log.contains { $0.hasPrefix("attempt n=1") && $0.contains("left out 4.0 s of the audio") })
    }

    @Test func `at the end of the lesson, the last words are asked for again`() {
        var talk = Talk()
        talk.run(seconds: 20)
        for _ in 0..<10 { talk.step(hearing: 0, leavingOut: 200) }
        talk.box.happens(.stop)
        talk.box.happens(.capture(.stopped(end: SampleIndex(milliseconds: talk.recorded))))
        let end = talk.recorded
        talk.step(finished: true)
        #expect(talk.sessions == 2, "\(talk.box.log)")
        talk.recorded = end
        #expect(talk.base <= 19_000)
        #expect(talk.box.effects.isEmpty == false)
    }
}

@Suite struct `A service that leaves out nothing` {
    @Test(arguments: [0, 400, 2_500])
    func `in order, with whatever lag, is heard at once`(lag: Int64) {
        var talk = Talk()
        for _ in 0..<lag / 200 { talk.step(hearing: 0) }
        talk.run(seconds: 120, hearing: Talk.step)
        #expect(talk.wrong(through: (talk.recorded - lag) / 1_000 - 2).isEmpty)
        #expect(talk.sessions == 1 && talk.logged("behind") == 0, "\(talk.box.log)")
    }

    @Test(arguments: [220, 300, 600])
    func `freezes and works through all of it: nothing is lost or twice`(hearing: Int64) {
        var talk = Talk()
        talk.run(seconds: 20)
        for _ in 0..<14 { talk.step(hearing: 0) }
        talk.run(seconds: 60, hearing: hearing)
        #expect(talk.wrong(through: talk.recorded / 1_000 - 4).isEmpty)
        #expect(talk.sessions == 1 && talk.logged("caught-up") == 1, "\(talk.box.log)")
    }

    @Test func `counts in steps of a second`() {
        var talk = Talk()
        for step in 0..<600 { talk.step(hearing: step % 5 == 4 ? 1_000 : 0) }
        #expect(talk.wrong(through: talk.recorded / 1_000 - 3).isEmpty)
        #expect(talk.sessions == 1 && talk.logged("behind") == 0, "\(talk.box.log)")
    }

    @Test func `is no faster than real time while it is sent more`() {
        var talk = Talk()
        talk.run(seconds: 20)
        talk.recorded += 30_000
        talk.run(seconds: 120, hearing: Talk.step)
        #expect(talk.sessions == 1 && talk.logged("behind") == 0, "\(talk.box.log)")
        talk.run(seconds: 40, hearing: 600)
        #expect(talk.wrong(through: talk.recorded / 1_000 - 3).isEmpty)
    }

    @Test func `is too slow for good: three sessions are replaced, and then it is believed`() {
        var talk = Talk()
        talk.run(seconds: 900, hearing: 180)
        #expect(talk.logged("left-out") == 3 && talk.logged("believed") >= 1, "\(talk.box.log)")
        talk.run(seconds: 300, hearing: 400)
        #expect(talk.wrong(through: talk.recorded / 1_000 - 70).isEmpty)
    }
}
