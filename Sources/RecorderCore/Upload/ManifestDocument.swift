/// What a lesson's upload consists of, for the school to compare: format `chalkbox-manifest`, version 1.
package struct ManifestDocument: Equatable, Sendable {
    package static let version = 1

    package var recording: RecordingSummary
    package var silences: [SilenceMark]
    package var coverage: Coverage
    /// All but the manifest itself.
    package var files: [UploadPackageFile]

    package init(
        recording: RecordingSummary, silences: [SilenceMark], coverage: Coverage, files: [UploadPackageFile]
    ) {
        self.recording = recording
        self.silences = silences
        self.coverage = coverage
        self.files = files
    }

    package var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("format", "chalkbox-manifest")
            writer.field("version", Self.version)
            writer.fields(of: recording.header, samples: recording.samples)
            writer.field("speakers", recording.speakers)
            writer.field("words", recording.words)
            writer.field("coveredMs", coverage.samples(outside: silences) / SampleIndex.samplesPerMillisecond)
            writer.field("interrupted", recording.interrupted)
            writer.fields(of: silences)
            writer.fields(of: recording.sound)
            writer.fields(of: recording.measured)
            writer.array("files") { writer in
                for file in files {
                    writer.object { writer in
                        writer.field("name", file.name)
                        writer.field("contentType", file.contentType)
                        writer.field("bytes", file.bytes)
                        writer.field("sha256", file.sha256)
                    }
                }
            }
        }
        return writer.text
    }
}
