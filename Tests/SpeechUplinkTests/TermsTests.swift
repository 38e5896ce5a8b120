import Foundation
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import SpeechUplink

@Suite struct `A class's vocabulary` {
    @Test func `is a term a line, however the file was written`() {
        let file = TermsFile(Array("\u{FEFF}Pythagoras\r\n\n  photo synthesis \r\n光合作用\nC#".utf8))
        #expect(file.terms == ["Pythagoras", "photo synthesis", "光合作用", "C#"])
        #expect(file.leftOut == 0)
        #expect(TermsFile([]).terms.isEmpty)
    }

    @Test func `leaves out what is no text, and counts it`() {
        let file = TermsFile(Array("good\n".utf8) + [0xE9, 0x74, 0xE9, 0x0A] + Array("a\tb\n\u{1}\nlast".utf8))
        #expect(file.terms == ["good", "last"])
        #expect(file.leftOut == 3)
    }

    @Test func `is bounded by bytes, and what is beyond is counted`() {
        let lines = (0..<2_000).map { "term \($0)" }
        let file = TermsFile(Array(lines.joined(separator: "\n").utf8))
        #expect(file.terms == Array(lines.prefix(file.terms.count)))
        #expect(file.terms.joined(separator: "\n").utf8.count < Limits.termsBytes)
        #expect(file.terms.count > 800)
        #expect(file.leftOut == 2_000 - file.terms.count)
        #expect(TermsFile(Array(repeating: 0x61, count: Limits.termsBytes)).leftOut == 1)
    }
}

extension NetworkTests {
    @Suite struct TermsTests {
        private let path = NSTemporaryDirectory() + "chalkbox-terms-" + UUID().uuidString

        private func start(_ fixture: UplinkFixture, _ session: SessionID, _ url: String) {
            var request = fixture.request(session, url: url)
            request.end = .zero
            #expect(fixture.uplink.send(.open(request)))
            #expect(fixture.closed(session) == .some(nil))
        }

        @Test func `each session is told the vocabulary as it is then, and goes without when it is not there`() throws {
            let starts = Mailbox<String>()
            let peer = try FakePeer { connection, _ in
                try connection.upgrade()
                starts.put(try connection.takeLesson().start)
                try connection.send(#"{"finished":true}"#)
                connection.drain()
            }
            defer { try? FileManager.default.removeItem(atPath: path) }
            try withExtendedLifetime(peer) {
                let fixture = try UplinkFixture(
                    UplinkSettings(tokenURL: "", languageHintsStrict: true, termsFile: path))
                let url = "ws://127.0.0.1:\(peer.port)/"
                #expect(fixture.uplink.termsProblem?.contains(path) == true, "told before the first session")
                start(fixture, 1, url)
                #expect(try #require(starts.take()).contains("context") == false)
                // As long as it may be, and longer.
                let terms = ["say \"ah\"", "光合作用"] + (0..<2_000).map { "term-\($0)" }
                try terms.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
                start(fixture, 2, url)
                let told = try #require(starts.take())
                #expect(told.contains(#""language_hints_strict":true,"context":{"terms":["say \"ah\"","光合作用","#))
                let sent = TermsFile(Array(terms.joined(separator: "\n").utf8))
                #expect(told.contains("\"\(sent.terms.last ?? "?")\"]}"))
                #expect(fixture.uplink.termsProblem == nil)
                #expect(fixture.uplink.unsentTerms == Int64(sent.leftOut))
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                start(fixture, 3, url)
                #expect(try #require(starts.take()).contains("context") == false)
                #expect(fixture.uplink.termsProblem != nil)
            }
        }
    }
}
