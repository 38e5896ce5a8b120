internal import RecorderCore

/// One session, from both ends: the adapter that paces its audio and the service that recognises it.
final class Session {
    enum Phase {
        case connecting
        case live
        /// The service has sent its last word.
        case finished
        case over
    }

    let serial: Int
    let recording: Int
    let request: SessionRequest
    let address: Int
    let startedAt: Int64
    var phase = Phase.connecting
    var isMute = false
    /// How the handshake ends; nil: well.
    var refusal: UplinkFailure?
    // The adapter
    var sent: Int64
    var finishAt: Int64?
    /// Thousandths of samples that may be sent at once.
    private var credit = Limits.burstSamples * 1_000
    private var paidAt: Int64 = 0
    var heardAt: Int64 = 0
    let deadAfter: Int64
    // The service
    var openedAt: Int64 = 0
    var recogniser: Recogniser
    var leftOut = LeftOutAudio()

    init(serial: Int, recording: Int, request: SessionRequest, address: Int, now: Int64, recogniser: Recogniser) {
        self.serial = serial
        self.recording = recording
        self.request = request
        self.address = address
        startedAt = now
        sent = request.base.value
        finishAt = request.end?.value
        deadAfter = 3_000 + Int64(serial % 3) * 100
        self.recogniser = recogniser
    }

    func opened(now: Int64) {
        phase = .live
        openedAt = now
        paidAt = now
        heardAt = now
    }

    /// `SessionPacer`'s rule: a burst of 2 s, then the catch-up rate.
    func send(now: Int64, head: Int64) {
        let perMillisecond = Int64(max(1, request.catchUpRate) * 1_000) * SampleIndex.samplesPerMillisecond
        credit = min(Limits.burstSamples * 1_000, credit + (now - paidAt) * perMillisecond)
        paidAt = now
        let available = min(head, finishAt ?? head)
        var count = min(max(0, available - sent), credit / 1_000)
        let isLast = finishAt.map { sent + count >= $0 } ?? false
        if !isLast { count -= count % Limits.periodSamples }
        credit -= count * 1_000
        sent += count
    }

    var isAllSent: Bool { finishAt.map { sent >= $0 } ?? false }
}
