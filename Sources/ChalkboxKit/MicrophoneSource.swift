internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import WireJSON

/// The microphone's samples, whoever has it: a lesson's own from the recorder, or else from the device itself. A lesson
/// that begins meanwhile takes the device, and its samples follow.
struct MicrophoneSource {
    enum End: Equatable {
        /// The caller has enough.
        case enough
        case failed(String)
    }

    let settings: Settings
    private let client: DaemonClient?
    /// What is wrong with the device though it delivers; empty: nothing.
    private(set) var problem = ""
    /// What is worth knowing about it, and costs no sound.
    private(set) var note = ""

    init(_ settings: Settings, _ arguments: Arguments) {
        self.settings = settings
        client = try? ClientCommands.connect(arguments)
    }

    /// - Parameter take: given the samples as they come; false: it has enough.
    mutating func hear(_ take: ([Int16]) -> Bool) -> End {
        while true {
            if let end = hearLesson(take) { return end }
            if let end = hearDevice(take) { return end }
        }
    }

    /// Nil: no lesson is recorded.
    private mutating func hearLesson(_ take: ([Int16]) -> Bool) -> End? {
        guard let client else { return nil }
        client.send { $0.field("do", "status") }
        client.send { $0.field("do", "listen") }
        while let answer = client.answer() {
            guard answer["ok"]?.bool == true else {
                let code = answer.text("code")
                return code == "not-recording" || code == "ended" ? nil : .failed(answer.text("error"))
            }
            if answer["microphone"] != nil {
                (problem, note) = (answer.text("microphone.problem"), answer.text("microphone.note"))
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
    private mutating func hearDevice(_ take: ([Int16]) -> Bool) -> End? {
        // Its status is told when it changes.
        client?.send { $0.field("do", "follow") }
        do throws(CaptureError) {
            let reader = try MicrophoneReader(settings.capture, wake: client?.fileDescriptor ?? -1)
            while true {
                if lessonBegins() { return nil }
                let samples = try reader.read()
                if !samples.isEmpty, !take(samples) {
                    (problem, note) = reader.faults.described(settings.audio.channel, reader.clock)
                    if problem.isEmpty { problem = reader.mixer.problem }
                    return .enough
                }
            }
        } catch {
            return lessonBegins() ? nil : .failed(error.message)
        }
    }

    /// The recorder says when it wants the microphone.
    private func lessonBegins() -> Bool {
        guard let client else { return false }
        while let status = client.answer(until: Clock.now) {
            if !status.at("recording").isNull { return true }
        }
        return false
    }
}
