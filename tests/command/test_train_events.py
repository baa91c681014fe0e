"""TensorBoard events: the history, once, however often a run was stopped."""

import struct

import pandas as pd
import pytest
import torch
from tensorboardX.proto.event_pb2 import Event
from train_cases import tiny, trained, write_fold

from virtual_staining.cli import main
from virtual_staining.train.history import Progress, event_log

torch.set_num_threads(1)


def read_events(folder):
    """Return (curve, step, value) of the folder's only file, whose records stand between sums."""
    (path,) = folder.iterdir()
    content, values, start = path.read_bytes(), [], 0
    while start < len(content):
        (size,) = struct.unpack_from("<Q", content, start)
        event = Event.FromString(content[start + 12 : start + 12 + size])
        values += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
        start += 12 + size + 4
    return values


def test_events_are_the_history(tmp_path):
    assert main(write_fold(tmp_path, tiny(tensorboard=True))) == 0
    history = pd.read_csv(trained(tmp_path).history)
    events = read_events(trained(tmp_path).tensorboard)
    curves = {f"{n}/train" for n in ("gan", "cyc", "id", "px", "gs", "total", "discriminator")}
    curves |= {f"{n}/validation" for n in ("gan", "cyc", "id", "px", "gs", "total")}
    assert {tag for tag, _, _ in events} == curves | {"learning_rate"}
    assert len(events) == 2 * (len(curves) + 1)
    for tag, epoch, value in events:
        column = "_".join(reversed(tag.split("/")))
        expected = history.set_index("epoch").loc[epoch, column]
        assert value == pytest.approx(expected, rel=1e-6)


def test_no_events_unless_asked_for(tmp_path):
    assert main(write_fold(tmp_path, tiny(epochs=1))) == 0
    assert not trained(tmp_path).tensorboard.exists()


def test_events_of_an_earlier_run_do_not_stay(tmp_path):
    for wanted, files in ((True, 1), (False, 0)):
        with event_log(wanted, tmp_path, Progress()):
            pass
        assert len(list(tmp_path.iterdir())) == files


def test_a_continued_run_writes_each_epoch_once(tmp_path):
    rows = [
        {"epoch": e, "seconds": 9.0 * e, "learning_rate": 0.1, "train_gan": float(e)}
        for e in (1, 2, 3)
    ]
    with event_log(True, tmp_path, Progress()) as add:
        for row in rows:
            add(row)
    # Stopped after its third epoch, with a last checkpoint from the second.
    with event_log(True, tmp_path, Progress(history=rows[:1], seconds=9.0)) as add:
        add(rows[1])
    events = [e for e in read_events(tmp_path) if e[0] == "gan/train"]
    assert events == [("gan/train", 1, 1.0), ("gan/train", 2, 2.0)]
