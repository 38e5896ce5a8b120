package import RecorderCore

/// Everything that a run is made of. The same plan makes the same run, so faults can be left out one by one.
package struct Plan: Equatable, Sendable {
    package var seed: UInt64
    /// When the last STOP is pressed.
    package var length: Int64
    /// Nothing goes wrong in the time before the last STOP.
    package var calm: Int64
    package var faults: [Fault]
    // The ways of this network and this service
    var roundTrip: Int64
    var finality: Int64
    var sessionOffset: Int64
    package var writing = Writing.latin
    /// Sessions are answered by models that write some words otherwise.
    var mixesModels = false
    package var settings: RecorderSettings

    static let firstPress: Int64 = 1_000

    /// The lesson of a seed.
    package init(seed: UInt64) {
        var random = RandomSource(seed: seed, stream: 2)
        self.seed = seed
        let isLong = random.percent(10)
        let disturbed = isLong ? random.between(150_000, 420_000) : random.between(15_000, 110_000)
        calm = random.percent(40) ? random.between(20_000, isLong ? 400_000 : 150_000) : 0
        length = disturbed + calm
        roundTrip = random.skewed(2, 800)
        finality = random.between(300, 3_000)
        sessionOffset = random.between(0, 100)
        settings = RecorderSettings(
            transcription: !random.percent(1),
            reconnect: ReconnectPolicy(
                attempts: random.percent(90) ? 6 : Int(random.between(1, 6)),
                jitterMilliseconds: random.percent(80) ? 500 : 0,
                slowProbeMilliseconds: random.percent(90) ? 60_000 : 0, on503: random.percent(95) ? .retry : .fail),
            sessionMilliseconds: random.percent(75) ? 55 * 60_000 : random.between(30_000, 120_000),
            catchUpRate: random.percent(80) ? 1.5 : 2, transcribesLater: chance(seed, 5, 0) % 4 > 0)
        faults = [Fault(at: Self.firstPress, duration: 0, kind: .startPressed)]
        let count = random.next(through: isLong || random.percent(15) ? 14 : 7)
        var last = random.between(Self.firstPress, disturbed)
        for _ in 0..<count {
            // Trouble seldom comes alone.
            let at =
                random.percent(40)
                ? min(disturbed, last + random.skewed(0, 8_000)) : random.between(500, disturbed)
            last = at
            faults.append(Self.fault(at: at, isLong: isLong, latest: disturbed, &random))
        }
        if random.percent(25) { addSecondLesson(latest: disturbed, &random) }
        addPowerCuts(latest: disturbed)
        addMutedMicrophone(latest: disturbed)
        addServiceErrors(latest: disturbed)
        chooseWriting()
        addLeftOutAudio(latest: disturbed)
        faults.sort { $0.at < $1.at }
    }

    /// Drawn by themselves, so that what else a seed means stays the same.
    private mutating func addPowerCuts(latest: Int64) {
        var random = RandomSource(seed: seed, stream: 4)
        guard random.percent(12) else { return }
        for _ in 0..<random.between(1, 3) {
            let at = random.between(Self.firstPress, latest)
            let away = random.percent(70) ? random.skewed(300, 30_000) : random.between(30_000, 150_000)
            faults.append(Fault(at: at, duration: min(away, length - at), kind: .powerCut))
        }
    }

    /// Drawn by itself, too.
    private mutating func addMutedMicrophone(latest: Int64) {
        var random = RandomSource(seed: seed, stream: 6)
        guard random.percent(8) else { return }
        let at = random.between(Self.firstPress, latest)
        faults.append(Fault(at: at, duration: min(random.between(5_000, 90_000), length - at), kind: .muted))
    }

    /// What the service's error types say, which are newer than the rest. Drawn by itself, too.
    private mutating func addServiceErrors(latest: Int64) {
        var random = RandomSource(seed: seed, stream: 7)
        guard random.percent(15) else { return }
        for _ in 0..<random.between(1, 4) {
            let at = random.between(Self.firstPress, latest)
            let end: ServiceErrorType? =
                switch random.next(through: 9) {
                case 0..<4: .maxDurationReached
                case 4..<6: .keySessionExpired
                case 6: .serviceUnavailable
                case 7: .unauthenticated
                default: nil
                }
            if let end {
                let number = random.percent(80) ? 413 : 0
                faults.append(
                    Fault(at: at, duration: 0, kind: .sessionsEnd(.service(.message(code: number, type: end)))))
            } else {
                let type: ServiceErrorType = random.percent(50) ? .limitExceeded : .connectionsReached
                let length = min(random.skewed(500, 60_000), latest - at)
                faults.append(Fault(at: at, duration: length, kind: .noPlace(type)))
            }
        }
    }

    /// Half of the lessons are in letters that a seam takes otherwise. Drawn by itself, too.
    private mutating func chooseWriting() {
        var random = RandomSource(seed: seed, stream: 8)
        if random.percent(60) {
            writing = Writing.allCases[Int(random.next(through: Int64(Writing.allCases.count) - 1))]
        }
        mixesModels = random.percent(10)
    }

    /// Drawn by itself, too.
    private mutating func addLeftOutAudio(latest: Int64) {
        var random = RandomSource(seed: seed, stream: 9)
        guard random.percent(10) else { return }
        for _ in 0..<random.between(1, 3) {
            let at = random.between(Self.firstPress, latest)
            faults.append(Fault(at: at, duration: random.skewed(2_600, 12_000), kind: .audioLeftOut))
        }
    }

    /// STOP, and START again soon: what the first lesson has left behind must not reach into the second.
    private mutating func addSecondLesson(latest: Int64, _ random: inout RandomSource) {
        let stop = random.between(3_000, latest)
        let start = min(length - 1_500, stop + random.skewed(20, 20_000))
        faults.append(Fault(at: stop, duration: 0, kind: .stopPressed))
        faults.append(Fault(at: start, duration: 0, kind: .startPressed))
        if random.percent(30) { faults.append(Fault(at: start + 500, duration: 0, kind: .startPressed)) }
        guard random.percent(60) else { return }
        let kinds: [Fault.Kind] = [
            .captureStuck, .diskFails, .diskSlow, .uplinkBlocked, .loopBusy, .noLastWord, .blackHole,
            .carrierLost(newAddress: false),
        ]
        let at = max(0, stop - random.skewed(10, 5_000))
        faults.append(
            Fault(
                at: at, duration: random.between(500, 16_000), kind: kinds[Int(random.next(through: 7))],
                hint: random.percent(50) ? 20 : nil))
    }

    private static func fault(at: Int64, isLong: Bool, latest: Int64, _ random: inout RandomSource) -> Fault {
        let longest: Int64 = isLong && random.percent(50) ? 150_000 : 25_000
        var fault = Fault(at: at, duration: min(latest - at, random.skewed(50, longest)), kind: .blackHole)
        switch random.next(through: 99) {
        case 0..<14: fault.kind = .carrierLost(newAddress: random.percent(40))
        case 14..<24: fault.kind = .blackHole
        case 24..<30:
            fault.kind = .stall
            fault.duration = random.between(100, 2_500)
        case 30..<36:
            fault.kind = .addressChanged
            // The old way may still work for a while.
            fault.duration = random.percent(50) ? 0 : random.between(500, 5_000)
        case 36..<41:
            fault.kind = .flapping
            fault.duration = random.between(200, 6_000)
        case 41..<45:
            fault.kind = .falseHint(isUp: random.percent(60))
            fault.duration = 0
        case 45..<52: fault.kind = .token(tokenTrouble(&random))
        case 52..<58: 
            switch random.next(through: 7) {
            case 0, 1: fault.kind = .serviceHangs
            case 2: fault.kind = .serviceMute
            default: fault.kind = .serviceRefuses(refusal(&random))
            }
        case 58..<72:
            fault.kind = random.percent(8) ? .sessionsFinish : .sessionsEnd(sessionEnd(&random))
            fault.duration = 0
        case 72..<75: fault.kind = .slowWords
        case 75..<77:
            fault.kind = .strictPace
            fault.duration = 1_000_000
        case 77..<79: fault.kind = .finalTokensTwice
        default: boxFault(&fault, &random)
        }
        switch random.next(through: 9) {
        case 0..<6: fault.hint = random.next(through: 100)
        case 6..<8: fault.hint = random.between(100, 8_000)
        default: fault.hint = nil
        }
        return fault
    }

    private static func boxFault(_ fault: inout Fault, _ random: inout RandomSource) {
        switch random.next(through: 20) {
        case 0..<2: fault.kind = .microphoneLost
        case 2..<4:
            fault.kind = .overrun
            fault.duration = random.between(100, 2_000)
        case 4: fault.kind = .captureStuck
        case 5..<7: fault.kind = .diskFails
        case 7: fault.kind = .diskSlow
        case 8..<10:
            fault.kind = .uplinkBlocked
            fault.duration = random.between(500, 6_000)
        case 10..<12:
            fault.kind = .loopBusy
            fault.duration = random.between(500, 3_000)
        case 12:
            fault.kind = .wallClockJumps
            fault.duration = 0
        case 13: fault.kind = .noLastWord
        case 14..<17:
            fault.kind = .startPressed
            fault.duration = 0
        default:
            fault.kind = .stopPressed
            fault.duration = 0
        }
    }

    private static func tokenTrouble(_ random: inout RandomSource) -> Fault.TokenTrouble {
        switch random.next(through: 19) {
        case 0: .status(401)
        case 1: .status(403)
        case 2..<5: .status(429)
        // "At once" is among what servers say.
        case 5..<8: .busy(seconds: Int(random.between(1, 40)) % 40)
        case 8..<11: .status(500)
        case 11..<14: .status(503)
        case 14..<17: .hangs
        default: .keysExpire(seconds: Int(random.between(1, 120)))
        }
    }

    private static func refusal(_ random: inout RandomSource) -> UplinkFailure.Cause {
        switch random.next(through: 15) {
        case 0: .service(.httpStatus(401))
        case 1..<3: .service(.httpStatus(429))
        case 3..<6: .service(.httpStatus(503))
        case 6..<8: .service(.httpStatus(500))
        case 8..<11: .network(.refused)
        case 11: .network(.tlsHandshake)
        case 12: .network(.nameResolution)
        case 13: .network(.tlsUntrusted)
        default: .network(.reset)
        }
    }

    private static func sessionEnd(_ random: inout RandomSource) -> UplinkFailure.Cause {
        switch random.next(through: 15) {
        case 0..<4: .service(.message(code: 503))
        case 4: .service(.message(code: 408))
        case 5: .service(.message(code: 500))
        case 6: .service(.message(code: 401))
        case 7..<10: .network(.closedEarly)
        case 10..<14: .network(.reset)
        case 14: .network(.timeout)
        default: .service(.messageMalformed)
        }
    }
}
