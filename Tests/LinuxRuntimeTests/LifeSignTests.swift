import Glibc
import LinuxRuntime
import RecorderCore
import Testing

struct LifeSignTests {
    private func soon() -> MonotonicTime { LinuxRuntime.Clock.now.adding(milliseconds: 20_000) }

    @Test func `a question is open until the thread comes round`() {
        let life = LifeSign("store")
        #expect(life.isAnswered)
        life.ask()
        #expect(!life.isAnswered)
        life.answer()
        #expect(life.isAnswered)
    }

    @Test func `an answer before the question does not count for it`() {
        let life = LifeSign("store")
        life.answer()
        life.ask()
        #expect(!life.isAnswered)
        life.ask()
        life.answer()
        #expect(life.isAnswered)
    }

    @Test func `a thread that waits for another is not taken for one that waits for its disk`() throws {
        let life = LifeSign("a name) D (")
        let (begun, end) = (try EventNotifier(), try EventNotifier())
        let thread = try Thread(name: "a) D (") {
            life.begin()
            begun.raise()
            _ = Poll.readable(end.fileDescriptor, until: nil)
        }
        #expect(Poll.readable(begun.fileDescriptor, until: soon()))
        #expect(!life.waitsForDevice)
        end.raise()
        thread.join()
    }
}
