"""Tests of image/files/usr/lib/chalkbox, image/initramfs, image/root.sh and image/deb; see Tests/image."""
import pathlib
import sys
import unittest

folder = pathlib.Path(__file__).resolve().parent
outcome = unittest.TextTestRunner(stream=sys.stdout).run(
    unittest.defaultTestLoader.discover(folder, pattern="[a-z]*.py", top_level_dir=folder))
failed = len(outcome.failures) + len(outcome.errors)
print(f"image: {outcome.testsRun} tests of the image's scripts, {failed} failed")
sys.exit(not outcome.wasSuccessful())
