internal import RecorderCore

/// The texts of `--help`.
enum Help {
    static let version = "0.1.0"

    static let overview = """
        chalkbox \(version): records a lesson whatever happens, and transcribes it live whenever the network allows.

        usage: chalkbox COMMAND [OPTIONS]

          daemon                      the recorder itself; systemd starts it. SIGTERM, SIGINT and SIGQUIT end it, the
                                      lesson first; SIGHUP and SIGUSR1/2 do nothing: settings are read at its start
          start [--label TEXT]        begin a recording, as the START button does
          stop [--no-wait]            end it, as the STOP button does, and wait until it is saved
          status [--json] [--follow]  what the box is doing
          transcript [--json] [--follow]
                                      the newest words of the running lesson
          recordings [--json]         what has been recorded
          recordings verify [ID|all]  reads all audio and the index through, and names what is damaged: exit code 1
          upload retry ID|all         try at once what waits or is blocked (ID: as for export)
          export ID --format F -o FILE [--force]
                                      a recording as txt, srt, vtt, json or flac (ID: its name, the beginning
                                      of it, or `last`; FILE `-` is standard output, but not for flac; a FILE that
                                      is there is replaced with --force only)
          export-all DIRECTORY        copies finished lessons, those that are not there yet: audio and transcripts
          doctor [--leave-microphone] check microphone, panel, disk, clock, network and service; says what to fix
                                      (the microphone not while the recorder runs: START must not wait for it)
          lamp COLOUR [--seconds N]   light one lamp (green, amber, red or off) for a while (1 s), when the daemon
                                      does not run: systemd shows with it that the recorder has failed;
                                      `copying` and `copy-failed` are shown by the recorder
          report [-o FILE] [--force]  all that is known to be wrong, with what to do, as text for any computer
          logs [--follow] [--since TIME] [--lines N]
                                      what the recorder has logged (journalctl; TIME as it takes it)
          support-bundle [-o FILE] [--force]
                                      logs, state and configuration for who helps from afar; no audio, no transcript,
                                      no secrets
          update FILE|URL [--reboot]  install a signed update beside the running system; refused during a lesson
          config check FILE           check a configuration; names file, line, key and what is accepted
          config show FILE            what it sets, without what may be secret

        options of every command:
          --config FILE               default /etc/chalkbox/chalkbox.conf
          --defaults FILE             what holds where it says nothing; default /usr/share/chalkbox/defaults.conf, where
                                      an image has its board's devices
          --set SECTION.KEY=VALUE     override one setting (may be given again)
          --socket PATH               the daemon's control socket, if not the configured one
          --help, --version

        exit codes: 0 fine, 1 failed, 2 wrong usage or configuration, 3 the daemon is not running

        """

    static func of(_ command: String) -> String? {
        var lines: [String] = []
        for line in overview.parts(separatedBy: "\n") {
            if line.begins(with: "  " + command + " ") || line.begins(with: "  " + command + "[") {
                lines = [line]
            } else if !lines.isEmpty {
                guard line.begins(with: "       ") else { break }
                lines.append(line)
            }
        }
        guard !lines.isEmpty else { return nil }
        return lines.joined(separator: "\n") + "\n\n`chalkbox --help` shows all commands and common options.\n"
    }
}
