internal import LinuxRuntime
internal import RecorderCore

/// Commands that the store's queue had no room for, in order: none is dropped. A disk that hangs may keep the store's
/// thread for minutes: what can be said by one command is one, so that no more than the lesson's words are kept.
struct WaitingCommands {
    private(set) var list: [StoreCommand] = []

    var isEmpty: Bool { list.isEmpty }

    /// As many as there is room for.
    mutating func move(to queue: BoundedQueue<StoreCommand>) {
        var count = 0
        while count < list.count, queue.push(list[count]) { count += 1 }
        list.removeFirst(count)
    }

    @inline(never)
    mutating func add(_ command: StoreCommand) {
        if case .commit = command {
            // One commit takes all that was said before.
            list.removeAll { if case .commit = $0 { true } else { false } }
        }
        for place in list.indices.reversed() {
            if let joined = Self.join(list[place], command) {
                list[place] = joined
                return
            }
            guard Self.isPassed(list[place], by: command) else { break }
        }
        list.append(command)
    }

    /// The two as one, when there is such a one.
    private static func join(_ first: StoreCommand, _ second: StoreCommand) -> StoreCommand? {
        switch (first, second) {
        case (.words(let old, let before, _), .words(let new, let covered, let gaps)):
            .words(old + new, covered: max(before, covered), gaps: gaps)
        case (.silence(let old), .silence(let new))
        where old.reason == new.reason && old.start <= new.start && new.start <= old.end:
            .silence(SilenceMark(start: old.start, end: max(old.end, new.end), reason: old.reason))
        case (.level(let quiet, let clipped), .level(let moreQuiet, let moreClipped)):
            .level(quietSamples: quiet + moreQuiet, clippedSamples: clipped + moreClipped)
        default:
            nil
        }
    }

    /// Whether a later command may be done before an earlier one.
    private static func isPassed(_ earlier: StoreCommand, by later: StoreCommand) -> Bool {
        switch (earlier, later) {
        case (.silence, .words), (.silence, .silence), (.silence, .level), (.level, .words), (.level, .silence),
            (.words, .silence), (.words, .level), (.mergeSpeaker, .silence), (.mergeSpeaker, .level),
            (.commit, .words), (.commit, .silence), (.commit, .level), (.read, .words), (.read, .silence),
            (.read, .level):
            true
        default:
            false
        }
    }
}
