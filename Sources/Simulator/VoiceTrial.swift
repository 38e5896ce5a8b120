internal import RecorderCore

/// A lesson in which one voice is silent over a drop of the connection: does it have its number afterwards?
package struct VoiceTrial: Sendable {
    package struct Result: Sendable {
        /// The voice has one number, before the silence and at the lesson's end.
        package var keepsNumber = false
        /// Voices of the lesson with one number at its end.
        package var voicesKept = 0
        /// Numbers that stand for two voices.
        package var wrongNumbers = 0
        package var secondHearings = 0
        package var failure: Outcome.Failure?
    }

    package var seed: UInt64
    package var voices: Int
    package var silenceMilliseconds: Int64
    package var hearsAgain: Bool

    package init(seed: UInt64, voices: Int, silenceMilliseconds: Int64, hearsAgain: Bool) {
        self.seed = seed
        self.voices = max(2, voices)
        self.silenceMilliseconds = silenceMilliseconds
        self.hearsAgain = hearsAgain
    }

    /// The one that is silent.
    private static let silent = 1
    /// Of the lesson behind the silence.
    private static let rest: Int64 = 420_000

    package func play(trace: ((String) -> Void)? = nil) -> Result {
        let said = TrialScript(self)
        let world = World(plan(said), trace: trace)
        world.spoken = said.script
        let outcome = world.run()
        return judge(world, outcome, said)
    }

    private func plan(_ said: TrialScript) -> Plan {
        var random = RandomSource(seed: seed, stream: 9)
        var plan = Plan(seed: seed)
        plan.length = said.silence.upperBound + Self.rest
        plan.calm = 0
        plan.writing = .latin
        plan.settings = RecorderSettings(
            transcription: true, reconnect: ReconnectPolicy(), transcribesLater: true, hearsAgain: hearsAgain)
        // Most drops are short; some are gaps that have to be filled first.
        let longest = random.percent(20) ? 100_000 : 20_000
        let length = min(silenceMilliseconds / 2, random.skewed(100, Int64(longest)))
        // The microphone begins a little after START.
        let at = Plan.firstPress + 500 + random.between(said.silence.lowerBound, said.silence.upperBound - length)
        var fault = Fault(at: at, duration: length, kind: .carrierLost(newAddress: false), hint: 20)
        switch random.next(through: 2) {
        case 0: fault = Fault(at: at, duration: 0, kind: .sessionsEnd(.network(.reset)))
        case 1: fault.kind = .blackHole
        default: break
        }
        plan.faults = [Fault(at: Plan.firstPress, duration: 0, kind: .startPressed), fault]
        return plan
    }

    private func judge(_ world: World, _ outcome: Outcome, _ said: TrialScript) -> Result {
        var result = Result(failure: outcome.failure)
        // Words by voice and number; what a seam made of half a word has no voice.
        var counts = [[Int: Int]](repeating: [:], count: voices)
        var before = Set<Int>()
        var after = Set<Int>()
        for word in world.journal where word.speaker > 0 {
            guard let number = world.wordNumber(of: word) else { continue }
            let voice = world.script.words[number].voice
            counts[voice][word.speaker, default: 0] += 1
            guard voice == Self.silent else { continue }
            if word.start.milliseconds < said.silence.upperBound - 1_000 {
                before.insert(word.speaker)
            } else {
                after.insert(word.speaker)
            }
        }
        result.keepsNumber = before.count == 1 && before == after
        result.voicesKept = counts.count { $0.count <= 1 }
        var owners: [Int: Int] = [:]
        for numbers in counts { for number in numbers.keys { owners[number, default: 0] += 1 } }
        result.wrongNumbers = owners.values.count { $0 > 1 }
        result.secondHearings = world.secondHearings
        return result
    }

    /// What is said: everybody once or more, then the silence of one, then everybody.
    private struct TrialScript {
        var script = Script(seed: 0, length: 0, silences: [])
        var silence: Range<Int64> = 0..<1
        private var time: Int64 = 1_000
        private var random: RandomSource

        init(_ trial: VoiceTrial) {
            random = RandomSource(seed: trial.seed, stream: 8)
            script.words = []
            let silent = VoiceTrial.silent
            for round in 0..<2 { for voice in 0..<trial.voices where round == 0 || random.percent(60) { turn(voice) } }
            while time < 40_000 { turn(Int(random.next(through: Int64(trial.voices - 1)))) }
            turn(silent)
            silence = time..<(time + trial.silenceMilliseconds)
            while time < silence.upperBound - 1_500 {
                let voice = Int(random.next(through: Int64(trial.voices - 1)))
                if voice != silent { turn(voice, before: silence.upperBound) }
            }
            time = silence.upperBound
            turn(silent)
            let end = silence.upperBound + VoiceTrial.rest + 5_000
            while time < end { turn(Int(random.next(through: Int64(trial.voices - 1)))) }
        }

        /// - Parameter end: nothing is said that goes on beyond it.
        private mutating func turn(_ voice: Int, before end: Int64 = .max) {
            for _ in 0..<random.between(5, 14) {
                let text = Int(
                    random.percent(60)
                        ? random.next(through: 7) : random.between(8, Int64(script.vocabulary.pieces.count) - 1))
                let last = time + (text < Vocabulary.short ? random.between(150, 260) : random.between(260, 500))
                guard last < end else { break }
                script.words.append(ScriptWord(text: text, start: time, end: last, voice: voice))
                time = last + random.between(50, 400)
            }
            time += random.between(100, 1_500)
        }
    }
}

extension World {
    /// It is paid for, and must not be in the way of what is worth more.
    func checkSecondHearing(_ request: SessionRequest) {
        secondHearings += 1
        if recorder.lesson?.stage != .recording { fail("STOP waits for no second hearing", "\(request.id.rawValue)") }
    }
}
