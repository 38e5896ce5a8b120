/// Uploads, objects and requests.
extension CloudLog {
    func uploadChanged(_ upload: Upload) {
        let record = UploadRecord(
            id: upload.id, object: upload.facts.object, length: upload.facts.length, offset: upload.offset,
            receivedBytes: upload.facts.receivedBytes, patches: upload.facts.patches,
            isComplete: upload.bytes == nil)
        change { records in
            if let place = records.uploads.firstIndex(where: { $0.id == record.id }) {
                records.uploads[place] = record
            } else {
                records.uploads.append(record)
            }
            return Line(
                event: "upload", path: record.object, toByte: record.offset, totalBytes: record.receivedBytes,
                upload: record.id)
        }
    }

    func uploadGone(_ id: String) {
        change { records in
            guard let place = records.uploads.firstIndex(where: { $0.id == id }) else { return nil }
            records.uploads[place].isGone = true
            return Line(event: "upload-gone", upload: id)
        }
    }

    func objectChanged(_ name: String, _ object: StoredObject) {
        let record = ObjectRecord(
            name: name, contentType: object.contentType, bytes: object.bytes, sha256: object.sha256,
            timesCompleted: object.timesCompleted)
        change { records in
            if let place = records.objects.firstIndex(where: { $0.name == name }) {
                records.objects[place] = record
            } else {
                records.objects.append(record)
            }
            return Line(
                event: "object", path: name, totalBytes: record.bytes, sha256: record.sha256,
                times: record.timesCompleted)
        }
    }

    func objectGone(_ name: String) {
        change { records in
            guard let place = records.objects.firstIndex(where: { $0.name == name }) else { return nil }
            records.objects[place].isGone = true
            return Line(event: "object-gone", path: name)
        }
    }

    func lesson(_ record: LessonRecord) {
        change { records in
            if let place = records.lessons.firstIndex(where: { $0.id == record.id }) {
                records.lessons[place] = record
            } else {
                records.lessons.append(record)
            }
            return Line(event: "lesson", path: record.id, totalBytes: record.bytes, times: record.timesReceived)
        }
    }

    func fileChanged(_ record: FileRecord) {
        change { records in
            records.files.append(record)
            return Line(event: "file", path: record.filename, totalBytes: record.bytes, upload: record.id)
        }
    }

    func fileDeleted(_ id: String) {
        change { records in
            guard let place = records.files.firstIndex(where: { $0.id == id }) else { return nil }
            records.files[place].isDeleted = true
            return Line(event: "file-deleted", upload: id)
        }
    }

    func transcriptionChanged(_ record: TranscriptionRecord) {
        change { records in
            if let place = records.transcriptions.firstIndex(where: { $0.id == record.id }) {
                records.transcriptions[place] = record
            } else {
                records.transcriptions.append(record)
            }
            return Line(
                event: record.isDeleted ? "transcription-deleted" : "transcription",
                clientReferenceID: record.clientReferenceID, reason: record.status, upload: record.id)
        }
    }

    /// - Parameter status: nil: it was left without an answer.
    func exchange(method: String, path: String, status: Int?, bodyBytes: Int, begunMilliseconds: Int) {
        let now = milliseconds
        change { records in
            records.exchanges.append(
                ExchangeRecord(
                    method: method, path: path, status: status ?? 0, bodyBytes: bodyBytes,
                    atMilliseconds: begunMilliseconds, endMilliseconds: now))
            return Line(
                event: "exchange", path: path, status: status ?? 0, firstMilliseconds: begunMilliseconds,
                lastMilliseconds: now, totalBytes: bodyBytes, method: method)
        }
    }
}
