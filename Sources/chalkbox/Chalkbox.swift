internal import LinuxRuntime
internal import RecorderCore

@main
struct Chalkbox {
    static func main() {
        let ring = SampleRing()
        Console.output("chalkbox \(ring.head.value) \(Clock.wall.rfc3339)\n")
    }
}
