"""board/rpi-arm64: RAUC's way to U-Boot."""
from folder import TREE, Folder

SLOT_STATE = TREE / "board/rpi-arm64/files/usr/lib/chalkbox/slot-state"


class SlotState(Folder):
    """board/rpi-arm64: RAUC's way to U-Boot."""

    def state(self, *words):
        self.program("save", f'cp "$1" "{self.root}/boot/$2"')
        result = self.run_script(SLOT_STATE, *words, BOOT=str(self.root / "boot"), RUN=str(self.root / "run"),
                                 SAVE=str(self.root / "bin/save"))
        return result.returncode, result.stdout.strip()

    def test_the_image_begins_with_the_first_slot(self):
        self.assertEqual(self.state("get-primary"), (0, "A"))
        self.assertEqual(self.state("get-state", "A"), (0, "good"))
        self.assertEqual(self.state("get-state", "B"), (0, "bad"))

    def test_what_was_installed_is_booted_next_and_the_old_one_stays(self):
        self.write("boot/slots.txt", "ORDER=A B\nA_OK=1\nA_TRY=0\nB_OK=0\nB_TRY=2\n")
        self.assertEqual(self.state("set-state", "B", "bad")[0], 0)
        self.assertEqual(self.state("set-primary", "B")[0], 0)
        self.assertEqual(self.read("boot/slots.txt"), "ORDER=B A\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=0\n")
        self.assertEqual(self.state("get-primary"), (0, "B"))
        self.assertEqual(self.state("get-state", "A"), (0, "good"))

    def test_a_slot_that_failed_twice_is_bad_until_it_is_good(self):
        self.write("boot/slots.txt", "ORDER=B A\nA_OK=1\nA_TRY=1\nB_OK=1\nB_TRY=2\n")
        self.assertEqual(self.state("get-primary"), (0, "A"))
        self.assertEqual(self.state("get-state", "B"), (0, "bad"))
        self.assertEqual(self.state("set-state", "A", "good")[0], 0)
        self.assertEqual(self.read("boot/slots.txt"), "ORDER=B A\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=2\n")

    def test_rubbish_counts_as_the_first_slot(self):
        self.write("boot/slots.txt", b"\xff\x00ORDER=C\nA_TRY=9\nA_OK\n")
        self.assertEqual(self.state("get-primary"), (0, "A"))

    def test_other_words_are_refused(self):
        for words in ((), ("set-primary", "C"), ("set-state", "A", "odd"), ("get-state",)):
            self.assertEqual(self.state(*words)[0], 2, words)
        self.assertEqual(self.read("boot/slots.txt"), "")
