internal import Dispatch
internal import Foundation

/// Runs one session's recogniser on a queue of its own, off the event loop, and says what came of it.
final class Transcriber: @unchecked Sendable {
    enum Outcome: Sendable {
        /// A message for the client, and the pieces of a text lesson that are final by it.
        case message(String, said: [Range<Int>])
        /// So many bytes given to `feed` have been dealt with.
        case consumed(bytes: Int)
        /// The audio has ended: the last finals, then the message that says so.
        case finished(last: String, said: [Range<Int>], finished: String)
        case failed(RecogniserError)
    }

    /// One answer for so much audio at most, so that interim words are seen even when frames are long.
    private static let sliceSamples = 120 * samplesPerMillisecond

    private let queue = DispatchQueue(label: "chalkbox-cloud.recogniser")
    private let kind: RecogniserKind
    private let extras: ServiceMessage.Extras
    private let session: Int
    private let faults: FaultSwitchboard
    private let deliver: @Sendable (Outcome) -> Void
    // Below: used on the queue only.
    private var recogniser: (any Recogniser)?
    private var distorter: RecognitionDistorter
    private var oddByte: UInt8?
    private var isDead = false

    init(
        kind: RecogniserKind, session: Int, extras: ServiceMessage.Extras, faults: FaultSwitchboard,
        deliver: @escaping @Sendable (Outcome) -> Void
    ) {
        self.kind = kind
        self.session = session
        self.extras = extras
        self.faults = faults
        distorter = RecognitionDistorter(session: session)
        self.deliver = deliver
        onRecogniser { _ in }
    }

    /// Takes the next audio bytes, which may end in the middle of a sample.
    func feed(_ bytes: [UInt8]) {
        onRecogniser { [self] recogniser in
            let samples = wholeSamples(bytes)
            for start in stride(from: 0, to: samples.count, by: Self.sliceSamples) {
                let slice = Array(samples[start..<min(start + Self.sliceSamples, samples.count)])
                let (text, said) = message(recogniser.feed(slice))
                deliver(.message(text, said: said))
            }
            deliver(.consumed(bytes: bytes.count))
        }
    }

    /// What comes meanwhile waits.
    func pause(milliseconds: Int) {
        queue.async { Thread.sleep(forTimeInterval: Double(milliseconds) / 1_000) }
    }

    func finalize() {
        onRecogniser { [self] recogniser in
            let (text, said) = message(recogniser.finalize(), isFlush: true, isFinalized: true)
            deliver(.message(text, said: said))
        }
    }

    func finish() {
        onRecogniser { [self] recogniser in
            let last = recogniser.finish()
            let (text, said) = message(last, isFlush: true)
            deliver(.finished(last: text, said: said, finished: ServiceMessage.finished(last)))
        }
    }

    private func message(
        _ recognition: Recognition, isFlush: Bool = false, isFinalized: Bool = false
    ) -> (text: String, said: [Range<Int>]) {
        let plan = faults.plan
        var extras = extras
        extras.unknown = plan.unknownFields
        if plan.translations { extras.translation = true }
        extras.firstUntimed = plan.firstUntimed
        let distorted = distorter.distort(recognition, plan, isFlush: isFlush)
        return (
            ServiceMessage.result(distorted, extras: extras, isFinalized: isFinalized),
            distorted.finals.compactMap(\.pieces)
        )
    }

    /// Drops the recogniser and whatever has not been looked at.
    func abandon() {
        queue.async { [self] in
            isDead = true
            recogniser = nil
        }
    }

    private func onRecogniser(_ body: @escaping @Sendable (any Recogniser) -> Void) {
        queue.async { [self] in
            guard !isDead else { return }
            do throws(RecogniserError) {
                if recogniser == nil { recogniser = try makeRecogniser() }
                if let recogniser { body(recogniser) }
            } catch {
                isDead = true
                deliver(.failed(error))
            }
        }
    }

    private func makeRecogniser() throws(RecogniserError) -> any Recogniser {
        try kind.makeRecogniser(habits: ScriptHabits(faults.plan, session: session))
    }

    private func wholeSamples(_ bytes: [UInt8]) -> [Int16] {
        let all = oddByte.map { [$0] + bytes } ?? bytes
        oddByte = all.count % 2 == 1 ? all.last : nil
        return all.withUnsafeBytes { raw in
            (0..<(raw.count / 2)).map { Int16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: Int16.self)) }
        }
    }
}
