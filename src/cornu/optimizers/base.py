"""What all optimizers have in common: their state, clipping, decay, averages, files."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

from cornu import initializers, ops, stateless
from cornu.graph import config
from cornu.graph.dispatch import Edged
from cornu.graph.trace import no_trace
from cornu.graph.variable import Variable
from cornu.optimizers import schedules
from cornu.optimizers.state import OptimizerState
from cornu.registry import auto_name, refuse_unknown


class Optimizer(OptimizerState, Edged):
    """Base of all optimizers: changes variables so that a loss becomes smaller.

    A subclass makes its variables in `build`, and changes one variable in
    `update_step(gradient, variable, learning_rate)`.

    Args:
        learning_rate: number, `LearningRateSchedule`, or function without arguments.
        weight_decay: part of a weight, times the learning rate, that is taken off at
            each step; None for none.
        clipnorm: largest norm of the gradient of one variable.
        clipvalue: largest absolute value of an element of a gradient.
        global_clipnorm: largest norm of all gradients together.
        use_ema: whether a moving average of the variables is kept.
        ema_momentum: part of that average that stays at a step.
        ema_overwrite_frequency: the variables become their average after so many steps;
            None does so at the end of training only.
        loss_scale_factor: factor of the loss, divided out of the gradients again.
        gradient_accumulation_steps: so many gradients are averaged for one update.
        name: its name.
        **kwargs: `lr`, the older name of `learning_rate`, and `decay` of Keras 1 and 2:
            the rate is learning_rate / (1 + decay * iterations).

    Raises:
        TypeError: for arguments that it does not have.
        ValueError: for values outside their range, and for two kinds of clipping.

    Example:

    >>> from cornu.optimizers import SGD
    >>> x = Variable([1.0, 2.0])
    >>> SGD(0.5).apply([ops.array([1.0, 1.0])], [x])
    >>> x.numpy().tolist()
    [0.5, 1.5]
    """

    _edges = ("apply", "apply_gradients", "stateless_apply", "scale_loss")
    _edges += ("finalize_variable_values", "iterations", "learning_rate", "lr")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the signature tell what **kwargs takes: `help(Adam)` lists it."""
        super().__init_subclass__(**kwargs)
        cls.__signature__ = _whole_signature(cls)

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        learning_rate = kwargs.pop("lr", learning_rate)
        self.decay = float(kwargs.pop("decay", None) or 0.0)
        refuse_unknown(self, kwargs)
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._check_settings()
        self.built = False
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._index: dict[int, int] = {}
        self._averages: list[Variable] = []
        self._accumulated: list[Variable] = []
        self._excluded: tuple[set[int], re.Pattern[str] | None] = (set(), None)
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate: Any = None
        self._set_learning_rate(learning_rate)

    def _check_settings(self) -> None:
        clips = ("clipnorm", "clipvalue", "global_clipnorm")
        given = [name for name in clips if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(
                f"{self.name} was given {' and '.join(given)}.\n"
                f"Expected at most one of {', '.join(clips)}.\n"
                "Choose one kind of clipping."
            )
        steps = self.gradient_accumulation_steps
        if steps and steps < 2:
            raise ValueError(
                f"{self.name} was given gradient_accumulation_steps={steps}.\n"
                "Expected a whole number from 2, or None.\n"
                "Leave it away to update at every step."
            )
        if not 0 <= self.ema_momentum <= 1:
            raise ValueError(
                f"{self.name} was given ema_momentum={self.ema_momentum}.\n"
                "Expected a number from 0 to 1.\n0.99 is usual."
            )
        every = self.ema_overwrite_frequency
        if every is not None and (not isinstance(every, int) or every < 1):
            raise ValueError(
                f"{self.name} was given ema_overwrite_frequency={every}.\n"
                "Expected a whole number from 1, or None.\n"
                "Leave it away to overwrite at the end of training."
            )

    @property
    def iterations(self) -> Any:
        """How many updates there were."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    def build(self, variables: Sequence[Variable]) -> None:
        """Make what is kept for these variables. Subclasses call this first.

        Args:
            variables: the trainable variables, all that will ever be updated.
        """
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(
                variables, "gradient_accumulator"
            )
        self._trainable_variables = list(variables)
        self._index = {id(v): i for i, v in enumerate(variables)}
        self.built = True

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    # The learning rate

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or what the schedule gives for this step.

        It can be set to a number or a schedule at any time.
        """
        rate = self._learning_rate
        if isinstance(rate, schedules.LearningRateSchedule):
            return rate(self._iterations)
        if isinstance(rate, Variable) or not callable(rate):
            return rate
        return rate()

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._set_learning_rate(value)

    lr = learning_rate

    def _set_learning_rate(self, value: Any) -> None:
        before = self._learning_rate
        if callable(value) and not isinstance(value, Variable):
            if isinstance(before, Variable):
                self._variables.remove(before)
            self._learning_rate = value
            return
        if isinstance(value, str) or not (
            isinstance(value, Real) or hasattr(value, "dtype")
        ):
            raise ValueError(
                f"{self.name} was given learning_rate={value!r}.\n"
                "Expected a number, a LearningRateSchedule, or a function without "
                "arguments.\nWrite learning_rate=0.001, for example."
            )
        if isinstance(before, Variable):
            before.assign(value)
            return
        if before is not None:
            raise TypeError(
                f"The learning rate of {self.name} is the schedule {before!r}, but it "
                f"was set to the number {value!r}.\n"
                "Expected another schedule: a number would be forgotten.\n"
                "Make the optimizer with a number as its learning_rate."
            )
        # A variable, so that changing it compiles nothing anew.
        self._learning_rate = self.add_variable(
            (), initializers.Constant(float(value)), name="learning_rate"
        )

    def _rate_of_step(self) -> Any:
        if not self.decay:
            return self.learning_rate
        steps = ops.cast(self.iterations, config.floatx())
        return self.learning_rate * (1.0 / (1.0 + self.decay * steps))

    # Updates

    def update_step(
        self, gradient: Any, variable: Variable, learning_rate: Any
    ) -> None:
        """Change one variable; to be written by subclasses.

        Args:
            gradient: tensor of the shape of `variable`.
            variable: the variable to change.
            learning_rate: tensor of shape ().
        """
        raise NotImplementedError(
            f"The optimizer {type(self).__name__} has no method `update_step`.\n"
            "Expected update_step(self, gradient, variable, learning_rate), which "
            "assigns the new value.\nWrite it in the class."
        )

    def assign(self, variable: Variable, value: Any) -> None:
        """Set a variable."""
        variable.assign(ops.cast(value, variable.dtype))

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        self.assign(variable, variable.value + value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        self.assign(variable, variable.value - value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Update variables.

        Args:
            grads_and_vars: pairs of a gradient and its variable.

        Returns:
            The variable that counts the steps.
        """
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(
        self,
        grads: Sequence[Any],
        trainable_variables: Sequence[Variable] | None = None,
    ) -> None:
        """Update variables, eagerly or as part of a step that is traced.

        Args:
            grads: one gradient for each variable; None where there is none.
            trainable_variables: the variables; by default those of `build`.

        Raises:
            ValueError: when the optimizer does not know the variables.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_of(grads, trainable_variables)
        grads, variables = self._filter_empty_gradients(grads, variables)
        grads, variables = self._overwrite_directly(grads, variables)
        if grads:
            grads = [
                g if isinstance(g, Variable) else ops.convert_to_tensor(g)
                for g in grads
            ]
            if self.loss_scale_factor is not None:
                grads = [g / self.loss_scale_factor for g in grads]
            if self.gradient_accumulation_steps:
                self._accumulate_and_update(grads, variables)
            else:
                self._update(grads, variables)
            if self.use_ema:
                self._update_averages()
            for v in variables:
                if v.constraint is not None:
                    v.assign(v.constraint(v.value))
        self._iterations.assign_add(1)

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = self._clip_gradients(grads)
        self._apply_weight_decay(variables)
        learning_rate = self._rate_of_step()
        for gradient, variable in zip(grads, variables, strict=True):
            self.update_step(gradient, variable, learning_rate)

    def _accumulate_and_update(
        self, grads: list[Any], variables: list[Variable]
    ) -> None:
        """Update with the mean of the last gradients, or only keep this one.

        The update is computed at every step, and taken where it is due.
        """
        steps = self.gradient_accumulation_steps
        assert steps
        due = ops.equal(ops.mod(self._iterations.value + 1, steps), 0)
        sums = [self._accumulated[self._get_variable_index(v)] for v in variables]
        totals = [g + s.value for g, s in zip(grads, sums, strict=True)]
        kept = {id(v) for v in (*self._accumulated, *self._averages)}
        changing = [*variables, *(v for v in self._variables if id(v) not in kept)]
        means = [t / steps for t in totals]
        apply_where(due, changing, lambda: self._update(means, variables))
        for s, total in zip(sums, totals, strict=True):
            s.assign(ops.where(due, ops.zeros_like(total), total))

    def _variables_of(
        self, grads: list[Any], trainable_variables: Sequence[Variable] | None
    ) -> list[Variable]:
        if trainable_variables is not None:
            variables = list(trainable_variables)
            if not self.built:
                with no_trace():
                    self.build(variables)
        elif self.built:
            variables = self._trainable_variables
        else:
            raise ValueError(
                f"{self.name} was given gradients before it knew any variables.\n"
                "Expected apply(grads, variables), or build(variables) before.\n"
                "Pass the variables."
            )
        if len(variables) != len(grads):
            raise ValueError(
                f"{self.name} was given {len(grads)} gradients for "
                f"{len(variables)} variables.\nExpected one gradient per variable.\n"
                "Put None where a variable has no gradient."
            )
        for v in variables:
            if id(v) not in self._index:
                raise ValueError(
                    f"{self.name} was asked to update {v.path!r}, which it was not "
                    "built for.\nExpected the variables of the first call: the "
                    "optimizer keeps state for each.\n"
                    "Make a new optimizer for other variables."
                )
        return variables

    def _filter_empty_gradients(
        self, grads: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        if not missing:
            return grads, variables
        if len(missing) == len(grads):
            raise ValueError(
                f"{self.name} was given no gradient for any variable.\n"
                "Expected a loss that depends on the variables.\n"
                "Check that the loss is computed from the outputs of the network, by "
                "operations with gradients."
            )
        warnings.warn(
            f"There are no gradients for {', '.join(missing)}.\n"
            "Expected a loss that depends on every trainable variable.\n"
            "Set trainable = False on layers that the loss does not depend on.",
            stacklevel=3,
        )
        there = [i for i, g in enumerate(grads) if g is not None]
        return [grads[i] for i in there], [variables[i] for i in there]

    def _overwrite_directly(
        self, grads: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """Variables marked `overwrite_with_gradient` become their gradient.

        With accumulation they become the last one, when an update is due.
        """
        pairs, steps = [], self.gradient_accumulation_steps
        for g, v in zip(grads, variables, strict=True):
            if getattr(v, "overwrite_with_gradient", False):
                if steps:
                    due = ops.equal(ops.mod(self._iterations.value + 1, steps), 0)
                    g = ops.where(due, g, v.value)
                v.assign(g)
            else:
                pairs.append((g, v))
        return [g for g, _ in pairs], [v for _, v in pairs]

    # Clipping, decay, averages

    def _clip_gradients(self, grads: list[Any]) -> list[Any]:
        if self.clipnorm:
            return [self._clip_by_norm(g) for g in grads]
        if self.global_clipnorm:
            return clip_by_global_norm(grads, self.global_clipnorm)
        if self.clipvalue:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    def _clip_by_norm(self, g: Any) -> Any:
        norm = ops.sqrt(ops.sum(ops.square(g)))
        return g * self.clipnorm / ops.maximum(norm, self.clipnorm)

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Leave variables out of the weight decay.

        Args:
            var_list: variables.
            var_names: parts of names: whatever contains one of them is left out.

        Raises:
            ValueError: when the optimizer is built already.
        """
        if self.built:
            raise ValueError(
                f"exclude_from_weight_decay was called when {self.name} was built "
                "already.\nExpected the call before the first update.\n"
                "Call it right after making the optimizer."
            )
        names = sorted(set(var_names or ()))
        pattern = re.compile("|".join(names)) if names else None
        self._excluded = ({id(v) for v in var_list or ()}, pattern)

    def _use_weight_decay(self, variable: Variable) -> bool:
        identities, pattern = self._excluded
        if id(variable) in identities:
            return False
        return pattern is None or pattern.search(variable.name) is None

    def _decay_of(self, variable: Variable) -> float | None:
        """The weight decay of a variable that is not left out of it."""
        return self.weight_decay

    def _apply_weight_decay(self, variables: list[Variable]) -> None:
        rate = None
        for v in variables:
            decay = self._decay_of(v)
            if decay is not None and self._use_weight_decay(v):
                rate = self._rate_of_step() if rate is None else rate
                v.assign(v.value - v.value * decay * ops.cast(rate, v.dtype))

    def _update_averages(self) -> None:
        later = ops.not_equal(self.iterations, 0)  # at first the average is the value
        every = self.ema_overwrite_frequency
        due = every and ops.equal(ops.mod(self.iterations + 1, every), 0)
        for v, average in zip(self._trainable_variables, self._averages, strict=True):
            momentum = ops.cast(later, v.dtype) * self.ema_momentum
            average.assign(momentum * average.value + (1 - momentum) * v.value)
            if every:
                v.assign(ops.where(due, average.value, v.value))

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """At the end of training: the variables become their averages, if kept."""
        if self.use_ema:
            for v in var_list:
                v.assign(self._averages[self._get_variable_index(v)].value)

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`, which `apply` divides out again."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # State and files

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """`apply` as a pure function.

        Args:
            optimizer_variables: values of `variables`.
            grads: one gradient per trainable variable.
            trainable_variables: values of the variables of `build`.

        Returns:
            New values of the trainable variables, and of `variables`.

        Raises:
            ValueError: when the numbers of values do not fit.
        """
        variables = [*self._trainable_variables, *self.variables]
        values = [*trainable_variables, *optimizer_variables]
        _, after = stateless.run(variables, values, lambda: self.apply(grads))
        n = len(self._trainable_variables)
        return after[:n], after[n:]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this optimizer again, without its state."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        elif isinstance(rate, schedules.LearningRateSchedule):
            rate = schedules.serialize(rate)
        names = (
            "weight_decay",
            "clipnorm",
            "global_clipnorm",
            "clipvalue",
            "use_ema",
            "ema_momentum",
            "ema_overwrite_frequency",
            "loss_scale_factor",
            "gradient_accumulation_steps",
        )
        own = {"name": self.name, "learning_rate": rate}
        old = {"decay": self.decay} if self.decay else {}
        return {**own, **{name: getattr(self, name) for name in names}, **old}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The optimizer of a `get_config` dictionary.

        Args:
            config: the dictionary.
            custom_objects: names of the user's own schedules.
        """
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = schedules.deserialize(
                config["learning_rate"], custom_objects
            )
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def _whole_signature(cls: type[Optimizer]) -> inspect.Signature:
    """The arguments of a class, and the common ones that its **kwargs hands on."""
    own = list(inspect.signature(cls.__init__).parameters.values())[1:]
    if not own or own[-1].kind is not own[-1].VAR_KEYWORD:
        return inspect.Signature(own)
    common = list(inspect.signature(Optimizer.__init__).parameters.values())[1:-1]
    names = {p.name for p in own}
    common = [p.replace(kind=p.KEYWORD_ONLY) for p in common if p.name not in names]
    return inspect.Signature([*own[:-1], *common, own[-1]])


def apply_where(condition: Any, variables: list[Variable], update: Any) -> None:
    """Run an update whose results are taken where a condition holds.

    It is computed in any case: branches of a graph assign nothing.

    Args:
        condition: boolean tensor of shape ().
        variables: all that the update may change.
        update: function without arguments.
    """
    before = [v.value for v in variables]
    update()
    for v, old in zip(variables, before, strict=True):
        if v.value is not old:
            v.assign(ops.where(condition, v.value, old))


def clip_by_global_norm(values: list[Any], clip_norm: float) -> list[Any]:
    """All tensors times the factor that brings their common norm to at most this."""
    norm = ops.sqrt(ops.sum(ops.stack([ops.sum(ops.square(v)) for v in values])))
    scale = clip_norm * ops.minimum(1.0 / norm, 1.0 / clip_norm)
    scale = scale + (norm - norm)  # an infinite norm gives NaN, and is seen
    return [v * scale for v in values]
