import RecorderCore
import Testing

struct BoundTests {
    @Test func aBoundIsLoggedOnceAndCountedEachTime() {
        var bounds = BoundCounts()
        #expect(bounds.reached(.speakers)?.line.hasPrefix("limit name=speakers count=1 ") == true)
        #expect(bounds.reached(.speakers, count: 4) == nil)
        #expect(bounds.counts.map { $0.count } == [5])
    }

    @Test func aCounterThatIsKeptElsewhereIsTakenOver() {
        var bounds = BoundCounts()
        #expect(bounds.counted(.networkMessages, total: 0) == nil)
        #expect(bounds.counts.isEmpty)
        #expect(bounds.counted(.networkMessages, total: 3) != nil)
        #expect(bounds.counted(.networkMessages, total: 7) == nil)
        #expect(bounds.counts.map { $0.count } == [7])
    }

    @Test func namesAreStableAndDiffer() {
        let names = Bound.allCases.map { $0.name }
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
        #expect(Bound.allCases.allSatisfy { !$0.meaning.isEmpty })
    }
}
