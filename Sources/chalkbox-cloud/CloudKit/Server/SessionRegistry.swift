/// The sessions that were let in and are open, and the account's limits on them. Used on the event loop only.
final class SessionRegistry: @unchecked Sendable {
    private var open: [Int: SpeechSession] = [:]
    private var admissionsMilliseconds: [Int] = []

    /// In the order they began.
    var all: [SpeechSession] { open.values.sorted { $0.number < $1.number } }

    /// What a further session is told, when there may be none.
    func refusal(_ plan: FaultPlan, at now: Int) -> ServiceError? {
        if let limit = plan.maximumSessions, open.count >= limit {
            return ServiceError(.connectionsReached)
        }
        admissionsMilliseconds.removeAll { $0 <= now - 60_000 }
        if let limit = plan.maximumRequestsPerMinute, admissionsMilliseconds.count >= limit {
            return ServiceError(code: 429, type: "limit_exceeded", message: "Requests per minute limit exceeded.")
        }
        return nil
    }

    func admit(_ session: SpeechSession, at now: Int) {
        open[session.number] = session
        admissionsMilliseconds.append(now)
    }

    func remove(_ session: SpeechSession) { open[session.number] = nil }
}
