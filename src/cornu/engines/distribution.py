"""How data and variables lie on many devices, with the names of `keras.distribution`.

The engine `jax` does what is said here: XLA divides the work by where the data lies
(GSPMD, Xu et al. 2021, arXiv:2105.04663), so a step is traced as it is for one device.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np

from cornu import processes
from cornu.graph import Graph

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "Distribution",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]

Axes = tuple[str | None, ...]


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, as 'cpu:0', 'gpu:0', ...

    Args:
        device_type: 'cpu', 'gpu' or 'tpu'; by default what JAX computes on.
    """
    return [_name(device) for device in _jax().devices(device_type)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices there are, in all processes together."""
    return len(_jax().devices(device_type))


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Make this process one of several that train together; before anything else.

    `cornu launch` sets the environment variables KERAS_DISTRIBUTION_JOB_ADDRESSES,
    _NUM_PROCESSES and _PROCESS_ID, which stand for arguments that are not given. On
    clusters that JAX knows (Slurm, Open MPI, Kubernetes, TPU) nothing has to be said.

    Args:
        job_addresses: address and port of process 0; others, behind commas, are not
            needed.
        num_processes: how many there are.
        process_id: which one this is, from 0.

    Raises:
        ValueError: where only some of these are known.
    """
    jax = _jax()
    address = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    found = {
        "job_addresses": address,
        "num_processes": _whole(num_processes, "NUM_PROCESSES"),
        "process_id": _whole(process_id, "PROCESS_ID"),
    }
    missing = [name for name, value in found.items() if value is None]
    if 0 < len(missing) < len(found):
        raise ValueError(
            f"initialize() was not told {' and '.join(missing)}.\n"
            "Expected all of job_addresses, num_processes and process_id, or none, "
            "where the cluster says it.\n"
            "Pass them, or start the script with cornu launch --processes 2 script.py."
        )
    if found["num_processes"] != 1:
        if jax.config.jax_platforms in (None, "", "cpu"):
            # What processes on CPUs talk by; on other devices it has no meaning.
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
        first = None if address is None else address.split(",")[0].strip()
        jax.distributed.initialize(first, found["num_processes"], found["process_id"])
        processes.set_number(jax.process_index())
        sys.excepthook = partial(_show_and_leave, sys.excepthook)


def _show_and_leave(show: Any, *error: Any) -> None:
    """Show what nobody caught, and end at once: Python would wait for the others.

    They wait for this process in turn, and give up after minutes.
    """
    show(*error)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(1)


def _whole(given: int | None, name: str) -> int | None:
    text = os.environ.get(f"KERAS_DISTRIBUTION_{name}")
    return given if given is not None or not text else int(text)


def _jax() -> Any:
    from cornu import engines

    engines.get("jax")  # says how to install it
    import jax

    return jax


def _name(device: Any) -> str:
    return f"{device.platform}:{device.id}"


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: how many devices along each axis.
        axis_names: the name of each axis, such as ('batch', 'model').
        devices: names of devices, as `list_devices()` gives them; by default all.

    Raises:
        ValueError: where the numbers do not fit.
    """

    def __init__(
        self,
        shape: Sequence[int],
        axis_names: Sequence[str],
        devices: Any = None,
    ) -> None:
        if not len(shape) or len(shape) != len(axis_names):
            raise ValueError(
                f"DeviceMesh was given shape={shape} and axis_names={axis_names}.\n"
                "Expected a name for each axis, and one axis at least.\n"
                "For example DeviceMesh((4, 2), ('batch', 'model'))."
            )
        found = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != found.size:
            raise ValueError(
                f"DeviceMesh has the shape {tuple(shape)}, for {math.prod(shape)} "
                f"devices, and there are {found.size}.\n"
                "Expected a shape of as many devices.\n"
                "Change the shape, or name the devices with devices=."
            )
        self.shape, self.axis_names = shape, axis_names
        self.devices = found.reshape(shape)

    @property
    def backend_mesh(self) -> Any:
        """The same as JAX's."""
        jax = _jax()
        known = {_name(device): device for device in jax.devices()}
        devices = np.array([known[name] for name in self.devices.flat])
        return jax.sharding.Mesh(devices.reshape(self.shape), tuple(self.axis_names))

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axis of the mesh each axis of a tensor is divided.

    Args:
        axes: for each axis of the tensor the name of one of the mesh, or None where
            each device has all of it.
        device_mesh: the mesh; a `LayoutMap` fills it in.

    Raises:
        ValueError: where the mesh has no such axis.
    """

    def __init__(
        self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None
    ) -> None:
        self.axes: Axes = tuple(axes)
        self._device_mesh = device_mesh
        self._check()

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh, which can be set once."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(
                f"The mesh of {self} was set a second time.\n"
                "Expected one mesh: where a tensor lies is said once.\n"
                "Make another TensorLayout for another mesh."
            )
        self._device_mesh = device_mesh
        self._check()

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        known = set(self._device_mesh.axis_names)
        unknown = {axis for axis in self.axes if axis is not None} - known
        if unknown:
            raise ValueError(
                f"TensorLayout({self.axes}) names {', '.join(sorted(unknown))}.\n"
                f"Expected axes of its mesh: {', '.join(sorted(known))}.\n"
                "Name one of them, or None where nothing is divided."
            )

    @property
    def backend_layout(self) -> Any:
        """The same as JAX's."""
        jax = _jax()
        assert self._device_mesh is not None, "a layout needs a mesh first"
        spec = jax.sharding.PartitionSpec(*self.axes)
        return jax.sharding.NamedSharding(self._device_mesh.backend_mesh, spec)

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class Distribution:
    """Base of what says where data and variables lie.

    Args:
        device_mesh: the devices.
        batch_dim_name: along which axis of the mesh batches are divided.
        auto_shard_dataset: whether each of several processes takes its part of what all
            of them are given. Only True: a process that is given other data than the
            others would train another model.

    Raises:
        ValueError: for `auto_shard_dataset=False`.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if not auto_shard_dataset:
            raise ValueError(
                f"{type(self).__name__} was given auto_shard_dataset=False.\n"
                "Expected True: every process is given the same data, and takes its "
                "part of each batch.\nGive all processes the whole batches."
            )
        self.device_mesh = device_mesh
        self.batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        self.auto_shard_dataset = True

    @property
    def num_processes(self) -> int:
        """How many processes train together."""
        return _jax().process_count()

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch is divided."""
        names = list(self.device_mesh.axis_names)
        return self.device_mesh.shape[names.index(self.batch_dim_name)]

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """Batches are divided along their first axis."""
        rest = (None,) * (len(data_shape) - 1)
        return TensorLayout((self.batch_dim_name, *rest), self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Where a variable lies: all of it on each device, if nothing else is said."""
        return TensorLayout((None,) * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Where a tensor within the model would lie: None, since XLA decides that."""
        return None

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Make it the current one, for a while."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Every device has the whole model, and its part of each batch.

    Args:
        device_mesh: the devices, along one axis; or:
        devices: their names. By default all.
        auto_shard_dataset: only True, see `Distribution`.

    Example:

    >>> from cornu import distribution
    >>> parallel = distribution.DataParallel()  # on all devices
    >>> parallel.get_data_layout((128, 784)).axes
    ('batch', None)
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ("batch",), names)
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)


class ModelParallel(Distribution):
    """Variables are divided among devices, as a map says, and batches too.

    Args:
        layout_map: by path of the variable, where it lies.
        batch_dim_name: along which axis batches are divided; by default the first.
        auto_shard_dataset: only True, see `Distribution`.

    Raises:
        ValueError: without a `LayoutMap`.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(
                f"ModelParallel was given layout_map={layout_map!r}.\n"
                "Expected a LayoutMap, which says how variables are divided.\n"
                "For example layout_map['.*kernel'] = (None, 'model')."
            )
        super().__init__(layout_map.device_mesh, batch_dim_name, auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """What the map says of its path, or all of it on each device.

        What an optimizer keeps for a variable lies as that variable does.
        """
        found = self._layout_map[variable.path]
        if found is None and getattr(variable, "reference", None) is not None:
            found = self._layout_map[variable.reference.path]
        return super().get_variable_layout(variable) if found is None else found

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """What the map says of this path: a hint, since XLA decides it."""
        return self._layout_map[path]


class LayoutMap(MutableMapping[str, Any]):
    """Where variables lie, by their paths: the keys are regular expressions.

    Args:
        device_mesh: the mesh of all its layouts.

    Example:

    >>> from cornu import distribution
    >>> mesh = distribution.DeviceMesh((1, 1), ("batch", "model"))
    >>> layouts = distribution.LayoutMap(mesh)
    >>> layouts[".*dense.*kernel"] = (None, "model")
    >>> layouts["sequential/dense_1/kernel"].axes
    (None, 'model')
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, key: str) -> Any:
        """The layout of this key, or of the one expression that fits it, or None.

        Raises:
            ValueError: where several expressions fit.
        """
        if key in self._layouts:
            return self._layouts[key]
        fitting = [each for each in self._layouts if re.fullmatch(each, key)]
        if len(fitting) > 1:
            raise ValueError(
                f"{key!r} fits several keys of a LayoutMap: {', '.join(fitting)}.\n"
                "Expected one at most.\nMake the expressions more exact."
            )
        return self._layouts[fitting[0]] if fitting else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(
                f"The LayoutMap has the key {key!r} already.\n"
                "Expected each key once.\nDelete it first: del layout_map[key]."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"The LayoutMap was given {layout!r} for {key!r}.\n"
                "Expected a TensorLayout, or a tuple of names of axes and None.\n"
                "For example (None, 'model') for a kernel."
            )
        if layout.device_mesh is None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


_current: list[Distribution | None] = [None]


def distribution() -> Distribution | None:
    """What has been set, or None: one device."""
    return _current[0]


def set_distribution(value: Distribution | None) -> None:
    """Say where data and variables lie from here on; None is one device.

    It makes `jax` the engine, since no other one divides work among devices.
    """
    if value is not None:
        from cornu import engines

        engines.use("jax")
    _current[0] = value


def distribute_tensor(tensor: Any, layout: TensorLayout) -> Any:
    """A tensor, for which a layout is meant.

    Values outside of compiled steps are NumPy's, on one device; within a step XLA
    divides tensors as the data and the variables are. So it is returned as it is.
    """
    if not isinstance(layout, TensorLayout):
        raise ValueError(
            f"distribute_tensor was given layout={layout!r}.\n"
            "Expected a TensorLayout.\nFor example TensorLayout(('batch', None), mesh)."
        )
    return tensor


# The same for the engine, as JAX's shardings; None where nothing has been set


def batch_sharding(shape: tuple[int, ...]) -> Any:
    """Of a batch: divided along its samples, if they can be divided equally."""
    found = distribution()
    if found is None:
        return None
    if not shape or shape[0] % found.num_model_replicas:
        return whole_sharding()
    return found.get_data_layout(shape).backend_layout


def whole_sharding() -> Any:
    """Of what each device has all of."""
    found = distribution()
    return None if found is None else TensorLayout((), found.device_mesh).backend_layout


def state_sharding(variable: Any) -> Any:
    """Of a variable.

    Raises:
        ValueError: where it cannot be divided equally.
    """
    found = distribution()
    if found is None:
        return None
    layout, mesh = found.get_variable_layout(variable), found.device_mesh
    sizes = dict(zip(mesh.axis_names, mesh.shape, strict=True))
    for axis, name in enumerate(layout.axes):
        if name is not None and variable.shape[axis] % sizes[name]:
            raise ValueError(
                f"Variable {variable.path!r} of shape {variable.shape} cannot be "
                f"divided along axis {axis} among {sizes[name]} devices ({name!r}).\n"
                f"Expected a size that {sizes[name]} divides.\n"
                "Choose another width, or leave it whole: None in its layout."
            )
    return layout.backend_layout


def constrained(value: Any, sharding: Any) -> Any:
    """A value of a step, which is to lie so."""
    return (
        value
        if sharding is None
        else _jax().lax.with_sharding_constraint(value, sharding)
    )


def results_placed(results: list[Any], graph: Graph) -> list[Any]:
    """Variables as they were; all else whole, so that each process can read it."""
    written = [state_sharding(s.variable) for s in graph.state if s.after is not None]
    before, after = len(graph.outputs), len(graph.checks)
    wanted = [*[whole_sharding()] * before, *written, *[whole_sharding()] * after]
    return [constrained(v, w) for v, w in zip(results, wanted, strict=True)]
