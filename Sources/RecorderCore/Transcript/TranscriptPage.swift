/// The lesson inside the page of `--format html`: headings, paragraphs and words with their times, which are text to a
/// browser without scripts. What plays, highlights and searches is the page's template (board/transcript.html).
package enum TranscriptPage {
    /// The line of the template in whose place it stands.
    package static let place = "<!-- lesson -->\n"

    package static func head(_ recording: RecordingSummary) -> String {
        let header = recording.header
        let label = header.label.isEmpty ? header.startedAt.rfc3339 : header.label
        return "<h1 dir=\"auto\">\(label.inMarkup)</h1>\n<p><time>\(header.startedAt.rfc3339)</time>, "
            + "\(CueTime.short(SampleIndex(recording.samples))), <span>\(header.id.text)</span></p>\n"
    }

    package static func begin(_ first: Word) -> String {
        let place = first.start.milliseconds
        let name = first.speaker > 0 ? " Speaker \(first.speaker)" : ""
        let time = "<a href=\"#t\(place)\">\(CueTime.short(first.start))</a>"
        return "<section><h2 id=\"t\(place)\">\(time)\(name)</h2>\n<p dir=\"auto\"\(language(first))>"
    }

    /// - Parameter last: the segment's word before; nil at its beginning. Spaces stand between words, so that marks of
    ///   the one do not cover the other.
    package static func text(of word: Word, after last: Word?, in first: Word) -> String {
        let times = "\(word.start.milliseconds) \(word.end.milliseconds)"
        let language = word.language == first.language ? "" : language(word)
        return (last == nil ? "" : word.spaceBefore)
            + "<span data-t=\"\(times)\"\(language)>\(word.text.inMarkup)</span>"
    }

    package static let end = "</p></section>\n"

    package static func text(of gap: Gap) -> String {
        "<p class=\"gap\">\(CueTime.short(gap.start))–\(CueTime.short(gap.end)): not transcribed: "
            + gap.reason.inMarkup + "</p>\n"
    }

    private static func language(_ word: Word) -> String {
        let isPlain = !word.language.isEmpty && word.language.isEvery { byte in
            byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
        }
        return isPlain ? " lang=\"\(word.language)\"" : ""
    }
}
