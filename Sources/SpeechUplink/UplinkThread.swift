package import LinuxRuntime
internal import RecorderCore
internal import Synchronization

/// The way to the token endpoint and the speech service: a thread of its own, because the library's name look-up
/// blocks. It is told by `send` and answers by `takeEvents`; the notifier is raised when there is something to take.
///
/// Used by one thread, the daemon's loop.
package final class UplinkThread {
    private let engine: UplinkEngine
    private let thread: Thread
    private let log: Log
    private var isDown = false

    /// Starts the thread; connects to nothing yet.
    ///
    /// - Parameters:
    ///   - ring: the audio; sessions read it at their own positions.
    ///   - notifier: raised after each event.
    package init(
        settings: UplinkSettings, ring: SampleRing, notifier: EventNotifier, log: Log
    ) throws(UplinkError) {
        try Self.check(caFile: settings.caFile)
        let engine = try UplinkEngine(settings: settings, ring: ring, notifier: notifier, log: log)
        self.engine = engine
        self.log = log
        do throws(SystemError) {
            thread = try Thread(name: "uplink") { engine.run() }
        } catch {
            throw .system(error)
        }
    }

    deinit {
        shutdown()
    }

    /// False when the queue is full or the thread is shut down.
    package func send(_ command: UplinkCommand) -> Bool {
        guard !isDown, engine.commands.push(command) else { return false }
        engine.wake()
        return true
    }

    /// What has happened since the last call, in order.
    package func takeEvents() -> [UplinkEvent] { engine.events.takeAll() }

    /// Milliseconds that the newest ping took to come back; nil before the first.
    package var roundTripMilliseconds: Int64? {
        let value = engine.roundTrip.load(ordering: .relaxed)
        return value < 0 ? nil : value
    }

    /// Drops all connections and ends the thread. A thread that waits for the resolver is left to end by itself
    /// after a while.
    package func shutdown() {
        guard !isDown else { return }
        isDown = true
        engine.stopping.store(true, ordering: .releasing)
        engine.wake()
        let deadline = Clock.now.adding(milliseconds: UplinkLimits.shutdownMilliseconds)
        guard Poll.readable(engine.ended.fileDescriptor, until: deadline) else {
            log.write(.warning, "uplink shutdown=late reason=\"a name look-up has not returned\"")
            return
        }
        thread.join()
    }

    /// The library would go on with an empty store and call every peer untrusted.
    private static func check(caFile: String) throws(UplinkError) {
        guard !caFile.isEmpty else { return }
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileSystem.readFile(caFile, limitBytes: 4 << 20)
        } catch {
            throw .caFile(error)
        }
        let mark = Array("-----BEGIN CERTIFICATE-----".utf8)
        var start = 0
        while start + mark.count <= bytes.count {
            if bytes[start] == mark[0], bytes[start..<start + mark.count].elementsEqual(mark) { return }
            start += 1
        }
        throw .caFileWithoutCertificate(path: caFile)
    }
}
