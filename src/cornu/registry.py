"""The names of objects, so that 'adam' finds Adam.

Every room of small objects (initializers, losses, ...) keeps one `Registry`.
What a file may name is what is entered here, and nothing else is ever imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from cornu import serialization
from cornu.graph import messages
from cornu.graph.names import auto_name, reset_names, to_snake_case

__all__ = [
    "Registry",
    "auto_name",
    "keywords_of",
    "refuse_unknown",
    "reset_names",
    "to_snake_case",
]


def keywords_of(cls: type) -> list[str]:
    """The keyword arguments that a class and its ancestors take."""
    names: dict[str, None] = {}
    for each in cls.__mro__:
        if "__init__" in vars(each) and each is not object:
            for p in inspect.signature(each.__init__).parameters.values():
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                    names[p.name] = None
    names.pop("self", None)
    return list(names)


def refuse_unknown(owner: Any, unknown: Iterable[str]) -> None:
    """Raise for keyword arguments that the class of an object does not have.

    Raises:
        TypeError: when there are any, naming the nearest one.
    """
    cls = type(owner)
    messages.refuse_unknown(cls.__name__, unknown, keywords_of(cls))


class Registry:
    """The objects of one kind, by name.

    Args:
        kind: what they are, for error messages ("loss").
        module: the public module they are found in ("keras.losses").
        any_case: whether names are compared without regard to case.

    Example:

    >>> colours = Registry("colour", "keras.colours")
    >>> colours.enter(int, whole=int)
    >>> colours.get("whole"), colours.get("int")
    (0, 0)
    """

    def __init__(self, kind: str, module: str, any_case: bool = False) -> None:
        self.kind = kind
        self.module = module
        self.any_case = any_case
        self.objects: dict[str, Any] = {}
        self.functions: dict[str, Any] = {}  # what files call functions
        self.modules: dict[str, str] = {}  # where files find some, if not in `module`
        self.names: dict[str, str] = {}  # what files call some, if not by their name
        serialization.REGISTRIES[module] = self

    def enter(self, *objects: Any, **aliases: Any) -> None:
        """Enter classes and functions under their names, and others under aliases."""
        for each in objects:
            self.objects[each.__name__] = each
            if isinstance(each, type):
                # 'rmsprop', not 'rm_sprop', where no case counts.
                other = str.lower if self.any_case else to_snake_case
                self.objects.setdefault(other(each.__name__), each)
            else:
                self.functions[each.__name__] = each
        self.objects.update(aliases)

    def look_up(self, name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """The class or function of this name.

        Args:
            name: as in a script or a file.
            custom_objects: names of the user's own, which go first.

        Raises:
            ValueError: when there is none, offering the nearest.
        """
        if custom_objects and name in custom_objects:
            return custom_objects[name]
        own = serialization.custom_object(name)
        if own is not None:
            return own
        if name in self.objects:
            return self.objects[name]
        if self.any_case and isinstance(name, str):
            for each, found in self.objects.items():
                if each.lower() == name.lower():
                    return found
        raise ValueError(
            f"There is no {self.kind} named {name!r}.\n"
            f"Expected the name of one of {self.module}, for example "
            f"{', '.join(repr(n) for n in list(self.objects)[:6])}.\n"
            f"Correct the name, or pass the object itself. "
            f"{messages.nearest(name, self.objects)}"
        )

    def serialize(self, obj: Any) -> Any:
        """A dictionary from which `deserialize` makes the object again.

        Args:
            obj: an object with `get_config`, or a function.

        Raises:
            ValueError: when the object cannot be described.
        """
        return serialization.serialize_keras_object(obj)

    def deserialize(
        self, config: Any, custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """The object that a name or a dictionary of `serialize` describes.

        Args:
            config: a name, or a dictionary with "class_name" and "config".
            custom_objects: names of the user's own.

        Raises:
            ValueError: for names that are unknown and dictionaries of another form.
        """
        if config is None:
            return None
        with serialization.custom_object_scope(custom_objects):
            if isinstance(config, str):
                found = self.look_up(config)
                return self._by_default(found) if isinstance(found, type) else found
            if not isinstance(config, dict) or "class_name" not in config:
                raise ValueError(
                    f"{config!r} does not describe a {self.kind}.\n"
                    "Expected a dictionary with 'class_name' and 'config'.\n"
                    f"Take it from {self.module}.serialize."
                )
            return serialization.once(config, lambda: self._make(config))

    def _by_default(self, cls: type) -> Any:
        """An object of a class, without arguments.

        Raises:
            ValueError: when the class cannot do without.
        """
        free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        try:
            parameters = list(inspect.signature(cls).parameters.values())
        except ValueError:  # a type of Python's own, which tells nothing of them
            parameters = []
        needed = [p for p in parameters if p.default is p.empty and p.kind not in free]
        if not needed:
            return cls()
        given = ", ".join(f"{p.name}=..." for p in needed)
        raise ValueError(
            f"{cls.__name__} cannot be made by its name alone.\n"
            f"Expected a {self.kind} that needs no arguments; this one needs "
            f"{', '.join(p.name for p in needed)}.\n"
            f"Make it yourself, {cls.__name__}({given}), and pass the object."
        )

    def _make(self, config: dict[str, Any]) -> Any:
        name, inner = config["class_name"], config.get("config")
        if name == "function":
            found = self.functions.get(str(inner)) or self.look_up(inner)
            _refuse_other_name(config, inner)
            return found
        found = serialization.custom_object(config.get("registered_name"))
        if found is None:
            found = self._class_of(config, name)
            _refuse_other_name(config, name)
        if not isinstance(found, type):
            return found
        made = self._from_config(found, name, inner or {})
        for part, owner in (("build_config", "build"), ("compile_config", "compile")):
            function = getattr(made, f"{owner}_from_config", None)
            if config.get(part) and function is not None:
                function(config[part])
        return made

    def _from_config(self, cls: Any, name: str, config: Any) -> Any:
        try:
            if not hasattr(cls, "from_config"):
                raise TypeError("it has no from_config")
            return cls.from_config(dict(config))
        except TypeError as error:
            what = str(error).partition("\n")[0]
            raise TypeError(
                f"{name} cannot be made of its description: {what}\n"
                "Expected the arguments of its __init__, as get_config() returns "
                "them.\n"
                "Compare the two; describe parts by serialize_keras_object, and make "
                "them again in from_config()."
            ) from error

    def _class_of(self, config: dict[str, Any], name: str) -> Any:
        module = config.get("module", "keras")
        foreign = str(module).partition(".")[0] not in ("keras", "tf_keras")
        if foreign and serialization.custom_object(name) is None:
            raise ValueError(
                f"There is no {self.kind} named {name!r} in Cornu: it is a class of "
                f"{module or 'a script'}.\n"
                "Expected a class of Keras, or one of yours that was announced.\n"
                f"Pass custom_objects={{{name!r}: {name}}}, or put "
                "@register_keras_serializable() above the class before loading."
            )
        return self.look_up(name)

    def get(self, identifier: Any) -> Any:
        """The object that an identifier stands for.

        Args:
            identifier: None, a name, a dictionary, a class, or the object itself.

        Raises:
            ValueError: when it stands for nothing.
        """
        if identifier is None or isinstance(identifier, (str, dict)):
            return self.deserialize(identifier)
        if isinstance(identifier, type):
            return self._by_default(identifier)
        if callable(identifier):
            return identifier
        raise ValueError(
            f"{identifier!r} is no {self.kind}.\n"
            f"Expected a name, a dictionary, a class or an object of {self.module}, or "
            "a function.\n"
            f"Pass for example {next(iter(self.objects), '')!r}."
        )


def _refuse_other_name(config: dict[str, Any], name: Any) -> None:
    """Raise where an object of the user's own is meant, and Cornu's was found."""
    registered = config.get("registered_name")
    if not registered or registered in (name, config["class_name"]):
        return
    if serialization.custom_object(name) is None:
        raise ValueError(
            f"{registered!r} was registered by whoever wrote this, but is not known; "
            f"{name!r} alone is a name of Cornu's.\n"
            "Expected a name that was registered here as well.\n"
            f"Pass custom_objects={{{registered!r}: ...}}, or leave registered_name "
            "away."
        )
