/// Who has a place at the control socket. A program that says nothing must not keep people out: the one that was silent
/// for longest makes room for who comes. Those who follow, press buttons or copy lessons are not asked to go, but for
/// the few who would take the last places.
package struct ControlPlaces: Sendable {
    private struct Place {
        var token: UInt64
        var heard: MonotonicTime
        var stays = false
    }

    private var places: [Place] = []

    package init() {}

    /// - Returns: who has to go for it, when all places were taken.
    package mutating func add(_ token: UInt64, now: MonotonicTime) -> UInt64? {
        let leaving = places.count < Limits.controlClients ? nil : silent.map { places.remove(at: $0).token }
        places.append(Place(token: token, heard: now))
        return leaving
    }

    /// It asked for something.
    package mutating func heard(_ token: UInt64, now: MonotonicTime) {
        if let place = place(of: token) { places[place].heard = now }
    }

    /// It wants to stay; it may, where that leaves places for others.
    package mutating func keep(_ token: UInt64) {
        guard let place = place(of: token), places.count(where: { $0.stays }) < Limits.controlFollowers else { return }
        places[place].stays = true
    }

    package mutating func remove(_ token: UInt64) {
        if let place = place(of: token) { places.remove(at: place) }
    }

    /// Who was silent for too long.
    package func expired(now: MonotonicTime) -> UInt64? {
        guard let deadline = nextDeadline, now >= deadline else { return nil }
        return silent.map { places[$0].token }
    }

    package var nextDeadline: MonotonicTime? {
        silent.map { places[$0].heard.adding(milliseconds: Limits.controlIdleMilliseconds) }
    }

    private func place(of token: UInt64) -> Int? { places.firstIndex { $0.token == token } }

    /// Where the one is that may go and was silent for longest.
    private var silent: Int? {
        places.indices.filter { !places[$0].stays }.min { places[$0].heard < places[$1].heard }
    }
}
