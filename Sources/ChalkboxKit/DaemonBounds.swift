internal import AudioCapture
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

    /// Of the microphone's thread: whether the kernel lets it go before others is known when it begins.
    /// - Returns: why the microphone is lost, and what to do, in full.
    func note(_ event: CaptureEvent) -> String? {
        if case .started(false) = event { reached(.realtimePriority) }
        guard case .deviceLost = event else { return nil }
        return capture.takeErrors().last?.message
    }
}
