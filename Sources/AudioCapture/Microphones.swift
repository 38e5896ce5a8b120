internal import CALSA
internal import LinuxRuntime

/// What can be recorded from, as `microphone list` tells it.
package struct MicrophoneDescription: Equatable, Sendable {
    /// An ALSA PCM name.
    package var name: String
    /// As the driver calls card and device; empty: it is no card's.
    package var title: String
    /// `44100, 48000 Hz; S16_LE; 1 to 2 channels`, or why that is not known.
    package var abilities: String

    package init(name: String, title: String, abilities: String) {
        self.name = name
        self.title = title
        self.abilities = abilities
    }
}

/// The microphones that can be had.
package enum Microphones {
    private static let rates: [UInt32] = [8_000, 16_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000]
    private static let formats = [
        SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S24_3LE, SND_PCM_FORMAT_S24_LE, SND_PCM_FORMAT_S32_LE,
        SND_PCM_FORMAT_FLOAT_LE,
    ]

    /// Those of the cards that the kernel has (alsa/control.h).
    package static var ofCards: [MicrophoneDescription] {
        var found: [MicrophoneDescription] = []
        var card: Int32 = -1
        while unsafe snd_card_next(&card) >= 0, card >= 0 {
            var control: OpaquePointer?
            guard unsafe snd_ctl_open(&control, "hw:\(card)", 0) >= 0, let control = unsafe control else { continue }
            unsafe add(control, to: &found)
            unsafe snd_ctl_close(control)
        }
        return found
    }

    private static func add(_ control: OpaquePointer, to found: inout [MicrophoneDescription]) {
        var cardInformation: OpaquePointer?
        var information: OpaquePointer?
        guard unsafe snd_ctl_card_info_malloc(&cardInformation) >= 0, unsafe snd_pcm_info_malloc(&information) >= 0,
            unsafe snd_ctl_card_info(control, cardInformation) >= 0
        else { return }
        let id = unsafe String(cString: snd_ctl_card_info_get_id(cardInformation))
        let card = unsafe String(cString: snd_ctl_card_info_get_name(cardInformation))
        var device: Int32 = -1
        while unsafe snd_ctl_pcm_next_device(control, &device) >= 0, device >= 0 {
            unsafe snd_pcm_info_set_device(information, UInt32(device))
            unsafe snd_pcm_info_set_subdevice(information, 0)
            unsafe snd_pcm_info_set_stream(information, SND_PCM_STREAM_CAPTURE)
            guard unsafe snd_ctl_pcm_info(control, information) >= 0 else { continue }
            let title = unsafe card + ", " + String(cString: snd_pcm_info_get_name(information))
            let name = "hw:CARD=\(id),DEV=\(device)"
            found.append(MicrophoneDescription(name: name, title: title, abilities: abilities(of: name)))
        }
        unsafe snd_pcm_info_free(information)
        unsafe snd_ctl_card_info_free(cardInformation)
    }

    /// Opens it for a moment.
    package static func abilities(of name: String) -> String {
        chalk_alsa_ignore_messages()
        var pcm: OpaquePointer?
        var parameters: OpaquePointer?
        let result = unsafe snd_pcm_open(&pcm, name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK)
        guard result >= 0, let pcm = unsafe pcm else {
            return result == -Errno.busy ? "in use" : "it cannot be opened: " + SystemError.text(of: -result)
        }
        defer { unsafe snd_pcm_close(pcm) }
        guard unsafe snd_pcm_hw_params_malloc(&parameters) >= 0, let parameters = unsafe parameters else { return "" }
        defer { unsafe snd_pcm_hw_params_free(parameters) }
        guard unsafe snd_pcm_hw_params_any(pcm, parameters) >= 0 else { return "it cannot record" }
        var known: [String] = []
        for rate in rates where unsafe snd_pcm_hw_params_test_rate(pcm, parameters, rate, 0) == 0 {
            known.append(String(rate))
        }
        var text = known.joined(separator: ", ") + " Hz; "
        known = []
        for format in formats where unsafe snd_pcm_hw_params_test_format(pcm, parameters, format) == 0 {
            unsafe known.append(String(cString: snd_pcm_format_name(format)))
        }
        var (fewest, most): (UInt32, UInt32) = (0, 0)
        _ = unsafe snd_pcm_hw_params_get_channels_min(parameters, &fewest)
        _ = unsafe snd_pcm_hw_params_get_channels_max(parameters, &most)
        text += known.joined(separator: ", ") + "; \(fewest)"
        return text + (most > fewest ? " to \(most)" : "") + (most == 1 ? " channel" : " channels")
    }
}
