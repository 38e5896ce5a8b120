internal import CFLAC
internal import Foundation

/// Decodes a whole FLAC file of 16 kHz mono 16-bit audio.
enum FLACFile {
    struct Failure: Error {
        let reason: String
    }

    static func samples(_ file: Data) throws(Failure) -> [Int16] {
        guard let decoder = FLAC__stream_decoder_new() else { throw Failure(reason: "finds no memory for a decoder") }
        defer { FLAC__stream_decoder_delete(decoder) }
        let source = Source(file)
        let context = Unmanaged.passUnretained(source).toOpaque()
        FLAC__stream_decoder_set_md5_checking(decoder, 1)
        let state = FLAC__stream_decoder_init_stream(
            decoder, readCallback, nil, nil, nil, nil, writeCallback, nil, errorCallback, context)
        let isWhole = state == FLAC__STREAM_DECODER_INIT_STATUS_OK
            && FLAC__stream_decoder_process_until_end_of_stream(decoder) != 0
            && FLAC__stream_decoder_finish(decoder) != 0
        if let reason = source.problem { throw Failure(reason: reason) }
        guard isWhole else { throw Failure(reason: "is no whole FLAC file: its MD5 is wrong or it is cut") }
        return source.samples
    }
}

private final class Source {
    /// The service takes no longer file: 300 minutes.
    private static let maximumSamples = 300 * 60 * 16_000

    private let file: Data
    private var position = 0
    private(set) var samples: [Int16] = []
    var problem: String?

    init(_ file: Data) { self.file = file }

    func read(into buffer: UnsafeMutablePointer<UInt8>, _ limit: Int) -> Int {
        let count = min(limit, file.count - position)
        let start = file.startIndex + position
        file.copyBytes(to: buffer, from: start..<(start + count))
        position += count
        return count
    }

    func take(_ header: FLAC__FrameHeader, _ block: UnsafePointer<Int32>) -> Bool {
        if (header.channels, header.sample_rate, header.bits_per_sample) != (1, 16_000, 16) {
            problem = "is not 16 kHz mono 16-bit audio"
        } else if samples.count > Self.maximumSamples {
            problem = "is longer than 300 minutes"
        } else {
            for index in 0..<Int(header.blocksize) { samples.append(Int16(truncatingIfNeeded: block[index])) }
        }
        return problem == nil
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> Source {
        guard let context else { preconditionFailure("libFLAC hands back what it was given") }
        return Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
    }
}

private let readCallback: FLAC__StreamDecoderReadCallback = { _, buffer, bytes, context in
    guard let buffer, let bytes else { return FLAC__STREAM_DECODER_READ_STATUS_ABORT }
    bytes.pointee = Source.from(context).read(into: buffer, bytes.pointee)
    return bytes.pointee == 0
        ? FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM : FLAC__STREAM_DECODER_READ_STATUS_CONTINUE
}

private let writeCallback: FLAC__StreamDecoderWriteCallback = { _, frame, channels, context in
    guard let header = frame?.pointee.header, let samples = channels?[0], Source.from(context).take(header, samples)
    else { return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT }
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE
}

private let errorCallback: FLAC__StreamDecoderErrorCallback = { _, _, context in
    Source.from(context).problem = "has damaged FLAC frames"
}
