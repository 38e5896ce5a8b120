internal import RecorderCore
internal import RecordingStore

// What the store reports, in the core's words.

extension RecorderInput {
    init?(_ event: StoreEvent) {
        switch event {
        case .opened: self = .storeOpened
        case .committed(let through, _): self = .storeCommitted(through: through)
        case .ringOverrun(let mark): self = .capture(.silence(mark))
        case .failed(let error): self = .storeFailed(error.message)
        case .recovered: self = .storeRecovered
        case .closed(let summary):
            self = .storeClosed(
                samples: summary.samples, words: summary.words, of: summary.header.id, sound: summary.sound)
        case .audio, .removed, .recoveryFailed, .removalFailed, .saved, .closeFailed, .rebuilt, .reached:
            return nil
        }
    }
}
