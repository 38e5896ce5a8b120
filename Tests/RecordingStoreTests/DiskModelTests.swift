import PowerCut
import RecorderCore
import Testing

/// What the power cuts of the other tests rest on.
struct DiskModelTests {
    private func disk(_ effects: [StorageEffect]) -> DiskModel {
        var model = DiskModel(root: "/d")
        for effect in effects { model.apply(effect) }
        return model
    }

    private let seeds = (0..<200).map { DiskModel.Fate.mixed(seed: $0) }

    @Test func `bytes are safe after the file's sync, a name after its directory's`() {
        let written: [StorageEffect] = [.create("/d/f"), .write("/d/f", offset: 0, [1, 2, 3])]
        #expect(disk(written).cut(.dropped) == DiskImage())
        #expect(disk(written).cut(.kept).files == ["/f": [1, 2, 3]])
        #expect(disk(written + [.sync("/d/f")]).cut(.dropped) == DiskImage())
        #expect(disk(written + [.syncDirectory("/d")]).cut(.dropped).files == ["/f": []])
        let safe = disk(written + [.sync("/d/f"), .syncDirectory("/d")])
        for fate in seeds + [.dropped, .kept] { #expect(safe.cut(fate).files == ["/f": [1, 2, 3]]) }
    }

    @Test func `a directory that was not synced into its parent takes all that is in it`() {
        let inner: [StorageEffect] = [
            .makeDirectory("/d/a"), .makeDirectory("/d/a/b"), .create("/d/a/b/f"), .sync("/d/a/b/f"),
            .syncDirectory("/d/a/b"), .syncDirectory("/d/a"),
        ]
        #expect(disk(inner).cut(.dropped) == DiskImage())
        let safe = DiskImage(directories: ["/a", "/a/b"], files: ["/a/b/f": []])
        #expect(disk(inner + [.syncDirectory("/d")]).cut(.dropped) == safe)
    }

    @Test func `sectors are kept, dropped and torn, in any order`() {
        let model = disk([
            .create("/d/f"), .syncDirectory("/d"), .write("/d/f", offset: 0, .init(repeating: 1, count: 700)),
            .sync("/d/f"), .write("/d/f", offset: 300, .init(repeating: 2, count: 1_000)),
        ])
        var found: Set<String> = []
        for seed in seeds {
            let bytes = model.cut(seed).files["/f"] ?? []
            #expect(bytes.count >= 700 && bytes.prefix(300).allSatisfy { $0 == 1 })
            let first = bytes[300..<512]
            found.insert(first.allSatisfy { $0 == 1 } ? "dropped" : first.allSatisfy { $0 == 2 } ? "kept" : "torn")
            if bytes.count == 1_300, bytes[600] == 1, bytes[1_299] == 2 { found.insert("later sector only") }
            if bytes.count == 1_300, bytes[1_299] == 0 { found.insert("size only") }
            #expect(model.cut(seed) == model.cut(seed))
        }
        #expect(found == ["dropped", "kept", "torn", "later sector only", "size only"])
    }

    @Test func `a name that was not synced may have changed or not`() {
        let model = disk([
            .create("/d/old"), .write("/d/old", offset: 0, [7]), .sync("/d/old"), .create("/d/gone"),
            .syncDirectory("/d"), .rename("/d/old", to: "/d/new"), .remove("/d/gone"),
        ])
        let images = Set(seeds.map { model.cut($0).files.keys.sorted().joined() })
        #expect(images == ["/gone/new", "/gone/old", "/new", "/old"])
        #expect(model.cut(.dropped).files == ["/old": [7], "/gone": []])
        #expect(model.cut(.kept).files == ["/new": [7]])
    }

    @Test func `a size that was cut may come back until it is synced`() {
        let start = DiskImage(files: ["/f": [1, 2, 3, 4]])
        var model = DiskModel(root: "/d", start)
        model.apply(.truncate("/d/f", bytes: 2))
        #expect(Set(seeds.map { model.cut($0).files["/f"]?.count ?? 0 }) == [2, 4])
        model.apply(.sync("/d/f"))
        #expect(model.cut(.dropped).files == ["/f": [1, 2]])
    }
}
