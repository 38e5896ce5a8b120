import RecorderCore
import Testing

@Suite struct `A GPIO line's name` {
    @Test func `is a chip and an offset, or else a name`() {
        #expect(LineName("gpiochip0:17") == .offset(chip: "gpiochip0", line: 17))
        #expect(LineName("gpiochip12:0") == .offset(chip: "gpiochip12", line: 0))
        #expect(LineName("gpiochip0:65535") == .offset(chip: "gpiochip0", line: 65_535))
        #expect(LineName("BUTTON_START") == .name("BUTTON_START"))
        #expect(LineName("gpiochip0") == .name("gpiochip0"))
        #expect(LineName("GPIO:17") == .name("GPIO:17"))
        let longest = String(repeating: "n", count: 31)
        #expect(LineName(longest) == .name(longest))
    }

    @Test(arguments: [
        "", "gpiochip0:", "gpiochip:17", "gpiochip0:1x", "gpiochip0:-1", "gpiochip0:1:2", "gpiochipA:1", "gpiochip0: 1",
        "gpiochip0:65536", "gpiochip0:99999999999999999999", "gpiochip0:+1",
        "gpiochip0:999999", "gpiochip0:017", "gpiochip00:1", ":17", "../../etc/passwd",
        "gpiochip0/../mem:1", "a name that is longer than the kernel", "LED\u{202E}", "LED\u{1B}",
    ])
    func `is neither, and refused`(text: String) {
        #expect(LineName(text) == nil)
    }
}
