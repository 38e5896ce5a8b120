import CloudKit
import Foundation
import OwnThread
import Testing

/// The page of a lesson (`--format html`), as a parser and a browser take it.
@Suite(.ownThread, .serialized) struct `The page of a lesson` {
    private static let lesson = ToneLesson(.seconds(14), speakers: 1, seed: 12)
    private static let python = ProcessInfo.processInfo.environment["CHALKBOX_PYTHON"] ?? ""
    private static let browser = "/usr/bin/chromium"
    private static let texts = [
        ("en", "Good morning, class: today <b>we</b> look at photosynthesis & light."),
        ("ar", "DNA هو موجود في كل خلية من خلايا الأوراق، ويسمى chlorophyll ما يجعلها خضراء."),
        ("zh", "同学们 早上 好 。 今天 我们 来看 植物 怎么 用 光合 作用 制造 糖 。"),
    ]

    /// Words where the lesson's own are, three of one language and then the next's.
    private static var words: [[Any]] {
        var parts = texts.map { ($0.0, $0.1.split(separator: " ").map(String.init)[...]) }
        return lesson.words.enumerated().compactMap { place, word in
            let turn = place / 5 % parts.count
            guard let text = parts[turn].1.popFirst() else { return nil }
            // Up to the next one, so that a browser on a busy machine has a frame in it.
            let next = place + 1 < lesson.words.count ? lesson.words[place + 1].startSample - 400 : word.endSample
            return [text, word.startSample, max(next, word.endSample), turn + 1, parts[turn].0]
        }
    }

    /// The folder of a lesson that says that.
    private func folder() throws -> (InstalledBox, String) {
        let installed = try InstalledBox()
        let box = installed.box
        try box.startMicrophone(Self.lesson.samples)
        try box.writeConfiguration(device: "null", token: "https://school.example/t", authority: "")
        try box.startDaemon(device: "lesson", overrides: ["transcription.enabled=no"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        try installed.record(Self.lesson.samples.count, label: "7B <أحياء> & 生物")
        let list = try box.chalkbox("recordings", "--json").output
        let first = try #require((JSONSerialization.jsonObject(with: Data(list.utf8)) as? [[String: Any]])?.first)
        let id = try #require(first["id"] as? String)
        let words = String(decoding: try JSONSerialization.data(withJSONObject: Self.words), as: UTF8.self)
        let script = Box.root + "/Tests/DaemonTests/page_words.py"
        _ = try Box.run("/usr/bin/python3", [script, box.directory + "/state/index.sqlite", id, words])
        let stick = box.directory + "/stick"
        let run = try installed.run("export-all", stick)
        #expect(run.code == 0, "\(run)")
        let name = try #require(FileManager.default.contentsOfDirectory(atPath: stick).first)
        return (installed, stick + "/" + name)
    }

    @Test func `is HTML to a strict parser, and needs nothing but the sound`() throws {
        let (installed, folder) = try folder()
        let page = try String(contentsOfFile: folder + "/transcript.html", encoding: .utf8)
        if !Self.python.isEmpty {
            let parse = "import html5lib, sys; html5lib.HTMLParser(strict=True).parse(open(sys.argv[1], 'rb'))"
            let run = try Box.run(Self.python, ["-c", parse, folder + "/transcript.html"], checked: false)
            #expect(run.code == 0, "\(run.output)")
        }
        #expect(page.contains("<h1 dir=\"auto\">7B &lt;أحياء&gt; &amp; 生物</h1>"))
        #expect(page.contains(">&lt;b&gt;we&lt;/b&gt;</span>"))
        let links = page.matches(of: /(?:src|href)="([^"#][^"]*)"/).map { String($0.output.1) }
        #expect(links == ["lesson.flac"] && !page.contains("http"))
        // Without its template nothing is left behind.
        try FileManager.default.removeItem(atPath: installed.box.directory + "/usr/share/chalkbox/transcript.html")
        let file = installed.box.directory + "/page.html"
        let run = try installed.run("export", "last", "--format", "html", "-o", file)
        #expect(run.code == 1 && run.output.contains("share/chalkbox/transcript.html"), "\(run)")
        #expect(!FileManager.default.fileExists(atPath: file))
        try installed.end()
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: browser), "chromium: board/install browser"))
    func `shows words as they are heard, jumps, searches and prints in a browser`() throws {
        let (installed, folder) = try folder()
        let script = Box.root + "/Tests/DaemonTests/page.py"
        let run = try Box.run("/usr/bin/python3", [script, folder], checked: false)
        #expect(run.code == 0, "\(run.output)")
        try installed.end()
    }
}
