import Glibc
import LinuxRuntime
import RecorderCore
import Testing

private func soon(_ milliseconds: Int64 = 20_000) -> MonotonicTime {
    LinuxRuntime.Clock.now.adding(milliseconds: milliseconds)
}

struct BoundedQueueTests {
    @Test func `places are kept for what must not be refused`() {
        let queue = BoundedQueue<Int>(capacity: 4)
        #expect(queue.push(1, leaving: 3))
        #expect(!queue.push(2, leaving: 3))
        #expect(queue.push(3) && queue.push(4) && queue.push(5))
        #expect(!queue.push(6))
        #expect(queue.takeAll() == [1, 3, 4, 5])
        #expect(queue.refused == 2)
    }

    @Test func `first in, first out, all at once`() {
        let queue = BoundedQueue<Int>(capacity: 4)
        #expect([1, 2, 3].map { queue.push($0) } == [true, true, true])
        #expect(queue.takeAll() == [1, 2, 3])
        #expect(queue.takeAll() == [])
    }

    @Test func `what exceeds the capacity is refused and counted`() {
        let queue = BoundedQueue<String>(capacity: 2)
        #expect(["a", "b", "c", "d"].map { queue.push($0) } == [true, true, false, false])
        #expect(queue.refused == 2)
        #expect(queue.takeAll() == ["a", "b"])
        #expect(queue.push("e"))
        #expect(queue.refused == 2)
        #expect(queue.takeAll() == ["e"])
    }

    @Test func `a queue without room refuses everything`() {
        let queue = BoundedQueue<Int>(capacity: 0)
        #expect(!queue.push(1))
        #expect(queue.takeAll() == [])
    }

    @Test func `elements are released with the queue`() {
        final class Element: Sendable {
            let released: EventNotifier
            init(_ released: EventNotifier) { self.released = released }
            deinit { released.raise() }
        }
        let released = try? EventNotifier()
        guard let released else { return }
        do {
            let queue = BoundedQueue<Element>(capacity: 2)
            _ = queue.push(Element(released))
        }
        #expect(Poll.readable(released.fileDescriptor, until: soon()))
    }

    @Test func `two producers lose nothing that was not refused`() throws {
        let queue = BoundedQueue<Int>(capacity: 16)
        let each = 20_000
        let producers = try (0..<2).map { number in
            try Thread(name: "producer") { for item in 0..<each { _ = queue.push(item * 2 + number) } }
        }
        var newest = [-1, -1]
        var taken = 0
        var inOrder = true
        while taken + queue.refused < 2 * each {
            for item in queue.takeAll() {
                inOrder = inOrder && item > newest[item % 2]
                newest[item % 2] = item
                taken += 1
            }
        }
        for producer in producers { producer.join() }
        #expect(inOrder)
        #expect(taken + queue.refused == 2 * each)
        #expect(queue.takeAll() == [])
    }
}

struct EventNotifierTests {
    @Test func `raised is readable until it is drained, however often it was raised`() throws {
        let notifier = try EventNotifier()
        #expect(!Poll.readable(notifier.fileDescriptor, until: LinuxRuntime.Clock.now))
        for _ in 0..<1_000 { notifier.raise() }
        #expect(Poll.readable(notifier.fileDescriptor, until: soon()))
        notifier.drain()
        #expect(!Poll.readable(notifier.fileDescriptor, until: soon(1)))
        notifier.drain()
        notifier.raise()
        #expect(Poll.readable(notifier.fileDescriptor, until: soon()))
    }

    @Test func `another thread's raise ends a wait`() throws {
        let notifier = try EventNotifier()
        let thread = try Thread(name: "raises") { notifier.raise() }
        #expect(Poll.readable(notifier.fileDescriptor, until: soon()))
        thread.join()
    }

    @Test func `its descriptor is closed with it`() throws {
        var notifier: EventNotifier? = try EventNotifier()
        let number = try #require(notifier).fileDescriptor
        #expect(fcntl(number, F_GETFD) == FD_CLOEXEC)
        notifier = nil
        // The number may be in use again already, by another test; then it is no eventfd of ours, which is as good.
        let reused = fcntl(number, F_GETFD) != -1
        #expect(reused || errno == EBADF)
    }
}

struct ThreadTests {
    @Test func `it runs its closure once, and join waits for that`() throws {
        let queue = BoundedQueue<Int>(capacity: 10)
        let thread = try Thread(name: "once") { _ = queue.push(1) }
        thread.join()
        thread.join()
        #expect(queue.takeAll() == [1])
    }

    @Test func `what it captures is released when it ends`() throws {
        final class Captured: Sendable {
            let released: EventNotifier
            init(_ released: EventNotifier) { self.released = released }
            deinit { released.raise() }
        }
        let released = try EventNotifier()
        let thread: Thread
        do {
            let captured = Captured(released)
            thread = try Thread(name: "captures") { _ = captured }
        }
        thread.join()
        #expect(Poll.readable(released.fileDescriptor, until: soon()))
    }

    @Test func `the name is what the system shows`() throws {
        let queue = BoundedQueue<String>(capacity: 1)
        let named = try EventNotifier()
        let thread = try Thread(name: "chalk-named") {
            _ = Poll.readable(named.fileDescriptor, until: nil)
            let name = try? FileSystem.readFile("/proc/thread-self/comm", limitBytes: 64)
            _ = queue.push(String(decoding: name ?? [], as: UTF8.self))
        }
        named.raise()
        thread.join()
        #expect(queue.takeAll() == ["chalk-named\n"])
    }

    @Test func `real time is what the kernel granted, and never a reason to fail`() throws {
        let queue = BoundedQueue<Int32>(capacity: 1)
        let thread = try Thread(name: "realtime", realtimePriority: 40) {
            var parameter = sched_param()
            var policy: Int32 = 0
            pthread_getschedparam(pthread_self(), &policy, &parameter)
            _ = queue.push(policy)
        }
        thread.join()
        #expect(queue.takeAll() == [thread.isRealtime ? SCHED_FIFO : SCHED_OTHER])
    }
}

/// Standard error is the process's: one test at a time turns it into a pipe.
@Suite(.serialized) struct LogTests {
    private func captured(_ body: () -> Void) -> String {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return "" }
        let kept = dup(2)
        dup2(ends[1], 2)
        body()
        dup2(kept, 2)
        close(ends[1])
        close(kept)
        defer { close(ends[0]) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var text: [UInt8] = []
        while true {
            let count = Glibc.read(ends[0], &bytes, bytes.count)
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += bytes.prefix(count)
        }
    }

    @Test func `a line carries its priority and ends once`() {
        let text = captured { Log(threshold: .info).write(.warning, "test-log one=1") }
        #expect(text.contains("<4>test-log one=1\n"))
    }

    @Test func `below the threshold nothing is written`() {
        let text = captured {
            Log(threshold: .warning).write(.info, "test-log hidden=1")
            Log(threshold: .warning).write(LogEntry(.error, "test-log shown=1"))
        }
        #expect(!text.contains("hidden"))
        #expect(text.contains("<3>test-log shown=1\n"))
    }

    @Test func `a peer's text cannot make a line of its own`() {
        let text = captured { Log(threshold: .debug).write(.info, "test-log reason=\"a\n<0>panic\r\u{1B}[2J\u{7F}b\"") }
        #expect(text.contains("<6>test-log reason=\"a\\u{a}<0>panic\\u{d}\\u{1b}[2J\\u{7f}b\"\n"))
    }
}
