/// Which of a microphone's channels the recording is made of.
package enum ChannelSelection: Equatable, Sendable {
    /// The mean of all that say something (`ChannelWatch`).
    case mix
    /// The channel with this number, from 1.
    case one(Int)
}

/// What is wrong with a microphone's channels. The first channel is the lowest bit.
package struct ChannelFaults: Equatable, Sendable {
    /// A bit for each channel that is silent while others hear the room.
    package var dead: UInt8
    /// A bit for each channel that hears the opposite of another one: a balanced microphone in a stereo socket.
    package var inverted: UInt8
    /// The device has no channel of the number that was selected.
    package var isMissing: Bool

    package init(dead: UInt8 = 0, inverted: UInt8 = 0, isMissing: Bool = false) {
        self.dead = dead
        self.inverted = inverted
        self.isMissing = isMissing
    }

    /// What a person should know, and do; empty: nothing. Who selected a channel knows about the others.
    package func text(of selection: ChannelSelection) -> String {
        switch selection {
        case .one(let number):
            if isMissing { return "the microphone has no channel \(number), so all are mixed; set audio.channel" }
            let isDead = number <= 8 && dead & (1 << UInt8(number - 1)) != 0
            return isDead ? "channel \(number) is silent while another one hears the room; set audio.channel" : ""
        case .mix:
            if inverted != 0 {
                return "channel \(Self.first(inverted)) is the opposite of another one, and left out: "
                    + "is it a balanced microphone in a stereo socket?"
            }
            guard dead != 0 else { return "" }
            return "channel \(Self.first(dead)) is silent while another one hears the room, and left out"
        }
    }

    private static func first(_ channels: UInt8) -> Int {
        channels.trailingZeroBitCount + 1
    }
}

/// Notices a dead or an inverted channel among a microphone's first eight, and says which of them a mix leaves out. It
/// is told each block of some 30 to 100 ms. Only blocks in which the loudest channel is audible say something.
package struct ChannelWatch: Sendable {
    /// One of each channel.
    package typealias Values = InlineArray<8, Float>

    /// More channels than these are neither measured nor mixed.
    package static let channelLimit = 8

    /// Mean squares of −60 dBFS: a room in which somebody speaks is louder.
    private static let audible: Float = 1_073_741_824 / 1e6
    /// 30 dB less than the loudest channel is no room's doing; two microphones in one case differ by less than 20 dB.
    private static let deadRatio: Float = 1e-3
    /// Square of the correlation from which on channels are the same thing: 0.9.
    private static let sameSquare: Float = 0.81
    private static let deadMilliseconds: Int32 = 3_000
    private static let invertedMilliseconds: Int32 = 1_500
    /// An inverted channel is left out at once, and for at least so long: otherwise nothing would be recorded.
    private static let suspectedMilliseconds: Int32 = 500
    /// More than this is not remembered, so that it can change.
    private static let mostMilliseconds: Int32 = 10_000

    /// The channel that the others are compared with, from 0.
    package private(set) var reference = 0
    package private(set) var faults = ChannelFaults()
    /// For how long each channel was dead, or inverted, without the contrary.
    private var dead = InlineArray<8, Int32>(repeating: 0)
    private var inverted = InlineArray<8, Int32>(repeating: 0)

    package init() {}

    /// - Parameters:
    ///   - power: mean square of each channel without its mean, full scale is 2³⁰.
    ///   - products: mean of each channel's product with the `reference`, likewise.
    package mutating func heard(
        power: Values, products: Values, channels: Int, milliseconds: Int
    ) {
        var loudest = 0
        for channel in 1..<max(channels, 1) where power[channel] > power[loudest] { loudest = channel }
        guard power[loudest] >= Self.audible else { return }
        guard power[loudest] <= 4 * power[reference] else {
            reference = loudest
            judge(loudest, isDead: false, isInverted: false)
            return
        }
        let step = Int32(clamping: milliseconds)
        for channel in 0..<channels where channel != reference {
            let (own, other) = (power[channel], power[reference])
            if own < other * Self.deadRatio {
                dead[channel] = min(dead[channel] + step, Self.mostMilliseconds)
            } else if own >= Self.audible {
                dead[channel] = max(dead[channel] - 3 * step, 0)
                let product = products[channel]
                if product < 0, product * product >= Self.sameSquare * own * other {
                    let before = max(inverted[channel], Self.suspectedMilliseconds)
                    inverted[channel] = min(before + step, Self.mostMilliseconds)
                } else {
                    inverted[channel] = max(inverted[channel] - step, 0)
                }
            }
            judge(
                channel, isDead: Self.isTold(faults.dead, channel, dead[channel], Self.deadMilliseconds),
                isInverted: Self.isTold(faults.inverted, channel, inverted[channel], Self.invertedMilliseconds))
        }
    }

    /// Whether a mix leaves the channel out.
    package func isLeftOut(_ channel: Int) -> Bool {
        channel != reference && (faults.dead & (1 << UInt8(channel)) != 0 || inverted[channel] > 0)
    }

    private static func isTold(_ told: UInt8, _ channel: Int, _ now: Int32, _ least: Int32) -> Bool {
        told & (1 << UInt8(channel)) != 0 ? now > 0 : now >= least
    }

    private mutating func judge(_ channel: Int, isDead: Bool, isInverted: Bool) {
        let bit = UInt8(1) << UInt8(channel)
        faults.dead = isDead ? faults.dead | bit : faults.dead & ~bit
        faults.inverted = isInverted ? faults.inverted | bit : faults.inverted & ~bit
        if channel == reference { (dead[channel], inverted[channel]) = (0, 0) }
    }
}
