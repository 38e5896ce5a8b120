/// What was said beside what is in the journal, both in order: the pairs that leave least over on either side. A word
/// that is in the wrong order is missing in one place and too much in another.
struct Alignment {
    struct Item {
        /// Place in the vocabulary.
        var text: Int
        /// Milliseconds of the recording.
        var start: Int64
        /// What it costs to leave it over; 0: nothing.
        var cost: Int64
        /// Its neighbour is the same word: where a seam falls between the two, one may stand for the other.
        var hasTwin = false
    }

    static let placeMilliseconds: Int64 = 250
    /// What costs this may not be left over.
    static let needed: Int64 = 100

    private enum Step: UInt8 {
        case none
        case pair
        case missing
        case extra
    }

    /// Of one item that was said: costs and steps for so many items of the journal.
    private struct Row {
        var first: Int
        var costs: [Int64] = []
        var steps: [Step] = []

        func cost(_ place: Int) -> Int64? {
            costs.indices.contains(place - first) ? costs[place - first] : nil
        }
    }

    /// Places of what was said and is not in the journal, and of what is in the journal and was not said there.
    private(set) var missing: [Int] = []
    private(set) var extra: [Int] = []

    /// - Parameters:
    ///   - said: by start.
    ///   - heard: by start.
    init(said: [Item], heard: [Item]) {
        var rows: [Row] = []
        rows.reserveCapacity(said.count + 1)
        var low = 0
        for number in 0...said.count {
            let first = low
            let time = number < said.count ? said[number].start : Int64.max / 2
            while low < heard.count, heard[low].start < time - 2 * Self.placeMilliseconds { low += 1 }
            var high = low
            let before = number > 0 ? said[number - 1].start : Int64.min / 2
            while high < heard.count, heard[high].start <= before + 2 * Self.placeMilliseconds { high += 1 }
            let last = number == said.count ? heard.count : high
            rows.append(Self.row(from: first, to: last, number, rows.last, said, heard))
        }
        var place = heard.count
        for number in stride(from: said.count, through: 0, by: -1) {
            let row = rows[number]
            while row.steps[place - row.first] == .extra {
                place -= 1
                extra.append(place)
            }
            guard number > 0 else { break }
            if row.steps[place - row.first] == .missing { missing.append(number - 1) } else { place -= 1 }
        }
        missing.reverse()
        extra.reverse()
    }

    private static func row(
        from first: Int, to last: Int, _ number: Int, _ above: Row?, _ said: [Item], _ heard: [Item]
    ) -> Row {
        var row = Row(first: first)
        for place in first...last {
            var best = number == 0 && place == 0 ? 0 : Int64.max / 2
            var step = Step.none
            if let above, let cost = above.cost(place), cost + said[number - 1].cost < best {
                best = cost + said[number - 1].cost
                step = .missing
            }
            if place > first, let before = row.cost(place - 1), before + heard[place - 1].cost < best {
                best = before + heard[place - 1].cost
                step = .extra
            }
            if let above, place > 0, let cost = above.cost(place - 1),
                let distance = distance(said[number - 1], heard[place - 1]), cost + distance < best
            {
                best = cost + distance
                step = .pair
            }
            row.costs.append(best)
            row.steps.append(step)
        }
        return row
    }

    /// Nil: it is not the same.
    private static func distance(_ said: Item, _ heard: Item) -> Int64? {
        let distance = abs(said.start - heard.start)
        guard said.text == heard.text, distance <= placeMilliseconds * (said.hasTwin ? 2 : 1) else { return nil }
        return distance / 50
    }
}
