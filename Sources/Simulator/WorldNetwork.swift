internal import RecorderCore

/// The way from the box to the service.
struct Network {
    /// Faults that keep every packet.
    var blocks = 0
    /// Faults of which the system knows that there is no route.
    var downs = 0
    /// Counts the box's addresses: a connection belongs to one of them.
    var address = 0
    /// Until then the address before still works.
    var oldAddressUntil: Int64 = 0
}

extension World {
    static let debounceMilliseconds: Int64 = 50

    /// Whether packets of a connection that was made from `address` arrive.
    func isReachable(from address: Int) -> Bool {
        network.blocks == 0 && network.downs == 0
            && (address == network.address || (address == network.address - 1 && now < network.oldAddressUntil))
    }

    /// Half of the round trip, with jitter.
    func travel() -> Int64 {
        plan.roundTrip / 2 + random.skewed(0, 20 + plan.roundTrip / 2)
    }

    func begin(_ number: Int) {
        let fault = plan.faults[number]
        isActive[number] = true
        trace?("\(time) # \(fault)")
        switch fault.kind {
        case .carrierLost:
            network.downs += 1
            hint(isUp: false, fault)
        case .blackHole, .stall:
            network.blocks += 1
        case .addressChanged:
            network.address += 1
            network.oldAddressUntil = now + fault.duration
            checker.troubled(now: now)
            hint(isUp: true, fault)
        case .flapping:
            queue.add(.flap(number, edge: 0), at: now)
        case .falseHint(let isUp):
            hint(isUp: isUp, fault)
        case .sessionsEnd(let kind):
            let failure = UplinkFailure(kind, "the service ended the session")
            let on503 = plan.settings.reconnect.on503
            // After STOP nothing else is tried then.
            if !Classification.verdict(on: failure, on503: on503, keyWasGood: true).isTransient {
                checker.troubled(now: now)
            }
            endSessions(failure)
        case .sessionsFinish: finishSessions()
        case .uplinkBlocked: uplink.blockedUntil = max(uplink.blockedUntil, now + fault.duration)
        case .microphoneLost:
            if capture.isRunning, planted != .untoldLoss { receive(.capture(.deviceLost(reason: "no such device"))) }
        case .wallClockJumps: jumpWallClock()
        case .powerCut: powerGoes()
        case .startPressed: press(isStart: true)
        case .stopPressed: press(isStart: false)
        case .token, .serviceRefuses, .serviceHangs, .serviceMute, .noPlace, .slowWords, .strictPace,
            .finalTokensTwice, .noLastWord, .audioLeftOut, .overrun, .muted, .captureStuck, .diskFails, .diskSlow,
            .loopBusy:
            break
        }
        queue.add(.faultEnds(number), at: now + fault.duration)
    }

    func end(_ number: Int) {
        let fault = plan.faults[number]
        isActive[number] = false
        checker.faultEnded(fault, now: now)
        switch fault.kind {
        case .carrierLost(let newAddress):
            network.downs -= 1
            if newAddress { network.address += 1 }
            hint(isUp: true, fault)
        case .blackHole, .stall:
            network.blocks -= 1
        case .microphoneLost:
            if capture.isRunning, !isOn({ $0 == .microphoneLost }) { receive(.capture(.deviceBack)) }
        case .powerCut: powerReturns()
        default:
            break
        }
    }

    private func hint(isUp: Bool, _ fault: Fault) {
        guard let delay = fault.hint, !isOff else { return }
        queue.add(.hint(isUp: isUp), at: now + Self.debounceMilliseconds + delay)
    }

    /// 5 Hz: 100 ms down, 100 ms up, each told after the debounce.
    func flap(_ number: Int, _ edge: Int) {
        let fault = plan.faults[number]
        let isOver = now >= fault.at + fault.duration
        if edge % 2 == 0 {
            guard !isOver else { return }
            network.downs += 1
        } else {
            network.downs -= 1
        }
        if fault.hint != nil, !isOff { queue.add(.hint(isUp: edge % 2 == 1), at: now + Self.debounceMilliseconds) }
        queue.add(.flap(number, edge: edge + 1), at: now + 100)
    }
}
