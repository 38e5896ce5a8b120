import CThreadWatch
import Glibc
import LinuxRuntime
import RecorderCore
import Testing

@testable import AudioCapture

/// A capture thread with everything it needs, and what it reported.
private final class Recording {
    let ring = SampleRing()
    let notifier: EventNotifier
    let capture: CaptureThread
    /// Never raised.
    private let idle: EventNotifier
    private(set) var events: [CaptureEvent] = []

    init(_ device: String, channel: ChannelSelection = .mix) throws {
        _ = VirtualMicrophone.directory
        notifier = try EventNotifier()
        idle = try EventNotifier()
        let settings = CaptureSettings(device: device, channel: channel)
        capture = try CaptureThread(settings: settings, ring: ring, notifier: notifier)
    }

    deinit {
        capture.shutdown()
    }

    /// Takes events until one is as wanted.
    func wait(
        seconds: Int64 = 20, _ comment: Comment, until isWanted: (CaptureEvent) -> Bool
    ) throws -> CaptureEvent {
        let deadline = LinuxRuntime.Clock.now.adding(milliseconds: seconds * 1_000)
        while true {
            while let event = capture.nextEvent() {
                events.append(event)
                if isWanted(event) { return event }
            }
            try #require(Poll.readable(notifier.fileDescriptor, until: deadline), comment)
            notifier.drain()
        }
    }

    func waitForStart() throws {
        _ = try wait("started") { if case .started = $0 { true } else { false } }
    }

    func stop() throws -> Int64 {
        capture.stop()
        let event = try wait("stopped") { if case .stopped = $0 { true } else { false } }
        guard case .stopped(let end) = event else { return -1 }
        return end.value
    }

    /// The ring has no notifier of its own: its head is looked at until it is there.
    func waitForSamples(_ count: Int64, seconds: Int64 = 20) throws {
        let deadline = LinuxRuntime.Clock.now.adding(milliseconds: seconds * 1_000)
        while ring.head.value < count {
            try #require(LinuxRuntime.Clock.now < deadline, "\(ring.head.value) of \(count) samples came")
            _ = Poll.readable(idle.fileDescriptor, until: LinuxRuntime.Clock.now.adding(milliseconds: 5))
        }
    }

    var samples: [Int16] {
        var copy = [Int16](repeating: 0, count: Int(ring.head.value))
        copy.withUnsafeMutableBufferPointer { _ = ring.read(from: .zero, into: $0) }
        return copy
    }

    /// Whether the samples are these from the first one on, and silence once all of them have been said.
    func hasHeard(_ said: [Int16]) -> Bool {
        let samples = samples
        return !samples.isEmpty && samples.prefix(said.count).elementsEqual(said.prefix(samples.count))
            && samples.dropFirst(said.count).allSatisfy { $0 == 0 }
    }

    var silences: [SilenceMark] {
        events.compactMap { if case .silence(let mark) = $0 { mark } else { nil } }
    }
}

/// Real libasound. One after the other: the tests share a sound server's directory.
@Suite(.serialized) struct CaptureThreadTests {
    @Test func `a lesson over libasound is exact to the sample and true to the clock`() throws {
        let said = numberedSamples(16_000 * 4)
        let microphone = try VirtualMicrophone()
        try VirtualMicrophone.load(said)
        let recording = try Recording("lesson")
        recording.capture.start()
        try recording.waitForStart()
        let began = LinuxRuntime.Clock.now
        let headThen = recording.ring.head.value
        try recording.waitForSamples(48_000)
        let asked = LinuxRuntime.Clock.now
        let end = try recording.stop()
        let answered = LinuxRuntime.Clock.now
        #expect(recording.hasHeard(said))
        #expect(recording.silences == [])
        #expect(recording.capture.overruns == 0)
        // From the first samples' arrival to STOP: never more audio than time, and one drain less at most.
        #expect((end - headThen) / 16 <= answered.milliseconds(since: began) + 120)
        #expect((end - headThen) / 16 >= asked.milliseconds(since: began) - 400)
        withExtendedLifetime(microphone) {}
    }

    @Test func `STOP keeps the samples up to that moment, within 50 ms`() throws {
        let microphone = try VirtualMicrophone()
        // The machine's other work may come between the clock and STOP, but not each time.
        var late = Int64.max
        for _ in 0..<4 where late > 50 {
            try VirtualMicrophone.load(numberedSamples(16_000 * 4))
            late = min(late, try stopIsLate(by: Recording("lesson")))
        }
        #expect(late <= 50)
        withExtendedLifetime(microphone) {}
    }

    /// How far the last sample is from the moment of STOP, 1,550 ms after the first, in milliseconds.
    private func stopIsLate(by recording: Recording) throws -> Int64 {
        recording.capture.start()
        try recording.waitForSamples(16_000)
        // A period has just arrived: 1,000 ms or a little more.
        let first = LinuxRuntime.Clock.now.adding(milliseconds: -recording.ring.head.milliseconds)
        let moment = first.adding(milliseconds: 1_550)
        while LinuxRuntime.Clock.now < moment {
            _ = Poll.readable(recording.notifier.fileDescriptor, until: moment)
            recording.notifier.drain()
        }
        return abs(try recording.stop() / 16 - 1_550)
    }

    @Test func `two recordings of one thread each begin with the file's first sample`() throws {
        let microphone = try VirtualMicrophone()
        let recording = try Recording("lesson")
        for said in [numberedSamples(16_000), numberedSamples(16_000).map { -$0 }] {
            try VirtualMicrophone.load(said)
            recording.ring.reset()
            recording.capture.start()
            try recording.waitForSamples(8_000)
            _ = try recording.stop()
            #expect(recording.hasHeard(said))
        }
        withExtendedLifetime(microphone) {}
    }

    @Test func `the sound server dies and comes back: silence is marked and the time stays true`() throws {
        let microphone = try VirtualMicrophone()
        try VirtualMicrophone.load(numberedSamples(16_000 * 10))
        let recording = try Recording("lesson")
        recording.capture.start()
        try recording.waitForSamples(16_000)
        let began = LinuxRuntime.Clock.now.adding(milliseconds: -recording.ring.head.milliseconds)
        microphone.kill()
        _ = try recording.wait("lost") { if case .deviceLost = $0 { true } else { false } }
        try recording.waitForSamples(40_000)
        try microphone.start()
        _ = try recording.wait("back") { $0 == .deviceBack }
        try recording.waitForSamples(recording.ring.head.value + 16_000)
        let asked = LinuxRuntime.Clock.now
        let end = try recording.stop() / 16
        #expect(end >= asked.milliseconds(since: began) - 50)
        #expect(end <= LinuxRuntime.Clock.now.milliseconds(since: began) + 50)
        let silences = recording.silences
        #expect(!silences.isEmpty && silences.allSatisfy { $0.reason == .deviceLost })
        for (mark, next) in zip(silences, silences.dropFirst()) { #expect(mark.end == next.start) }
        let samples = recording.samples
        for mark in silences {
            #expect(samples[Int(mark.start.value)..<Int(mark.end.value)].allSatisfy { $0 == 0 })
        }
        // Re-opened, the device says the file from its beginning: the first sample after the silence.
        let back = Int(try #require(silences.last).end.value)
        #expect(samples.dropFirst(back).prefix(8_000).elementsEqual(numberedSamples(8_000)))
    }

    @Test func `an absent device is reported at once, in full, and STOP ends promptly`() throws {
        let recording = try Recording("hw:CARD=NoSuchCard")
        recording.capture.start()
        let event = try recording.wait("lost") { if case .deviceLost = $0 { true } else { false } }
        guard case .deviceLost(let errno, let reason) = event else { return }
        #expect(errno == 19 || errno == 2)
        #expect(reason.contains("hw:CARD=NoSuchCard") && reason.contains("arecord -"))
        let asked = LinuxRuntime.Clock.now
        _ = try recording.stop()
        #expect(LinuxRuntime.Clock.now.milliseconds(since: asked) < 2_000)
        #expect(recording.capture.levels == .silence)
    }

    @Test(arguments: ["instant", "card", "card44"])
    func `the steady loop allocates nothing`(device: String) throws {
        guard thread_watch_available() else { return }
        // Both channels of `card` are the same.
        try VirtualMicrophone.loadInstant(numberedSamples(48_000))
        let recording = try Recording(device)
        let thread = thread_watch_find("capture")
        try #require(thread > 0)
        recording.capture.start()
        // What the runtime sets up at first use is set up by then.
        try recording.waitForSamples(100 * Limits.periodSamples)
        thread_watch_begin(thread)
        // Unpaced: some hundred periods in no time.
        try recording.waitForSamples(recording.ring.head.value + 1_000 * Limits.periodSamples)
        let calls = thread_watch_end()
        let end = try recording.stop()
        #expect(calls == 0)
        #expect(end > 1_000 * Limits.periodSamples)
    }

    @Test func `the steady loop allocates nothing of its own in real time either`() throws {
        guard thread_watch_available() else { return }
        let microphone = try VirtualMicrophone()
        let recording = try Recording("lesson")
        let thread = thread_watch_find("capture")
        recording.capture.start()
        try recording.waitForSamples(8_000)
        thread_watch_begin(thread)
        let began = recording.ring.head.value
        try recording.waitForSamples(began + 20 * Limits.periodSamples)
        let calls = thread_watch_end()
        let periods = (recording.ring.head.value - began) / Limits.periodSamples
        _ = try recording.stop()
        // libpulse sends a request for its latency now and then, from whichever thread calls it.
        #expect(calls <= periods, "\(calls) calls in \(periods) periods")
        withExtendedLifetime(microphone) {}
    }

    @Test func `the allocation counter counts`() throws {
        guard thread_watch_available() else { return }
        let release = try EventNotifier()
        let began = try EventNotifier()
        let thread = try Thread(name: "allocates") {
            began.raise()
            while !Poll.readable(release.fileDescriptor, until: nil) {}
            for size in 1...100 { free(malloc(size)) }
        }
        #expect(Poll.readable(began.fileDescriptor, until: LinuxRuntime.Clock.now.adding(milliseconds: 10_000)))
        let number = thread_watch_find("allocates")
        try #require(number > 0)
        thread_watch_begin(number)
        release.raise()
        thread.join()
        #expect(thread_watch_end() >= 100)
    }
}

extension CaptureThreadTests {
    @Test func `the level is measured`() throws {
        _ = VirtualMicrophone.directory
        try VirtualMicrophone.loadInstant((0..<16_000).map { $0 % 2 == 0 ? 3_277 : -3_277 })
        let result = try CaptureProbe.measure(CaptureSettings(device: "instant"), milliseconds: 1_000)
        #expect(result.level == CaptureLevel(peakTenths: -200, rmsTenths: -200))
        #expect(result.samples == 16_000)
        #expect(!result.parameters.isConverted)
        #expect(result.parameters.text.hasPrefix("16000 Hz, 1 channel, S16_LE, period 1600"))
    }

    @Test(arguments: ["card", "plug:card", "plug:'plug:card'"])
    func `a device behind plug is opened as it works itself`(device: String) throws {
        _ = VirtualMicrophone.directory
        let result = try CaptureProbe.measure(CaptureSettings(device: device), milliseconds: 300)
        #expect(result.parameters.text.hasPrefix("48000 Hz, 2 channels, S32_LE, period 4800"))
        #expect(!result.parameters.isConverted)
        #expect(result.samples == 4_800)
        #expect(result.channels.count == 2)
    }

    @Test func `a device of none of our formats is converted by ALSA`() throws {
        _ = VirtualMicrophone.directory
        let result = try CaptureProbe.measure(CaptureSettings(device: "alaw"), milliseconds: 100)
        #expect(result.parameters.isConverted)
        #expect(result.parameters.text.hasSuffix("converted by ALSA's plug"))
        #expect(result.samples == 1_600)
    }

    @Test func `the mixer is read, set, switched on and read back`() throws {
        let microphone = try VirtualMicrophone()
        defer { microphone.kill() }
        func mixer(_ volume: CaptureVolume?) throws -> MixerReport {
            try MicrophoneReader(CaptureSettings(device: "mixed", volume: volume), wake: -1).mixer
        }
        #expect(try mixer(.percent(40)).elements.map(\.text) == ["Capture 40% on"])
        #expect(try mixer(nil).elements.map(\.text) == ["Capture 40% on"])
        try VirtualMicrophone.mute()
        let muted = try mixer(nil)
        #expect(muted.elements.first?.isOn == false && muted.problem.hasPrefix("muted: "))
        #expect(try mixer(.percent(70)) == MixerReport(mixer(nil).elements, wanted: nil))
        #expect(try mixer(nil).elements.map(\.text) == ["Capture 70% on"])
        #expect(try mixer(.decibels(hundredths: -600)).problem.contains("percent"))
        // A device whose mixer nobody knows.
        let bare = CaptureSettings(device: "instant", volume: .percent(70))
        #expect(try MicrophoneReader(bare, wake: -1).mixer.problem.contains("no capture volume"))
        #expect(try MicrophoneReader(CaptureSettings(device: "instant"), wake: -1).mixer == .none)
    }

    @Test(arguments: ["no_such_name", "hw:CARD=NoSuchCard", "plughw:9,9", "", "plug:'"])
    func `a device that cannot be had is named, with what to do`(device: String) throws {
        _ = VirtualMicrophone.directory
        let settings = CaptureSettings(device: device)
        let error = try #require(throws: CaptureError.self) { try CaptureProbe.measure(settings) }
        #expect(error.message.contains("the microphone \(device)"))
        #expect(error.message.contains("; "))
    }

    @Test func `what libasound says is kept, not printed`() throws {
        _ = VirtualMicrophone.directory
        let settings = CaptureSettings(device: "no_such_name")
        let error = try #require(throws: CaptureError.self) { try CaptureProbe.measure(settings) }
        guard case .open(let device, let number, let detail) = error else {
            Issue.record("another error: \(error)")
            return
        }
        #expect(device == "no_such_name")
        #expect(number == 2)
        #expect(detail.contains("no_such_name"))
    }
}
