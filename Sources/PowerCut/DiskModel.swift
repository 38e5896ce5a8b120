internal import Foundation
package import RecorderCore

/// What is on a disk, and what of it a power cut leaves, as far as POSIX promises: a file's bytes are safe after its
/// sync, a name after the sync of its directory, and nothing before; in particular a file's sync saves no name.
///
/// The method is that of ALICE (Pillai et al., OSDI 2014) and of SQLite's own crash tests.
package struct DiskModel {
    /// What happened to all that was not synced.
    package enum Fate: Hashable, Sendable {
        case dropped
        case kept
        /// Each sector of each write, each change of a size and each name: kept, dropped or, a sector, torn.
        case mixed(seed: UInt64)
    }

    private enum Change {
        case write(offset: Int, [UInt8])
        case truncate(Int)
    }

    private final class Node {
        var durable: [UInt8] = []
        var current: [UInt8] = []
        var pending: [Change] = []
    }

    private struct Names {
        var files: [String: Node] = [:]
        var directories: Set<String> = []

        mutating func apply(_ change: NameChange) {
            switch change {
            case .directory(let path): directories.insert(path)
            case .link(let path, let node): files[path] = node
            case .unlink(let path): files[path] = nil
            case .rename(let path, let target, let node):
                files[path] = nil
                files[target] = node
            }
        }
    }

    private enum NameChange {
        case directory(String)
        case link(String, Node)
        case unlink(String)
        case rename(String, String, Node)
    }

    package static let sectorBytes = 512
    package let root: String
    private var durable = Names()
    private var current = Names()
    /// By directory, in order.
    private var pending: [String: [NameChange]] = [:]

    /// An empty directory, or one with what an earlier cut left.
    package init(root: String, _ image: DiskImage = DiskImage()) {
        self.root = root
        for name in image.directories { durable.directories.insert(root + name) }
        for (name, bytes) in image.files {
            let node = Node()
            node.durable = bytes
            node.current = bytes
            durable.files[root + name] = node
        }
        current = durable
    }

    package mutating func apply(_ effect: StorageEffect) {
        switch effect {
        case .makeDirectory(let path):
            change(.directory(path), in: path)
        case .create(let path):
            if current.files[path] == nil { change(.link(path, Node()), in: path) }
        case .write(let path, let offset, let bytes):
            guard let node = current.files[path] else { return }
            Self.write(bytes[...], at: Int(offset), into: &node.current)
            node.pending.append(.write(offset: Int(offset), bytes))
        case .truncate(let path, let bytes):
            guard let node = current.files[path] else { return }
            Self.resize(&node.current, Int(bytes))
            node.pending.append(.truncate(Int(bytes)))
        case .sync(let path):
            guard let node = current.files[path] else { return }
            node.durable = node.current
            node.pending = []
        case .syncDirectory(let path):
            for change in pending.removeValue(forKey: path) ?? [] { durable.apply(change) }
        case .rename(let path, let target):
            guard let node = current.files[path] else { return }
            if Self.parent(path) == Self.parent(target) {
                change(.rename(path, target, node), in: path)
            } else {
                change(.link(target, node), in: target)
                change(.unlink(path), in: path)
            }
        case .remove(let path):
            if current.files[path] != nil { change(.unlink(path), in: path) }
        }
    }

    private mutating func change(_ change: NameChange, in path: String) {
        current.apply(change)
        pending[Self.parent(path), default: []].append(change)
    }

    /// What is found when the power is back.
    package func cut(_ fate: Fate) -> DiskImage {
        switch fate {
        case .dropped: image(durable) { $0.durable }
        case .kept: image(current) { $0.current }
        case .mixed(let seed):
            mixed(Dice(seed: seed))
        }
    }

    private func mixed(_ start: Dice) -> DiskImage {
        var dice = start
        var names = durable
        for directory in pending.keys.sorted() {
            for change in pending[directory] ?? [] where dice.roll(2) == 0 { names.apply(change) }
        }
        var contents: [ObjectIdentifier: [UInt8]] = [:]
        for path in names.files.keys.sorted() {
            guard let node = names.files[path] else { continue }
            contents[ObjectIdentifier(node)] = Self.mixed(node, &dice)
        }
        return image(names) { contents[ObjectIdentifier($0)] ?? [] }
    }

    private static func mixed(_ node: Node, _ dice: inout Dice) -> [UInt8] {
        var bytes = node.durable
        for change in node.pending {
            switch change {
            case .truncate(let size):
                if dice.roll(2) == 0 { resize(&bytes, size) }
            case .write(let offset, let new):
                // The size may have reached the disk before any of the bytes.
                if offset + new.count > bytes.count, dice.roll(4) == 0 { resize(&bytes, offset + new.count) }
                var start = 0
                while start < new.count {
                    let end = min(new.count, start + sectorBytes - (offset + start) % sectorBytes)
                    switch dice.roll(5) {
                    case 0, 1: write(new[start..<end], at: offset + start, into: &bytes)
                    case 2: write(new[start..<start + dice.roll(end - start)], at: offset + start, into: &bytes)
                    default: break
                    }
                    start = end
                }
            }
        }
        return bytes
    }

    private func image(_ names: Names, _ bytes: (Node) -> [UInt8]) -> DiskImage {
        var image = DiskImage()
        func isReachable(_ path: String) -> Bool {
            let parent = Self.parent(path)
            return parent == root || names.directories.contains(parent) && isReachable(parent)
        }
        for path in names.directories where isReachable(path) {
            image.directories.append(String(path.dropFirst(root.count)))
        }
        image.directories.sort()
        for (path, node) in names.files where isReachable(path) {
            image.files[String(path.dropFirst(root.count))] = bytes(node)
        }
        return image
    }

    private static func parent(_ path: String) -> String { path.before(last: "/") ?? "" }

    private static func resize(_ bytes: inout [UInt8], _ size: Int) {
        if size < bytes.count { bytes.removeLast(bytes.count - size) }
        if size > bytes.count { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
    }

    private static func write(_ new: ArraySlice<UInt8>, at offset: Int, into bytes: inout [UInt8]) {
        guard !new.isEmpty else { return }
        if offset + new.count > bytes.count { resize(&bytes, offset + new.count) }
        bytes.withUnsafeMutableBytes { target in
            new.withUnsafeBytes { source in
                _ = memcpy(target.baseAddress! + offset, source.baseAddress!, source.count)
            }
        }
    }
}

/// A directory tree as values; names begin with a slash.
package struct DiskImage: Equatable {
    package var directories: [String]
    package var files: [String: [UInt8]]

    package init(directories: [String] = [], files: [String: [UInt8]] = [:]) {
        self.directories = directories
        self.files = files
    }

    /// Into an empty directory.
    package func write(to root: String) {
        for name in directories where mkdir(root + name, 0o750) != 0 { fatalError("mkdir \(root + name): \(errno)") }
        for (name, bytes) in files {
            let descriptor = open(root + name, O_WRONLY | O_CREAT | O_EXCL, 0o640)
            var done = 0
            bytes.withUnsafeBytes { buffer in
                while done < buffer.count {
                    let count = pwrite(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(done))
                    if count <= 0 { fatalError("write \(root + name): \(errno)") }
                    done += count
                }
            }
            close(descriptor)
        }
    }
}

extension DiskImage {
    /// What is there.
    package init(reading root: String) throws {
        self.init()
        for name in try FileManager.default.subpathsOfDirectory(atPath: root).sorted() {
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isDirectory)
            if isDirectory.boolValue {
                directories.append("/" + name)
            } else {
                files["/" + name] = Array(try Data(contentsOf: URL(filePath: root + "/" + name)))
            }
        }
    }
}

/// Chance that can be repeated: splitmix64.
package struct Dice {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    /// 0 to `sides` - 1.
    package mutating func roll(_ sides: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ mixed >> 31) % UInt64(sides))
    }
}
