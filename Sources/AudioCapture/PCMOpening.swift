internal import CALSA
internal import RecorderCore

/// How a device is opened: as it works itself. `plug`, which `plughw:` and `default` stand for, is told to convert
/// nothing: without the plug-ins that a box does not have, its converter folds all above 8 kHz into speech (decision
/// native-device). Only a device that has no format of ours is left to `plug`.
struct PCMOpening {
    /// pcm.h: what `plug` converts by itself, unless it is told otherwise.
    private static let native =
        UInt32(SND_PCM_NO_AUTO_RESAMPLE) | UInt32(SND_PCM_NO_AUTO_CHANNELS) | UInt32(SND_PCM_NO_AUTO_FORMAT)

    let name: String
    let channel: ChannelSelection

    func open() throws(CaptureError) -> (OpaquePointer, PCMParameters) {
        chalk_alsa_silence()
        do throws(CaptureError) {
            return try unsafe open(name, isNative: true)
        } catch {
            guard case .format = error else { throw error }
        }
        do throws(CaptureError) {
            return try unsafe open(name, isNative: false)
        } catch {
            guard case .format = error else { throw error }
        }
        // alsa.conf: `plug:SLAVE`; the quotes keep a name's own commas and colons together.
        return try unsafe open("plug:'\(name)'", isNative: false)
    }

    private func open(_ pcmName: String, isNative: Bool) throws(CaptureError) -> (OpaquePointer, PCMParameters) {
        unsafe chalk_alsa_message()[0] = 0
        var pcm: OpaquePointer?
        let mode = Int32(SND_PCM_NONBLOCK) | (isNative ? Int32(bitPattern: Self.native) : 0)
        let result = unsafe snd_pcm_open(&pcm, pcmName, SND_PCM_STREAM_CAPTURE, mode)
        guard result >= 0, let pcm = unsafe pcm else {
            throw .open(device: name, errno: -result, detail: Self.lastMessage)
        }
        var setup = unsafe chalk_pcm_setup()
        unsafe setup.channels = 1
        // One of several is not to be had from what the device has mixed.
        if isNative, case .one(let number) = channel { unsafe setup.channels = UInt32(max(number, 2)) }
        let seconds = UInt32(Limits.captureBufferMilliseconds / 1_000)
        let error = unsafe chalk_alsa_configure(pcm, isNative ? 0 : 1, seconds, &setup)
        guard error >= 0, let format = unsafe PCMFormat(rawValue: UInt8(setup.format)) else {
            unsafe snd_pcm_close(pcm)
            throw .format(
                device: name, errno: -error, what: unsafe String(cString: setup.what), detail: Self.lastMessage)
        }
        let parameters = unsafe PCMParameters(
            framesPerSecond: Int(setup.rate), format: format, channels: Int(setup.channels),
            periodFrames: Int(setup.period), bufferFrames: Int(setup.buffer), isConverted: !isNative)
        return unsafe (pcm, parameters)
    }

    private static var lastMessage: String {
        unsafe String(cString: chalk_alsa_message()).trimmingSpaces
    }
}
