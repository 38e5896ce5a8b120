"""Sound that says of each of its samples where it is from: what a microphone of any rate, format and number of channels
is given, and what Chalkbox has to make of it, from the same formula and without a resampler."""
import array
import math
import random

OUTPUT_RATE = 16_000
#: Then it begins again, without a seam: every tone has a whole number of waves in it.
PERIOD_SECONDS = 2
#: What a recording must have, and what nobody may hear of in it.
HEARD_HERTZ, UNHEARD_HERTZ = (100, 7_000), 8_200
HEARD_TONES, UNHEARD_TONES = 8, 2
#: Peaks of a channel's tones together, full scale is 1: each channel is half as loud as the one before it.
HEARD_PEAK, UNHEARD_PEAK = 0.8, 0.15
FORMATS = {"S16_LE": (16, "h"), "S24_LE": (24, "i"), "S32_LE": (32, "i")}
#: Of the last of 16 bits: the device's rounding, the recorder's, and the filter's ripple.
TOLERANCE = 2
#: Before its first frame a stream had nothing, and behind its last one has nothing: a filter hears that.
EDGE = 400


class Tones:
    def __init__(self, seed=19):
        self.chance = random.Random(seed)
        self.channels, self.tables, self.whole = [], {}, {}

    def tones(self, channel, rate=None):
        """(waves in a period, phase as a share of a wave, amplitude); with a rate of the device's also those that a
        recording has no place for."""
        while len(self.channels) <= channel:
            low, high = HEARD_HERTZ
            heard = [(self.chance.randrange(low * PERIOD_SECONDS, high * PERIOD_SECONDS), self.chance.random())
                     for _ in range(HEARD_TONES)]
            unheard = [(self.chance.random(), self.chance.random()) for _ in range(UNHEARD_TONES)]
            self.channels.append((heard, unheard))
        heard, unheard = self.channels[channel]
        loudness = 0.5 ** channel
        result = [(*tone, HEARD_PEAK / HEARD_TONES * loudness) for tone in heard]
        if rate and rate > 2 * UNHEARD_HERTZ:
            for place, phase in unheard:
                hertz = UNHEARD_HERTZ + place * (rate / 2 - UNHEARD_HERTZ - 100)
                result.append((round(hertz * PERIOD_SECONDS), phase, UNHEARD_PEAK / UNHEARD_TONES * loudness))
        return result

    def played(self, channel, rate):
        """One period of a channel at a device's rate, from -1 to 1."""
        if (channel, rate) not in self.tables:
            count = rate * PERIOD_SECONDS
            wave = [math.sin(2 * math.pi * n / count) for n in range(count)]
            sums = [0.0] * count
            for waves, phase, amplitude in self.tones(channel, rate):
                first = round(phase * count)
                sums = [value + amplitude * wave[(first + waves * n) % count] for n, value in enumerate(sums)]
            self.tables[channel, rate] = sums
        return self.tables[channel, rate]

    def heard(self, selection, kind, frame, count):
        """`count` samples of a recording that begins with the device's frame `frame`, on the scale of 16 bits."""
        rate, name, channels = kind
        full_scale = ((1 << FORMATS[name][0] - 1) - 1) / (1 << FORMATS[name][0] - 16)
        picked = range(channels) if selection == "mix" else [int(selection) - 1]
        result = [0.0] * count
        for channel in picked:
            for waves, phase, amplitude in self.tones(channel):
                # The first phase is what the device's table has.
                steps = rate * PERIOD_SECONDS
                start = 2 * math.pi * ((round(phase * steps) + waves * frame) % steps) / steps
                turn = 2 * math.pi * waves / (OUTPUT_RATE * PERIOD_SECONDS)
                scale = full_scale * amplitude / len(picked)
                result = [value + scale * math.sin(start + turn * n) for n, value in enumerate(result)]
        return result

    def packed(self, kind):
        """One period as a device has it, interleaved. S24 has something in the byte that does not count."""
        rate, name, channels = kind
        bits, code = FORMATS[name]
        scale = (1 << bits - 1) - 1
        data = array.array(code, bytes(rate * PERIOD_SECONDS * channels * (2 if code == "h" else 4)))
        for channel in range(channels):
            values = (round(scale * value) for value in self.played(channel, rate))
            if name == "S24_LE":
                values = ((value & 0xFF_FFFF | 0x5A00_0000) for value in values)
            data[channel::channels] = array.array(code, values)
        return data.tobytes()

    def loudness(self, channel, rate):
        """RMS in dBFS, where a square wave has 0."""
        power = sum(amplitude ** 2 / 2 for _, _, amplitude in self.tones(channel, rate))
        return 10 * math.log10(power)


def worst(recorded, wanted, begin=EDGE, end=None):
    """The greatest difference between samples, or the first that says enough."""
    most = 0
    for value, other in zip(recorded[begin:end], wanted[begin:end]):
        difference = abs(value - other)
        if difference > most:
            most = difference
            if most > 1_000:
                break
    return most
