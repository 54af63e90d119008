"""Where the units of a layer go: through what is applied to each alone, up to the layers that take them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from fastinit.torch.layers import LAYERS, TRANSPOSED, Layer, layers_by_name

ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh, nn.Sigmoid, nn.Hardtanh,
    nn.Hardswish, nn.Hardsigmoid, nn.Softplus, nn.Softsign, nn.Tanhshrink, nn.LogSigmoid, nn.Threshold, nn.Identity,
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout,
)  # fmt: skip
POOLS = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
ELEMENTWISE = {
    "relu", "relu_", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "tanh", "sigmoid", "hardtanh",
    "hardswish", "hardsigmoid", "softplus", "softsign", "dropout", "contiguous",
}  # fmt: skip
"""Functions and methods of torch that are applied to each value."""
POOLING = {"max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"}
POOLING |= {"boolean_dispatch", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"}  # max_pool is the first


class Part(NamedTuple):
    """A module that takes the units: its name, itself, and how many of its inputs each unit is, one beside the other."""

    name: str
    module: Any
    block: int


@dataclass
class Units:
    """Of a layer: how many units it has, the norms on the way, the layers that take them."""

    layer: Layer
    count: int
    norms: list[Part] = field(default_factory=list)
    takers: list[Part] = field(default_factory=list)


class Flow(NamedTuple):
    """A value with the units: on axis 1 with positions behind ("channels"), on the last axis, or flattened."""

    node: fx.Node
    axis: str


class Structure:
    """A module's calls as torch.fx traces them. ValueError for a module that it cannot trace."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        for name, part in module.named_modules():
            if name and (part._forward_hooks or part._forward_pre_hooks):
                raise ValueError(
                    f"{name} has forward hooks, which torch.fx does not see: remove them, and register them again"
                )
        try:
            self.graph = fx.Tracer().trace(module)
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise ValueError(
                f"module must be one that torch.fx can trace, as a block without branches that depend on data: {reason}"
            ) from error
        self.parts: dict[str, Any] = dict(module.named_modules(remove_duplicate=False))
        self._uses = Counter(id(self.parts[str(n.target)]) for n in self.graph.nodes if n.op == "call_module")
        self._own = {id(layer) for layer in layers_by_name(module).values()}

    def call_of(self, name: str) -> fx.Node:
        """The only call of a module. ValueError for a module that is not called, or more than once."""
        if name not in self.parts:
            names = ", ".join(filter(None, self.parts))
            raise ValueError(f"layer must name a part of the module, got {name!r}: it has {names}")
        called = [node for node in self.graph.nodes if node.op == "call_module"]
        calls: list[fx.Node] = [node for node in called if self.parts[str(node.target)] is self.parts[name]]
        if len(calls) != 1:
            raise ValueError(f"{name} is called {len(calls)} times: what it gives must go one way")
        (call,) = calls
        return call

    def part_before(self, node: fx.Node) -> nn.Module | None:
        """The module that gives what this node takes; None where it is no module's."""
        given = node.args[0] if node.args else None
        return self.parts[str(given.target)] if isinstance(given, fx.Node) and given.op == "call_module" else None

    def layer(self, name: str) -> Layer:
        """A linear layer or convolution with a weight of its own, in one group. ValueError for others."""
        part = self.parts[name]
        if not isinstance(part, LAYERS):
            raise ValueError(f"{name} must be an nn.Linear or a convolution, got {type(part).__name__}")
        if id(part) not in self._own:
            raise ValueError(f"{name} must have a weight of its own: it is shared, or computed by a parametrization")
        if getattr(part, "groups", 1) != 1:
            raise ValueError(f"{name} has {part.groups} groups: its units are not all inputs of one another's")
        return part

    def units_of(self, name: str) -> Units:
        """The units of a layer, followed. ValueError where they go to what mixes them otherwise."""
        node, layer = self.call_of(name), self.layer(name)
        self._check_attributes(name)
        is_linear = isinstance(layer, nn.Linear)
        found = Units(layer, layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)
        waiting = [Flow(node, "last" if is_linear else "channels")]
        while waiting:
            flow = waiting.pop()
            waiting += [following for user in flow.node.users if (following := self._through(user, flow, found)) is not None]
        if not found.takers:
            raise ValueError(f"no layer takes the units of {name}")
        return found

    def check_width(self, name: str, units: Units, width: int) -> None:
        """ValueError where the module's own code reads a length that changes with the units, as `layer.out_features`."""
        layer = units.layer
        changed = [(layer, "out_features" if isinstance(layer, nn.Linear) else "out_channels", width)]
        changed += [(norm.module, "num_features", width * norm.block) for norm in units.norms]
        for taker in units.takers:
            of = "in_features" if isinstance(taker.module, nn.Linear) else "in_channels"
            changed.append((taker.module, of, width * taker.block))
        before = [(part, length, getattr(part, length)) for part, length, _ in changed]
        try:
            for part, length, value in changed:
                setattr(part, length, value)
            graph = str(fx.Tracer().trace(self.module))
        except Exception:
            graph = ""
        finally:
            for part, length, value in before:
                setattr(part, length, value)
        if graph != str(self.graph):
            raise ValueError(
                f"the module's own code reads how many units {name} has: with more of them it is another function"
            )

    def _check_attributes(self, name: str) -> None:
        for node in self.graph.nodes:
            if node.op == "get_attr" and str(node.target).startswith(f"{name}."):
                raise ValueError(f"{node.target} is used by the module itself, outside of the call of {name}")

    def _through(self, user: fx.Node, flow: Flow, found: Units) -> Flow | None:
        """What a user of the value makes of the units; None where they end, in a layer that takes them or in a length."""
        if user.op == "output":
            raise ValueError("the units are among the outputs of the module: with more of them it is another function")
        if user.op == "call_module":
            return self._through_module(user, flow, found)
        name = user.target if isinstance(user.target, str) else getattr(user.target, "__name__", "")
        is_only_input = user.args[:1] == (flow.node,) and user.all_input_nodes == [flow.node]
        if _is_batch_length(user, flow.node):
            return None
        if _flattens(user, flow.node, name):
            return Flow(user, "flat")
        if is_only_input and name in ELEMENTWISE:
            return Flow(user, flow.axis)
        if is_only_input and name in POOLING and flow.axis == "channels":
            return Flow(user, flow.axis)
        raise ValueError(f"the units meet {user.name}: whether the function stays there is not known")

    def _through_module(self, user: fx.Node, flow: Flow, found: Units) -> Flow | None:
        name = str(user.target)
        part = self.parts[name]
        if isinstance(part, LAYERS):
            self._take(name, part, flow, found)
            return None
        if isinstance(part, ACTIVATIONS) or (isinstance(part, nn.PReLU) and part.num_parameters == 1):
            return Flow(user, flow.axis)
        if isinstance(part, POOLS) and flow.axis == "channels":
            return Flow(user, flow.axis)
        if isinstance(part, nn.Flatten) and (part.start_dim, part.end_dim) == (1, -1):
            return Flow(user, "flat")
        if isinstance(part, _BatchNorm):
            self._check_called_once(name, part)
            found.norms.append(Part(name, part, _block(name, part.num_features, flow, found)))
            return Flow(user, flow.axis)
        raise ValueError(f"the units meet {name}, a {type(part).__name__}: with more of them it is another function")

    def _take(self, name: str, part: nn.Module, flow: Flow, found: Units) -> None:
        layer = self.layer(name)
        self._check_called_once(name, layer)
        self._check_attributes(name)
        if isinstance(layer, nn.Linear) == (flow.axis == "channels"):
            raise ValueError(f"{name} does not take the units as its inputs: they are on another axis")
        inputs = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
        found.takers.append(Part(name, layer, _block(name, inputs, flow, found)))

    def _check_called_once(self, name: str, part: nn.Module) -> None:
        if self._uses[id(part)] != 1:
            raise ValueError(f"{name} is called {self._uses[id(part)]} times: what it takes must come one way")


def _block(name: str, inputs: int, flow: Flow, found: Units) -> int:
    """How many inputs a unit is: as many as positions after flattening channels, else one."""
    flattened = flow.axis == "flat" and isinstance(found.layer, _ConvNd)
    block, rest = divmod(inputs, found.count)
    if rest or not block or (block > 1 and not flattened):
        raise ValueError(f"{name} has {inputs} inputs, which are not the {found.count} units")
    return block


def _is_batch_length(user: fx.Node, value: fx.Node) -> bool:
    """size(0) or shape[0], which do not depend on the units."""
    if user.op == "call_method" and user.target == "size":
        return user.args == (value, 0) or (len(user.args) == 1 and _only_first(user))
    is_attribute = user.op == "call_function" and getattr(user.target, "__name__", "") == "getattr"
    return is_attribute and user.args[1:] == ("shape",) and _only_first(user)


def _only_first(shape: fx.Node) -> bool:
    return all(getattr(user.target, "__name__", "") == "getitem" and user.args[1] == 0 for user in shape.users)


def _flattens(user: fx.Node, value: fx.Node, name: str) -> bool:
    """flatten(x, 1), or x.view(x.size(0), -1)."""
    arguments: tuple[Any, ...] = user.args
    if arguments[:1] != (value,):
        return False
    if name == "flatten":
        return (*arguments[1:], *user.kwargs.values()) in ((1,), (1, -1))
    if name in ("view", "reshape"):
        sizes = arguments[1] if len(arguments) == 2 and isinstance(arguments[1], (tuple, list)) else arguments[1:]
        return len(sizes) == 2 and isinstance(sizes[0], fx.Node) and sizes[1] == -1
    return False


def is_transposed(module: nn.Module) -> bool:
    """Whether inputs are on the weight's first axis."""
    return isinstance(module, TRANSPOSED)
