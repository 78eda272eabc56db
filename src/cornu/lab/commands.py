"""The commands and their options, and how misunderstandings are told."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer
import typer.main

import cornu
from cornu.lab import options
from cornu.lab.mistake import Mistake

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
        bool, typer.Option("--version", help="Print the version of Cornu.")
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
) -> Work:
    """Train a first network on images of handwritten digits.

    It has two layers: Dense(512, relu) and Dense(10, softmax). You get its accuracy on
    images that it has not seen, its learning curves, and the NumPy program that it is.
    """
    if no_validation and validation is not None:
        raise Mistake(
            f"--no-validation and --validation {validation} were given.",
            "Expected one of them, or none.",
            "Leave one of them out.",
            status=2,
        )
    from cornu.lab.train import Settings, run

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
    script: Annotated[
        str | None,
        typer.Argument(metavar="SCRIPT", help="A Python file.", show_default=False),
    ] = None,
    args: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARGS",
            help="What the script finds in sys.argv.",
            show_default=False,
        ),
    ] = None,
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
    from cornu.lab.run import run_script

    return partial(run_script, script, args or [])


def run_command(args: list[str]) -> int:
    """Run a command line; whatever is wrong with it is told without a traceback.

    Args:
        args: the words after `cornu`.

    Returns:
        The exit status.
    """
    command: Any = typer.main.get_command(app)
    try:
        _check_name(args, list(command.commands))
        work: Any = command.main(args, prog_name="cornu", standalone_mode=False)
        return work() if isinstance(work, partial) else work or 0
    except Mistake as mistake:
        return mistake.tell()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as in `cornu --help | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        # Typer's errors of usage; where their classes live depends on its version.
        if not hasattr(error, "format_message"):
            raise
        return _misunderstood(error, args[0]).tell()


def _check_name(args: list[str], names: list[str]) -> None:
    if not args or args[0].startswith("-") or args[0] in names:
        return
    fix = f"See cornu --help; to run a script: cornu run {args[0]}"
    close = difflib.get_close_matches(args[0].lower(), names, n=1)
    if close:
        fix = f"Did you mean cornu {close[0]}?"
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
        close = difflib.get_close_matches(given, known, n=1)
        if close and close[0] != given:
            fix = f"Did you mean {close[0]}? {fix}"
    message = str(getattr(error, "message", "")) if given else error.format_message()
    return Mistake(
        f"{path}: {message.rstrip('.')}.",
        f"Expected {usage.removeprefix('Usage: ')}",
        fix,
        status=2,
    )
