internal import CWebSockets

/// An incremental JSON parser: libwebsockets' LEJP behind `JSONPrevalidator`. The outermost value must be an object or
/// an array. After an error every call throws it again.
@safe package final class JSONParser {
    /// LEJP_MAX_DEPTH is 12 levels, a string takes one and the outermost container none (lws-lejp.h).
    package static let maximumDepth = 10
    /// LEJP_MAX_PATH is 128 bytes, of which arrays take three each; bytes as written, escapes included.
    package static let maximumNameBytes = 96
    package static let maximumNumberBytes = 64
    package static let defaultLimitValues = 65_536

    private let limitBytes: Int
    private let mendsText: Bool
    /// Number of strings that were not Unicode and numbers beyond a Double that were replaced by something near.
    package private(set) var mended = 0
    private let context: UnsafeMutablePointer<lejp_ctx>
    private var prevalidator = JSONPrevalidator()
    private var builder: JSONBuilder
    private var text: [UInt8] = []
    private var pendingNumber = JSONNumber(value: 0, integer: 0)
    private var offset = 0
    private var failure: JSONError?

    /// - Parameters:
    ///   - limitBytes: longer texts are refused.
    ///   - limitValues: values in the text, names not counted.
    ///   - mendsText: strings that are not Unicode are repaired instead of refused: bytes that are not UTF-8 become
    ///     U+FFFD, and half a surrogate pair becomes the character that stands for it (`JSONText.firstHalf`). Numbers
    ///     beyond a Double become the largest one.
    package init(
        limitBytes: Int, limitValues: Int = JSONParser.defaultLimitValues, mendsText: Bool = false
    ) {
        self.limitBytes = limitBytes
        self.mendsText = mendsText
        prevalidator.allowsHalfSurrogates = mendsText
        builder = JSONBuilder(limitValues: limitValues)
        unsafe context = .allocate(capacity: 1)
        unsafe context.initialize(to: lejp_ctx())
        unsafe lejp_construct(context, parserEvent, Unmanaged.passUnretained(self).toOpaque(), nil, 0)
    }

    deinit {
        unsafe context.deinitialize(count: 1)
        unsafe context.deallocate()
    }

    package func feed(_ bytes: [UInt8]) throws(JSONError) {
        try unsafe bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try unsafe feed(buffer)
        }
    }

    /// Parses the next bytes of the text, which may be split anywhere.
    @unsafe package func feed(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        if let failure { throw failure }
        do throws(JSONError) {
            guard bytes.count <= limitBytes - offset else { throw .tooLong(limitBytes: limitBytes) }
            try unsafe scan(bytes)
        } catch {
            failure = error
            throw error
        }
    }

    /// The value, when the text is complete.
    package func finish() throws(JSONError) -> JSONValue {
        if let failure { throw failure }
        guard let value = builder.result else { throw .incomplete }
        return value
    }

    /// Passes what is between numbers to LEJP, and a 0 for each number.
    private func scan(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
        var start = 0
        var index = 0
        let first = offset
        while index < bytes.count {
            let byte = unsafe bytes[index]
            offset = first + index
            guard builder.result == nil else {
                guard byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else {
                    throw .trailing(offset: offset)
                }
                index += 1
                start = index
                continue
            }
            switch try prevalidator.validate(byte, offset: offset) {
            case .pass:
                index += 1
            case .passAndEnd:
                index += 1
                try unsafe parse(bytes, start..<index)
                start = index
            case .number:
                try unsafe parse(bytes, start..<index)
                index += 1
                start = index
            case .numberEnds:
                try takeNumber()
            }
        }
        offset = first + index
        try unsafe parse(bytes, start..<index)
    }

    private func takeNumber() throws(JSONError) {
        let written = prevalidator.takeNumber()
        guard JSONPrevalidator.isGrammatical(written) else { throw .syntax(offset: offset - written.count) }
        if let number = JSONNumber(grammatical: String(decoding: written, as: UTF8.self)) {
            pendingNumber = number
        } else if mendsText {
            mended += 1
            let most = Double.greatestFiniteMagnitude
            pendingNumber = JSONNumber(value: written.first == UInt8(ascii: "-") ? -most : most, integer: nil)
        } else {
            throw .syntax(offset: offset - written.count)
        }
        let zero: [UInt8] = [UInt8(ascii: "0")]
        try unsafe zero.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try unsafe parse(buffer, 0..<1)
        }
    }

    private func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) throws(JSONError) {
        guard !range.isEmpty, let base = bytes.baseAddress else { return }
        let code = unsafe lejp_parse(context, base + range.lowerBound, Int32(range.count))
        if let failure { throw failure }
        guard code < 0, code != LEJP_CONTINUE.rawValue else { return }
        if code == LEJP_REJECT_MEMBERS_NO_CLOSE.rawValue, builder.isEmptyRootObject {
            // LEJP refuses the text `{}`; the prevalidator has seen its brackets match.
            builder.end()
            return
        }
        throw code == LEJP_REJECT_STACK_OVERFLOW.rawValue ? .tooDeep(offset: offset) : .syntax(offset: offset)
    }

    /// Handles one event of LEJP; false: stop.
    fileprivate func take(_ reason: lejp_callbacks) -> Bool {
        do throws(JSONError) {
            try process(reason)
            return true
        } catch {
            failure = error
            return false
        }
    }

    private func process(_ reason: lejp_callbacks) throws(JSONError) {
        switch reason {
        case LEJPCB_OBJECT_START:
            try builder.begin(object: true)
        case LEJPCB_ARRAY_START:
            // LEJP forgets to take array indexes back when it returns to the outermost object, and then refuses
            // the sixth array. Nothing here uses the indexes.
            unsafe context.pointee.ipos = 0
            try builder.begin(object: false)
        case LEJPCB_OBJECT_END, LEJPCB_ARRAY_END:
            builder.end()
        case LEJPCB_PAIR_NAME:
            try takeName()
        case LEJPCB_VAL_STR_START:
            text.removeAll(keepingCapacity: true)
        case LEJPCB_VAL_STR_CHUNK:
            takeChunk()
        case LEJPCB_VAL_STR_END:
            takeChunk()
            try builder.add(.string(decoded(text)))
        case LEJPCB_VAL_TRUE:
            try builder.add(.bool(true))
        case LEJPCB_VAL_FALSE:
            try builder.add(.bool(false))
        case LEJPCB_VAL_NULL:
            try builder.add(.null)
        case LEJPCB_VAL_NUM_INT, LEJPCB_VAL_NUM_FLOAT:
            try builder.add(.number(pendingNumber))
        default:
            break
        }
    }

    private func decoded(_ bytes: [UInt8]) throws(JSONError) -> String {
        if let decoded = JSONText.decode(bytes) { return decoded }
        guard mendsText else { throw .encoding(offset: max(0, offset - bytes.count)) }
        mended += 1
        return JSONText.mend(bytes)
    }

    private func takeChunk() {
        let count = unsafe Int(context.pointee.npos)
        unsafe withUnsafeBytes(of: &context.pointee.buf) { buffer in
            unsafe text.append(contentsOf: buffer.prefix(count))
        }
    }

    /// The name is the end of LEJP's path; it is removed from the path, so that paths cannot grow.
    private func takeName() throws(JSONError) {
        let level = unsafe Int(context.pointee.sp)
        let start = unsafe withUnsafeBytes(of: &context.pointee.st) { stack in
            unsafe Int(UInt8(bitPattern: stack.load(fromByteOffset: level * 4, as: _lejp_stack.self).p))
        }
        let end = unsafe Int(context.pointee.pst.0.ppos)
        guard start <= end, end <= Int(LEJP_MAX_PATH) else { throw .nameTooLong(offset: offset) }
        let bytes: [UInt8] = unsafe withUnsafeBytes(of: &context.pointee.path) { path in
            unsafe Array(path[start..<end])
        }
        unsafe context.pointee.pst.0.ppos = UInt8(start)
        builder.name(try decoded(bytes))
    }
}

private func parserEvent(_ context: UnsafeMutablePointer<lejp_ctx>?, _ reason: CChar) -> CChar {
    guard let user = unsafe context?.pointee.user else { return 0 }
    let parser = unsafe Unmanaged<JSONParser>.fromOpaque(user).takeUnretainedValue()
    return parser.take(lejp_callbacks(rawValue: UInt32(UInt8(bitPattern: reason)))) ? 0 : -1
}
