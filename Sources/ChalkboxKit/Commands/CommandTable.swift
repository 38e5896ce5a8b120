/// Every command, in the order in which people are told of them.
package enum CommandTable {
    /// The program's.
    package static let version = Help.version

    /// An inline array of literals is data; an array, or one that refers to something else, is code that makes it.
    private static let rows: [22 of Command] = [
        Command(
            "daemon", "", by: .program, "the recorder itself; systemd starts it",
            detail: """
                SIGTERM, SIGINT and SIGQUIT end it, the lesson first; SIGHUP, SIGUSR1 and SIGUSR2 do nothing:
                settings are read at its start.
                """,
            example: "chalkbox daemon --set panel.driver=socket"),
        Command(
            "start", "", by: .recorder, "begin a recording, as the START button does",
            options: "--label TEXT  what the lesson is called",
            example: "chalkbox start --label \"7B maths\""),
        Command(
            "stop", "", by: .recorder, "end it, as the STOP button does, and wait until it is saved",
            options: "--no-wait  do not wait",
            example: "chalkbox stop"),
        Command(
            "status", "", by: .recorder, "what the box is doing",
            options: """
                --json  one JSON object a line
                --follow  again at each change
                """,
            example: "chalkbox status --json"),
        Command(
            "transcript", "", by: .recorder, "the newest words of the running lesson",
            options: """
                --json  one JSON object a line
                --follow  and then each word as it comes
                """,
            example: "chalkbox transcript --follow"),
        Command(
            "recordings", "", by: .program, "what has been recorded",
            options: "--json  as a JSON array",
            example: "chalkbox recordings"),
        Command(
            "recordings verify", "[ID|all]", by: .program,
            "read all audio and the index through, and name what is damaged: exit code 1",
            detail: "An ID is as for `export`.",
            example: "chalkbox recordings verify last"),
        Command(
            "upload retry", "ID|all", by: .recorder, "try at once what waits or is blocked",
            detail: "An ID is as for `export`.",
            example: "chalkbox upload retry all"),
        Command(
            "export", "ID --format txt|srt|vtt|json|html|flac -o FILE", by: .program, "write a recording to a file",
            detail: """
                An ID is a recording's name, the beginning of one that no other begins with, or `last`. The page plays
                the lesson.flac that lies beside it, and needs no network.
                """,
            options: """
                --format txt|srt|vtt|json|html|flac  its transcript as text, subtitles, JSON or a page, or its audio
                -o, --output FILE  where to; `-` is standard output, but not for flac
                --json-version N  2 by default; 1 is what older readers know
                --force  replace a FILE that is there
                """,
            example: "chalkbox export last --format vtt -o lesson.vtt"),
        Command(
            "export-all", "DIRECTORY", by: .script,
            "copy finished lessons, those that are not there yet: audio and transcripts",
            options: "--light  green blinks meanwhile; red does for a while when it could not be done",
            example: "chalkbox export-all /mnt/lessons"),
        Command(
            "microphone list", "", by: .program, "what can be recorded from: names, rates, formats, channels",
            detail: "A star is before what the configuration names.",
            example: "chalkbox microphone list"),
        Command(
            "microphone test", "", by: .program, "listen for a while and say what is wrong with the sound: exit code 1",
            detail: """
                Speak meanwhile. Level, noise between words, clipping, drop-outs, hum, bandwidth, the card's mixer. In
                a lesson it hears the lesson's own samples; one that begins takes the microphone, and the test goes on.
                """,
            options: "--seconds N  for how long; 10 by default",
            example: "chalkbox microphone test"),
        Command(
            "microphone listen", "", by: .program, "what the microphone hears, as a WAV file without an end",
            detail: "It ends with who reads it. In a lesson it is the lesson's own samples.",
            example: "ssh BOX chalkbox microphone listen | aplay"),
        Command(
            "doctor", "", by: .program, "check microphone, panel, disk, clock, network and service; say what to fix",
            detail: "The microphone is not opened while the recorder uses it: START must not wait for it.",
            options: "--leave-microphone  do not open an idle recorder's either",
            example: "chalkbox doctor"),
        Command(
            "lamp", "green|amber|red|off|copying|copy-failed", by: .program,
            "light one lamp for a while, when the recorder does not run",
            detail: """
                systemd shows with it that the recorder has failed. `copying` and `copy-failed` are shown by the
                recorder, which has to run then.
                """,
            options: "--seconds N  for how long; 1 by default",
            example: "chalkbox lamp red --seconds 10"),
        Command(
            "report", "", by: .script, "all that is known to be wrong, with what to do, as text for any computer",
            options: """
                -o, --output FILE  where to; `-` is standard output
                --force  replace a FILE that is there
                """,
            example: "chalkbox report -o report.txt"),
        Command(
            "logs", "", by: .script, "what the recorder has logged",
            options: """
                --follow, -f  and then each line as it comes
                --since TIME  from then on, as journalctl(1) takes it
                --lines, -n N  the last N lines; 200 by default
                """,
            example: "chalkbox logs --since \"1 hour ago\""),
        Command(
            "support-bundle", "", by: .script, "logs, state and configuration for who helps from afar",
            detail: "No audio, no transcript and no secret is in it.",
            options: """
                -o, --output FILE  where to; `-` is standard output
                --force  replace a FILE that is there
                """,
            example: "chalkbox support-bundle -o support.tar.gz"),
        Command(
            "update", "FILE|URL", by: .script,
            "install a signed update beside the running system; refused during a lesson",
            options: "--reboot  start the new system at once",
            example: "sudo chalkbox update chalkbox.raucb"),
        Command(
            "config check", "[FILE]", by: .program,
            "check a configuration; names file, line, key and what is accepted",
            example: "chalkbox config check chalkbox.conf"),
        Command(
            "config show", "[FILE]", by: .program, "what it sets, without what may be secret",
            example: "chalkbox config show"),
        Command(
            "completions", "bash|zsh|fish", by: .script, "print what completes these commands in a shell",
            detail: "The package installs it where each shell looks for it.",
            example: "chalkbox completions bash"),
    ]

    /// Of every command.
    package static var common: [CommandOption] { CommandOption.list(commonLines) }

    private static let commonLines = """
        --config FILE  the configuration; default /etc/chalkbox/chalkbox.conf
        --defaults FILE  what holds where it says nothing; default /usr/share/chalkbox/defaults.conf
        --set SECTION.KEY=VALUE  override one setting (may be given again)
        --socket PATH  the recorder's control socket, if not the configured one
        """

    /// Code, and what it means.
    package static let exitCodes = "0 fine, 1 failed, 2 wrong usage or configuration, 3 the daemon is not running"

    package static var all: [Command] { commands(nil) }

    /// - Parameter verb: only those whose first word it is; nil: all. Empty: there is no such command.
    @inline(never)
    static func commands(_ verb: String?) -> [Command] {
        var commands: [Command] = []
        for place in rows.indices where verb == nil || rows[place].verb == verb { commands.append(rows[place]) }
        return commands
    }
}
