internal import AudioCapture
internal import Configuration
internal import LinuxRuntime
internal import RecorderCore
internal import RecordingStore
internal import SpeechUplink

/// `status`, as the control socket says it: one JSON object on one line.
extension Daemon {
    /// What must change for followers to be told.
    var statusKey: StatusKey {
        let lesson = recorder.lesson
        return StatusKey(
            phase: recorder.phase, committed: lesson?.committed ?? .zero, words: lesson?.transcript.wordCount ?? 0,
            error: lesson?.lastError ?? "", lit: panel.lamps, panel: panel.problem, level: lesson?.level.state ?? .fine,
            opening: (opening?.device ?? "") + (opening?.mixer.problem ?? ""), standby: recorder.standby,
            ending: (recorder.ending?.id.text ?? "") + (recorder.ending?.problem ?? ""),
            network: network.reason, uploading: outbox.status(now: Clock.now), transcribing: backfill.status)
    }

    func statusLine() -> String {
        let phase = recorder.phase
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", true)
            writer.field("version", Help.version)
            writer.field("name", settings.box.name)
            writer.field("phase", phase.name)
            writer.field("attempt", attempt(phase))
            writer.field("attempts", settings.reconnect.attempts)
            writer.field("reason", orNull: reason(phase))
            writer.array("mistakes") { writer in
                for mistake in mistakes { writer.value(mistake) }
            }
            writeRecording(&writer)
            writeFinished(&writer)
            writer.object("led") { writer in
                writer.field("green", panel.lamps.green.name)
                writer.field("amber", panel.lamps.amber.name)
                writer.field("red", panel.lamps.red.name)
            }
            writer.object("panel") { writer in
                writer.field("driver", panel.driver)
                writer.field("state", panel.state.name)
                writer.field("problem", orNull: panel.problem)
            }
            writeNetwork(&writer)
            writeUplink(&writer)
            writeMicrophone(&writer)
            writeDisk(&writer)
            writeOutbox(&writer)
            writeBackfill(&writer)
            writer.array("limits") { writer in
                for (bound, count) in bounds.counts {
                    writer.object { writer in
                        writer.field("name", bound.name)
                        writer.field("count", count)
                        writer.field("meaning", bound.meaning)
                    }
                }
            }
        }
        return writer.text
    }

    private func attempt(_ phase: Phase) -> Int {
        if case .reconnecting(let attempt) = phase { return attempt }
        return 0
    }

    private func reason(_ phase: Phase) -> String {
        if case .failed(let reason) = phase { return reason.text }
        return recorder.lesson?.lastError ?? ""
    }

    private func writeRecording(_ writer: inout JSONWriter) {
        guard let lesson = recorder.lesson else {
            writer.key("recording")
            writer.null()
            return
        }
        let end = lesson.end ?? ring.head
        writer.object("recording") { writer in
            writer.field("id", lesson.header.id.text)
            writer.field("label", lesson.header.label)
            writer.field("startedAt", lesson.header.startedAt.rfc3339)
            writer.field("clockSynchronised", lesson.header.clockSynchronised)
            writer.field("samples", end.value)
            writer.field("durationMs", end.milliseconds)
            writer.field("savedMs", lesson.committed.milliseconds)
            writer.field("finalWords", lesson.transcript.wordCount)
            writer.field("speakers", lesson.transcript.speakerCount)
            writer.field("coveredMs", lesson.transcript.coverage.samples / SampleIndex.samplesPerMillisecond)
            writer.array("gaps") { writer in
                guard settings.transcription.enabled else { return }
                // The newest seconds are always on their way: only what is behind the last final word is a gap.
                for gap in lesson.transcript.coverage.gaps(before: end, reason: "") {
                    writer.object { writer in
                        writer.field("startMs", gap.start.milliseconds)
                        writer.field("endMs", gap.end.milliseconds)
                    }
                }
            }
            writer.field("xruns", lesson.overruns)
            writer.field("lostMs", lesson.lostSamples / SampleIndex.samplesPerMillisecond)
        }
    }

    /// The lesson that ended last since the recorder started, what of it could not be saved, and what has no sound.
    private func writeFinished(_ writer: inout JSONWriter) {
        guard let ending = recorder.ending else {
            writer.key("finished")
            writer.null()
            return
        }
        writer.object("finished") { writer in
            writer.field("id", ending.id.text)
            writer.field("durationMs", ending.recorded.milliseconds)
            writer.field("savedMs", ending.saved.milliseconds)
            writer.field("problem", orNull: ending.problem ?? "")
            writer.field("sound", orNull: SoundText.problem(ending.sound, of: ending.saved.value))
            writer.fields(of: ending.sound)
        }
    }

    private func writeNetwork(_ writer: inout JSONWriter) {
        guard network.isWatched else {
            writer.key("network")
            writer.null()
            return
        }
        let path = network.path
        writer.object("network") { writer in
            writer.field("online", path != nil)
            writer.field("interface", orNull: path?.interface ?? "")
            writer.field("ssid", orNull: path?.ssid ?? "")
            writer.field("bssid", orNull: path?.bssid ?? "")
            writer.field("address", orNull: path?.address ?? "")
            writer.key("signalDbm")
            if let signal = path?.signalDecibelMilliwatts { writer.value(Int64(signal)) } else { writer.null() }
            writer.field("reason", orNull: network.reason)
        }
    }

    private func writeUplink(_ writer: inout JSONWriter) {
        let lesson = recorder.lesson
        let covered = lesson?.transcript.coverage.end ?? .zero
        let head = recorder.isRecording ? ring.head : .zero
        writer.object("uplink") { writer in
            writer.field("enabled", settings.transcription.enabled)
            writer.field("sessions", lesson?.uplink.sessions ?? 0)
            writer.key("lastLiveAt")
            if let lastLive = lesson?.uplink.lastLive {
                let age = Clock.now.milliseconds(since: lastLive)
                writer.value(WallTime(milliseconds: Clock.wall.milliseconds - age).rfc3339)
            } else {
                writer.null()
            }
            writer.key("roundTripMs")
            if let roundTrip = self.uplink?.roundTripMilliseconds { writer.value(roundTrip) } else { writer.null() }
            writer.field("bufferedMs", max(0, head.milliseconds - covered.milliseconds))
        }
    }

    /// Of sound in this lesson, as far as somebody watches the meters.
    var meteredPeriods: Int64 { meterDeadline == nil ? 0 : ring.head.value / Limits.periodSamples }

    /// When the meters may have changed. Nobody is woken by the capture thread for that.
    var meterDeadline: MonotonicTime? {
        guard clients.isMetered, recorder.lesson?.microphone == .recording else { return nil }
        return Clock.now.adding(milliseconds: Limits.meterMilliseconds)
    }

    private func writeMicrophone(_ writer: inout JSONWriter) {
        writer.object("microphone") { writer in
            let recording = recorder.lesson?.microphone == .recording
            writer.field("device", (recording ? opening?.device : nil) ?? settings.audio.device)
            writer.field("standby", orNull: settings.capture.standsBy ? recorder.standby.name : "")
            writer.field("preRollMs", capture.preRollMilliseconds)
            writer.key("peakDbfs")
            recording ? writer.thousandths(Double(capture.levels.peakTenths) / 10) : writer.null()
            writer.key("rmsDbfs")
            recording ? writer.thousandths(Double(capture.levels.rmsTenths) / 10) : writer.null()
            writer.field("level", orNull: recording ? recorder.lesson?.level.state.name ?? "" : "")
            let fault = recorder.lesson?.microphoneFault(of: settings.audio.channel)
            let problem = [fault?.problem ?? "", opening?.mixer.problem ?? ""].first { !$0.isEmpty } ?? ""
            writer.field("problem", orNull: recording ? problem : recorder.standbyProblem)
            let fallback = opening?.fallbackReason.map { "it is the fallback: " + $0 } ?? ""
            let note = [fault?.note ?? "", fallback].first { !$0.isEmpty } ?? ""
            writer.field("note", orNull: recording ? note : "")
            let parameters = capture.parameters
            writer.field("opened", orNull: recording ? parameters?.text ?? "" : "")
            writer.key("measuredRate")
            let clock = recording ? recorder.lesson?.clock.newest : nil
            if let clock { writer.value(Int64(clock.measuredRate)) } else { writer.null() }
            writer.array("channels") { writer in
                for channel in recording ? capture.channels : [] {
                    writer.object { writer in
                        writer.key("peakDbfs")
                        writer.thousandths(Double(channel.level.peakTenths) / 10)
                        writer.key("rmsDbfs")
                        writer.thousandths(Double(channel.level.rmsTenths) / 10)
                        writer.field("clipped", channel.clipped)
                    }
                }
            }
        }
    }

    private func writeDisk(_ writer: inout JSONWriter) {
        let disk = self.disk
        writer.object("disk") { writer in
            writer.field("freeMB", disk.freeMegabytes)
            let minutes = disk.minutesLeft(
                reserveMB: settings.box.reserveMegabytes, bytesAMinute: store.bytesAMinute)
            writer.field("minutesLeft", minutes)
            writer.key("lastSaveAgeMs")
            if let save = recorder.lesson?.lastSave {
                writer.value(Clock.now.milliseconds(since: save))
            } else {
                writer.null()
            }
        }
    }
}

/// Saved lessons on their way.
extension Daemon {
    private func writeOutbox(_ writer: inout JSONWriter) {
        let now = Clock.now
        let status = outbox.status(now: now)
        writer.object("outbox") { writer in
            writer.field("enabled", !settings.upload.url.isEmpty)
            writer.field("waiting", status.waiting)
            writer.field("bytesLeft", status.bytesLeft)
            writer.field("id", orNull: status.recording?.text ?? "")
            writer.field("file", orNull: status.file)
            writer.field("bytesDone", status.bytesDone)
            writer.field("bytes", status.bytes)
            writer.field("bytesPerSecond", status.bytesASecond)
            writer.key("nextAttemptInMs")
            writeWait(until: status.nextAttempt, now, &writer)
            writer.field("lastError", orNull: status.lastError)
            writer.array("blocked") { writer in
                for package in status.blocked {
                    writer.object { writer in
                        writer.field("id", package.recording.text)
                        writer.field("reason", package.reason)
                    }
                }
            }
        }
    }

    private func writeBackfill(_ writer: inout JSONWriter) {
        guard let status = backfill.status else {
            writer.key("transcribing")
            writer.null()
            return
        }
        writer.object("transcribing") { writer in
            writer.field("id", status.recording.text)
            writer.field("gaps", status.gaps)
            writer.field("gapsMs", status.milliseconds)
            writer.key("nextAttemptInMs")
            writeWait(until: status.nextAttempt, Clock.now, &writer)
            writer.field("lastError", orNull: status.lastError)
        }
    }

    /// Null: nothing is planned.
    private func writeWait(until time: MonotonicTime?, _ now: MonotonicTime, _ writer: inout JSONWriter) {
        if let time { writer.value(max(0, time.milliseconds(since: now))) } else { writer.null() }
    }
}

/// What a follower of `status` is told about when it changes.
struct StatusKey: Equatable {
    var phase: Phase
    var committed: SampleIndex
    var words: Int
    var error: String
    var lit: Lamps
    var panel: String
    var level: LevelWatch.State
    var opening: String
    var standby: Standby
    var ending: String
    var network: String
    var uploading: OutboxStatus
    var transcribing: BackfillStatus?
}
