/// What may go wrong at the school's upload server, and in the service's REST API.
extension FaultTable {
    private static let status = (unit: "CODE", range: 400...599)

    static let uploads: [FaultRow] = [
        .trigger("create-status", \.createStatus, value: status, "the creation of an upload is answered so"),
        .trigger("create-lost", \.createLost, "an upload is created, but the connection is cut before the answer"),
        .trigger("head-status", \.headStatus, value: status, "HEAD of an upload is answered so"),
        .trigger(
            "head-offset", \.headOffset, value: ("BYTES", -1_000_000_000...1_000_000_000),
            "HEAD tells an offset that is so many bytes too high"),
        .trigger("patch-status", \.patchStatus, value: status, "PATCH is answered so, and its body thrown away"),
        .place("patch-cut", \.patchCut, "the connection is closed when so much of a PATCH has come"),
        .place("patch-reset", \.patchReset, "the connection is reset when so much of a PATCH has come"),
        .place("patch-stall", \.patchStall, "the connection becomes a black hole when so much of a PATCH has come"),
        .trigger("patch-lost", \.patchLost, "a PATCH is stored whole, but the connection is cut before the answer"),
        .trigger("corrupt", \.corrupt, "a byte of a PATCH is stored wrong"),
        .trigger("upload-delete-status", \.uploadDeleteStatus, value: status, "DELETE of an upload is answered so"),
        .optional(
            "upload-rate", \.uploadBytesPerSecond, 1...1_000_000_000, "BYTES", "so much of a PATCH is read a second"),
        .optional(
            "upload-life-ms", \.uploadLifeMilliseconds, 0...86_400_000, "MS",
            "uploads created from now on are gone so much later, unless they are complete"),
        .number(
            "upload-max", \.uploadMaximumBytes, 0...1_000_000_000_000, "BYTES",
            "longer uploads are refused with 413; 5 GiB without this"),
        .optional(
            "retry-after-5xx", \.serverErrorRetryAfterSeconds, 0...86_400, "S",
            "Retry-After of the 5xx of uploads, manifests and files; none without this"),
        .flag("relative-location", \.relativeLocation, "the location of an upload is a path alone; harmless"),
    ]

    static let manifests: [FaultRow] = [
        .trigger("manifest-status", \.manifestStatus, value: status, "a manifest is answered so, and not kept"),
        .trigger(
            "manifest-missing", \.manifestMissing, value: ("N", 1...1_000),
            "a manifest is answered 409: its first N files are said to be missing"),
        .trigger("manifest-lost", \.manifestLost, "a manifest is kept, but the connection is cut before the answer"),
    ]

    static let rest: [FaultRow] = [
        .trigger("rest-file-status", \.restFileStatus, value: status, "the upload of an audio file is answered so"),
        .place("rest-file-cut", \.restFileCut, "the connection is closed when so much of an audio file has come"),
        .trigger(
            "rest-create-status", \.restCreateStatus, value: status, "the request of a transcription is answered so"),
        .trigger(
            "rest-create-lost", \.restCreateLost,
            "a transcription is begun, but the connection is cut before the answer"),
        .trigger(
            "rest-poll-status", \.restPollStatus, value: status, "the question for a transcription is answered so"),
        .trigger(
            "rest-transcript-status", \.restTranscriptStatus, value: status,
            "the question for a transcript is answered so"),
        .trigger(
            "rest-delete-status", \.restDeleteStatus, value: status,
            "DELETE of a file or transcription is answered so, and nothing deleted"),
        .number(
            "rest-delay-ms", \.restDelayMilliseconds, 0...86_400_000, "MS",
            "a transcription is queued for half of this, and processed for the other half"),
        .trigger("rest-fails", \.restFails, "a transcription ends in error"),
        .trigger("rest-hangs", \.restHangs, "a transcription stays in processing"),
        .trigger("rest-malformed-json", \.restMalformedJSON, "a transcript is cut JSON"),
        .trigger("rest-wrong-types", \.restWrongTypes, "a transcript's fields have the wrong types"),
    ]
}
