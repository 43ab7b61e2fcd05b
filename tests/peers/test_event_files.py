"""TensorBoard's own reader on our event files.

The golden file is what lab/event_file.h writes (tests/lab/event_file_test.cpp reproduces it byte for byte); here the
`tensorboard` package must find in it what the C++ test put in.

    python -m unittest tests/peers/test_event_files.py      # needs: pip install tensorboard
"""

import math
import pathlib
import struct
import unittest

from tensorboard.backend.event_processing import event_accumulator, event_file_loader

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "report" / "events.out.tfevents.golden"


def as_float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


class EventFiles(unittest.TestCase):
    def test_the_accumulator_finds_every_scalar(self):
        accumulator = event_accumulator.EventAccumulator(str(GOLDEN))
        accumulator.Reload()
        self.assertEqual(
            sorted(accumulator.Tags()["scalars"]),
            ["Evaluation/AvgReward", "Training/Epsilon", "Training/Loss", "Training/Reward", "Très/«spécial»"],
        )
        reward = accumulator.Scalars("Training/Reward")
        self.assertEqual([event.step for event in reward], [0, 1, 2, 3, 4])
        self.assertEqual([event.value for event in reward], [-2000.0 + 3.5 * step for step in range(5)])
        epsilon = accumulator.Scalars("Training/Epsilon")
        self.assertEqual([event.value for event in epsilon], [as_float32(0.5**step) for step in range(5)])
        (evaluation,) = accumulator.Scalars("Evaluation/AvgReward")
        self.assertEqual((evaluation.step, evaluation.value), (4, 1475.25))
        (special,) = accumulator.Scalars("Très/«spécial»")
        self.assertEqual((special.step, special.value), (300, 0.0))

    def test_the_loader_reads_version_and_clock_and_no_damage(self):
        events = list(event_file_loader.EventFileLoader(str(GOLDEN)).Load())
        self.assertEqual(len(events), 1 + 14)
        self.assertEqual(events[0].file_version, "brain.Event:2")
        # The test's clock starts at 1.7e9 and gains a quarter of a second for each event.
        self.assertEqual([event.wall_time for event in events], [1.7e9 + 0.25 * (i + 1) for i in range(15)])

    def test_values_that_are_no_numbers_and_odd_steps_survive(self):
        accumulator = event_accumulator.EventAccumulator(str(GOLDEN), purge_orphaned_data=False)
        accumulator.Reload()
        loss = accumulator.Scalars("Training/Loss")
        self.assertEqual([event.step for event in loss], [-1, 1 << 40])
        self.assertTrue(math.isnan(loss[0].value))
        self.assertEqual(loss[1].value, -math.inf)


if __name__ == "__main__":
    unittest.main()
