/// The words of a session beside those that earlier sessions heard in the same place, both in order: which of them are
/// the same word (decision seams-are-aligned). Of all ways to pair them, the cheapest counts. What costs: to leave a
/// word over on either side, and pairs whose places do not lie as far apart as those before.
struct SeamAlignment {
    /// A word of a session that is near to what earlier sessions heard.
    struct Heard: Equatable, Sendable {
        enum Verdict: Equatable, Sendable {
            /// What follows may still tell.
            case open
            /// It joined the transcript.
            case joined
            /// The transcript has it, where it is known in that place; or it lies where nothing is wanted.
            case passed(CommittedPlace?)
        }

        var word: SessionTrack.Word
        /// The text without case and punctuation.
        var key: [UInt8]
        var verdict = Verdict.open
    }

    /// Where an earlier session placed a word that was heard again.
    struct CommittedPlace: Equatable, Sendable {
        var session: Int
        var start: SampleIndex
        /// Samples by which that session placed it later.
        var shift: Int64

        /// Samples by which a session places words later, as far as it is known.
        func shift(of session: Int) -> Int64 { self.session == session ? shift : 0 }
    }

    /// What the oldest open word is.
    enum Match {
        case new
        /// A committed word, by place in `committed`.
        case same(Int)
        /// A committed word in another spelling.
        case respelled
    }

    /// One way to pair the words so far.
    private struct Pairing {
        var cost: Int64 = 0
        /// The last of the committed words that has a partner; -1: none.
        var last = -1
        /// The session's word that is its last partner, which has the same text.
        var lastHeard = -1
        var lastIsSame = true
        /// The last pair with the same text.
        var pair: CommittedPlace?
        /// What the oldest open word is.
        var oldest = Match.new
        /// The first pair with the same text behind the oldest open word.
        var follower: CommittedPlace?

        func shift(of session: Int) -> Int64 { pair?.shift(of: session) ?? 0 }

        var isNew: Bool {
            if case .new = oldest { return true }
            return false
        }
    }

    // What the simulated lessons were right with. A respelling costs less than it takes to be sure, so what follows may
    // still tell; two words left over cost more than any pair.
    /// A committed word that the session must have heard is none of its words.
    private static let unheard = milliseconds(250)
    /// A word of the session, outside of what it is to give text for, is none of the committed ones.
    private static let misheard = milliseconds(400)
    /// Another text in the same place: at least, and more, the less of the place is the same.
    private static let respelled = milliseconds(60)
    /// The same where no spaces are written: letters are seldom misheard one by one.
    private static let otherLetter = milliseconds(200)
    private static let displaced = milliseconds(100)
    private static let otherSpeaker = milliseconds(30)
    /// A new word, where an earlier session heard a longer one.
    private static let occupied = milliseconds(250)
    /// Two ways differ by enough to tell which is right.
    private static let sure = milliseconds(150)
    private static let pairings = 24

    /// What is known of the oldest open word: the cheapest ways in which it is a new word, and in which it is not.
    private(set) var costIfNew = Int64.max
    private(set) var costIfKnown = Int64.max
    /// What it is in the cheapest way in which it is not new.
    private var known = Match.new
    /// In the cheapest way: the last word of all that was heard again, and the first one behind the oldest open word.
    private(set) var pair: CommittedPlace?
    private(set) var follower: CommittedPlace?

    var match: Match { costIfNew < costIfKnown ? .new : known }
    /// Whether one of the two is right whatever follows.
    ///
    /// - Parameter isInside: the word lies where the session is to give text.
    func isSure(isInside: Bool) -> Bool {
        if costIfKnown == .max { return isInside || pair != nil }
        if case .respelled = match { return false }
        return abs(costIfNew - costIfKnown) >= Self.sure
    }

    private static func milliseconds(_ count: Int64) -> Int64 { count * SampleIndex.samplesPerMillisecond }

    /// - Parameters:
    ///   - committed: other sessions' words near those of the track, by start.
    ///   - open: the place of the oldest open word.
    ///   - coverage: what earlier sessions have heard.
    ///   - end: the session has said all words that begin before this; it may be the largest there is.
    init(
        _ track: SessionTrack, _ committed: [LiveTranscript.CommittedWord], _ coverage: Coverage, open: Int,
        through end: SampleIndex
    ) {
        var pairings = [Pairing(pair: track.anchor)]
        for (place, heard) in track.compared.enumerated() {
            var next: [Pairing] = []
            for pairing in pairings {
                var alone = pairing
                if heard.verdict != .joined {
                    alone.cost += Self.cost(ofNew: heard.word, pairing, track, coverage)
                }
                next.append(alone)
                Self.extend(pairing, heard, track, committed, place, open, &next)
            }
            pairings = Self.cheapest(next)
        }
        for pairing in pairings {
            let cost = pairing.cost + Self.passed(pairing, end, track, committed)
            if cost < min(costIfNew, costIfKnown) { (pair, follower) = (pairing.pair, pairing.follower) }
            if pairing.isNew {
                costIfNew = min(costIfNew, cost)
            } else if cost < costIfKnown {
                (costIfKnown, known) = (cost, pairing.oldest)
            }
        }
    }

    private static func extend(
        _ pairing: Pairing, _ heard: Heard, _ track: SessionTrack, _ committed: [LiveTranscript.CommittedWord],
        _ number: Int, _ open: Int, _ next: inout [Pairing]
    ) {
        guard heard.verdict != .joined else { return }
        // What is left over between the pairs; and what of it is no part of this word in another spelling.
        var skipped: Int64 = 0
        var others: Int64 = 0
        for place in max(0, pairing.last)..<committed.count {
            let old = committed[place]
            // One word may be two in another spelling.
            let isAgain = place == pairing.last
            if let (cost, isSame) = cost(heard, old, pairing, track), !isAgain || !isSame && !pairing.lastIsSame {
                var paired = pairing
                paired.cost += cost + (isSame ? skipped : others + torn(old, pairing, number, track))
                (paired.last, paired.lastHeard, paired.lastIsSame) = (place, number, isSame)
                if isSame {
                    paired.pair = CommittedPlace(
                        session: old.session, start: old.word.start,
                        shift: old.word.start.samples(since: heard.word.start))
                }
                if isSame, number > open, paired.follower == nil { paired.follower = paired.pair }
                if number == open { paired.oldest = isSame ? .same(place) : .respelled }
                next.append(paired)
            }
            guard !isAgain, isHeard(old, track) else { continue }
            skipped += unheard
            if share(heard.word, old, pairing) == nil { others += unheard }
        }
    }

    /// Nil: it is another word.
    private static func cost(
        _ heard: Heard, _ old: LiveTranscript.CommittedWord, _ pairing: Pairing, _ track: SessionTrack
    ) -> (cost: Int64, isSame: Bool)? {
        let distance = old.word.start.samples(since: heard.word.start)
        guard abs(distance) <= 2 * Limits.seamSamples else { return nil }
        if heard.key == old.key {
            guard let pair = pairing.pair, pair.session == old.session else {
                return abs(distance) <= Limits.seamSamples ? (abs(distance) / 2, true) : nil
            }
            let change = abs(distance - pair.shift)
            guard min(change, abs(distance)) <= Limits.seamSamples else { return nil }
            return (change / 2 + abs(distance) / 16, true)
        }
        guard let share = share(heard.word, old, pairing) else { return nil }
        // Voices of two sessions may turn out to be one.
        let speaker = track.speaker(of: heard.word.label)
        let other = speaker == nil || speaker == old.word.speaker ? 0 : otherSpeaker
        let text = TextUnit.isUnspaced(heard.word.text) ? otherLetter : respelled
        return (text + other + displaced * (1_024 - share) / 1_024, false)
    }

    /// A word before this one is another part of the committed one, and would be new.
    private static func torn(
        _ old: LiveTranscript.CommittedWord, _ pairing: Pairing, _ number: Int, _ track: SessionTrack
    ) -> Int64 {
        for place in (pairing.lastHeard + 1)..<number where share(track.compared[place].word, old, pairing) != nil {
            return occupied
        }
        return 0
    }

    /// How much of the shorter of two words is in the same place, in 1,024ths; nil: not most of it.
    private static func share(
        _ heard: SessionTrack.Word, _ old: LiveTranscript.CommittedWord, _ pairing: Pairing
    ) -> Int64? {
        let common = heard.overlap(old.word, shift: pairing.shift(of: old.session))
        let shorter = min(heard.end.samples(since: heard.start), old.word.end.samples(since: old.word.start))
        return shorter > 0 && common * 2 >= shorter ? common * 1_024 / shorter : nil
    }

    /// Whether the session was there when the word began.
    private static func isHeard(_ old: LiveTranscript.CommittedWord, _ track: SessionTrack) -> Bool {
        track.base == .zero || old.word.start >= track.base.advanced(by: Limits.seamSamples)
    }

    /// What it costs that a word is none of the committed ones: the more, the deeper it lies in what was heard before.
    private static func cost(
        ofNew word: SessionTrack.Word, _ pairing: Pairing, _ track: SessionTrack, _ coverage: Coverage
    ) -> Int64 {
        let middle = word.start.middle(to: word.end).advanced(by: pairing.pair?.shift ?? 0)
        return min(misheard, track.distanceFromWindow(of: word, pairing.pair), coverage.depth(of: middle))
    }

    /// The committed words that lie before what is heard and are none of the session's words.
    private static func passed(
        _ pairing: Pairing, _ end: SampleIndex, _ track: SessionTrack,
        _ committed: [LiveTranscript.CommittedWord]
    ) -> Int64 {
        var cost: Int64 = 0
        for place in (pairing.last + 1)..<max(pairing.last + 1, committed.count) {
            let old = committed[place]
            let middle = old.word.start.middle(to: old.word.end).advanced(by: -pairing.shift(of: old.session))
            if middle <= end, isHeard(old, track) { cost += unheard }
        }
        return cost
    }

    /// Of ways that end alike the cheapest, and of all the cheapest few.
    private static func cheapest(_ all: [Pairing]) -> [Pairing] {
        var kept: [Pairing] = []
        for place in stableOrder(all.count, { all[$0].cost < all[$1].cost }) {
            let pairing = all[place]
            let isAlike = kept.contains {
                $0.last == pairing.last && $0.pair == pairing.pair && $0.isNew == pairing.isNew
            }
            if !isAlike, kept.count < pairings { kept.append(pairing) }
        }
        return kept
    }
}
