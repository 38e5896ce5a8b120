import Foundation
import OwnThread
import Simulator
import Testing

/// Whole lessons under virtual time; `chalkbox-sim` plays many more of them, optimised.
@Suite(.ownThread) struct `Simulated lessons` {
    static let seeds = ProcessInfo.processInfo.environment["CHALKBOX_SIM_SEEDS"].flatMap { UInt64($0) } ?? 150

    @Test func `keep the recorder's promises`() {
        let totals = Campaign(seeds: 1...Self.seeds).run()
        for (seed, failure) in totals.failures {
            Issue.record("seed \(seed), event \(failure.event): \(failure.invariant): \(failure.detail)")
        }
        #expect(totals.seeds == Int(Self.seeds) || !totals.failures.isEmpty)
        // A world in which nothing happens proves nothing.
        #expect(totals.words > totals.seeds * 20)
        #expect(totals.sessions > totals.lessons)
        #expect(totals.complete > totals.lessons / 10)
    }

    @Test(arguments: PlantedBug.allCases) func `show a mistake that was made on purpose`(bug: PlantedBug) throws {
        let totals = Campaign(seeds: 1...1_000, planted: bug, mostFailures: 1).run()
        let found = try #require(totals.failures.first, "\(bug.rawValue) is not found in \(totals.seeds) lessons")
        #expect(World(Plan(seed: found.seed), planted: bug).run().failure == found.failure, "it fails otherwise again")
    }

    @Test func `are the same for the same seed`() {
        for seed: UInt64 in [3, 17, 4_242] {
            var lines: [[String]] = [[], []]
            let outcomes = [0, 1].map { run in
                World(Plan(seed: seed), trace: { lines[run].append($0) }).run()
            }
            #expect(outcomes[0] == outcomes[1])
            #expect(lines[0] == lines[1])
            #expect(lines[0].count > 50)
        }
        #expect(World(Plan(seed: 1)).run().hash != World(Plan(seed: 2)).run().hash)
    }

    @Test(arguments: [2, 4]) func `give a voice that is silent over a drop its number again`(voices: Int) {
        var lost = 0
        for seed: UInt64 in 1...5 {
            let trial = VoiceTrial(seed: seed, voices: voices, silenceMilliseconds: 60_000, hearsAgain: true)
            let result = trial.play()
            #expect(result.failure == nil && result.keepsNumber && result.wrongNumbers == 0, "seed \(seed): \(result)")
            var without = trial
            without.hearsAgain = false
            lost += without.play().keepsNumber ? 0 : 1
        }
        #expect(lost > 1, "a voice that keeps its number anyway proves nothing")
    }

    @Test func `that fail are made smaller`() throws {
        let totals = Campaign(seeds: 1...200, planted: .doubledOverlap, mostFailures: 1).run()
        let found = try #require(totals.failures.first)
        let plan = Plan(seed: found.seed)
        var minimiser = Minimiser(plan, planted: .doubledOverlap)
        minimiser.minimise()
        #expect(minimiser.outcome.failure?.invariant == found.failure.invariant)
        #expect(minimiser.plan.faults.count <= min(3, plan.faults.count))
    }
}
