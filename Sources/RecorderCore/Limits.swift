/// Every bound in the product, in one place: what is queued, kept in memory, waited for or accepted from outside. None
/// is passed in silence:
/// - What is left out because there is too much of it is counted under a name of `Bound`, logged once, and shown by
///   `status --json` and `doctor`: of queues, of words and marks that wait for the index, of speakers, of the network's
///   tables and messages, of programs at the control socket, of refused lessons, of a button's edges. Adapters count by
///   themselves and are asked in each round (`noteBounds`); the core says `RecorderEffect.reached`.
/// - What somebody wrote or sent and is too long is refused as a whole: who sent it is told (lines, labels), or it is a
///   mistake of the configuration, or the failure of that session, request or file, whose reason is logged.
/// - A wait that ends is a failure with a reason, which is logged.
/// - The rest (sizes of pieces, intervals, what is looked back at) loses nothing.
package enum Limits {
    // Audio
    /// The sample ring: 64 s, a power of two of samples (1,048,576 samples = 65.536 s; 2 MiB).
    package static let ringSamples = 1 << 20
    /// Capture period and streaming frame: 100 ms (PROTOCOL, Messages: 60 to 120 ms).
    package static let periodSamples: Int64 = 1_600
    /// Who watches the microphone's meters is told this often.
    package static let meterMilliseconds: Int64 = 100
    /// ALSA's buffer: a capture thread that is away for less than this loses nothing.
    package static let captureBufferMilliseconds: Int64 = 2_000
    /// A microphone that is being opened, and gives neither a sample nor an error for so long, counts as lost. A sound
    /// server may need 2 s for its first sample.
    package static let microphoneOpenMilliseconds: Int64 = 4_000
    /// A microphone that ran and gives nothing for so long counts as lost, although its driver says nothing.
    package static let microphoneStallMilliseconds: Int64 = 1_000
    package static let microphoneRetryCapMilliseconds: Int64 = 5_000
    /// A card that was just plugged in has its mixer set to what udev thinks right (`alsactl restore`), maybe after the
    /// microphone was opened: it is looked at again so long after that.
    package static let mixerSettleMilliseconds: Int64 = 3_000
    /// Seconds in a row below `audio.level_warning_dbfs` that are no pause any more.
    package static let quietSeconds = 30
    /// So many clipped seconds among the last `clippingSeconds` are more than a slammed door.
    package static let clippedSeconds = 3
    package static let clippingSeconds = 10
    /// Samples in a row at full scale that count as clipping: a single one may be a loud sound's true peak.
    package static let clippedRun = 3
    /// Silence marks waiting between the capture thread and the loop.
    package static let silenceMarks = 256

    // Journal
    /// One FLAC frame: 100 ms, so that a commit leaves at most that much in the encoder.
    package static let flacBlockSamples: Int64 = 1_600
    /// 1.75 s + one frame + one capture period stays under the promised 2 s.
    package static let commitMilliseconds: Int64 = 1_750
    /// A commit that new words wait for comes after this: a word is whole at most 0.75 s after its last token was
    /// final, and what is final is in the journal within 2 s.
    package static let wordsCommitMilliseconds: Int64 = 1_000
    /// One audio file: 10 min.
    package static let segmentSamples: Int64 = 600 * SampleIndex.samplesPerSecond
    /// No recording is longer: names of audio files sort up to 9999, which is 69 days. A file or an index that says
    /// more is damaged.
    package static let recordingSamples = 10_000 * segmentSamples
    /// So much that was too quiet or too loud is written to the index without waiting for words: a minute.
    package static let levelSamples: Int64 = 60 * SampleIndex.samplesPerSecond
    package static let storeCommands = 256
    /// Commands that found no room in that queue wait in another one, and are handed over this often. After so long the
    /// disk counts as failing.
    package static let storeTendMilliseconds: Int64 = 100
    package static let storeLateMilliseconds: Int64 = 3_000
    /// Final words, silence marks and merged speakers of a lesson that may wait for an index that cannot be written:
    /// some three hours of talk; one mark for each gap in the microphone's samples; a few after each long outage.
    package static let waitingWords = 65_536
    package static let waitingSilences = 65_536
    package static let waitingMerges = 4_096
    /// A log of the index that is longer is pinned by somebody who reads what was before it; it is tried to be emptied
    /// again this often.
    package static let indexLogBytes: Int64 = 1 << 20
    package static let indexLogMilliseconds: Int64 = 10_000
    package static let storeEvents = 256
    /// What the journal gives a session at a time: 4 s.
    package static let replaySamples = 64_000
    package static let labelBytes = 256
    /// What the store does for saved recordings, between two looks at its commands: START must not wait for it.
    package static let sliceMilliseconds: Int64 = 20
    /// Pieces of files that are digested, or written for the package, in one go.
    package static let digestPieceBytes = 64 << 10
    package static let pieceBytes = 64 << 10
    /// The page around a lesson's text is 12 KB.
    package static let templateBytes = 64 << 10
    /// What the disk refused of a saved recording is tried again after this.
    package static let postLessonRetryMilliseconds: Int64 = 30_000
    /// Changes of saved recordings that may wait for an index that cannot be written, and the words in them.
    package static let pendingIndexWrites = 256
    package static let pendingWords = 65_536
    /// Words of a saved recording that are written in one transaction.
    package static let batchWords = 1_024
    /// START waits this long for space to be made: less than three quarters of the unit's `WatchdogSec`, as the loop
    /// does nothing else meanwhile.
    package static let freeSpaceMilliseconds: Int64 = 2_000
    /// Damaged indexes that are kept, and the size up to which one is read through at a start: some 130 hours of words.
    package static let damagedIndexes = 4
    package static let checkedIndexBytes: Int64 = 64 << 20
    /// Audio files of one recording that cannot be read and are kept: each is up to 10 min of it.
    package static let damagedAudioFiles = 8

    /// The newest recordings, which tell how much a minute takes. Speech takes 1.1 to 1.3 MB as FLAC, noise more, and
    /// samples as they are 1.9 MB. Silence takes next to nothing, but the next lesson will not be as silent.
    package static let measuredRecordings = 8
    package static let usualBytesAMinute: Int64 = 1_500_000
    package static let leastBytesAMinute: Int64 = 1_000_000
    package static let mostBytesAMinute: Int64 = 2_000_000

    // Uplink
    /// A name look-up blocks the uplink thread for up to half a minute; a flapping link makes 8 commands a second.
    package static let uplinkCommands = 256
    package static let uplinkEvents = 512
    package static let serviceMessageBytes = 1 << 20
    package static let serviceMessageTokens = 4_096
    package static let errorMessageBytes = 512
    package static let errorTypeBytes = 64
    /// A secret of fewer bytes is not looked for in what a server answers.
    package static let hiddenBytes = 8
    package static let keepaliveMilliseconds: Int64 = 5_000
    package static let connectTimeoutMilliseconds: Int64 = 10_000
    package static let keyTimeoutMilliseconds: Int64 = 10_000
    /// Audio that may be sent ahead of real time in one go (PROTOCOL, Messages: never over 2 s).
    package static let burstSamples: Int64 = 2 * SampleIndex.samplesPerSecond
    package static let finishMilliseconds: Int64 = 20_000

    /// A session that lives this long was a success: the next failure begins a new burst of attempts.
    package static let stableSessionMilliseconds: Int64 = 3_000
    /// Sessions in a row that left out audio; after these the service is believed: it may only be slow, and text must
    /// come. A session that was in order for so long begins the count anew.
    package static let leftOutSessions = 3
    package static let trustedSessionMilliseconds: Int64 = 120_000
    /// Final tokens of a service that is behind: half a minute of talk has some 200.
    package static let heldTokens = 4_096
    /// Over the adapter's own time-outs: an attempt that has not even failed by then is given up.
    package static let attemptMilliseconds: Int64 = 25_000
    /// The kernel says that there is no network: what waits for one is tried all the same, this often.
    package static let offlineRetryMilliseconds: Int64 = 600_000
    /// A longer `Retry-After` is obeyed for so long only, and that is told: a lesson is not to be lost by it.
    package static let retryAfterMilliseconds: Int64 = 600_000
    /// Milliseconds of a `Retry-After` that are obeyed.
    package static func retryAfterMilliseconds(_ seconds: Int) -> Int64 {
        min(Int64(max(0, min(seconds, 86_400))) * 1_000, retryAfterMilliseconds)
    }
    /// A flapping link must not make a storm of attempts.
    package static let attemptSpacingMilliseconds: Int64 = 250
    /// A prefetched key is replaced this long before its end; one whose endpoint names no end is kept for less than an
    /// hour (PROTOCOL, Token: about an hour).
    package static let keyMarginMilliseconds: Int64 = 60_000
    package static let keyLifetimeMilliseconds: Int64 = 50 * 60_000
    package static let prefetchRetryMilliseconds: Int64 = 30_000
    /// The kernel asks for the router's address three times, a second apart (arp(7): mcast_solicit, retrans_time). What
    /// is sent while the cable is out begins that; the first connection after the cable is back fails with it.
    package static let arpResolutionMilliseconds: Int64 = 3_500
    /// A session that lags behind and was told not to hurry is replaced after this long by one that may: it would never
    /// catch up, and its last words would not come in time after STOP.
    package static let realTimePaceMilliseconds: Int64 = 15_000
    /// Tries to fill gaps beside one live session.
    package static let gapTries = 6
    /// Second hearings for one new speaker, and in one lesson: each is some minutes of audio that is paid for again.
    static let secondHearingTries = 3
    package static let secondHearings = 32
    /// Between a second hearing that failed and the next.
    static let secondHearingRetryMilliseconds: Int64 = 60_000
    /// A live session lasts this long before a stretch is heard again beside it: others may be reconnecting, too, and
    /// an account has 10 streams (PROTOCOL, Handshake).
    package static let secondHearingDelayMilliseconds: Int64 = 10_000
    /// A session is behind, not just a frame late.
    package static let behindSamples = 5 * SampleIndex.samplesPerSecond
    package static let captureStopMilliseconds: Int64 = 3_000
    package static let storeCloseMilliseconds: Int64 = 10_000
    /// START was pressed meanwhile: the last lesson's end is not waited for longer than this.
    package static let storeHandOverMilliseconds: Int64 = 2_000
    /// A START that was refused is shown in red for so long.
    package static let refusedStartMilliseconds: Int64 = 30_000

    // Text of saved lessons
    /// Failures without progress after which a lesson goes without the text that it lacks: with these waits some 14 h,
    /// and its audio must not be kept from the school for ever.
    package static let backfillTries = 24
    package static let backfillDelayMilliseconds: Int64 = 2_000
    package static let backfillCapMilliseconds: Int64 = 3_600_000
    /// Between tries when a person has to mend something: a secret, a quota.
    package static let backfillRefusedMilliseconds: Int64 = 60_000
    /// Times that the service may say of a file that it cannot transcribe it, or not let it be deleted.
    package static let backfillRefusals = 3
    package static let backfillPollMilliseconds: Int64 = 30_000
    /// Two hours.
    package static let backfillPolls = 240

    // Waits for others: what does not come is asked for anew, and told. Longer than it can take.
    /// The store's answer to a small question; a disk may stand still for half a minute.
    package static let storeAnswerMilliseconds: Int64 = 120_000
    /// A gap of 55 min cut out of the audio, or a lesson of a day packed, in slices, on a slow card.
    package static let storeWorkMilliseconds: Int64 = 1_800_000
    /// Over the exchange's own time-outs, of which the longest is `answerMilliseconds`.
    package static let exchangeMilliseconds: Int64 = 300_000
    /// An hour of audio over a slow way.
    package static let audioExchangeMilliseconds: Int64 = 7_200_000
    /// A session that says nothing at all: over `reconnect.dead_after_ms`, by which it ends by itself.
    package static let quietSessionMilliseconds: Int64 = 60_000
    /// What a session asked the journal for.
    package static let replayAnswerMilliseconds: Int64 = 15_000

    // Uploads
    package static let uploadCapMilliseconds: Int64 = 300_000
    /// A server holds an upload for as long as it believes the last connection to be alive.
    package static let uploadLockMilliseconds: Int64 = 5_000
    /// Between tries when the school does not let the box in.
    package static let uploadHeldMilliseconds: Int64 = 3_600_000
    package static let uploadAskMilliseconds: Int64 = 600_000
    /// Files of a lesson that are begun anew before it waits for a person.
    package static let uploadRestarts = 8
    package static let uploadOffsetConflicts = 3
    package static let blockedPackages = 64
    package static let uploadCommands = 16
    package static let uploadEvents = 64
    package static let uploadAnswerBytes = 64 << 10
    /// Names that a manifest's answer misses: `recordingSamples` over `segmentSamples`, and those beside the audio.
    package static let missingFiles = 10_016
    /// A refusal of a manifest that names them all.
    package static let manifestAnswerBytes = 512 << 10
    /// A transcript of the asynchronous interface: half an hour of tokens takes 1 to 2 MB.
    package static let transcriptBytes = 4 << 20
    package static let transcriptTokens = 32_768
    /// Nine values a token.
    package static let transcriptNodes = 300_000

    // Network
    /// A classroom box has three links; what exceeds these is not looked at.
    package static let networkLinks = 64
    package static let networkAddresses = 256
    /// Default routes; others are not kept.
    package static let networkRoutes = 64
    /// The network is read again this long after the last hint…
    package static let networkQuietMilliseconds: Int64 = 50
    /// … but at the latest this long after the first, however it flaps.
    package static let networkDelayMilliseconds: Int64 = 250
    package static let networkRetryMilliseconds: Int64 = 1_000
    /// The kernel has the answer ready when it takes the question; this is for the day when it has not.
    package static let netlinkAnswerMilliseconds: Int64 = 200
    /// Readings of a table that changes while it is read.
    package static let netlinkDumpTries = 4
    /// Waiting messages taken in one go: they are only hints, and must not keep the loop.
    package static let netlinkMessagesADrain = 256

    /// An address in the configuration, or from the service.
    package static let urlBytes = 1_024

    // Control socket
    package static let controlClients = 16
    /// Of these, those that nobody puts out: who follows, presses buttons, or copies lessons.
    package static let controlFollowers = 12
    /// Another one that says nothing for so long is let go.
    package static let controlIdleMilliseconds: Int64 = 60_000
    /// No file descriptor was left for who comes: the next look.
    package static let controlPauseMilliseconds: Int64 = 1_000
    package static let controlLineBytes = 64 << 10
    package static let controlOutputBytes = 256 << 10
    /// Who listens to a lesson is sent its samples so often…
    package static let listenMilliseconds: Int64 = 100
    /// … and none as long as so many bytes wait to be read: the ring keeps them for a minute.
    package static let listenBytes = 64 << 10

    // Panel
    /// A line that cannot be had is tried again after this, then after twice as long each time, up to the next.
    package static let panelRetryMilliseconds: Int64 = 250
    /// Lines that are held are looked at so often, lamps driven anew: before 6.6 the kernel does not wake who waits for
    /// the edges of a chip that is unplugged.
    package static let panelLookMilliseconds: Int64 = 2_000
    /// The same trouble is told again after this.
    package static let panelNewsMilliseconds: Int64 = 60_000
    /// A lamp that is lit by hand.
    package static let lampSeconds: Int64 = 3_600

    // Doctor
    /// A daemon that does not answer `doctor` for so long is taken for none.
    package static let doctorAnswerMilliseconds: Int64 = 10_000
    /// A session that is not refused for so long is taken for accepted.
    package static let refusalMilliseconds: Int64 = 1_500
    package static let networkProblemBytes = 16 << 10
    package static let networkProblems = 32
    package static let networkProblemLineBytes = 256

    // JSON (LEJP's own: nesting 12, path 128 bytes)
    package static let jsonNodes = 65_536

    // Configuration
    package static let secretBytes = 4_096
    package static let configurationBytes = 256 << 10
    /// The example has 80: what is longer is no configuration.
    package static let configurationLines = 4_096
    /// Mistakes that are told; a file that is none at all has one in each line.
    package static let configurationProblems = 32
    package static let languageHints = 32
    /// The service takes 8,000 tokens of context, some 10,000 characters (PROTOCOL, Messages); no token is less than a
    /// byte.
    package static let termsBytes = 8_000
    /// A file of terms that is longer is none.
    package static let termsFileBytes = 64 << 10

    // Transcript
    /// What the next session hears again of what was final: the words of the seam are compared in it.
    package static let overlapSamples = 4 * SampleIndex.samplesPerSecond
    /// It reaches back this far for the sake of a voice that was not heard in the last seconds.
    package static let longestOverlapSamples = 15 * SampleIndex.samplesPerSecond
    /// How far apart two sessions may place the same word: services do not repeat times exactly.
    package static let seamSamples = SampleIndex.samplesPerSecond * 2 / 5
    /// A stretch that is heard again so that a voice is known again: it was silent for five minutes at most.
    package static let secondHearingSamples = 320 * SampleIndex.samplesPerSecond
    /// One that goes on for the sake of other voices ends after so much audio.
    package static let secondHearingLongestSamples = 900 * SampleIndex.samplesPerSecond
    /// Voices are compared by so much speech: three words, one of which may be misheard, and a second and a half. More
    /// than eight words are not waited for, as scripts without spaces have short ones, nor what comes after a pause.
    static let secondHearingWords = 3
    static let secondHearingSpeechSamples = SampleIndex.samplesPerSecond * 3 / 2
    static let secondHearingMostWords = 8
    static let secondHearingPauseSamples = 10 * SampleIndex.samplesPerSecond
    /// Words that far from an edge are kept: what the next session may hear again, and a word's neighbours.
    package static let comparedSamples = longestOverlapSamples + SampleIndex.samplesPerSecond
    /// Words of earlier sessions that are compared with those of a session at a time: they lie within some seconds.
    static let comparedWords = 64
    /// A session that begins anywhere may take the end of a word for a word.
    package static let cutWordSamples = SampleIndex.samplesPerSecond
    /// A longer gap is not replayed before the live words: it is filled beside them.
    package static let longestReplaySamples = 60 * SampleIndex.samplesPerSecond
    /// Words kept for comparison, near the edges of what has its text.
    package static let committedWords = 512
    /// Speakers of one recording; what exceeds them is given to none.
    package static let speakers = 64
    /// Words of the live transcript kept for a client that begins to follow.
    package static let recentWords = 256
}
