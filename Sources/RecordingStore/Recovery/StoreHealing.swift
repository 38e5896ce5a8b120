internal import LinuxRuntime
internal import RecorderCore

/// An index that is damaged while it is used goes the way of one that is found so at a start.
extension StoreWorker {
    /// Whether the index has been found to be damaged, by who writes it or who reads it.
    var isFaulty: Bool {
        let (writer, reader) = (index.database, summaries.database)
        if !reader.fault.isEmpty { _ = writer.damaged(reader.fault) }
        return !writer.fault.isEmpty
    }

    /// Whether the index still gives back what was written. That it is busy says nothing.
    @inline(never)
    func checkRow(of recording: OpenRecording) {
        try? summaries.checkRow(of: recording.header.id)
        _ = isFaulty
    }

    /// An index that somebody has written is read through: what this thread remembers of it need not be there any more.
    func checkFile() {
        guard !isFaulty, index.database.isWrittenByOthers, !index.database.hasMoved else { return }
        IndexSchema.check(inUse: index.database)
    }

    /// A recording that was left open has the number of its row: it goes on, or is closed, before there is another.
    var healingDeadline: MonotonicTime? { !isFaulty || left != nil ? nil : nextHealing }

    /// What is damaged in the course of time goes the way of what is found so at a start.
    @inline(never)
    func healIndex() {
        guard isFaulty, left == nil, nextHealing <= Clock.now else { return }
        nextHealing = Clock.now.adding(milliseconds: Limits.commitMilliseconds)
        var recording: OpenRecording?
        switch phase {
        case .idle: break
        case .open(let open), .closing(let open, _): recording = open
        }
        do throws(StoreError) {
            let reason = index.database.damaged(index.database.fault).message
            let opened = try IndexFile(layout, now: Clock.wall).replace(because: reason, &keptIndex)
            try index.use(opened.database)
            postLesson.forgetRows()
            try summaries.reopen()
            recording?.indexIsNew(DamagedIndexReader.all(in: layout, first: opened.kept))
            (keptIndex, isHealingRefused) = (nil, false)
            importOrphans(opened, sparing: recording)
            nextCommit = Clock.now
        } catch {
            if !isHealingRefused { emit(.recoveryFailed(error.message)) }
            isHealingRefused = true
        }
    }

    /// Enters the other recordings, and takes what comes of this one meanwhile.
    private func importOrphans(_ opened: IndexFile.Opened, sparing recording: OpenRecording?) {
        let answer = index.onProgress
        defer { index.onProgress = answer }
        index.onProgress = {
            answer()
            guard case .open(let recording) = self.phase, self.nextCommit <= Clock.now else { return }
            self.nextCommit = Clock.now.adding(milliseconds: Limits.commitMilliseconds)
            // With the commit it is told why not.
            try? recording.saveAudio()
        }
        let outcome = OrphanImport(layout, index, kept: opened.kept, sparing: recording?.header.id).run()
        let recovered = (try? summaries.recovered(outcome)) ?? []
        if let rebuilt = RebuiltIndex(opened, isNew: true, recovered, outcome) { emit(.rebuilt(rebuilt)) }
        if let failure = outcome.failure { emit(.recoveryFailed(failure.message)) }
    }
}
