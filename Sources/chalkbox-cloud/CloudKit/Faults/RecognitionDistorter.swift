/// What a session's answers suffer between the recogniser and the wire. Used on the recogniser's queue.
struct RecognitionDistorter {
    private let session: Int
    private var messages = 0
    private var finalsHeard = 0
    private var finalsSent = 0
    private var late: [(token: RecognisedToken, dueMessage: Int)] = []
    private var repeats: [RecognisedToken] = []

    init(session: Int) { self.session = session }

    /// - Parameter isFlush: nothing may come later than this message.
    mutating func distort(_ recognition: Recognition, _ plan: FaultPlan, isFlush: Bool = false) -> Recognition {
        messages += 1
        var distorted = recognition
        let again = repeats
        repeats = []
        let inTime = delay(recognition.finals, isFlush ? nil : plan.lateFinals)
        let released = late.filter { isFlush || $0.dueMessage <= messages }.map(\.token)
        late.removeAll { isFlush || $0.dueMessage <= messages }
        let fresh = released + inTime
        if let oneIn = plan.duplicateFinals { chooseRepeats(fresh, oneIn: oneIn) }
        distorted.finals = again + fresh
        distorted.nonFinals = late.map(\.token) + recognition.nonFinals
        if plan.permuteSpeakers {
            distorted.finals = distorted.finals.map(permuted)
            distorted.nonFinals = distorted.nonFinals.map(permuted)
        }
        return distorted
    }

    /// What a transcript suffers, which comes as a whole.
    func distort(_ tokens: [RecognisedToken], _ plan: FaultPlan) -> [RecognisedToken] {
        plan.permuteSpeakers ? tokens.map(permuted) : tokens
    }

    private mutating func delay(_ finals: [RecognisedToken], _ rule: LateFinals?) -> [RecognisedToken] {
        guard let rule else { return finals }
        return finals.filter { token in
            finalsHeard += 1
            guard finalsHeard % rule.oneIn == 0 else { return true }
            late.append((token, messages + rule.messages))
            return false
        }
    }

    private mutating func chooseRepeats(_ sent: [RecognisedToken], oneIn: Int) {
        for token in sent {
            finalsSent += 1
            if finalsSent % oneIn == 0 { repeats.append(token) }
        }
    }

    /// A rotation of the four labels for each of four sessions, then their mirror images.
    private func permuted(_ token: RecognisedToken) -> RecognisedToken {
        guard let label = Int(token.speaker), (1...4).contains(label) else { return token }
        var token = token
        let isMirrored = (session - 1) / 4 % 2 == 1
        let rotated = (label - 1 + session - 1) % 4
        token.speaker = "\(isMirrored ? 4 - rotated : rotated + 1)"
        return token
    }
}
