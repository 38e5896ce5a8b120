internal import Dispatch
internal import Synchronization

/// Many seeds.
package struct Campaign: Sendable {
    /// Of all runs together.
    package struct Totals: Sendable {
        package var seeds = 0
        package var events = 0
        package var simulatedMilliseconds: Int64 = 0
        package var words = 0
        package var sessions = 0
        package var lessons = 0
        package var complete = 0
        package var later = 0
        /// Of all runs, whatever their order.
        package var hash: UInt64 = 0
        package var failures: [(seed: UInt64, failure: Outcome.Failure)] = []
    }

    package var seeds: ClosedRange<UInt64>
    package var jobs: Int
    package var planted: PlantedBug?
    /// Stops after so many failures.
    package var mostFailures: Int
    /// Makes the store of each lesson, on the thread that plays it; nil: the model answers.
    package var store: StoreFactory?

    package init(
        seeds: ClosedRange<UInt64>, jobs: Int = 1, planted: PlantedBug? = nil, mostFailures: Int = 10,
        store: StoreFactory? = nil
    ) {
        self.store = store
        self.seeds = seeds
        self.jobs = jobs
        self.planted = planted
        self.mostFailures = mostFailures
    }

    package func run() -> Totals {
        let totals = Mutex(Totals())
        let next = Atomic<UInt64>(seeds.lowerBound)
        DispatchQueue.concurrentPerform(iterations: max(1, jobs)) { _ in
            while true {
                let seed = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard seed <= seeds.upperBound else { return }
                let outcome = World.play(Plan(seed: seed), planted: planted, store: store)
                let isEnough = totals.withLock { totals in
                    totals.add(outcome, seed: seed)
                    return totals.failures.count >= mostFailures
                }
                if isEnough { return }
            }
        }
        return totals.withLock { totals in
            totals.failures.sort { $0.seed < $1.seed }
            return totals
        }
    }
}

extension Campaign.Totals {
    mutating func add(_ outcome: Outcome, seed: UInt64) {
        seeds += 1
        events += outcome.events
        simulatedMilliseconds += outcome.simulatedMilliseconds
        words += outcome.words
        sessions += outcome.sessions
        lessons += outcome.lessons
        complete += outcome.complete
        later += outcome.later
        hash = hash &+ outcome.hash
        if let failure = outcome.failure { failures.append((seed, failure)) }
    }
}
