import RecorderCore
import Testing

@Suite struct `A place at the control socket` {
    private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    @Test func `is left to who comes by the one that was silent for longest`() {
        var places = ControlPlaces()
        var left = (1...UInt64(Limits.controlClients)).map { places.add($0, now: at(Int64($0))) }
        #expect(left.allSatisfy { $0 == nil })
        places.heard(1, now: at(100))
        left = (100...101).map { places.add($0, now: at(Int64($0))) }
        #expect(left == [2, 3])
        places.remove(4)
        left = (102...103).map { places.add($0, now: at(Int64($0))) }
        #expect(left == [nil, 5])
    }

    @Test func `is kept by who follows, but not every place is`() {
        var places = ControlPlaces()
        for token in 1...UInt64(Limits.controlFollowers + 1) {
            _ = places.add(token, now: at(0))
            for _ in 1...2 { places.keep(token) }
        }
        let last = UInt64(Limits.controlFollowers + 1)
        for token in (last + 1)..<1_000 {
            if let leaving = places.add(token, now: at(Int64(token))) { #expect(leaving >= last) }
        }
        #expect(places.expired(now: at(10_000_000)) ?? 0 > last)
        places.remove(1)
        places.keep(999)
        for token in 996...998 { places.remove(UInt64(token)) }
        #expect(places.nextDeadline == nil)
    }

    @Test func `is lost by silence`() {
        var places = ControlPlaces()
        #expect(places.nextDeadline == nil)
        _ = places.add(1, now: at(0))
        _ = places.add(2, now: at(10))
        places.heard(1, now: at(20))
        #expect(places.nextDeadline == at(10 + Limits.controlIdleMilliseconds))
        #expect(places.expired(now: at(9 + Limits.controlIdleMilliseconds)) == nil)
        #expect(places.expired(now: at(10 + Limits.controlIdleMilliseconds)) == 2)
        places.remove(2)
        places.keep(1)
        #expect(places.nextDeadline == nil && places.expired(now: at(1 << 40)) == nil)
    }
}
