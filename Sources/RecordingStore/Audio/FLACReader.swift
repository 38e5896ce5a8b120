internal import CFLAC
internal import LinuxRuntime
internal import RecorderCore

/// Reads a FLAC file that may end in the middle of a frame: because it is being written, or because the power went.
///
/// A frame counts when its CRC is right (RFC 9639, 9.3), and is placed by the number in its own header. So a torn tail
/// is the end of the file, and damage before it is a hole, not the loss of what follows.
@safe final class FLACReader {
    private let decoder: UnsafeMutablePointer<FLAC__StreamDecoder>
    private let source: Source

    /// What an encoder writes over the header at the end: the lower 32 bits of the length, and the MD5 (RFC 9639,
    /// 8.2). Zeros: unknown.
    static let lengthAndMD5Bytes: Range<Int64> = 22..<42

    /// Reads the header. `noAudio` when there is none: the file was made and the power went before it was synced.
    ///
    /// - Parameter checksMD5: for `matchesMD5`, at the cost of a digest of all samples. The header's length is believed
    ///   then, and nothing beyond it is read.
    init(path: String, checksMD5: Bool = false) throws(StoreError) {
        let source = try onFile { () throws(SystemError) in
            try Source(File(path, .read), believesHeader: checksMD5)
        }
        guard let decoder = unsafe FLAC__stream_decoder_new() else {
            throw .codec(doing: "read", file: path, reason: "out of memory")
        }
        let context = unsafe Unmanaged.passUnretained(source).toOpaque()
        let ready = unsafe FLAC__stream_decoder_set_md5_checking(decoder, checksMD5 ? 1 : 0) != 0
            && FLAC__stream_decoder_set_metadata_respond(decoder, FLAC__METADATA_TYPE_VORBIS_COMMENT) != 0
            && FLAC__stream_decoder_init_stream(
                decoder, readCallback, nil, tellCallback, nil, nil, writeCallback, metadataCallback, errorCallback,
                context) == FLAC__STREAM_DECODER_INIT_STATUS_OK
            && FLAC__stream_decoder_process_until_end_of_metadata(decoder) != 0
        let state = unsafe FLAC__stream_decoder_get_state(decoder)
        guard ready, source.hasStreamInfo, state != FLAC__STREAM_DECODER_END_OF_STREAM else {
            unsafe FLAC__stream_decoder_delete(decoder)
            if let error = source.failure { throw .file(error) }
            throw .noAudio(file: path)
        }
        self.source = source
        unsafe self.decoder = decoder
        noteEndByte()
    }

    deinit {
        unsafe FLAC__stream_decoder_delete(decoder)
    }

    /// The length that a completed file's header has; 0 in one that is not.
    var totalSamples: Int64 { source.totalSamples }
    /// `NAME=value` each.
    var comments: [String] { source.comments }
    /// The samples of the frame that `next` found.
    var block: [Int16] { source.block }
    /// The place of `block` in this file's samples.
    var blockStart: Int64 { source.blockStart }
    /// The end of the last whole frame, or of the header: in samples of this file, and in bytes of the file.
    private(set) var endSample: Int64 = 0
    private(set) var endByte: Int64 = 0

    /// Decodes the next whole frame; false at the end.
    func next() throws(StoreError) -> Bool {
        source.hasBlock = false
        while !source.hasBlock {
            let state = unsafe FLAC__stream_decoder_get_state(decoder)
            guard state != FLAC__STREAM_DECODER_END_OF_STREAM,
                unsafe FLAC__stream_decoder_process_single(decoder) != 0
            else {
                if let error = source.failure { throw .file(error) }
                return false
            }
            // Frames only go forward; a block that does not was never written by us here.
            if source.hasBlock, source.blockStart < endSample || source.blockStart > Limits.segmentSamples {
                source.hasBlock = false
            }
        }
        endSample = source.blockStart + Int64(source.block.count)
        noteEndByte()
        return true
    }

    /// Whether all samples were those that were encoded; after the last `next`, once.
    func matchesMD5() -> Bool {
        unsafe FLAC__stream_decoder_finish(decoder) != 0
    }

    private func noteEndByte() {
        var position: FLAC__uint64 = 0
        if unsafe FLAC__stream_decoder_get_decode_position(decoder, &position) != 0 { endByte = Int64(position) }
    }
}

private final class Source {
    let file: File
    var offset: Int64 = 0
    var failure: SystemError?
    var hasStreamInfo = false
    let totalSamples: Int64
    private let believesHeader: Bool
    var comments: [String] = []
    var block: [Int16] = []
    var blockStart: Int64 = 0
    var hasBlock = false
    /// libFLAC reports a wrong CRC and then delivers the frame as zeros.
    var dropsNextBlock = false

    init(_ file: File, believesHeader: Bool) throws(SystemError) {
        self.file = file
        self.believesHeader = believesHeader
        // The length's upper four bits are not needed for a file of hours.
        let length = try file.read(at: FLACReader.lengthAndMD5Bytes.lowerBound, limit: 4)
        totalSamples = length.reduce(0) { $0 << 8 | Int64($1) }
    }

    /// Bytes read; 0 at the end, nil when the file cannot be read.
    func read(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int? {
        do throws(SystemError) {
            let bytes = try file.read(at: offset, limit: buffer.count)
            for index in bytes.indices { unsafe buffer[index] = bytes[index] }
            // libFLAC stops at the length that the header tells, which a power cut may have torn.
            let closing = FLACReader.lengthAndMD5Bytes.clamped(to: offset..<offset + Int64(bytes.count))
            for byte in closing where !believesHeader { unsafe buffer[Int(byte - offset)] = 0 }
            offset += Int64(bytes.count)
            return bytes.count
        } catch {
            failure = error
            return nil
        }
    }

    func take(_ header: FLAC__FrameHeader, _ samples: UnsafePointer<Int32>) {
        guard !dropsNextBlock, header.channels == 1, header.bits_per_sample == 16 else {
            dropsNextBlock = false
            return
        }
        block.removeAll(keepingCapacity: true)
        for index in 0..<Int(header.blocksize) {
            unsafe block.append(Int16(truncatingIfNeeded: samples[index]))
        }
        blockStart = unsafe Int64(clamping: header.number.sample_number)
        hasBlock = true
    }

    static func from(_ context: UnsafeMutableRawPointer) -> Source {
        unsafe Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
    }
}

private let readCallback: FLAC__StreamDecoderReadCallback = { _, buffer, bytes, context in
    let target = unsafe UnsafeMutableBufferPointer(start: buffer, count: bytes!.pointee)
    guard let count = unsafe Source.from(context!).read(into: target) else {
        return FLAC__STREAM_DECODER_READ_STATUS_ABORT
    }
    unsafe bytes!.pointee = count
    return count == 0 ? FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM : FLAC__STREAM_DECODER_READ_STATUS_CONTINUE
}

private let tellCallback: FLAC__StreamDecoderTellCallback = { _, offset, context in
    unsafe offset!.pointee = FLAC__uint64(Source.from(context!).offset)
    return FLAC__STREAM_DECODER_TELL_STATUS_OK
}

private let writeCallback: FLAC__StreamDecoderWriteCallback = { _, frame, channels, context in
    if let samples = unsafe channels?[0] {
        unsafe Source.from(context!).take(frame!.pointee.header, samples)
    }
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE
}

private let metadataCallback: FLAC__StreamDecoderMetadataCallback = { _, metadata, context in
    let source = unsafe Source.from(context!)
    let block = unsafe metadata!.pointee
    if unsafe block.type == FLAC__METADATA_TYPE_STREAMINFO {
        source.hasStreamInfo = true
    } else if unsafe block.type == FLAC__METADATA_TYPE_VORBIS_COMMENT {
        let list = unsafe block.data.vorbis_comment
        for index in 0..<Int(unsafe list.num_comments) {
            let entry = unsafe list.comments[index]
            let bytes = unsafe UnsafeBufferPointer(start: entry.entry, count: Int(entry.length))
            unsafe source.comments.append(String(decoding: bytes, as: UTF8.self))
        }
    }
}

private let errorCallback: FLAC__StreamDecoderErrorCallback = { _, status, context in
    if status == FLAC__STREAM_DECODER_ERROR_STATUS_FRAME_CRC_MISMATCH {
        unsafe Source.from(context!).dropsNextBlock = true
    }
}
