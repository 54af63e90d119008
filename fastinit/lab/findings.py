"""What is wrong with a network's signal, in words: the size of the trouble, its reason, and the cure with its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fastinit.initializers.recommendation import recommend
from fastinit.lab.inspection import Observed
from fastinit.lab.layers import WEIGHTED
from fastinit.lab.measures import Measures
from fastinit.lab.observation import Row
from fastinit.lab.structure import Link, chains, normalization_of, residual_sums
from fastinit.lab.theory import MeanField

LEAST_CHANGE = 0.04  # of a layer, that makes it part of a trend: a fifth of the signal is lost in 5 layers
TREND = 10.0  # by how much a trend changes the signal to be mentioned
HARMFUL = 1000.0  # and to be an error
SATURATED = 0.25  # share of values at the bounds
DEAD = 0.5  # share of units; of independent ReLU units with symmetric inputs few are dead in a batch of 16 or more
ALIKE = 0.999  # the correlation of samples that a network cannot tell apart any more
TRAINABLE = 6  # depth scales to which networks train (Schoenholz et al. 2017, section 5)
LARGE_STEP = 0.1  # of a step of SGD, relative to the weight
DEVIATION = 0.25  # of a layer's std from the theory's, relatively, beyond chance

SCHOENHOLZ = "Schoenholz et al. 2017"
PAPERS = {
    "he_normal": "He et al. 2015",
    "xavier_normal": "Glorot and Bengio 2010",
    "lecun_normal": "LeCun et al. 1998; Klambauer et al. 2017 for SELU",
    "variance_scaling": "He et al. 2015, section 2.2",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was found. `severity`: "error" (it will hardly train), "warning" or "note"; `layers`: where.

    >>> from fastinit.lab import Finding
    >>> print(Finding("dead units", "warning", "0: half of the units are never positive", ("0",)))
    warning: 0: half of the units are never positive
    """

    kind: str
    severity: str
    text: str
    layers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.severity}: {self.text}"


def findings_of(seen: Observed) -> tuple[Finding, ...]:
    """All findings, errors first."""
    found = [finding for rule in RULES for finding in rule(seen)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity)))


def not_finite(seen: Observed) -> Iterator[Finding]:
    """The first layer whose outputs, or to which the gradient, is NaN or infinite."""
    broken = next((row for row in seen.layers if not row.output.is_finite), None)
    if broken is not None:
        yield Finding(
            "not finite", "error", f"{broken.name}: its outputs are the first with NaN or infinity", (broken.name,)
        )
        return
    backwards = next((row for row in reversed(seen.layers) if row.gradient and not row.gradient.is_finite), None)
    if backwards is not None:
        text = f"{backwards.name}: on the way back its gradient is the first with NaN or infinity"
        yield Finding("not finite", "error", text, (backwards.name,))


def trends_of_activations(seen: Observed) -> Iterator[Finding]:
    for stretch in stretches(seen, lambda link: link.measured_ratio):
        ratio = _geometric_mean([link.measured_ratio for link in stretch])
        total = math.prod(link.measured_ratio for link in stretch)
        expected = [link.expected_ratio for link in stretch]
        theory = _geometric_mean([one for one in expected if one]) if all(expected) else None
        verb = "shrink" if ratio < 1 else "grow"
        left = f"{total:.2g} of the signal is left" if ratio < 1 else f"to {total:.3g} times the signal"
        beside = "" if theory is None else f" (theory: {theory:.3g})"
        text = f"{_span(stretch)}: activations {verb} by {ratio:.2f} a layer{beside}, {left}; {_cure(stretch)}"
        yield Finding(f"activations {verb}", _severity(total), text, _names(stretch))


def trends_of_gradients(seen: Observed) -> Iterator[Finding]:
    """Where gradients shrink or grow though activations do not: else the finding about these says it."""
    forward = {name for finding in trends_of_activations(seen) for name in finding.layers}
    for stretch in stretches(seen, lambda link: link.measured_gradient_ratio or 1.0):
        if forward & {*_names(stretch)}:
            continue
        ratios = [link.measured_gradient_ratio or 1.0 for link in stretch]
        ratio, total = _geometric_mean(ratios), math.prod(ratios)
        expected = [link.expected_gradient_ratio for link in stretch]
        theory = f" (theory: {_geometric_mean([one for one in expected if one]):.3g})" if all(expected) else ""
        verb = "vanish" if ratio < 1 else "explode"
        text = (
            f"{_span(stretch)}: gradients {verb}, by {ratio:.2f} a layer towards the inputs{theory}, {total:.2g} in "
            f"all; they are kept where fan_out times the variance times E[f'(z)^2] is 1"
        )
        yield Finding(f"gradients {verb}", _severity(total), text, _names(stretch))


def trends_in_streams(seen: Observed) -> Iterator[Finding]:
    """Of residual networks: the growth of the stream, and the gradients of the first and last sums."""
    sums = residual_sums(seen.layers)
    if len(sums) < 4:
        return
    norm = normalization_of(seen.layers)
    growth = _ratio(sums[-1].output, sums[0].output)
    # over sqrt(branches) is the growth of a stream to which each branch adds a variance of 1
    if norm != "post" and growth > max(2.0, 1.5 * math.sqrt(len(sums))):
        text = (
            f"{sums[0].name} to {sums[-1].name}: the residual stream grows {growth:.3g} times over {len(sums)} branches; a "
            "branch should add about as much as the stream has at the start: narrow its last layer by 1 / sqrt(branches) "
            "(Radford et al. 2019, section 2.3), or start it at 0 (Zhang, Dauphin and Ma 2019)"
        )
        yield Finding("stream grows", _severity(growth), text, (sums[0].name, sums[-1].name))
    elif norm == "pre" and growth > 1.5:
        text = (
            f"the residual stream grows {growth:.3g} times over {len(sums)} branches, as sqrt(depth): harmless before "
            "norms, but later branches count less (Xiong et al. 2020, arXiv 2002.04745)"
        )
        yield Finding("stream grows", "note", text, (sums[0].name, sums[-1].name))
    if sums[0].gradient is not None and sums[-1].gradient is not None and sums[-1].gradient.rms > 0:
        back = _ratio(sums[0].gradient, sums[-1].gradient)
        if norm == "post" and back < 1 / TREND:
            text = (
                f"gradients shrink to {back:.2g} from the last residual sum to the first: each norm after a sum divides "
                "them; warm up the learning rate, or use norms before branches, or DeepNorm (Wang et al. 2022)"
            )
            yield Finding("gradients vanish", _severity(back), text, (sums[0].name, sums[-1].name))


def dead_units(seen: Observed) -> Iterator[Finding]:
    dead = [row for row in seen.layers if row.dead is not None and row.dead > DEAD]
    if dead and seen.samples > 1:
        worst = max(dead, key=lambda row: row.dead or 0)
        text = (
            f"{_of(dead)}: more than half of the units are never positive on this batch, {worst.dead:.0%} in {worst.name}: "
            "no gradient reaches their weights; check biases below 0 and inputs of one sign"
        )
        yield Finding("dead units", "warning" if (worst.dead or 0) < 1 else "error", text, tuple(row.name for row in dead))


def saturated_units(seen: Observed) -> Iterator[Finding]:
    flat = [row for row in seen.layers if row.saturated is not None and row.saturated > SATURATED]
    if flat:
        worst = max(flat, key=lambda row: row.saturated or 0)
        text = (
            f"{_of(flat)}: {worst.saturated:.0%} of the values of {worst.name} are at its bounds, where its slope is about "
            "0: its inputs are too large, use a smaller variance (Glorot and Bengio 2010)"
        )
        yield Finding("saturated", "warning", text, tuple(row.name for row in flat))


def symmetric_layers(seen: Observed) -> Iterator[Finding]:
    alike = [row.name for row in seen.layers if row.symmetric]
    if alike:
        text = (
            f"{', '.join(alike)}: all units have the same weights, and training moves them alike: draw them from a random "
            "distribution (Goodfellow et al. 2016, section 8.4)"
        )
        yield Finding("symmetric", "error", text, tuple(alike))


def order_or_chaos(seen: Observed) -> Iterator[Finding]:
    """Of chains that are deeper than their depth scale allows."""
    for chain in chains(seen.layers):
        field = mean_field_of(chain)
        if field is None or not 0 < field.q_star < math.inf or not field.correlation_scale < math.inf:
            continue  # no fixed length: the trend of the activations says it
        scale, depth = field.correlation_scale, len(chain)
        if scale > 0 and depth > TRAINABLE * scale:
            what = "become alike" if field.phase == "order" else f"come apart, to a correlation of {field.c_star:.2f}"
            text = (
                f"{_span(chain)}: {field.phase}: two inputs' signals {what}, with a depth scale of {scale:.1f} layers; what "
                f"is deeper than {TRAINABLE} of them, here {depth} layers, hardly trains ({SCHOENHOLZ}): choose the "
                "variance where E[f'(z)^2] fan_in variance is 1"
            )
            yield Finding(field.phase, "warning", text, _names(chain))


def samples_alike(seen: Observed) -> Iterator[Finding]:
    """Where the signals of different samples are the same at the end and were not at the beginning."""
    known = [row for row in seen.layers if row.correlation is not None and row.kind in WEIGHTED]
    if len(known) < 3 or (known[0].correlation or 0) > 0.95:
        return
    alike = next((row for row in known if (row.correlation or 0) > ALIKE), None)
    if alike is not None:
        text = (
            f"from {alike.name} on the samples' signals are alike (correlation above {ALIKE}, {known[0].correlation:.2f} in "
            f"{known[0].name}): the network cannot tell its inputs apart; orthogonal weights, residual branches or another "
            f"variance keep them apart ({SCHOENHOLZ})"
        )
        yield Finding("samples alike", "warning", text, (alike.name,))


def deviations(seen: Observed) -> Iterator[Finding]:
    """Layers that do not give what independent weights would: trained ones, or ones that are made for their inputs."""
    for row in seen.layers:
        expected = expected_rms(row)
        if expected is None or not row.output.is_finite or row.weights is None or expected == 0:
            continue
        chance = math.sqrt(2 / row.weights.units)  # of a std over few units: some 5 standard errors are too far
        ratio = row.output.rms / expected
        if abs(ratio - 1) > max(DEVIATION, 5 * chance):
            text = (
                f"{row.name}: its outputs have {ratio:.2f} times the size that independent weights of this variance give: "
                "its weights are not independent of each other or of the inputs, as after training"
            )
            yield Finding("not independent", "note", text, (row.name,))


def steps(seen: Observed) -> Iterator[Finding]:
    """Of the given loss: parameters that one step would change too much, or cannot change."""
    if seen.has_loss:
        large = [row for row in seen.parameters if row.update_ratio is not None and row.update_ratio > LARGE_STEP]
        if large:
            worst = max(large, key=lambda row: row.update_ratio or 0)
            text = (
                f"{_of(large)}: a step of SGD with a learning rate of {seen.learning_rate:g} changes the weights by "
                f"{worst.update_ratio:.2g} of themselves ({worst.name}): about 0.001 is usual"
            )
            yield Finding("large step", "warning", text, tuple(row.name for row in large))
    unused = [row.name for row in seen.parameters if row.state == "unused"]
    if unused:
        yield Finding(
            "unused", "note", f"{', '.join(unused)}: the outputs do not depend on them with this batch", tuple(unused)
        )
    still = [row.name for row in seen.parameters if row.gradient is not None and row.gradient.rms == 0]
    if still:
        text = f"{', '.join(still)}: their gradient is 0, as before a layer that starts at 0: they learn from step 2 on"
        yield Finding("no gradient", "note", text, tuple(still))


RULES: tuple[Callable[[Observed], Iterator[Finding]], ...] = (
    not_finite,
    symmetric_layers,
    trends_of_activations,
    trends_of_gradients,
    trends_in_streams,
    order_or_chaos,
    samples_alike,
    dead_units,
    saturated_units,
    steps,
    deviations,
)
"""The rules, each of which gives its findings."""


# ---- what rules share ----


def expected_rms(row: Row) -> float | None:
    """What theory expects of a layer's outputs for the inputs that it had: sqrt(fan_in E[w^2] E[x^2] + E[b^2])."""
    if row.weights is None or row.input_square is None:
        return None
    return math.sqrt(row.weights.forward_factor * row.input_square + row.weights.bias_mean_square)


def stretches(seen: Observed, ratio_of: Callable[[Link], float]) -> list[list[Link]]:
    """Parts of chains, of 3 layers or more, over which the ratios stay on one side of 1 and multiply to `TREND` or more."""
    found = []
    for chain in chains(seen.layers):
        begin = 0
        for end in range(1, len(chain) + 1):
            if end == len(chain) or _side(ratio_of(chain[end])) != _side(ratio_of(chain[begin])):
                part = chain[begin:end]
                total = math.prod(max(ratio_of(link), 1e-30) for link in part)
                if len(part) >= 3 and _side(ratio_of(part[0])) and not 1 / TREND < total < TREND:
                    found.append(part)
                begin = end
    return found


def mean_field_of(chain: Sequence[Link]) -> MeanField | None:
    """The mean field of a chain with one activation whose layers were drawn alike, to a tenth of the variance."""
    activations = {link.activation for link in chain}
    factors = [link.row.weights.forward_factor for link in chain if link.row.weights is not None]
    activation = next(iter(activations))
    if len(activations) != 1 or activation is None or activation.function is None or min(factors, default=0) <= 0:
        return None
    inner = factors[:-1] if len(factors) > 3 else factors  # the last layer is often drawn in its own way
    if max(inner) > 1.1 * min(inner):
        return None
    biases = [link.row.weights.bias_mean_square for link in chain if link.row.weights is not None]
    try:
        return MeanField(activation, _geometric_mean(inner), sum(biases) / len(biases))
    except ValueError:
        return None


def _side(ratio: float) -> int:
    return 0 if abs(ratio - 1) < LEAST_CHANGE else 1 if ratio > 1 else -1


def _severity(total: float) -> str:
    return "error" if not 1 / HARMFUL < total < HARMFUL else "warning"


def _cure(stretch: Sequence[Link]) -> str:
    """What the activation wants, what the weights have, and the initializer that gives it."""
    link = stretch[len(stretch) // 2]
    weights, activation = link.row.weights, link.activation
    if weights is None:
        return "another variance keeps it"
    name = "linear" if activation is None else activation.name
    parameters = {} if activation is None else activation.options
    try:
        advised = recommend(name, "dense", **parameters).initializer
    except (ValueError, TypeError):
        return f"these weights have variance {weights.drawn_as}"
    wanted = None if activation is None else activation.moment(1.0)
    variance = 1.0 if not wanted else 1 / wanted
    called, factor = advised.function_name, getattr(advised, "gain", 1.0)
    with_gain = "" if factor == 1.0 else f"(gain={factor:.4g})"
    paper = f" ({PAPERS[called]})" if called in PAPERS else ""
    return f"{name} wants variance {variance:.4g} / fan_in, this is {weights.drawn_as}: use {called}{with_gain}{paper}"


def _span(stretch: Sequence[Link]) -> str:
    return f"{stretch[0].before.name} to {stretch[-1].row.name}"


def _names(stretch: Sequence[Link]) -> tuple[str, ...]:
    return (stretch[0].before.name, *(link.row.name for link in stretch))


def _of(rows: Sequence[Row] | Sequence[object]) -> str:
    names = [str(getattr(row, "name", "")) for row in rows]
    return ", ".join(names) if len(names) <= 3 else f"{names[0]}, {names[1]} and {len(names) - 2} more"


def _ratio(of: Measures, over: Measures) -> float:
    return of.rms / over.rms if over.rms else math.inf


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(max(value, 1e-30)) for value in values) / len(values)) if values else 1.0
