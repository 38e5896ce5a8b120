internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import SpeechUplink

/// Bounds that the adapters count by themselves, each since it was made: they are asked in each round.
extension Daemon {
    func noteBounds() {
        counted(.captureEvents, total: Int64(capture.missedEvents))
        counted(.networkMessages, total: network.unreadMessages)
        counted(.networkTables, total: network.ignoredEntries)
        counted(.buttonEdges, total: panel.lostEdges)
        counted(.blockedLessons, total: outbox.unlistedBlocked)
        if let uplink { counted(.terms, total: uplink.unsentTerms) }
    }

    /// Of the microphone's thread: whether the kernel lets it go before others is known when it begins, and what the
    /// sound card's mixer does when the device is open.
    func note(_ event: CaptureEvent) {
        if case .started(false) = event { reached(.realtimePriority) }
        // What is plugged in next is looked at when it was opened.
        if case .deviceLost = event { mixerDue = nil }
        if let opening = capture.takeOpening() { note(opening) }
    }

    private func note(_ opening: CaptureOpening) {
        let before = self.opening?.device ?? settings.audio.device
        self.opening = opening
        if opening.device != before {
            let reason = opening.fallbackReason.map { " reason=" + LogEntry.quoted($0) } ?? ""
            let state = opening.fallbackReason == nil ? "first" : "fallback"
            log.write(.warning, "microphone state=\(state) device=" + LogEntry.quoted(opening.device) + reason)
        }
        // Who left the mixer alone has nothing to lose; and all that the loop does waits for the look.
        mixerDue = settings.audio.captureVolume.map { _ in
            Clock.now.adding(milliseconds: Limits.mixerSettleMilliseconds)
        }
        tell(opening.mixer, because: opening.mixer.problem)
    }

    /// Somebody else may have set the mixer after the microphone was opened.
    func noteMixer() {
        guard let due = mixerDue, Clock.now >= due, let opening else { return }
        mixerDue = nil
        let (found, now) = capture.tendMixer(of: opening)
        guard found.elements != opening.mixer.elements else { return }
        self.opening?.mixer = now
        tell(now, because: now.problem.isEmpty ? "somebody else had set it to " + Self.text(found) : now.problem)
    }

    private static func text(_ mixer: MixerReport) -> String {
        mixer.elements.map { $0.text }.joined(separator: ", ")
    }

    private func tell(_ mixer: MixerReport, because problem: String) {
        guard !mixer.elements.isEmpty || !problem.isEmpty else { return }
        let reason = problem.isEmpty ? "" : " reason=" + LogEntry.quoted(problem)
        log.write(problem.isEmpty ? .info : .warning, "mixer elements=" + LogEntry.quoted(Self.text(mixer)) + reason)
    }
}
