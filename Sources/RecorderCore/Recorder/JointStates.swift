/// Which states of the recorder's machines go together: the table at the head of `Recorder.swift`.
extension Recorder {
    /// Only debug builds call it.
    func checkJointStates() -> Bool {
        guard let lesson else { return true }
        let uplink = lesson.uplink
        let isPrimaryAllowed: Bool
        let isSecondaryAllowed: Bool
        switch lesson.stage {
        case .recording:
            isPrimaryAllowed = uplink.primary.state.step != .idle || !settings.transcription || uplink.hasFailed
            isSecondaryAllowed = uplink.primary.isLive
        case .stoppingCapture:
            isPrimaryAllowed = true
            isSecondaryAllowed = uplink.secondary?.fillsGap == true
        case .finalWords:
            isPrimaryAllowed = lesson.end != nil
            isSecondaryAllowed = uplink.secondary?.fillsGap == true
        case .closingStore:
            isPrimaryAllowed = uplink.primary.state.step == .idle && uplink.prefetched.isNone
            isSecondaryAllowed = false
        }
        // A machine that waits for nothing would wait for ever: only a failed primary may wait for the network alone.
        let isWaiting = uplink.primary.state.step == .idle || uplink.primary.deadline != nil || uplink.hasFailed
        return isPrimaryAllowed && (isSecondaryAllowed || !uplink.hasSecondary) && isWaiting
    }
}
