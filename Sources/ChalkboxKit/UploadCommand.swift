internal import Configuration
internal import RecorderCore
internal import RecordingStore

/// `upload retry`: a person does not want to wait for the next try, or has mended what blocked a lesson.
enum UploadCommand {
    static func run(_ arguments: Arguments) throws(Arguments.UsageError) -> Outcome {
        let words = arguments.positional
        guard words.first == "retry", words.count == 2 else {
            throw Arguments.UsageError(message: "expected `upload retry ID` or `upload retry all`")
        }
        let settings = ConfigurationSource.load(arguments)
        var name = words[1]
        if name != "all" {
            do throws(StoreError) {
                let directory = RecorderDirectory.tell(settings, arguments)
                let recordings = try RecordingIndex(directory: directory).recordings()
                guard let id = RecordingCommands.find(name, recordings.map { $0.header.id }, for: "upload") else {
                    return .failed
                }
                name = id.text
            } catch {
                complain("upload: " + error.message)
                return .failed
            }
        }
        return ClientCommands.withDaemon(arguments) { client in
            client.send { writer in
                writer.field("do", "upload-retry")
                writer.field("id", name)
            }
            return ClientCommands.accepted(client, "upload retry") == nil ? .failed : .fine
        }
    }
}
