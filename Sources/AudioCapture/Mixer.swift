internal import CALSA
internal import RecorderCore

/// The mixer of a microphone's card (alsa/mixer.h). It is asked when the microphone was opened, not later.
enum Mixer {
    /// Sets what is wanted of a card, and reads back how it is. What there is not is no fault of the card's.
    /// - Parameters:
    ///   - control: see `control`.
    ///   - wanted: nil: it is only read.
    static func tend(_ control: String, wanted: CaptureVolume?) -> MixerReport {
        var mixer: OpaquePointer?
        guard unsafe snd_mixer_open(&mixer, 0) >= 0, let mixer = unsafe mixer else { return .none }
        defer { unsafe snd_mixer_close(mixer) }
        guard unsafe snd_mixer_attach(mixer, control) >= 0,
            unsafe snd_mixer_selem_register(mixer, nil, nil) >= 0, unsafe snd_mixer_load(mixer) >= 0
        else { return MixerReport([], wanted: wanted) }
        if let wanted {
            unsafe visit(mixer) { unsafe write(element($0).change(for: wanted), to: $0) }
            // What the card made of it.
            _ = unsafe snd_mixer_handle_events(mixer)
        }
        var elements: [MixerElement] = []
        unsafe visit(mixer) { unsafe elements.append(element($0)) }
        return MixerReport(elements, wanted: wanted)
    }

    /// By what name ALSA knows the mixer of the card that `pcm` belongs to. A PCM without a card has its mixer under
    /// the PCM's own name, if there is one.
    static func control(_ pcm: OpaquePointer, _ device: String) -> String {
        var information: OpaquePointer?
        guard unsafe snd_pcm_info_malloc(&information) >= 0, let information = unsafe information else { return device }
        defer { unsafe snd_pcm_info_free(information) }
        guard unsafe snd_pcm_info(pcm, information) >= 0 else { return device }
        let card = unsafe snd_pcm_info_get_card(information)
        return card >= 0 ? "hw:\(card)" : device
    }

    /// The elements that have a capture volume or switch. One that they share with playback is a loudspeaker's.
    private static func visit(_ mixer: OpaquePointer, _ body: (OpaquePointer) -> Void) {
        var next = unsafe snd_mixer_first_elem(mixer)
        while let handle = unsafe next {
            let hasVolume = unsafe snd_mixer_selem_has_capture_volume(handle) != 0
                && snd_mixer_selem_has_common_volume(handle) == 0
            let hasSwitch = unsafe snd_mixer_selem_has_capture_switch(handle) != 0
                && snd_mixer_selem_has_common_switch(handle) == 0
            if unsafe snd_mixer_selem_is_active(handle) != 0, hasVolume || hasSwitch { unsafe body(handle) }
            unsafe next = snd_mixer_elem_next(handle)
        }
    }

    private static func element(_ handle: OpaquePointer) -> MixerElement {
        let channel = SND_MIXER_SCHN_FRONT_LEFT
        var element = MixerElement(unsafe String(cString: snd_mixer_selem_get_name(handle)))
        var (low, high, value, decibels) = (0, 0, 0, 0)
        if unsafe snd_mixer_selem_has_capture_volume(handle) != 0,
            unsafe snd_mixer_selem_get_capture_volume_range(handle, &low, &high) >= 0, low <= high,
            unsafe snd_mixer_selem_get_capture_volume(handle, channel, &value) >= 0
        {
            let hasScale = unsafe snd_mixer_selem_get_capture_dB(handle, channel, &decibels) >= 0
            element.volume = MixerElement.Volume(value, of: low...high, hundredths: hasScale ? decibels : nil)
        }
        var isOn: Int32 = 0
        if unsafe snd_mixer_selem_has_capture_switch(handle) != 0,
            unsafe snd_mixer_selem_get_capture_switch(handle, channel, &isOn) >= 0
        {
            element.isOn = isOn != 0
            element.isExclusive = unsafe snd_mixer_selem_has_capture_switch_exclusive(handle) != 0
        }
        return element
    }

    /// What is refused shows when it is read back.
    private static func write(_ change: MixerChange, to handle: OpaquePointer) {
        if change.turnsOn { _ = unsafe snd_mixer_selem_set_capture_switch_all(handle, 1) }
        if let value = change.value { _ = unsafe snd_mixer_selem_set_capture_volume_all(handle, value) }
        if let decibels = change.hundredths { _ = unsafe snd_mixer_selem_set_capture_dB_all(handle, decibels, 0) }
    }
}
