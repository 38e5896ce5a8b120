internal import CNetlink

/// A message from the kernel: a fixed structure, then attributes. Valid only while libnl hands it over.
/// Everything is read through libnl's bounds checks; what does not fit counts as missing.
@safe struct NetlinkMessage {
    private let header: UnsafeMutablePointer<nlmsghdr>

    /// - Parameter header: a whole message: libnl has checked its length (`nlmsg_ok`).
    init(_ header: UnsafeMutablePointer<nlmsghdr>) {
        unsafe self.header = header
    }

    var type: UInt16 { unsafe header.pointee.nlmsg_type }

    /// The fixed structure at the front; nil when the message is too short for it.
    func body<Body: BitwiseCopyable>(_ body: Body.Type) -> Body? {
        guard unsafe nlmsg_valid_hdr(header, Int32(MemoryLayout<Body>.size)) != 0,
            let data = unsafe nlmsg_data(header)
        else { return nil }
        return unsafe data.loadUnaligned(as: Body.self)
    }

    /// The attributes behind a fixed structure.
    func attributes<Body: BitwiseCopyable>(after body: Body.Type) -> NetlinkAttributes {
        let size = Int32(MemoryLayout<Body>.size)
        guard unsafe nlmsg_valid_hdr(header, size) != 0 else { return unsafe NetlinkAttributes(nil, length: 0) }
        return unsafe NetlinkAttributes(nlmsg_attrdata(header, size), length: nlmsg_attrlen(header, size))
    }
}

/// A row of attributes, each with its type and length (netlink(7), libnl's `nla_find`).
@safe struct NetlinkAttributes {
    private let first: UnsafeMutablePointer<nlattr>?
    private let length: Int32

    init(_ first: UnsafeMutablePointer<nlattr>?, length: Int32) {
        unsafe self.first = first
        self.length = length
    }

    func uint32(_ type: some BinaryInteger) -> UInt32? { value(type, as: UInt32.self) }

    /// A number or a structure, when the attribute is long enough for it.
    func value<Value: BitwiseCopyable>(_ type: some BinaryInteger, as _: Value.Type) -> Value? {
        guard let attribute = unsafe find(type), unsafe Int(nla_len(attribute)) >= MemoryLayout<Value>.size,
            let data = unsafe nla_data(attribute)
        else { return nil }
        return unsafe data.loadUnaligned(as: Value.self)
    }

    func bytes(_ type: some BinaryInteger) -> [UInt8]? {
        guard let attribute = unsafe find(type) else { return nil }
        guard let data = unsafe nla_data(attribute) else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: data, count: Int(nla_len(attribute))))
    }

    /// Text up to its final zero, if it has one.
    func string(_ type: some BinaryInteger) -> String? {
        bytes(type).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func nested(_ type: some BinaryInteger) -> NetlinkAttributes? {
        guard let attribute = unsafe find(type), let data = unsafe nla_data(attribute) else { return nil }
        return unsafe NetlinkAttributes(data.assumingMemoryBound(to: nlattr.self), length: nla_len(attribute))
    }

    /// The next hops of a multipath route: structures with attributes of their own (rtnetlink(7), RTA_MULTIPATH).
    func nextHops() -> [(linkIndex: Int32, attributes: NetlinkAttributes)] {
        guard let attribute = unsafe find(RTA_MULTIPATH.rawValue), let data = unsafe nla_data(attribute) else {
            return []
        }
        var hops: [(linkIndex: Int32, attributes: NetlinkAttributes)] = []
        let size = MemoryLayout<rtnexthop>.size
        let length = unsafe Int(nla_len(attribute))
        var offset = 0
        while length - offset >= size {
            let hop = unsafe data.loadUnaligned(fromByteOffset: offset, as: rtnexthop.self)
            let hopLength = Int(hop.rtnh_len)
            guard hopLength >= size, hopLength <= length - offset else { break }
            let first = unsafe (data + offset + size).assumingMemoryBound(to: nlattr.self)
            hops.append((hop.rtnh_ifindex, unsafe NetlinkAttributes(first, length: Int32(hopLength - size))))
            // RTNH_ALIGN: hops begin at multiples of 4.
            offset += (hopLength + 3) & ~3
        }
        return hops
    }

    private func find(_ type: some BinaryInteger) -> UnsafeMutablePointer<nlattr>? {
        guard let first = unsafe first else { return nil }
        return unsafe nla_find(first, length, Int32(truncatingIfNeeded: type))
    }
}
