internal import CCrypto

/// A digest of bytes that come piece by piece.
final class Digest {
    enum Algorithm: String, CaseIterable {
        case sha1, sha256
    }

    private let context: OpaquePointer

    init(_ algorithm: Algorithm) {
        let method =
            switch algorithm {
            case .sha1: EVP_sha1()
            case .sha256: EVP_sha256()
            }
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, method, nil) == 1 else {
            preconditionFailure("libcrypto has this digest")
        }
        self.context = context
    }

    /// Goes on from the bytes that another one has seen.
    init(copyOf other: Digest) {
        guard let context = EVP_MD_CTX_new(), EVP_MD_CTX_copy_ex(context, other.context) == 1 else {
            preconditionFailure("a digest can be copied")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// Of all bytes so far; more may follow.
    var value: [UInt8] {
        let copy = Digest(copyOf: self)
        var value = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        _ = EVP_DigestFinal_ex(copy.context, &value, &count)
        return Array(value.prefix(Int(count)))
    }

    /// Lower-case hexadecimal digits, as a manifest has them.
    var hexadecimal: String {
        value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
