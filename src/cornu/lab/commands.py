"""The commands and their options, and how misunderstandings are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer
import typer.main

import cornu
from cornu.lab import options, output
from cornu.lab.mistake import Mistake
from cornu.lab.values import one_of
from cornu.spelling import closest

# What a command returns is done after Typer, which would meddle with its exceptions.
Work = Callable[[], int]

_HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="cornu",
    help="Deep learning with the Keras API, on a data-flow graph that you can read.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings=_HELP,
)


@app.callback(invoke_without_command=True)
def _cornu(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", metavar="", help="Print the version of Cornu.")
    ] = False,
) -> None:
    if version:
        print(f"Cornu {cornu.__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def train(
    epochs: options.Epochs = 5,
    batch_size: options.BatchSize = 128,
    optimizer: options.Optimizer = "rmsprop",
    units: options.Units = 512,
    seed: options.Seed = 1337,
    validation: options.Validation = None,
    no_validation: options.NoValidation = False,
    dataset: options.Dataset = "auto",
    out: options.Out = None,
    show_program: options.ShowProgram = False,
    engine: options.Engine = None,
) -> Work:
    """Train a first network on images of handwritten digits.

    It has two layers: Dense(512, relu) and Dense(10, softmax). You get its accuracy on
    images that it has not seen, its learning curves, pictures of what it gets right and
    wrong, the trained model, and the NumPy program that it is.
    """
    if no_validation and validation is not None:
        raise Mistake(
            f"--no-validation and --validation {validation} were given.",
            "Expected one of them, or none.",
            "Leave one of them out.",
            status=2,
        )
    from cornu.lab.engines import choose
    from cornu.lab.train import Settings, run

    choose(engine)
    held_out = 0 if no_validation else 10_000 if validation is None else validation
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        units=units,
        seed=seed,
        validation=held_out,
        dataset=dataset,
        out=out,
        show_program=show_program,
    )
    return partial(run, settings)


@app.command(name="run", context_settings={**_HELP, "allow_interspersed_args": False})
def run_(
    script: options.Script = None,
    args: options.Args = None,
    engine: options.Engine = None,
) -> Work:
    """Run a script that imports keras, with Cornu as its Keras.

    Where there is no display, plt.show() saves the figures as SCRIPT-figure-1.png, ...
    in this folder instead (unless MPLBACKEND is set).
    """
    if script is None:
        raise Mistake(
            "cornu run was given no script.",
            "Expected the path of a Python file.",
            "For example cornu run script.py; see cornu run --help.",
            status=2,
        )
    from cornu.lab.engines import choose
    from cornu.lab.run import run_script

    if engine is not None:
        choose(engine)
        os.environ["CORNU_ENGINE"] = engine  # for its child processes
    return partial(run_script, script, args or [])


@app.command(context_settings={**_HELP, "allow_interspersed_args": False})
def profile(
    script: options.Script = None,
    args: options.Args = None,
    steps: options.Steps = 100,
    warmup: options.Warmup = 10,
    everything: options.Everything = False,
    lines: options.Lines = False,
    flame: options.Flame = None,
) -> Work:
    """Run a script, and show where the time of its training steps goes.

    It is told by section (forward, loss, backward, update, metrics, and what is outside
    the program: data, callbacks), layer and operation, with what each must take at
    least on this computer. The script ends when so many steps were measured.
    """
    if script is None:
        raise Mistake(
            "cornu profile was given no script.",
            "Expected the path of a Python file that trains a model.",
            "For example cornu profile script.py; see cornu profile --help.",
            status=2,
        )
    from cornu.lab.profile import run

    how = steps, warmup, everything, lines, flame
    return partial(run, script, args or [], *how)


@app.command(context_settings={**_HELP, "allow_interspersed_args": False})
def launch(
    script: options.Script = None,
    args: options.Args = None,
    processes: options.Processes = 2,
) -> Work:
    """Run a script in several processes that train one model together.

    The script calls keras.distribution.initialize() first, and sets a distribution.
    Each process is given the same data and takes its part of every batch. If one of
    them is lost, the run ends.
    """
    if script is None:
        raise Mistake(
            "cornu launch was given no script.",
            "Expected the path of a Python file.",
            "For example cornu launch --processes 2 script.py; see cornu launch "
            "--help.",
            status=2,
        )
    from cornu.lab.launch import run

    return partial(run, script, args or [], processes)


@app.command()
def show(
    form: options.Form = None,
    model: options.Model = None,
    step: options.Step = None,
    batch_size: options.ShownBatchSize = None,
    out: options.File = None,
) -> Work:
    """Show the NumPy program of a model, or its graph.

    The program is what a step of its training runs, line by line; the graph is what the
    program was compiled from, one operation per line.
    """
    if form is None:
        raise Mistake(
            "cornu show was not told what to show.",
            f"Expected one of: {', '.join(options.FORMS)}.",
            "For example cornu show program; see cornu show --help.",
            status=2,
        )
    one_of("cornu show", options.FORMS)(form)
    from cornu.lab.show import run

    return partial(run, form, model, step, batch_size, out)


@app.command()
def datasets(name: options.DatasetName = None, get: options.Get = None) -> Work:
    """List the data sets, and whether they are on this computer.

    With a NAME, tell more about that one: what it holds, where it comes from, and how
    to have it on a computer without a network.
    """
    from cornu.lab.datasets import run

    return partial(run, name, get)


@app.command()
def engines() -> Work:
    """List the engines that graphs run on, and what each one has.

    Each that is installed is listed with its version, its devices, the operations that
    it lacks, and the composites that it runs on kernels of its own.
    """
    from cornu.lab.engines import run

    return run


@app.command()
def doctor() -> Work:
    """Examine this installation: what it runs on, and what is missing.

    It tells of versions, BLAS, engines, folders, data sets and settings, and trains a
    small network for a step. What is missing or broken is listed with the command that
    gets or mends it. The exit status is 1 if something is broken, else 0.
    """
    from cornu.lab.doctor import run

    return run


def run_command(args: list[str]) -> int:
    """Run a command line; whatever is wrong with it is told without a traceback.

    Args:
        args: the words after `cornu`.

    Returns:
        The exit status.
    """
    try:
        status = _understand(args)()
        output.flush()
        return status
    except Mistake as mistake:
        return mistake.tell()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `cornu --help | head -1`
        output.drop()
        return 1
    except Exception as error:
        # Typer's errors of usage; where their classes live depends on its version.
        if not hasattr(error, "format_message"):
            raise
        return _misunderstood(error, args[0]).tell()


def _understand(args: list[str]) -> Work:
    """The work that a command line asks for; none, where help was printed."""
    command: Any = typer.main.get_command(app)
    _check_name(args, list(command.commands))
    try:
        work: Any = command.main(args, prog_name="cornu", standalone_mode=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise output.full(error) from error
    if isinstance(work, int) or work is None:
        return lambda: work or 0
    return work


def _check_name(args: list[str], names: list[str]) -> None:
    if not args or args[0].startswith("-") or args[0] in names:
        return
    fix = f"See cornu --help; to run a script: cornu run {args[0]}"
    close = closest(args[0], names)
    if close:
        fix = f"Did you mean cornu {close}?"
    raise Mistake(
        f"Cornu has no command {args[0]!r}.",
        f"Expected one of: {', '.join(names)}.",
        fix,
        status=2,
    )


def _misunderstood(error: Any, first: str) -> Mistake:
    """A Mistake from Typer's error of usage, for a command line of this first word."""
    context = error.ctx
    path = context.command_path if context else f"cornu {first}"
    usage = " ".join(context.get_usage().split()) if context else f"{path} [OPTIONS]"
    fix = f"See {path} --help."
    given = getattr(error, "option_name", None)
    if context and given:
        known = [o for p in context.command.params for o in p.opts if o[:2] == "--"]
        close = closest(given, known)
        if close and close != given:
            fix = f"Did you mean {close}? {fix}"
    message = str(getattr(error, "message", "")) if given else error.format_message()
    return Mistake(
        f"{path}: {message.rstrip('.')}.",
        f"Expected {usage.removeprefix('Usage: ')}",
        fix,
        status=2,
    )
