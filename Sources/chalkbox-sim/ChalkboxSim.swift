internal import ArgumentParser
internal import Simulator
internal import StoreSimulation

@main
struct ChalkboxSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chalkbox-sim",
        abstract: "Plays lessons with every kind of bad luck under virtual time, and checks the recorder's promises.",
        subcommands: [Run.self, Replay.self, Voices.self])
}

extension PlantedBug: ExpressibleByArgument {}
extension PlantedStoreBug: ExpressibleByArgument {}

/// Which store takes part.
enum StoreKind: String, ExpressibleByArgument, CaseIterable {
    case model
    case real
}

struct StoreOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Who saves the lessons: a model, or the recorder's own store (SQLite, FLAC), some hundred times slower.",
            discussion: """
                The real store works in a directory in memory, in the simulated time, and its power goes by a model of \
                the disk. A model answers beside it, and the run fails where the two differ.
                """))
    var store = StoreKind.model

    @Option(help: "Make a mistake around the real store on purpose, which must be found.")
    var plantStore: PlantedStoreBug?

    func validate() throws {
        if plantStore != nil, store == .model { throw ValidationError("--plant-store takes --store real") }
    }

    var factory: StoreFactory? { store == .real ? RealStore.factory(plantStore) : nil }

    /// As arguments.
    var text: String {
        (store == .real ? " --store real" : "") + (plantStore.map { " --plant-store \($0.rawValue)" } ?? "")
    }
}

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Play many seeds; exit 1 when a promise is broken.")

    @Option(help: ArgumentHelp("Which seeds.", valueName: "first..last"))
    var seeds = SeedRange(1...1_000)

    @Option(help: "How many at a time.")
    var jobs = 1

    @Option(help: "Stop after so many failures.")
    var mostFailures = 10

    @Option(help: "Make a mistake on purpose, which must be found.")
    var plant: PlantedBug?

    @OptionGroup var stores: StoreOptions

    func validate() throws {
        guard (1...256).contains(jobs) else { throw ValidationError("--jobs takes 1 to 256") }
        guard mostFailures > 0 else { throw ValidationError("--most-failures takes 1 or more") }
    }

    func run() throws {
        let campaign = Campaign(
            seeds: seeds.range, jobs: jobs, planted: plant, mostFailures: mostFailures,
            store: stores.factory)
        let clock = ContinuousClock()
        let start = clock.now
        let totals = campaign.run()
        let took = start.duration(to: clock.now)
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        for (seed, failure) in totals.failures {
            print("seed \(seed), event \(failure.event), at \(failure.at) ms: \(failure.invariant): \(failure.detail)")
            let planted = plant.map { " --plant \($0.rawValue)" } ?? ""
            print("  chalkbox-sim replay \(seed) --trace\(planted)\(stores.text)")
        }
        let simulated = Double(totals.simulatedMilliseconds) / 1_000
        print(
            "\(totals.seeds) seeds, \(totals.lessons) lessons (\(totals.complete) had to be complete, "
                + "\(totals.later) got text later),"
                + " \(totals.words) words, \(totals.sessions) sessions, \(totals.events) events")
        print(
            "\(Int(seconds * 10) / 10) s, \(Int(Double(totals.seeds) / seconds)) seeds/s,"
                + " \(Int(simulated / seconds)) × real time, hash \(String(totals.hash, radix: 16))")
        print("\(totals.seeds - totals.failures.count) passed, \(totals.failures.count) failed")
        if !totals.failures.isEmpty { throw ExitCode.failure }
    }
}

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Play one seed again, and find the smallest cause.")

    @Argument(help: "The seed.")
    var seed: UInt64

    @Flag(help: "Print all that happens, in order.")
    var trace = false

    @Flag(help: "Leave out or shorten what goes wrong while the run still fails; trace what is left.")
    var minimise = false

    @Option(help: "The mistake that was made on purpose.")
    var plant: PlantedBug?

    @OptionGroup var stores: StoreOptions

    func run() throws {
        var plan = Plan(seed: seed)
        if minimise {
            var minimiser = Minimiser(plan, planted: plant, store: stores.factory)
            minimiser.minimise()
            plan = minimiser.plan
        }
        let outcome = World.play(
            plan, planted: plant, store: stores.factory, trace: trace ? { print($0) } : nil)
        for fault in plan.faults { print(fault) }
        print("last STOP at \(plan.length) ms")
        guard let failure = outcome.failure else {
            print("passed, \(outcome.events) events, hash \(String(outcome.hash, radix: 16))")
            return
        }
        print("event \(failure.event), at \(failure.at) ms: \(failure.invariant): \(failure.detail)")
        throw ExitCode.failure
    }
}

/// `1..20000`
struct SeedRange: ExpressibleByArgument, CustomStringConvertible {
    var range: ClosedRange<UInt64>

    init(_ range: ClosedRange<UInt64>) {
        self.range = range
    }

    init?(argument: String) {
        let ends = argument.split(separator: ".", omittingEmptySubsequences: true).map { UInt64($0) }
        guard ends.count == 1 || (ends.count == 2 && argument.contains("..")), let first = ends[0],
            let last = ends[ends.count - 1], first <= last
        else { return nil }
        range = first...last
    }

    var description: String { "\(range.lowerBound)..\(range.upperBound)" }
    var defaultValueDescription: String { description }
}
