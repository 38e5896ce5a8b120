import Glibc
import LinuxRuntime
import RecorderCore
import Testing

struct ThreadHeartbeatTests {
    private func soon() -> MonotonicTime { LinuxRuntime.Clock.now.adding(milliseconds: 20_000) }

    @Test func `a request is open until the thread beats`() {
        let heartbeat = ThreadHeartbeat("store")
        #expect(heartbeat.isCurrent)
        heartbeat.request()
        #expect(!heartbeat.isCurrent)
        heartbeat.beat()
        #expect(heartbeat.isCurrent)
    }

    @Test func `a beat before the request does not count`() {
        let heartbeat = ThreadHeartbeat("store")
        heartbeat.beat()
        heartbeat.request()
        #expect(!heartbeat.isCurrent)
        heartbeat.request()
        heartbeat.beat()
        #expect(heartbeat.isCurrent)
    }

    @Test func `a thread that waits for another one is not blocked in the kernel`() throws {
        let heartbeat = ThreadHeartbeat("a name) D (")
        let (begun, end) = (try EventNotifier(), try EventNotifier())
        let thread = try Thread(name: "a) D (") {
            heartbeat.begin()
            begun.raise()
            _ = Poll.readable(end.fileDescriptor, until: nil)
        }
        #expect(Poll.readable(begun.fileDescriptor, until: soon()))
        #expect(!heartbeat.isBlockedInKernel)
        end.raise()
        thread.join()
    }
}
