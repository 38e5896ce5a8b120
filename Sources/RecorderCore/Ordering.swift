extension Array {
    /// Sorted, and stable: what is equal stays in its order. Swift's sort is 2.5 KB for each type of element; this one
    /// sorts positions, whatever the elements are.
    package func ordered(by precedes: (Element, Element) -> Bool) -> [Element] {
        stableOrder(count) { precedes(self[$0], self[$1]) }.map { self[$0] }
    }
}

/// The positions 0 up to `count` in the order that `precedes` gives them.
@inline(never)
package func stableOrder(_ count: Int, _ precedes: (Int, Int) -> Bool) -> [Int] {
    Array(0..<count).sorted(by: precedes)
}
