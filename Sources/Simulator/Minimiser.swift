/// Makes the plan of a failing run smaller while it still fails.
package struct Minimiser {
    package private(set) var plan: Plan
    package private(set) var outcome: Outcome
    package private(set) var runs = 0
    private let planted: PlantedBug?
    private let store: StoreFactory?
    private static let mostRuns = 2_000

    package init(_ plan: Plan, planted: PlantedBug? = nil, store: StoreFactory? = nil) {
        self.plan = plan
        self.planted = planted
        self.store = store
        outcome = World.play(plan, planted: planted, store: store)
    }

    package mutating func minimise() {
        guard outcome.failure != nil else { return }
        var goesOn = true
        while goesOn, runs < Self.mostRuns {
            goesOn = dropFaults()
            goesOn = shrinkFaults() || goesOn
            goesOn = shorten() || goesOn
        }
    }

    /// Takes over a smaller plan that breaks the same invariant.
    private mutating func accept(_ smaller: Plan) -> Bool {
        runs += 1
        let tried = World.play(smaller, planted: planted, store: store)
        guard let failure = tried.failure, failure.invariant == outcome.failure?.invariant else { return false }
        plan = smaller
        outcome = tried
        return true
    }

    private mutating func dropFaults() -> Bool {
        var isSmaller = false
        var place = plan.faults.count - 1
        while place >= 0 {
            var smaller = plan
            smaller.faults.remove(at: place)
            if accept(smaller) { isSmaller = true }
            place -= 1
        }
        return isSmaller
    }

    private mutating func shrinkFaults() -> Bool {
        var isSmaller = false
        for place in plan.faults.indices where plan.faults[place].duration > 1 {
            var smaller = plan
            smaller.faults[place].duration /= 2
            if accept(smaller) { isSmaller = true }
        }
        return isSmaller
    }

    private mutating func shorten() -> Bool {
        guard let failure = outcome.failure, failure.at + 2_000 < plan.length else { return false }
        var smaller = plan
        smaller.length = failure.at + 1_000
        return accept(smaller)
    }
}
