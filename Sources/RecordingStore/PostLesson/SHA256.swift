internal import CCrypto
internal import LinuxRuntime
internal import RecorderCore

/// SHA-256 (FIPS 180-4) of bytes that come in pieces, by the library that TLS has in memory anyway.
@safe final class SHA256 {
    private let context: OpaquePointer

    private static let digestBytes = 32

    /// Nil without memory, or when the system's policy forbids the algorithm.
    init?() {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        guard unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            unsafe EVP_MD_CTX_free(context)
            return nil
        }
        unsafe self.context = context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    func update(_ bytes: [UInt8]) {
        // It fails only when it is used after the end.
        _ = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// The digest's 64 lower-case hexadecimal digits; once, after the last piece.
    func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Self.digestBytes)
        _ = unsafe digest.withUnsafeMutableBufferPointer {
            unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil)
        }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// The digest of a file, read in pieces.
final class FileDigest {
    private let file: File
    private let sum: SHA256
    private(set) var bytes: Int64 = 0

    @inline(never)
    init(_ path: String) throws(StoreError) {
        file = try onFile { () throws(SystemError) in try File(path, .read) }
        guard let sum = SHA256() else { throw .digest(file: path) }
        self.sum = sum
    }

    /// Takes in the next piece; nil before the end.
    @inline(never)
    func next() throws(StoreError) -> String? {
        let piece = try onFile { () throws(SystemError) in
            try file.read(at: bytes, limit: Limits.digestPieceBytes)
        }
        bytes += Int64(piece.count)
        guard piece.isEmpty else {
            sum.update(piece)
            return nil
        }
        return sum.finish()
    }

    func all() throws(StoreError) -> String {
        while true {
            if let digest = try next() { return digest }
        }
    }
}
