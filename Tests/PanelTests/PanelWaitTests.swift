import RecorderCore
import Testing

private func time(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

struct PanelWaitTests {
    @Test func `a line is tried at once, then at growing intervals for as long as it takes`() {
        var wait = PanelWait(at: time(1_000))
        #expect(wait.isDue(at: time(1_000)))
        var last = time(1_000)
        var gaps: [Int64] = []
        while gaps.count < 6 {
            wait.failed(at: last)
            let due = wait.nextAttempt
            #expect(!wait.isDue(at: due.adding(milliseconds: -1)))
            #expect(wait.isDue(at: due))
            gaps.append(due.milliseconds(since: last))
            last = due
        }
        #expect(gaps == [250, 500, 1_000, 2_000, 2_000, 2_000])
    }

    @Test func `an interval begins when the attempt has failed`() {
        var wait = PanelWait(at: time(0))
        wait.failed(at: time(5_000))
        #expect(wait.nextAttempt == time(5_250))
    }
}

struct PanelNewsTests {
    /// What is logged of these problems, a second apart.
    private func told(_ problems: [String]) -> [String] {
        var news = PanelNews(at: time(0))
        return problems.enumerated().compactMap { number, problem in
            news.note(problem.isEmpty ? .ready : .partly, problem, at: time(Int64(number) * 1_000))?.line
        }
    }

    @Test func `a problem is told once, and when it becomes another`() {
        #expect(
            told(["no chip", "no chip", "no right", "no right", "no chip"])
                == ["no chip", "no right", "no chip"].map { "panel state=partly reason=\"\($0)\"" })
    }

    @Test func `only a panel that was not there at once is late`() {
        #expect(told([""]) == [])
        #expect(told(["broken", "", ""]) == ["panel state=partly reason=broken", "panel state=ready late_ms=1000"])
    }

    @Test func `a plug that is loose does not fill the log`() {
        let lines = told((0..<600).map { $0 % 2 == 0 ? "gone" : "" })
        #expect(lines.count == 20, "two lines a minute")
        #expect(lines.prefix(3) == [
            "panel state=partly reason=gone", "panel state=ready late_ms=1000", "panel state=partly reason=gone",
        ])
    }
}
