internal import ArgumentParser
internal import Simulator

struct Voices: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell how often a voice that is silent over a drop has its number afterwards; exit 1 on a wrong one.",
        discussion: """
            Each line is a number of voices and a silence: how many of the lessons end with one number for the voice, \
            without the second hearing and with it; how many voices of all have one number; how many numbers stand for \
            two voices; and second hearings a lesson.
            """)

    @Option(help: "Lessons a line.")
    var seeds: UInt64 = 20

    @Option(help: ArgumentHelp("Play one lesson and print all that happens.", valueName: "seed"))
    var trace: UInt64?

    @Option(parsing: .upToNextOption, help: "Voices in the lesson.")
    var voices = [2, 3, 4, 8, 30]

    @Option(parsing: .upToNextOption, help: "Seconds of silence.")
    var silences: [Int64] = [5, 15, 34, 60, 120, 300]

    func validate() throws {
        guard voices.allSatisfy({ (2...60).contains($0) }) else { throw ValidationError("--voices takes 2 to 60") }
        guard silences.allSatisfy({ (1...3_600).contains($0) }) else {
            throw ValidationError("--silences takes 1 to 3600")
        }
    }

    func run() throws {
        if let trace {
            let trial = VoiceTrial(
                seed: trace, voices: voices[0], silenceMilliseconds: silences[0] * 1_000, hearsAgain: true)
            print(trial.play { print($0) })
            return
        }
        var wrong = 0
        print("voices silence  kept without  kept with  all voices without  with  wrong  second hearings")
        for voices in voices {
            for silence in silences {
                let without = line(voices, silence, hearsAgain: false)
                let with = line(voices, silence, hearsAgain: true)
                let row = [
                    pad("\(voices)", 6), pad("\(silence) s", 7), pad("\(without.kept)/\(seeds)", 13),
                    pad("\(with.kept)/\(seeds)", 10), pad(percent(without.voicesKept, voices), 19),
                    pad(percent(with.voicesKept, voices), 5), pad("\(without.wrong + with.wrong)", 6),
                    pad(tenths(with.hearings), 16),
                ]
                print(row.joined(separator: " "))
                wrong += without.wrong + with.wrong
            }
        }
        if wrong > 0 { throw ExitCode.failure }
    }

    private struct Line {
        var kept = 0
        var voicesKept = 0
        var wrong = 0
        var hearings = 0
    }

    private func line(_ voices: Int, _ silence: Int64, hearsAgain: Bool) -> Line {
        var line = Line()
        for seed in 1...max(1, seeds) {
            let trial = VoiceTrial(
                seed: seed, voices: voices, silenceMilliseconds: silence * 1_000, hearsAgain: hearsAgain)
            let result = trial.play()
            line.kept += result.keepsNumber ? 1 : 0
            line.voicesKept += result.voicesKept
            line.hearings += result.secondHearings
            line.wrong += result.wrongNumbers + (result.failure == nil ? 0 : 1)
            if let failure = result.failure {
                print("seed \(seed), \(voices) voices, \(silence) s: \(failure.invariant): \(failure.detail)")
            }
        }
        return line
    }

    private func percent(_ count: Int, _ voices: Int) -> String { "\(count * 100 / (Int(seeds) * voices)) %" }
    private func tenths(_ count: Int) -> String { "\(count / Int(seeds)).\(count * 10 / Int(seeds) % 10)" }
    private func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
