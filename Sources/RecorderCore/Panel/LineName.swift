/// A GPIO line as the configuration names it: `gpiochip0:17`, or a line's name. For the panel and for `config check`.
/// Two texts that differ never name the same line by its offset.
package enum LineName: Equatable, Sendable {
    case offset(chip: String, line: UInt32)
    case name(String)

    /// Nil: it is neither.
    package init?(_ text: String) {
        let prefix = "gpiochip"
        guard text.begins(with: prefix), let (chip, offset) = text.cut(at: ":") else {
            // linux/gpio.h: GPIO_MAX_NAME_SIZE is 32 with the final zero.
            guard !text.isEmpty, text.utf8.first != 0x3A, !text.holds(0x2F), text.utf8.count <= 31, text.isPlain else {
                return nil
            }
            self = .name(text)
            return
        }
        // The kernel counts a chip's lines in 16 bits.
        guard let number = chip.remainder(after: prefix), Self.number(number) != nil, let line = Self.number(offset)
        else { return nil }
        self = .offset(chip: chip, line: UInt32(line))
    }

    /// Written in one way only, so that two names of one line are equal texts.
    private static func number(_ text: String) -> Int? {
        text.utf8.first == 0x30 && text.utf8.count > 1 ? nil : text.decimal(upTo: 65_535)
    }
}
