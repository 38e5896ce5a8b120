internal import LinuxRuntime
internal import RecorderCore

/// Deletes uploaded recordings one at a time, between the store's commits.
final class RetentionWorker {
    /// Raised when what `isAsked` asked for is done.
    let done: EventNotifier
    private let deleter: RecordingDeleter
    private let policy: RetentionPolicy?
    private var deletions: [Retention.Deletion] = []
    private var isAsked = false
    /// A power cut may have left some.
    private var hasFinishedOld = false

    init(_ layout: StateLayout, _ index: IndexWriter, _ policy: RetentionPolicy?) throws(StoreError) {
        done = try onFile { () throws(SystemError) in try EventNotifier() }
        deleter = RecordingDeleter(layout, index)
        self.policy = policy
    }

    var isWorking: Bool { isAsked || !deletions.isEmpty }

    /// Finds out what may go.
    /// - Parameter isAsked: somebody waits for `done`.
    func plan(_ index: RecordingIndex, _ emit: (StoreEvent) -> Void, isAsked: Bool = false) {
        self.isAsked = self.isAsked || isAsked
        attempt(emit) { () throws(StoreError) in
            if !hasFinishedOld {
                try deleter.finishAll { emit(.deleted(Retention.Deletion(id: $0, bytes: $1, reason: .unfinished))) }
            }
            hasFinishedOld = true
            guard let policy else { return }
            let now = Clock.isSynchronised ? Clock.wall : nil
            deletions = try deleter.plan(try index.uploaded(), policy: policy, now: now)
        }
    }

    /// Deletes one recording.
    func work(_ emit: (StoreEvent) -> Void) {
        attempt(emit) { () throws(StoreError) in
            guard let next = deletions.first else { return }
            deletions.removeFirst()
            try deleter.delete(next.id)
            emit(.deleted(next))
        }
        if deletions.isEmpty, isAsked {
            isAsked = false
            done.raise()
        }
    }

    private func attempt(_ emit: (StoreEvent) -> Void, _ body: () throws(StoreError) -> Void) {
        do throws(StoreError) {
            try body()
        } catch {
            deletions = []
            hasFinishedOld = false
            emit(.deletionFailed(error.message))
        }
    }
}
