import RecorderCore
import Testing

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(milliseconds: milliseconds) }

@Suite struct `The watchdog's food` {
    private func threads(store isCurrent: Bool, isBlocked: Bool = false) -> [WatchdogPolicy.Thread] {
        [
            .init(name: "capture", isCurrent: true, isBlockedInKernel: false),
            .init(name: "store", isCurrent: isCurrent, isBlockedInKernel: isBlocked),
        ]
    }

    @Test func `is given four times in the manager's time-out, and never when nobody watches`() {
        var policy = WatchdogPolicy(timeoutMilliseconds: 20_000, at: at(0))
        #expect(policy.elapsed(at: at(0)) { threads(store: true) } == .feed(recovered: nil))
        #expect(policy.nextDeadline == at(5_000))
        #expect(policy.elapsed(at: at(4_999)) { threads(store: true) } == nil)
        #expect(policy.elapsed(at: at(5_000)) { threads(store: true) } == .feed(recovered: nil))
        var idle = WatchdogPolicy(timeoutMilliseconds: nil, at: at(0))
        #expect(idle.nextDeadline == nil)
        #expect(idle.elapsed(at: at(60_000)) { threads(store: false) } == nil)
    }

    @Test func `is withheld while a thread hangs, which is told once, and triggers before the manager sees it`() {
        var policy = WatchdogPolicy(timeoutMilliseconds: 20_000, at: at(0))
        func step(_ time: Int64, _ isCurrent: Bool) -> WatchdogPolicy.Step? {
            policy.elapsed(at: at(time)) { threads(store: isCurrent) }
        }
        #expect(step(0, true) == .feed(recovered: nil))
        #expect(step(5_000, false) == .withhold(thread: "store", isNew: true, triggers: false))
        #expect(step(10_000, false) == .withhold(thread: "store", isNew: false, triggers: false))
        #expect(step(15_000, false) == .withhold(thread: "store", isNew: false, triggers: true))
        #expect(step(20_000, false) == .withhold(thread: "store", isNew: false, triggers: false))
        #expect(step(25_000, true) == .feed(recovered: "store"))
        #expect(step(30_000, true) == .feed(recovered: nil))
    }

    @Test func `is given while a thread waits for a device in the kernel`() {
        var policy = WatchdogPolicy(timeoutMilliseconds: 20_000, at: at(0))
        #expect(policy.elapsed(at: at(0)) { threads(store: false, isBlocked: true) } == .feed(recovered: nil))
    }
}

@Suite struct `START and STOP` {
    /// What comes of an edge that stays.
    private func press(
        _ buttons: inout ButtonPair, _ button: ButtonPair.Button, at time: Int64
    ) -> ButtonPair.Event? {
        #expect(buttons.edge(button, pressed: true, at: at(time)) == nil)
        #expect(!buttons.isDue(button, at: at(time + 29)))
        #expect(buttons.isDue(button, at: at(time + 30)))
        return buttons.elapsed(button, at: at(time + 30), isPressed: true)
    }

    @Test func `are pressed when they are stable, and nothing comes of the release`() {
        var buttons = ButtonPair(stableMilliseconds: 30, isOneButton: false)
        #expect(buttons.nextDeadline == nil)
        #expect(press(&buttons, .start, at: 0) == .pressed(.start))
        #expect(buttons.edge(.start, pressed: false, at: at(100)) == nil)
        #expect(buttons.nextDeadline == at(130))
        #expect(buttons.elapsed(.start, at: at(130), isPressed: false) == nil)
        #expect(press(&buttons, .stop, at: 200) == .pressed(.stop))
    }

    @Test func `are ignored while the other is held`() {
        var buttons = ButtonPair(stableMilliseconds: 30, isOneButton: false)
        #expect(press(&buttons, .start, at: 0) == .pressed(.start))
        #expect(press(&buttons, .stop, at: 100) == .ignored(.stop))
    }

    @Test func `are one button when they are one line`() {
        var buttons = ButtonPair(stableMilliseconds: 30, isOneButton: true)
        #expect(press(&buttons, .start, at: 0) == .pressed(.toggle))
    }

    @Test func `are told when something leans on them, and forget it with their line`() {
        var buttons = ButtonPair(stableMilliseconds: 30, isOneButton: false)
        #expect(press(&buttons, .start, at: 0) == .pressed(.start))
        #expect(buttons.elapsed(.start, at: at(30_000), isPressed: true) == .stuck(.start))
        // It holds nobody up any more.
        #expect(press(&buttons, .stop, at: 31_000) == .pressed(.stop))
        buttons.reset(.start, heldSince: at(40_000))
        #expect(buttons.edge(.start, pressed: false, at: at(41_000)) == nil)
        #expect(buttons.elapsed(.start, at: at(41_030), isPressed: false) == nil)
        #expect(press(&buttons, .start, at: 42_000) == .ignored(.start))
    }
}

@Suite struct `The secret for uploads` {
    @Test func `is read again every ten seconds while the servers refuse it`() {
        var secret = UploadSecret(bearer: "old", problem: nil, isConnected: true)
        #expect(secret.nextDeadline(isAuthorizationBlocked: false) == nil)
        let (first, second) = (secret.isDue(at: at(1_000)), secret.isDue(at: at(10_999)))
        #expect(first && !second)
        #expect(secret.nextDeadline(isAuthorizationBlocked: true) == at(11_000))
        let (same, other) = (secret.found("old"), secret.found("new"))
        #expect(!same && other)
        #expect(secret.bearer == "new")
    }

    @Test func `mends what was wrong with its file, though it is the same`() {
        var secret = UploadSecret(bearer: "old", problem: nil, isConnected: true)
        secret.failed("/s: Permission denied")
        #expect(secret.problem?.detail.contains("Permission denied") == true)
        let isMended = secret.found("old")
        #expect(isMended && secret.problem == nil)
    }

    @Test func `mends nothing without connections`() {
        let problem = UplinkFailure(.configuration, "tls.ca_file")
        var secret = UploadSecret(bearer: "old", problem: problem, isConnected: false)
        let isMended = secret.found("new")
        #expect(!isMended && secret.problem == problem)
    }
}
