"""What is shown: on a terminal, in a notebook, in a file, and how often."""

import io
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from cornu import callbacks
from cornu.training import progress
from cornu.training.progress import Progress, tell, verbosity
from tests.training.networks import ONE_HOT, X, ctrl_c_interrupts, network

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def screen(text, columns=10**6):
    """The lines that a terminal shows after this text."""
    lines, at = [""], 0
    for c in ANSI.sub("", text).replace("\r\n", "\n"):
        if c == "\n":
            lines, at = [*lines, ""], 0
        elif c == "\r":
            at = 0
        else:
            if at == columns:
                lines, at = [*lines, ""], 0
            lines[-1] = lines[-1][:at].ljust(at) + c + lines[-1][at + 1 :]
            at += 1
    return [line.rstrip() for line in lines]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


# What a cell of a notebook prints to is of a class of this module.
Notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
Notebook.encoding = "utf-8"


class Clock:
    """A time that goes on by itself, a bit with every look."""

    def __init__(self, tick=0.0):
        self.now, self.tick = 0.0, tick

    def __call__(self):
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(progress, "clock", made)
    return made


def shown_on(monkeypatch, out, function):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        function()
    return out.getvalue()


def fit(verbose="auto", epochs=2, **options):
    network().fit(
        X, ONE_HOT, epochs=epochs, batch_size=2, verbose=verbose,
        **{"validation_split": 0.2, **options},
    )  # fmt: skip


# The line itself, beside Keras's

TIMES = [0.00002, 0.003, 1.0, 40.0, 5000.0]
LOGS = {"accuracy": 0.51234, "loss": 0.00012, "zero": 0.0, "minus": -2.5, "big": 1e4}
KERAS = """
import json, os, sys
os.environ["KERAS_BACKEND"] = "numpy"
from keras.src.utils import progbar, io_utils
out, now = [], [0.0]
progbar.time.time = lambda: now[0]
io_utils.print_msg = lambda text, line_break: out.append(text)
given = json.load(sys.stdin)
texts = []
for verbose in (0, 1, 2):
    for unit in given["times"]:
        now[0] = 1e9
        bar = progbar.Progbar(
            100, stateless_metrics=set(), verbose=verbose, interval=-1
        )
        for step in (1, 30, 100):
            now[0] = 1e9 + unit * step
            bar.update(step, list(given["logs"].items()), finalize=step == 100)
    texts.append(list(out))
    out.clear()
print(json.dumps(texts))
"""


@pytest.fixture(scope="module")
def as_keras():
    """What Keras prints, by verbosity."""
    given = json.dumps({"times": TIMES, "logs": LOGS})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KERAS],
        input=given, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def pieces(texts):
    """What was drawn, without colours and the way back to the start of the line."""
    texts = [ANSI.sub("", t).replace("\b", "") for t in texts]
    return [t.strip() for text in texts for t in re.split("[\r\n]", text) if t.strip()]


@pytest.mark.parametrize("verbose", [1, 2])
def test_the_line_is_that_of_keras(monkeypatch, clock, as_keras, verbose):
    def draw():
        for unit in TIMES:
            clock.now = 0.0
            bar = Progress(verbose, 100)
            for step in (1, 30, 100):
                clock.now = unit * step
                bar.due(step)
                show = bar.close if step == 100 else bar.update
                show(step, LOGS)

    monkeypatch.setenv("COLUMNS", "200")
    mine = pieces([shown_on(monkeypatch, Terminal(), draw)])
    assert len(mine) == len(TIMES) * (3 if verbose == 1 else 1)
    theirs = pieces(as_keras[verbose])
    if verbose == 2:  # where Keras takes a negative number for a small one
        theirs = [t.replace("-2.5000e+00", "-2.5000") for t in theirs]
    assert mine == theirs


# Where it is shown


def test_a_file_gets_a_plain_line_per_epoch(monkeypatch):
    for verbose in ("auto", 1, True, 2, np.int64(1)):
        text = shown_on(monkeypatch, io.StringIO(), lambda v=verbose: fit(v))
        assert "\r" not in text
        assert "\x1b" not in text
        lines = text.splitlines()
        assert lines[::2] == ["Epoch 1/2", "Epoch 2/2"]
        for line in lines[1::2]:
            assert re.fullmatch(
                r"8/8 - \d+s - \d+[mu]?s/step - accuracy: [\d.]+ - loss: [\d.]+ - "
                r"val_accuracy: [\d.e+-]+ - val_loss: [\d.]+",
                line,
            )
        assert len(lines) == 4


def test_one_epoch_has_no_title(monkeypatch):
    text = shown_on(monkeypatch, io.StringIO(), lambda: fit(epochs=1))
    assert len(text.splitlines()) == 1


def test_silence(monkeypatch):
    def all_of_it():
        model = network()
        model.fit(X, ONE_HOT, epochs=2, verbose=0)
        model.evaluate(X, ONE_HOT, verbose=0)
        model.predict(X, verbose=False)

    for out in (Terminal(), Notebook(), io.StringIO()):
        assert shown_on(monkeypatch, out, all_of_it) == ""


def test_evaluate_and_predict_have_a_line_each(monkeypatch):
    def both(verbose):
        model = network()
        model.evaluate(X, ONE_HOT, batch_size=6, verbose=verbose)
        model.predict(X, batch_size=6, verbose=verbose)

    for verbose in ("auto", 2):
        text = shown_on(monkeypatch, io.StringIO(), lambda v=verbose: both(v))
        first, second = text.splitlines()
        assert re.fullmatch(
            r"4/4 - \d+s - \d+[mu]?s/step - accuracy: .* - loss: .*", first
        )
        assert re.fullmatch(r"4/4 - \d+s - \d+[mu]?s/step", second)
    lines = screen(shown_on(monkeypatch, Terminal(), lambda: both(1)))
    assert re.fullmatch(
        r"4/4 ━{20} \d+s \d+[mu]?s/step - accuracy: .* - loss: .*", lines[0]
    )
    assert re.fullmatch(r"4/4 ━{20} \d+s \d+[mu]?s/step", lines[1])
    assert lines[2:] == [""]


def test_steps_limit_what_is_announced(monkeypatch):
    def some():
        model = network()
        model.evaluate(X, ONE_HOT, batch_size=2, steps=3)
        model.predict(X, batch_size=2, steps=4)

    text = shown_on(monkeypatch, io.StringIO(), some)
    assert [line.split(" ")[0] for line in text.splitlines()] == ["3/3", "4/4"]


def test_a_terminal_ends_with_whole_lines_alone(monkeypatch, clock):
    clock.tick = 0.01
    monkeypatch.setenv("COLUMNS", "60")
    text = shown_on(monkeypatch, Terminal(), fit)
    assert text.count("\r") > 6  # it was drawn in between
    lines = screen(text)
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2", ""]
    for line in lines[1::2]:
        assert re.fullmatch(
            r"8/8 ━{20} \d+s \d+[mu]?s/step - accuracy: .*val_loss: .*", line
        )
    # What is drawn again fits in one row, or '\r' would not come back to its start.
    drawn = [ANSI.sub("", t) for t in re.split("[\r\n]", text)]
    live = [t for t in drawn if t and "val_loss" not in t and "Epoch" not in t]
    assert live
    assert max(map(len, live)) < 60


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_a_real_pseudo_terminal(monkeypatch):
    import pty

    ours, theirs = pty.openpty()
    with open(theirs, "w", encoding="utf-8") as out, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        fit()
    text = b""
    while b"Epoch 2/2" not in text or not text.endswith(b"\n"):
        text += os.read(ours, 10**6)
    os.close(ours)
    lines = screen(text.decode())
    assert lines[0] == "Epoch 1/2"
    assert lines[1].startswith("8/8 ━━━")
    assert b"\x1b[32m" in text  # in colour


def test_colours_can_be_left_away(monkeypatch):
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            text = shown_on(monkeypatch, Terminal(), fit)
        assert "\x1b" not in text
        assert "━" in text


def test_output_that_cannot_encode_the_bar(monkeypatch):
    class Ascii(Terminal):
        encoding = "ascii"

    text = shown_on(monkeypatch, Ascii(), fit)
    text.encode("ascii")
    assert "8/8 ====" in ANSI.sub("", text)


def test_no_output_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    fit(1)


# Notebooks


def test_a_notebook_gets_one_line_that_is_drawn_again(monkeypatch, clock):
    clock.tick = 0.02
    text = shown_on(monkeypatch, Notebook(), fit)
    assert "\x1b" not in text
    assert text.count("\n") == 4  # two titles, two lines
    assert text.count("\r") > 4
    lines = screen(text)
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2", ""]
    assert lines[1].startswith("8/8 ━━━")
    assert "val_loss" in lines[1]


@pytest.mark.parametrize("steps", [10_000, None])
def test_what_a_notebook_is_sent_is_bounded(monkeypatch, clock, steps):
    def draw():
        bar = Progress(1, steps)
        for step in range(1, 100_001 if steps is None else steps + 1):
            clock.now += 0.5  # an epoch of hours
            if bar.due(step):
                bar.update(step, LOGS)
        bar.close(step, LOGS)

    text = shown_on(monkeypatch, Notebook(), draw)
    assert 20 < text.count("\r") < 250
    assert len(text) < 40_000


def test_what_is_no_notebook_is_not_taken_for_one(monkeypatch):
    """A file in a notebook's process (`redirect_stdout`) gets plain lines."""
    monkeypatch.setitem(sys.modules, "ipykernel", type(sys)("ipykernel"))
    assert "\r" not in shown_on(monkeypatch, io.StringIO(), fit)


def test_nothing_of_a_notebook_is_imported():
    code = (
        "import sys, numpy as np, cornu\n"
        "m = cornu.Sequential([cornu.layers.Dense(2, input_shape=(3,))])\n"
        "m.compile('adam', 'mse')\n"
        "m.fit(np.zeros((4, 3)), np.zeros((4, 2)), epochs=2)\n"
        "assert not {'IPython', 'ipykernel', 'rich'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# How often


def watched(out, note):
    """Such an output, which notes each line that is drawn and will be drawn again."""

    class Watched(out):
        __module__ = out.__module__

        def write(self, text):
            if text.startswith("\r") and text.strip() and not text.endswith("\n"):
                note()
            return super().write(text)

    return Watched()


@pytest.mark.parametrize("out", [Terminal, Notebook])
def test_it_is_drawn_ten_times_a_second_at_most(monkeypatch, clock, out):
    clock.tick = 0.02
    times = []

    def note():
        times.append(clock.now)

    shown_on(monkeypatch, watched(out, note), lambda: fit(epochs=20))
    assert len(times) > 5
    assert np.diff(times).min() >= progress.INTERVAL * 0.99


@pytest.mark.parametrize("out", [Terminal, Notebook, io.StringIO])
def test_logs_are_computed_only_to_be_drawn(monkeypatch, clock, out):
    def computed(tick, verbose):
        clock.now, clock.tick = 0.0, tick
        model, seen, drawn = network(), [], []

        model.get_metrics_result = lambda: seen.append(1) or {"loss": 1.0}
        shown_on(
            monkeypatch,
            watched(out, lambda: drawn.append(1)),
            lambda: model.fit(X, ONE_HOT, batch_size=1, verbose=verbose),
        )
        return len(seen), sum(drawn)

    silent, _ = computed(0.0, 0)
    assert computed(0.0, 1) == (silent, 0)
    often, drawn = computed(0.04, 1)
    assert often == silent + drawn
    assert (drawn > 3) == (out is not io.StringIO)
    assert computed(0.04, 2) == (silent, 0)


def test_the_end_of_an_epoch_is_shown_during_a_long_validation(monkeypatch, clock):
    class Long(callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            clock.now += 1.0

    text = shown_on(monkeypatch, Terminal(), lambda: fit(epochs=1, callbacks=[Long()]))
    drawn = [ANSI.sub("", t) for t in text.split("\r")]
    assert any(t.startswith("8/8") and "val" not in t and "loss" in t for t in drawn)


# Beside what others print


def test_what_callbacks_print_stands_on_rows_of_its_own(monkeypatch, clock):
    clock.tick = 0.03

    class Prints(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            print("mine")

        def on_train_batch_end(self, batch, logs=None):
            tell("told")

    text = shown_on(
        monkeypatch, Terminal(), lambda: fit(epochs=1, callbacks=[Prints()])
    )
    *told, mine, line, end = screen(text)
    assert set(told) == {"told"}
    assert mine == "mine"
    assert line.startswith("8/8")
    assert end == ""


def test_learning_rates_are_on_the_line(monkeypatch):
    rates = callbacks.LearningRateScheduler(lambda epoch: 0.5)
    text = shown_on(monkeypatch, io.StringIO(), lambda: fit(callbacks=[rates]))
    assert text.count("learning_rate: 0.5000") == 2


def test_an_interrupted_line_stays_and_ends(monkeypatch, clock):
    clock.tick = 0.05

    class CtrlC(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5:
                signal.raise_signal(signal.SIGINT)

    def run():
        with ctrl_c_interrupts(), pytest.raises(KeyboardInterrupt):
            fit(epochs=1, callbacks=[CtrlC()])
        print("next")

    *_, line, after, end = screen(shown_on(monkeypatch, Terminal(), run))
    assert re.match(r"\d/8 ━", line)
    assert (after, end) == ("next", "")


def test_an_epoch_that_is_cut_short_says_so(monkeypatch):
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    text = shown_on(monkeypatch, io.StringIO(), lambda: fit(callbacks=[Stop()]))
    assert text.splitlines()[1].startswith("3/8 - ")


def test_an_evaluation_inside_fit_does_not_mix_with_its_line(monkeypatch, clock):
    clock.tick = 0.03

    class Evaluates(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 6:
                self.model.evaluate(X, ONE_HOT, batch_size=4)

    text = shown_on(
        monkeypatch, Terminal(), lambda: fit(epochs=1, callbacks=[Evaluates()])
    )
    evaluated, fitted, end = screen(text)
    assert evaluated.startswith("5/5 ")
    assert fitted.startswith("8/8 ")
    assert end == ""


# ProgbarLogger, and arguments


def test_a_logger_among_the_callbacks_is_the_only_one(monkeypatch):
    class Mine(callbacks.ProgbarLogger):
        heard = 0

        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            self.heard += 1
            assert logs["loss"] > 0

    for given in (callbacks.ProgbarLogger(), Mine()):
        text = shown_on(monkeypatch, io.StringIO(), lambda g=given: fit(callbacks=[g]))
        assert len(text.splitlines()) == 4
        assert (given.target, given.epochs, given.verbose) == (8, 2, 1)
    assert given.heard == 16


def test_verbosity():
    assert [verbosity(v) for v in (0, 1, 2, "auto", False, True)] == [0, 1, 2, 1, 0, 1]
    for wrong in (3, -1, "loud", None, 1.5):
        with pytest.raises(
            ValueError, match="Expected one of 0, 1, 2, 'auto'"
        ) as error:
            fit(wrong)
        assert len(str(error.value).split("\n")) == 3


def test_values_that_are_no_numbers(monkeypatch):
    logs = {"text": "high", "pair": np.array([1.0, 3.0]), "whole": 5, "nan": np.nan}
    bar = Progress(2, 3)
    text = shown_on(monkeypatch, io.StringIO(), lambda: bar.close(3, logs))
    assert "text: high - pair: 2.0000 - whole: 5.0000 - nan: nan" in text
