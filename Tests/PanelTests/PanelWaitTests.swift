import RecorderCore
import Testing

private func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

struct PanelWaitTests {
    @Test func `a panel is tried at once, then at growing intervals for as long as it takes`() {
        var wait = PanelWait(at: time(1_000))
        #expect(wait.isDue(at: time(1_000)))
        var last = time(1_000)
        var gaps: [Int64] = []
        while gaps.count < 9 {
            _ = wait.failed(reason: "no chip", at: last)
            let due = wait.nextAttempt
            #expect(!wait.isDue(at: due.adding(milliseconds: -1)))
            #expect(wait.isDue(at: due))
            gaps.append(due.milliseconds(since: last))
            last = due
        }
        #expect(gaps == [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
    }

    @Test func `an interval begins when the attempt has failed`() {
        var wait = PanelWait(at: time(0))
        _ = wait.failed(reason: "no chip", at: time(5_000))
        #expect(wait.nextAttempt == time(5_250))
    }

    @Test func `a reason is told once, and when it becomes another`() {
        var wait = PanelWait(at: time(0))
        let reasons = ["no chip", "no chip", "no permission", "no permission", "no chip"]
        let told = reasons.enumerated().map { wait.failed(reason: $1, at: time(Int64($0))) }
        #expect(told == [true, false, true, false, true])
    }

    @Test func `only a panel that was not there at once is late`() {
        var wait = PanelWait(at: time(100))
        #expect(wait.lateMilliseconds(at: time(101)) == nil)
        _ = wait.failed(reason: "no permission", at: time(101))
        #expect(wait.lateMilliseconds(at: time(900)) == 800)
    }
}
