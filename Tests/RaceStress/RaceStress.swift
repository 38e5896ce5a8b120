import AudioCapture
import LinuxRuntime
import RecorderCore

/// Everything that two threads share, as hard as it goes, for ThreadSanitizer. `Tests/race` builds and runs it.
@main struct RaceStress {
    static func main() throws {
        switch LinuxRuntime.Process.arguments.first {
        case "stress":
            try ring()
            try queue()
            try capture()
            Console.output("stress: done\n")
        case "canary":
            try canary()
        case .some, .none:
            Console.error("usage: race-stress stress|canary\n")
            LinuxRuntime.Process.exit(2)
        }
    }

    private static func check(_ condition: Bool, _ what: String) {
        guard !condition else { return }
        Console.error("race-stress: \(what)\n")
        LinuxRuntime.Process.exit(1)
    }

    private static func value(_ index: Int64) -> Int16 { Int16(truncatingIfNeeded: index &* 31 &+ 7) }

    /// One producer, two readers, a ring so small that they are overtaken all the time.
    private static func ring() throws {
        let total: Int64 = 4_000_000
        let ring = SampleRing(capacity: 1 << 10)
        let producer = try Thread(name: "producer") {
            var chunk = [Int16](repeating: 0, count: 160)
            var head: Int64 = 0
            while head < total {
                for offset in 0..<160 { chunk[offset] = value(head + Int64(offset)) }
                chunk.withUnsafeBufferPointer { ring.append($0) }
                head += 160
            }
        }
        let readers = try (0..<2).map { _ in
            try Thread(name: "reader") {
                var next: Int64 = 0
                var target = [Int16](repeating: 0, count: 100)
                while next < total {
                    switch target.withUnsafeMutableBufferPointer({ ring.read(from: SampleIndex(next), into: $0) }) {
                    case .copied(let count):
                        for offset in 0..<count {
                            check(target[offset] == value(next + Int64(offset)), "a torn sample was read")
                        }
                        next += Int64(count)
                    case .overrun(let oldest):
                        check(oldest.value > next, "an overrun that goes back")
                        next = oldest.value
                    }
                }
            }
        }
        producer.join()
        for reader in readers { reader.join() }
    }

    /// Two producers and a consumer; nothing is lost that was not refused.
    private static func queue() throws {
        let each = 100_000
        let queue = BoundedQueue<Int>(capacity: 64)
        let notifier = try EventNotifier()
        let producers = try (0..<2).map { number in
            try Thread(name: "producer") {
                for item in 0..<each {
                    _ = queue.push(item * 2 + number)
                    notifier.raise()
                }
            }
        }
        let consumer = try Thread(name: "consumer") {
            var taken = 0
            var newest = [-1, -1]
            while taken + queue.refused < 2 * each {
                _ = Poll.readable(notifier.fileDescriptor, until: Clock.now.adding(milliseconds: 100))
                notifier.drain()
                for item in queue.takeAll() {
                    check(item > newest[item % 2], "a producer's items came out of order")
                    newest[item % 2] = item
                    taken += 1
                }
            }
            check(taken + queue.refused == 2 * each, "items were lost or doubled")
        }
        for producer in producers { producer.join() }
        consumer.join()
    }

    /// The real capture thread on ALSA's `null`, which delivers as fast as it is read.
    private static func capture() throws {
        let ring = SampleRing()
        let notifier = try EventNotifier()
        let capture = try CaptureThread(settings: CaptureSettings(device: "null"), ring: ring, notifier: notifier)
        for _ in 0..<20 {
            ring.reset()
            capture.start()
            check(waitFor(capture) { if case .started = $0 { true } else { false } }, "no start")
            var target = [Int16](repeating: 0, count: 1_600)
            for _ in 0..<200 {
                let start = ring.head.advanced(by: -1_600)
                _ = target.withUnsafeMutableBufferPointer { ring.read(from: start, into: $0) }
                _ = capture.levels
                _ = capture.overruns
            }
            capture.stop()
            check(waitFor(capture) { if case .stopped = $0 { true } else { false } }, "no stop")
        }
        capture.shutdown()
    }

    /// It asks all the time: a wait for the notifier would order the two threads, and hide a race of the events.
    private static func waitFor(_ capture: CaptureThread, _ isWanted: (CaptureEvent) -> Bool) -> Bool {
        let deadline = Clock.now.adding(milliseconds: 20_000)
        while Clock.now < deadline {
            while let event = capture.nextEvent() {
                if isWanted(event) { return true }
            }
        }
        return false
    }

    /// A race on purpose: a sanitizer that does not find this one proves nothing about the others.
    private static func canary() throws {
        let shared = Racy()
        let threads = try (0..<2).map { _ in
            try Thread(name: "racy") {
                for _ in 0..<10_000 {
                    let count = shared.count.pointee
                    shared.count.pointee = count + 1
                }
            }
        }
        for thread in threads { thread.join() }
        Console.output("canary: counted \(shared.count.pointee)\n")
    }

    /// Bare memory, as the ring's, read and then written: a property, or `+=`, would be found by Swift's own check of
    /// overlapping accesses.
    private final class Racy: @unchecked Sendable {
        let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)

        init() { count.initialize(to: 0) }
        deinit { count.deallocate() }
    }
}
