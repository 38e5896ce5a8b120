internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import WireJSON

/// The microphone's samples, whoever has it: a lesson's own from the recorder, or else from the device itself. A lesson
/// that begins meanwhile takes the device, and its samples follow.
final class MicrophoneSource {
    /// Why there are no more samples.
    enum End {
        /// The listener has enough.
        case enough
        case failed(String)
    }

    /// The capture thread is in the middle of a period, or is opening the device.
    private static let standbyMilliseconds: Int64 = 2_000

    let settings: Settings
    private let client: DaemonClient?
    /// Given the samples as they come; false: it has enough.
    private let take: ([Int16]) -> Bool
    /// What is wrong with the device though it delivers; empty: nothing.
    private(set) var problem = ""
    /// What is worth knowing about it, and costs no sound.
    private(set) var note = ""
    /// Frames a second by the box's clock, once they were measured.
    private(set) var measuredRate: Int?

    /// - Parameter take: given the samples as they come; false: it has enough.
    init(_ settings: Settings, _ arguments: Arguments, take: @escaping ([Int16]) -> Bool) {
        self.settings = settings
        self.take = take
        client = try? ClientCommands.connect(arguments)
    }

    func hear() -> End {
        while true {
            if let end = hearLesson() { return end }
            if let end = hearDevice() { return end }
        }
    }

    /// Nil: no lesson is recorded.
    @inline(never)
    private func hearLesson() -> End? {
        guard let client else { return nil }
        client.send { $0.field("do", "status") }
        client.send { $0.field("do", "listen") }
        while let answer = client.answer() {
            guard answer["ok"]?.bool == true else {
                let code = answer.text("code")
                return code == "not-recording" || code == "ended" ? nil : .failed(answer.text("error"))
            }
            if answer["microphone"] != nil {
                // What the lesson has then is silence.
                let reason = answer.text("reason")
                if answer.text("phase") == "failed", let lost = reason.remainder(after: "microphone: ") {
                    return .failed(lost)
                }
                (problem, note) = (answer.text("microphone.problem"), answer.text("microphone.note"))
                measuredRate = answer.at("microphone.measuredRate").integer.map { Int(clamping: $0) }
            }
            guard let text = answer["samples"]?.string else { continue }
            let bytes = Base64.decode(text)
            var samples: [Int16] = []
            for place in 0..<bytes.count / 2 {
                samples.append(Int16(truncatingIfNeeded: Int(bytes[2 * place]) | Int(bytes[2 * place + 1]) << 8))
            }
            if !take(samples) { return .enough }
        }
        return .failed("the recorder ended")
    }

    /// Nil: a lesson begins.
    @inline(never)
    private func hearDevice() -> End? {
        // Its status is told when it changes.
        client?.send { $0.field("do", "follow") }
        awaitStandby()
        do throws(CaptureError) {
            let reader = try MicrophoneReader(settings.capture, wake: client?.fileDescriptor ?? -1)
            while true {
                if lessonBegins() { return nil }
                let samples = try reader.read()
                if !samples.isEmpty, !take(samples) {
                    (problem, note) = reader.faults.described(settings.audio.channel, reader.clock)
                    if problem.isEmpty { problem = reader.mixer.problem }
                    measuredRate = reader.clock.newest?.measuredRate
                    return .enough
                }
            }
        } catch {
            return lessonBegins() ? nil : .failed(error.message)
        }
    }

    /// Asked to listen, a recorder that stands by closes the microphone.
    @inline(never)
    private func awaitStandby() {
        let deadline = Clock.now.adding(milliseconds: Self.standbyMilliseconds)
        while let status = client?.answer(until: deadline), status.text("microphone.standby") == "open" {}
    }

    /// The recorder says when it wants the microphone.
    @inline(never)
    private func lessonBegins() -> Bool {
        guard let client else { return false }
        while let status = client.answer(until: Clock.now) {
            if !status.at("recording").isNull { return true }
        }
        return false
    }
}
