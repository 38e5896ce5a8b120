import LinuxRuntime
import RecorderCore

@testable import AudioCapture

/// A microphone and a clock that follow a script: time passes only in waits, so a lesson of hours takes no time and
/// every figure is exact. At 16 kHz, mono, s16, samples are numbered (`numberedSample`), from the opening of the device
/// on; a device of another kind says what `signal` gives.
final class ScriptedHost: CaptureHost {
    enum Step {
        /// The device captures and delivers a period of 100 ms.
        case period
        /// It captures this many milliseconds, and the reader is away; nothing is lost.
        case late(Int64)
        /// The reader was away for so long that the buffer overran.
        case overrun(Int64)
        /// The device fails with this errno after so many milliseconds.
        case fails(errno: Int32, after: Int64)
        /// Nothing comes, for longer than the loop waits.
        case stalls
        /// Nothing comes for so many milliseconds; the device goes on then.
        case pauses(Int64)
        /// The person presses STOP after so many milliseconds; what was captured by then is partly in the device.
        case stop(after: Int64)
        /// START between lessons, after so many milliseconds.
        case start(after: Int64)
        /// STOP after so many milliseconds, and no end of the script: the device stands by.
        case pause(after: Int64)
        /// Woken for nothing.
        case spurious
        /// The next openings fail until this many milliseconds have passed.
        case absent(Int64)
        /// The next `count` restarts fail.
        case startsFail(errno: Int32, count: Int)
    }

    let shared: CaptureSharedState
    let parameters: PCMParameters
    /// What a channel has at a frame since the device was opened, 1 is full scale.
    let signal: ((Int64, Int) -> Double)?
    /// By how much the device runs faster than it says.
    let partsPerMillion: Int64
    var milliseconds: Int64 = 1_000_000
    var steps: [Step]
    private(set) var openings = 0
    private var absentUntil: Int64 = 0
    private(set) var startFailures: (errno: Int32, count: Int) = (0, 0)
    /// For the device: what it has captured since its (re)start, and what of it was read.
    fileprivate var captured: Int64 = 0
    fileprivate var taken: Int64 = 0
    fileprivate var failure: Int32 = 0

    init(
        shared: CaptureSharedState, _ steps: [Step], parameters: PCMParameters = ScriptedHost.usual,
        partsPerMillion: Int64 = 0, signal: ((Int64, Int) -> Double)? = nil
    ) {
        self.shared = shared
        self.parameters = parameters
        self.partsPerMillion = partsPerMillion
        self.signal = signal
        self.steps = steps
        if case .absent(let duration) = steps.first {
            absentUntil = milliseconds + duration
            self.steps.removeFirst()
        }
    }

    static let usual = PCMParameters(
        framesPerSecond: 16_000, format: .s16, channels: 1, periodFrames: 1_600, bufferFrames: 32_000)

    var now: MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

    let deviceName = "scripted"

    func begin(isOpen: Bool) {}

    var isFirst: Bool { true }

    func openFirst() throws(CaptureError) -> any CaptureDevice { try open() }

    func open() throws(CaptureError) -> any CaptureDevice {
        openings += 1
        if case .stalls? = steps.first { steps.removeFirst() }
        guard milliseconds >= absentUntil else { throw .open(device: "scripted", errno: 19, detail: "") }
        let device = ScriptedDevice(host: self)
        let result = device.start()
        guard result == 0 else { throw .stream(device: "scripted", errno: -result, operation: "snd_pcm_start") }
        return device
    }

    func pause(until deadline: MonotonicTime?) {
        guard let deadline else {
            shared.end()
            return
        }
        if case .stop(let after) = steps.first, milliseconds + after <= deadline.milliseconds {
            steps.removeFirst()
            pass(after)
            stop()
        } else if milliseconds < deadline.milliseconds {
            let passed = deadline.milliseconds - milliseconds
            if case .stop(let after) = steps.first { steps[0] = .stop(after: after - passed) }
            milliseconds = deadline.milliseconds
        }
    }

    func acknowledgeWake() {}

    fileprivate func start() -> Int32 {
        captured = 0
        taken = 0
        failure = 0
        guard startFailures.count > 0 else { return 0 }
        startFailures.count -= 1
        return -startFailures.errno
    }

    fileprivate func pass(_ duration: Int64) { milliseconds += duration }

    fileprivate func stop() {
        _ = shared.request(recording: false, at: now)
        shared.end()
    }

    /// As the recorder does it: a new time line, and then the command.
    func start(at place: SampleIndex) {
        shared.ring.reset(to: place)
        _ = shared.request(recording: true, at: now)
    }

    /// One wait of the device.
    fileprivate func step(limit: Int64) -> Bool {
        guard !steps.isEmpty else {
            // After STOP the device goes on.
            deliver(min(limit, 100))
            return true
        }
        switch steps.removeFirst() {
        case .period: deliver(100)
        case .late(let duration): deliver(duration)
        case .overrun(let duration):
            pass(duration)
            failure = 32
        case .fails(let number, let duration):
            pass(duration)
            failure = number
        case .pauses(let duration):
            // Its samples come when it goes on.
            pass(min(duration, limit))
            if duration > limit { steps.insert(.pauses(duration - limit), at: 0) }
            return false
        case .stalls:
            // Until it is opened anew.
            steps.insert(.stalls, at: 0)
            pass(limit)
            return false
        case .stop(let duration):
            deliver(duration)
            stop()
        case .start(let duration):
            deliver(duration)
            start(at: .zero)
        case .pause(let duration):
            deliver(duration)
            _ = shared.request(recording: false, at: now)
        case .spurious: break
        case .absent(let duration):
            absentUntil = milliseconds + duration
            failure = 19
        case .startsFail(let number, let count): startFailures = (number, count)
        }
        return true
    }

    private func deliver(_ duration: Int64) {
        pass(duration)
        captured += Int64(parameters.framesPerSecond) * duration * (1_000_000 + partsPerMillion) / 1_000_000_000
    }
}

private final class ScriptedDevice: CaptureDevice {
    let host: ScriptedHost
    var total: Int64 = 0

    init(host: ScriptedHost) { self.host = host }

    var parameters: PCMParameters { host.parameters }

    func start() -> Int32 { host.start() }

    func wait(milliseconds: Int64) -> Bool { host.step(limit: milliseconds) }

    func available() -> Int {
        host.failure == 0 ? Int(host.captured - host.taken) : -Int(host.failure)
    }

    func read(into target: UnsafeMutableRawPointer, frames: Int) -> Int {
        let count = min(Int64(frames), host.captured - host.taken)
        let channels = parameters.channels
        for index in 0..<Int(count) * channels {
            let (frame, channel) = (total + Int64(index / channels), index % channels)
            if let signal = host.signal {
                PCMBytes.store(signal(frame, channel), parameters.format, in: target, index)
            } else {
                target.storeBytes(of: numberedSample(Int(frame)), toByteOffset: 2 * index, as: Int16.self)
            }
        }
        host.taken += count
        total += count
        return Int(count)
    }
}

/// What a scripted lesson left behind.
struct ScriptedLesson {
    var events: [CaptureEvent] = []
    var end: Int64 = 0
    var samples: [Int16] = []
    var overruns = 0
    var openings = 0
    var elapsedMilliseconds: Int64 = 0
    var errors: [CaptureError] = []
    var channels: [ChannelLevel] = []

    /// Runs the capture loop on this thread until the script is over.
    static func run(
        _ steps: [ScriptedHost.Step], _ parameters: PCMParameters = ScriptedHost.usual,
        channel: ChannelSelection = .mix, partsPerMillion: Int64 = 0, standsBy: Bool = false, preRollSeconds: Int = 0,
        signal: ((Int64, Int) -> Double)? = nil
    ) throws -> ScriptedLesson {
        let ring = SampleRing()
        let shared = try CaptureSharedState(ring: ring, notifier: EventNotifier())
        let host = ScriptedHost(
            shared: shared, steps, parameters: parameters, partsPerMillion: partsPerMillion, signal: signal)
        let began = host.milliseconds
        shared.standsBy = standsBy
        if !standsBy { _ = shared.request(recording: true, at: host.now) }
        CaptureLoop(shared: shared, host: host, channel: channel, preRollSeconds: preRollSeconds).run()
        var lesson = ScriptedLesson()
        while let event = shared.events.pop() { lesson.events.append(event) }
        lesson.end = ring.head.value
        lesson.overruns = shared.overruns
        lesson.openings = host.openings
        lesson.elapsedMilliseconds = host.milliseconds - began
        lesson.channels = shared.channels.all
        lesson.errors = shared.errors.takeAll()
        let start = max(0, lesson.end - Int64(ring.capacity))
        var copy = [Int16](repeating: 0, count: Int(lesson.end - start))
        copy.withUnsafeMutableBufferPointer { _ = ring.read(from: SampleIndex(start), into: $0) }
        lesson.samples = copy
        return lesson
    }

    /// What happened, without what is measured regularly.
    var changes: [CaptureEvent] {
        events.filter { event in
            switch event {
            case .level, .clock: false
            default: true
            }
        }
    }

    var clocks: [DeviceClock] {
        events.compactMap { if case .clock(let clock) = $0 { clock } else { nil } }
    }

    var silences: [SilenceMark] {
        events.compactMap { event in
            if case .silence(let mark) = event { return mark }
            return nil
        }
    }
}
