import RecorderCore
import Testing

@Suite struct `Lower case` {
    @Test func `every letter of the service's scripts is as Unicode has it`() {
        let scripts: [ClosedRange<UInt32>] = [
            0...0x180, 0x18F...0x18F, 0x1A0...0x1A5, 0x1AF...0x1B0, 0x218...0x21B, 0x386...0x3CE, 0x400...0x52F,
            0x531...0x587, 0x5D0...0x6FF, 0x900...0xDFF, 0x1E00...0x1E95, 0x1EA0...0x1EFF, 0x3040...0x30FF,
        ]
        for letter in scripts.joined().compactMap(Unicode.Scalar.init).map({ String($0) }) where letter != "İ" {
            #expect(letter.inLowerCase == letter.lowercased())
        }
    }

    @Test func `the Turkish I has one letter, not a letter and a dot`() {
        #expect("İSTANBUL".inLowerCase == "istanbul")
    }

    @Test func `whole texts in several scripts`() {
        for text in ["", "Guten Morgen, Ärzte", "ÉCOLE Ÿ", "Καλημέρα ΌΛΟΙ", "Доброе УТРО", "صباح الخير", "HỌC Ơ Ư"] {
            #expect(text.inLowerCase == text.lowercased())
        }
    }
}
