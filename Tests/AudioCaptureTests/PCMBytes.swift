@testable import AudioCapture

/// A device's bytes, as a sound card writes them.
enum PCMBytes {
    /// - Parameter value: 1 is full scale; what is beyond it is cut off.
    static func store(_ value: Double, _ format: PCMFormat, in target: UnsafeMutableRawPointer, _ index: Int) {
        func scaled(_ bits: Int) -> Int32 {
            let full = Double(Int64(1) << (bits - 1))
            return Int32(min(max((value * full).rounded(), -full), full - 1))
        }
        switch format {
        case .s16: target.storeBytes(of: Int16(scaled(16)), toByteOffset: 2 * index, as: Int16.self)
        case .s32: target.storeBytes(of: scaled(32), toByteOffset: 4 * index, as: Int32.self)
        case .s24:
            // A card may leave anything in the byte that is not used.
            target.storeBytes(of: scaled(24) ^ 0x5A00_0000, toByteOffset: 4 * index, as: Int32.self)
        case .s24packed:
            let sample = scaled(24)
            for byte in 0..<3 {
                let part = UInt8(truncatingIfNeeded: sample >> (8 * byte))
                target.storeBytes(of: part, toByteOffset: 3 * index + byte, as: UInt8.self)
            }
        case .float: target.storeBytes(of: Float(value), toByteOffset: 4 * index, as: Float.self)
        }
    }
}
