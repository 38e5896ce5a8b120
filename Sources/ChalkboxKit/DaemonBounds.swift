internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore

/// Bounds that the adapters count by themselves, each since it was made: they are asked in each round.
extension Daemon {
    func noteBounds() {
        counted(.captureEvents, total: Int64(capture.missedEvents))
        counted(.networkMessages, total: network.unreadMessages)
        counted(.networkTables, total: network.ignoredEntries)
        counted(.buttonEdges, total: panel.lostEdges)
        counted(.blockedLessons, total: outbox.unlistedBlocked)
    }

    /// Of the microphone's thread: whether the kernel lets it go before others is known when it begins, and what the
    /// sound card's mixer does when the device is open.
    func note(_ event: CaptureEvent) {
        if case .started(false) = event { reached(.realtimePriority) }
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
        let (elements, problem) = (opening.mixer.elements, opening.mixer.problem)
        guard !elements.isEmpty || !problem.isEmpty else { return }
        let text = LogEntry.quoted(elements.map { $0.text }.joined(separator: ", "))
        let reason = problem.isEmpty ? "" : " reason=" + LogEntry.quoted(problem)
        log.write(problem.isEmpty ? .info : .warning, "mixer elements=" + text + reason)
    }
}
