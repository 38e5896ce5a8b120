package import RecorderCore

/// A recording's transcript in any of its formats, in pieces: however long the lesson, only 8 bytes of each word are in
/// memory, and the text of one segment.
package final class TranscriptExport {
    private let words: PagedWords
    private let writer: ChunkedTranscriptWriter
    private let subtitles: ChunkedSubtitleWriter?

    /// - Parameters:
    ///   - format: `txt`, `srt`, `vtt`, `html` (what is inside of the page) or else JSON.
    ///   - version: of the JSON.
    package init(
        _ index: RecordingIndex, of recording: RecordingSummary, format: String,
        version: TranscriptWriter.Version = .two
    ) throws(StoreError) {
        let id = recording.header.id
        let gaps = try index.gaps(id)
        words = try PagedWords(index.database, try index.number(of: id))
        while !words.isSorted { try words.sort() }
        let isSubtitles = format == "srt" || format == "vtt"
        subtitles = isSubtitles ? ChunkedSubtitleWriter(words, isWebVTT: format == "vtt") : nil
        if let subtitles {
            writer = subtitles
            return
        }
        switch format {
        case "txt": writer = ChunkedTextWriter(gaps, words)
        case "html": writer = ChunkedPageWriter(recording, gaps, words)
        default: writer = ChunkedJSONWriter(recording, gaps, try index.silences(id), words, version)
        }
    }

    /// The next piece, which may be empty; nil at the end.
    package func next() throws(StoreError) -> String? { try writer.next() }

    /// Of subtitles: how many there are, and those of them that pass faster than people read.
    package var cues: (all: Int, fast: Int) { (subtitles?.cues ?? 0, subtitles?.fastCues ?? 0) }
}
