import CFuzzer
import FuzzTargets
import Glibc

/// libFuzzer's main program. The target comes by the environment, since libFuzzer runs itself anew with the same
/// arguments when it merges and minimises.
@main struct FuzzDriver {
    private static let target = getenv("CHALKBOX_FUZZ_TARGET").flatMap { FuzzTarget(rawValue: String(cString: $0)) }

    static func main() {
        if CommandLine.arguments.dropFirst() == ["--targets"] {
            for target in FuzzTarget.allCases { print(target.rawValue, target.maximumBytes) }
            return
        }
        guard target != nil else {
            let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
            print("chalkbox-fuzz: CHALKBOX_FUZZ_TARGET must be one of \(names)")
            exit(2)
        }
        exit(
            fuzzer_run(CommandLine.argc, CommandLine.unsafeArgv) { bytes, count in
                do {
                    try FuzzDriver.target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
                } catch {
                    fatalError("\(error)")
                }
                return 0
            })
    }
}
