/// A constant that a microphone's converter adds to each sample: it makes silence look loud. It is told the mean of
/// each second. Whole seconds hold whole waves of the mains' hum, and speech has a mean of some 20 of 32768, so what is
/// less than `least` stays: a microphone without an offset is recorded bit by bit as it is.
package struct OffsetWatch: Equatable, Sendable {
    /// −54 dBFS.
    private static let least = 64

    /// To be taken off each sample; full scale is 32768.
    package private(set) var offset = 0

    package init() {}

    /// - Parameter mean: of a second from which `offset` was taken off.
    package mutating func heard(mean: Int) {
        if abs(mean) >= Self.least { offset = min(max(offset + mean, -32_768), 32_767) }
    }
}
