internal import CFLAC
internal import LinuxRuntime
internal import RecorderCore

/// One FLAC file being made: 16 kHz, mono, 16 bit.
///
/// Encoding touches memory only; `save` writes and syncs. What has not been synced stays here and goes to the same
/// place again after a failure: a kernel that could not write a page back reports that once and forgets it (fsync(2)).
@safe final class FLACWriter {
    private let encoder: UnsafeMutablePointer<FLAC__StreamEncoder>
    private let sink: Sink
    let path: String
    private let storage: Storage
    /// libFLAC takes 32-bit samples.
    private let wide: UnsafeMutableBufferPointer<Int32>
    private(set) var isFinished = false

    private static let chunkSamples = 4_096
    /// libFLAC's default trade between size and work; each level above it saves under 1 % of speech.
    private static let compressionLevel: UInt32 = 5

    /// Makes the file, or empties it, and encodes the stream's header.
    ///
    /// - Parameter comments: `NAME=value` each, for the VORBIS_COMMENT block.
    init(path: String, _ storage: Storage, blockSamples: Int64, comments: [String]) throws(StoreError) {
        try onFile { () throws(SystemError) in
            try storage.perform(.create(path))
            try storage.perform(.truncate(path, bytes: 0))
        }
        guard let encoder = unsafe FLAC__stream_encoder_new() else {
            throw .codec(doing: "encode", file: path, reason: "out of memory")
        }
        let sink = Sink()
        guard unsafe Self.start(encoder, sink, blockSamples, comments) else {
            let reason = unsafe Self.state(encoder)
            unsafe FLAC__stream_encoder_delete(encoder)
            throw .codec(doing: "encode", file: path, reason: reason)
        }
        self.path = path
        self.storage = storage
        unsafe self.encoder = encoder
        self.sink = sink
        unsafe wide = .allocate(capacity: Self.chunkSamples)
    }

    deinit {
        unsafe FLAC__stream_encoder_delete(encoder)
        unsafe wide.deallocate()
        storage.close(path)
    }

    /// Samples that the encoder was given.
    private(set) var encodedSamples: Int64 = 0
    /// Samples in whole frames that are on the medium.
    var savedSamples: Int64 { sink.savedSamples }
    /// Bytes that wait for `save`.
    var pendingBytes: Int { sink.pending.count }

    /// Takes samples. A frame comes out when its block is full and the next sample is there.
    @inline(never)
    func encode(_ samples: UnsafeBufferPointer<Int16>) throws(StoreError) {
        var start = 0
        while start < samples.count {
            let count = min(Self.chunkSamples, samples.count - start)
            for offset in 0..<count {
                unsafe wide[offset] = Int32(samples[start + offset])
            }
            guard unsafe FLAC__stream_encoder_process_interleaved(encoder, wide.baseAddress, UInt32(count)) != 0
            else { throw unsafe .codec(doing: "encode", file: path, reason: Self.state(encoder)) }
            start += count
        }
        encodedSamples += Int64(samples.count)
    }

    /// Whether the file is still where it was made.
    var isInPlace: Bool { storage.isInPlace(path) }

    /// Ends the stream: the last, short frame, and the true total and MD5 in STREAMINFO. Nothing is written yet.
    @inline(never)
    func finish() throws(StoreError) {
        guard !isFinished else { return }
        guard unsafe FLAC__stream_encoder_finish(encoder) != 0 else {
            throw unsafe .codec(doing: "finish", file: path, reason: Self.state(encoder))
        }
        isFinished = true
    }

    /// Writes what has been encoded, in one piece, and waits until it is on the medium.
    @inline(never)
    func save() throws(StoreError) {
        guard !sink.pending.isEmpty || !sink.patches.isEmpty else { return }
        try onFile { () throws(SystemError) in
            try storage.perform(.write(path, offset: sink.savedBytes, sink.pending))
            for patch in sink.patches { try storage.perform(.write(path, offset: patch.offset, patch.bytes)) }
            try storage.perform(.sync(path))
        }
        sink.saved()
    }

    private static func state(_ encoder: UnsafeMutablePointer<FLAC__StreamEncoder>) -> String {
        unsafe String(cString: FLAC__stream_encoder_get_resolved_state_string(encoder))
    }

    private static func start(
        _ encoder: UnsafeMutablePointer<FLAC__StreamEncoder>, _ sink: Sink, _ blockSamples: Int64,
        _ comments: [String]
    ) -> Bool {
        // libFLAC copies the metadata when it writes the header, in init.
        guard let block = unsafe FLAC__metadata_object_new(FLAC__METADATA_TYPE_VORBIS_COMMENT) else { return false }
        defer { unsafe FLAC__metadata_object_delete(block) }
        for comment in comments {
            guard unsafe append(comment, to: block) else { return false }
        }
        var blocks: [UnsafeMutablePointer<FLAC__StreamMetadata>?] = unsafe [block]
        return unsafe blocks.withUnsafeMutableBufferPointer { blocks in
            let set = unsafe FLAC__stream_encoder_set_channels(encoder, 1) != 0
                && FLAC__stream_encoder_set_bits_per_sample(encoder, 16) != 0
                && FLAC__stream_encoder_set_sample_rate(encoder, UInt32(SampleIndex.samplesPerSecond)) != 0
                && FLAC__stream_encoder_set_compression_level(encoder, compressionLevel) != 0
                && FLAC__stream_encoder_set_blocksize(encoder, UInt32(blockSamples)) != 0
                && FLAC__stream_encoder_set_metadata(encoder, blocks.baseAddress, 1) != 0
            guard set else { return false }
            let status = unsafe FLAC__stream_encoder_init_stream(
                encoder, writeCallback, seekCallback, tellCallback, nil, Unmanaged.passUnretained(sink).toOpaque())
            return status == FLAC__STREAM_ENCODER_INIT_STATUS_OK
        }
    }

    private static func append(_ comment: String, to block: UnsafeMutablePointer<FLAC__StreamMetadata>) -> Bool {
        var copy = comment
        return copy.withUTF8 { text in
            let entry = unsafe FLAC__StreamMetadata_VorbisComment_Entry(
                length: UInt32(text.count), entry: UnsafeMutablePointer(mutating: text.baseAddress))
            return unsafe FLAC__metadata_object_vorbiscomment_append_comment(block, entry, 1) != 0
        }
    }
}

/// Where libFLAC's bytes go: appended to what waits for the file, or, when the header is rewritten at the end, over
/// what is there.
private final class Sink {
    var pending: [UInt8] = []
    var patches: [(offset: Int64, bytes: [UInt8])] = []
    private(set) var savedBytes: Int64 = 0
    private(set) var savedSamples: Int64 = 0
    private var pendingSamples: Int64 = 0
    var position: Int64 = 0

    func write(_ bytes: UnsafeBufferPointer<UInt8>, samples: UInt32) {
        let place = position - savedBytes
        if place < 0 {
            patches.append((offset: position, bytes: unsafe Array(bytes)))
        } else if place == pending.count {
            unsafe pending.append(contentsOf: bytes)
        } else {
            // The header is rewritten before it was ever saved; libFLAC writes nothing else out of turn.
            for offset in 0..<bytes.count { unsafe pending[Int(place) + offset] = bytes[offset] }
        }
        position += Int64(bytes.count)
        pendingSamples += Int64(samples)
    }

    func saved() {
        savedBytes += Int64(pending.count)
        savedSamples += pendingSamples
        pendingSamples = 0
        pending.removeAll(keepingCapacity: true)
        patches.removeAll()
    }

    static func from(_ context: UnsafeMutableRawPointer) -> Sink {
        unsafe Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
    }
}

private let writeCallback: FLAC__StreamEncoderWriteCallback = { _, buffer, bytes, samples, _, context in
    unsafe Sink.from(context!).write(UnsafeBufferPointer(start: buffer, count: bytes), samples: samples)
    return FLAC__STREAM_ENCODER_WRITE_STATUS_OK
}

private let seekCallback: FLAC__StreamEncoderSeekCallback = { _, offset, context in
    unsafe Sink.from(context!).position = Int64(offset)
    return FLAC__STREAM_ENCODER_SEEK_STATUS_OK
}

private let tellCallback: FLAC__StreamEncoderTellCallback = { _, offset, context in
    unsafe offset!.pointee = FLAC__uint64(Sink.from(context!).position)
    return FLAC__STREAM_ENCODER_TELL_STATUS_OK
}
