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
}
